"""Thousands of rollouts as a table: nothing is read before it is looked at."""
