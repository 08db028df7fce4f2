"""What a person looks at and does in a turn: its tabs, and what is changed in its own row."""
