"""What a tool returned, as text the model can read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from agentkit.read.plain import finite, plain


def as_text(value: Any) -> tuple[str, str | None]:
    """Give what a tool returned as text for the model, and how it was converted: None for text,
    else `json`, `bytes` or `text`; never raises.

    Numbers JSON does not have, NaN and the infinities, are null in it, as pandas and JavaScript
    write them.
    """
    try:
        if isinstance(value, str) and not isinstance(value, Enum):
            return str.__str__(value), None
        data = _data(value, ())
        if isinstance(data, str):
            return data, "bytes" if isinstance(value, (bytes, bytearray, memoryview)) else "text"
        return json.dumps(data, ensure_ascii=False, allow_nan=False), "json"
    except RecursionError:  # it nests too deeply for JSON; its outer levels do not
        return json.dumps(plain(value), ensure_ascii=False), "text"
    except Exception:  # whatever the methods of a foreign object raise
        return _shown(value), "text"


def _data(value: Any, path: tuple[int, ...]) -> Any:
    """Give the value as JSON data."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _data(value.value, path)
    if isinstance(value, (str, int, float)):
        return plain(value) if isinstance(value, (str, int)) or finite(value) else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode(errors="replace")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat() if value == value else None  # noqa: PLR0124
    if id(value) in path:
        raise ValueError("circular")
    path = (*path, id(value))
    opened = _opened(value)
    if opened is not value:
        return _data(opened, path)
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else as_text(key)[0]: _data(item, path)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return [_data(item, path) for item in value]
    return _shown(value) if _speaks(value) else plain(value)


def _opened(value: Any) -> Any:
    """Give what a container of any library holds, as a dict or list; anything else as it is."""
    if isinstance(value, Set):
        return sorted(value, key=repr)
    if isinstance(value, type):
        return value.__name__
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if hasattr(value, "to_dicts"):  # polars
        return value.to_dicts()
    numbered = (
        type(getattr(value, "index", None)).__name__ == "RangeIndex"
    )  # pandas: an index that only counts says nothing
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return (value if numbered else value.reset_index()).to_dict(orient="records")
    if hasattr(value, "to_dict") and not numbered:
        return value.to_dict()
    return value.tolist() if hasattr(value, "tolist") else value


def _speaks(value: Any) -> bool:
    """Tell whether its class says how it is shown."""
    return any(
        "__str__" in cls.__dict__ or "__repr__" in cls.__dict__ for cls in type(value).__mro__[:-1]
    )


def _shown(value: Any) -> str:
    """Its text, or its type's name where that has none, or one that only says where in memory it
    is.
    """
    try:
        text = str(value)
    except Exception:  # it has none, or nests too deeply
        text = ""
    return (
        text if text and not re.search(r" at 0x[0-9A-Fa-f]+", text) else f"<{type(value).__name__}>"
    )


MCP = "mcp"
"""The conversion of a value that is a whole `CallToolResult` of MCP, as it came."""
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What the servers of models read as images."""


def images_of(value: Any) -> list[str]:
    """Give the images of a `CallToolResult` of MCP, each as a `data:` URL: of its content and of
    the resources embedded in it.
    """
    content = value.get("content") if isinstance(value, dict) else None
    found: list[str] = []
    for block in content if isinstance(content, list) else ():
        inner = block.get("resource") if isinstance(block, dict) else None
        held = inner if isinstance(inner, dict) else block
        if not isinstance(held, dict):
            continue
        kind, data = held.get("mimeType"), held.get("blob" if held is inner else "data")
        if kind in _IMAGES and isinstance(data, str) and _BASE64.fullmatch(data):
            found.append(f"data:{kind};base64,{data}")
    return found


_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def error_text(message: str) -> str:
    """Give an error as the JSON text the model is given."""
    return json.dumps({"error": message}, ensure_ascii=False)
