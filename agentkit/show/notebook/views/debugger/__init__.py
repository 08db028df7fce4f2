"""The debugger in a cell, and a rollout that is only looked at: its frame and what fills it."""
