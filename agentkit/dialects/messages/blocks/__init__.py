"""The content blocks of Messages: by name, in the making, and as events."""
