"""How other tools write one message of a conversation, read as chat messages."""
