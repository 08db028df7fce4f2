"""How each kind of server writes the dialects beside chat completions."""
