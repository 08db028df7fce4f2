"""Data sets and trainers' dumps, one format a file."""
