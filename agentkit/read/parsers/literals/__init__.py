"""Values as models write them: JSON, Python literals, and text typed by a schema."""
