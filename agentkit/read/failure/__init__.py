"""Failed requests: what kind of failure, whether to try again, what to change."""
