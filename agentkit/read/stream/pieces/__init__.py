"""What the chunks of a stream hold of one kind, put together: texts, calls, reasoning, tokens."""
