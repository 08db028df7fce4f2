"""x."""
from typing import Any
class Shrunk:
    """x."""
def shrink(source: Any) -> Any:
    """x."""
