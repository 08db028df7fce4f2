"""The tap on other agents in a notebook: what passes, what waits, and what is decided about it."""
