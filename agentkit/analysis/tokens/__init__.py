"""The tokens of a rollout: their runs, what each belongs to, and whether prompts extend them."""
