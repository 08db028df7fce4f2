"""Recorded HTTP: requests with their answers, whatever tool kept them."""
