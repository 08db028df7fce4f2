"""Charts of rollouts: one description each, drawn as a plotly figure and as SVG."""
