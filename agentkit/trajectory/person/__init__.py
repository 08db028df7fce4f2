"""What a person adds to a rollout: answers and results by hand, notes, labels and branches."""
