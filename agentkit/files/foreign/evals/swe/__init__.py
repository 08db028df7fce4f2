"""Trajectories of agents that write software, one format a file."""
