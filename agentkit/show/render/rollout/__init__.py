"""A rollout as fragments: messages, answers, calls, problems, the wire."""
