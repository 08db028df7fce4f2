"""Faults, by name: what a server or a tool does wrong, switched on at will."""
