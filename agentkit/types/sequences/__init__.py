"""Immutable sequences that read like tuples and take less memory."""
