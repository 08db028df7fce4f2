"""Many rollouts at once: each prompt several times, side by side, kept in one ordered value."""
