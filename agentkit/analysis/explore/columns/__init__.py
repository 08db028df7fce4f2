"""The columns of a table, of rollouts in memory, in a file and in an index."""
