"""Where a request or an answer can be stopped on its way, in the process that carries it."""
