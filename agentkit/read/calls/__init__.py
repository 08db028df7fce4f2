"""Tool calls: names, ids and arguments, from `tool_calls` or from text, checked against tools."""
