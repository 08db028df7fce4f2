"""A request as code: a shell command, a script, a test, a notebook."""
