"""Records as keyed HTML and as plain text: pure functions of what was recorded."""
