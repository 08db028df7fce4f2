"""One turn: its head, its reasoning and text, its calls with what came of them."""
