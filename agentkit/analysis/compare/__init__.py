"""The same conversation on two or more sides, and every difference between them, named."""
