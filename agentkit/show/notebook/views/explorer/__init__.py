"""The table of rollouts in a notebook: its pages, what is counted, what is opened."""
