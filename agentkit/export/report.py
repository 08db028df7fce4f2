"""x."""
from typing import Any
def issue(source: Any) -> Any:
    """x."""
