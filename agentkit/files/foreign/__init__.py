"""Rollouts in other people's forms: one file a format."""
