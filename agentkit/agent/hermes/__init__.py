"""`AgentLoop`, the drop-in successor of hermes-agent's loop."""
