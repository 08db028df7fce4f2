"""All that is known of Chat Completions beside how they are read, which is in `agentkit.read`."""
