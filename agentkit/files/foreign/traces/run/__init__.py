"""The runs of a trace: what was asked of models and of tools, and the rollouts that this makes."""
