"""A model's own text read into tool calls, and into reasoning and content."""
