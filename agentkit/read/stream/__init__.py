"""Streamed answers: events cut anywhere, put together into the body they amount to."""
