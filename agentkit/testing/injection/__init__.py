"""Faults put between an agent and its server, and into its tools."""
