"""Understanding rollouts: frames, differences, comparisons, tokens, many at once."""
