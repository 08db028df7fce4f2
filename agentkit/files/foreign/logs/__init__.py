"""Recorded traffic, one format a file."""
