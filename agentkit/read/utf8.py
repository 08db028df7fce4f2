"""Text that UTF-8 can carry: all but lone surrogates, which JSON can escape."""

from __future__ import annotations

import json
from typing import Any


def is_utf8(text: str) -> bool:
    """Whether the text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def compact_json(data: Any) -> str:
    """The data as JSON on one line without spaces; text that UTF-8 cannot carry is escaped.

    Raises:
        TypeError, ValueError, RecursionError: it is not JSON data.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text if is_utf8(text) else json.dumps(data, separators=(",", ":"))
