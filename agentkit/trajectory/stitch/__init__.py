"""Requests of agents that are not ours, stitched together to the rollouts that they came from."""
