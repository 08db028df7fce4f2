"""An openai or anthropic client, seen from inside: no port, no other process."""
