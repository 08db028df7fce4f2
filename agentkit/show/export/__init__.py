"""A turn or a rollout as something that runs or is read elsewhere."""
