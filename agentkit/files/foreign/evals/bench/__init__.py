"""Runs of the tau benchmarks, one format a file."""
