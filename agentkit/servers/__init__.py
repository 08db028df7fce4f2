"""Servers: one request in, one `Exchange` out, raw bytes first and errors as data."""
