"""x."""
from typing import Any
def pytest(source: Any) -> Any:
    """x."""
