"""What is wrong with a rollout: what a server would refuse of it, and what counts as a problem."""
