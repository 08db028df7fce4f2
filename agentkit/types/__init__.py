"""The records: frozen values that everything else reads and writes; no HTML, clock or file."""
