"""Our own file: versioned JSON lines, one step a line, and what is known of a file without reading all of it."""
