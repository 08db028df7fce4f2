"""The lines of a cassette: their text, and what each makes of its rollout."""
