"""What the APIs of models write and take as files: streams, batches, items, messages."""
