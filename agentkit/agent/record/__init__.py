"""Recording every step as it happens, and playing it again offline."""
