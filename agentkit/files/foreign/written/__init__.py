"""Rollouts as other tools read them; what a format has no place for is counted."""
