"""Tools of MCP servers: the official `mcp` package, from any cell or loop."""
