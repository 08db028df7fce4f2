"""Sessions that coding agents and frameworks keep, one format a file."""
