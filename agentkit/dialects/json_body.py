"""JSON as requests carry it: a body as bytes, and what stands in a body as a text."""

from __future__ import annotations

import json
import re
from typing import Any

from agentkit.errors import UsageError

_HALF = re.compile("[\\ud800-\\udfff]")


def encode_json(value: Any) -> bytes:
    """Encode the value as compact JSON in UTF-8; lone surrogates, which UTF-8 cannot carry, become
    escapes.

    Raises:
        UsageError: it is not JSON.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as exc:
        raise UsageError(
            f"the request is not JSON: {exc}",
            hint="give messages, tools and sampling as plain dicts, lists, texts and numbers",
        ) from exc
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def json_text(value: Any, *, allow_nan: bool = True) -> str:
    """Write the value as JSON that UTF-8 can carry: half surrogate pairs in it as escapes.

    Raises:
        TypeError: something in it is not JSON.
        ValueError: a number in it is none that JSON has, and `allow_nan` is False.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=allow_nan)
    return text if text.isascii() else _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
