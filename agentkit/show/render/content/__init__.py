"""Texts of models and tools drawn as what they are: Markdown, JSON, code, differences."""
