"""Traces of observability tools, one format a file."""
