"""What touches the world: the agent, its engine, and the steps it performs."""
