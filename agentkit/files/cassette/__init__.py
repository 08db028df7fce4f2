"""Our own file: versioned JSON lines, one step a line; what one holds without reading it all."""
