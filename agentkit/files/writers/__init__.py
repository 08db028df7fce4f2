"""Who may write a file: locks, and the owners of samples."""
