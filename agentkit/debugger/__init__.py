"""The cursor over an agent's rollout: step, look, go back, change, go on."""
