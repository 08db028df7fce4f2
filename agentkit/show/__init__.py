"""Everything that is drawn: HTML, text, charts, notebook views, exports."""
