"""By what the values of other libraries are known, without importing these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.types.record import Record


def is_pair(x: Any) -> bool:
    """Tell whether it is an HTTP status with the body that came with it."""
    if not isinstance(x, tuple) or len(x) != 2 or type(x[0]) is not int:
        return False
    return x[1] is None or isinstance(x[1], (str, bytes, bytearray, Mapping, list))


def is_frame(x: Any) -> bool:
    """Tell whether it is a DataFrame, of pandas or of polars."""
    return type(x).__name__ == "DataFrame" and hasattr(x, "columns")


def is_sdk_object(x: Any) -> bool:
    """Tell whether it is an object of a server's SDK."""
    return not isinstance(x, Record) and (hasattr(x, "choices") or hasattr(x, "model_dump"))


def is_listed(x: Any) -> bool:
    """Tell whether it can be gone through."""
    return isinstance(x, Iterable) and not isinstance(x, type)
