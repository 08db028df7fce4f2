"""A record as a server: each request is answered with what was recorded for it."""
