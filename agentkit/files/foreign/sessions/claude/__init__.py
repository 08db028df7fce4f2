"""Sessions of Claude Code: lines that name the line before them."""
