"""Logs of evaluation and training harnesses, one format a file."""
