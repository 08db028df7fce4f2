"""How each kind of server writes Responses."""
