"""A server asked a battery of its own: which dialects it serves, and what is wrong in each."""
