"""Conversations as the sites and the command line of a vendor keep them, and Gemini's own form."""
