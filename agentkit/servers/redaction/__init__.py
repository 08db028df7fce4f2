"""What must not be let out: which values are secrets, and how they are taken out."""
