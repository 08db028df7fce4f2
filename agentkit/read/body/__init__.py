"""The body around a message: its envelope, its reasoning, how it ended and what it used."""
