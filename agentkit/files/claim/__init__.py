"""Who writes a sample of a file: claims, locks and owners."""
