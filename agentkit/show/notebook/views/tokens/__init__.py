"""Tokens in a notebook: a strip of all, and each in its text."""
