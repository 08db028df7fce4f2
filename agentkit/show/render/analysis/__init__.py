"""What analyses show: comparisons, diffs, trees of samples, tokens, tables of rollouts."""
