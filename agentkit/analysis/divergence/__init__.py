"""Divergences between two answers to the same request, found layer by layer from the wire up."""
