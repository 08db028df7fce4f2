"""Tool calls: their names, ids and arguments, from `tool_calls` or from text, checked against the tools."""
