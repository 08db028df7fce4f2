"""Rollouts as pandas frames, with documented columns and dtypes that never depend on the data."""
