"""Failed requests, classified by what their body says and by their status."""
