"""The tap on an agent that is not ours: its requests seen, held, changed and recorded."""
