"""x."""
from typing import Any
def notebook(source: Any) -> Any:
    """x."""
