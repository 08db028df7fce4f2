"""The live views, one file a view."""
