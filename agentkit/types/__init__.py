"""The records: frozen values that everything else reads and writes. They know no HTML, no clock and no file."""
