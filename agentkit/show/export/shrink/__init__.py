"""A smaller request that still shows the fault."""
