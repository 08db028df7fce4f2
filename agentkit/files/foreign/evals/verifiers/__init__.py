"""What the package verifiers writes, and trainers that use it, one format a file."""
