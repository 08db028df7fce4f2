"""One span of a trace: where its fields are, and what its attributes say."""
