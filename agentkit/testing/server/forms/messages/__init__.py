"""How each kind of server writes Messages."""
