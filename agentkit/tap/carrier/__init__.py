"""The process that carries the bytes between an agent and its server, and writes the record."""
