"""Logs of Inspect: files, samples, events and messages."""
