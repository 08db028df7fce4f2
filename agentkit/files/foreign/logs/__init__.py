"""Recorded traffic and chat logs, one format a file."""
