"""Slips of whoever holds an agent: in a call, in a breakpoint, in a base URL."""
