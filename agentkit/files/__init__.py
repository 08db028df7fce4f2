"""Rollouts on disk, and one reader of anything that holds rollouts."""
