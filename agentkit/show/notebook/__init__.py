"""What a notebook shows. The only place for Jupyter's own machinery."""
