"""The text of a JSON or JSON Lines file as the values it holds."""

from __future__ import annotations

import json
from typing import Any

from agentkit.errors import CassetteError


def json_values(text: str, name: str) -> list[Any]:
    """Decode JSON Lines, or one JSON value.

    Args:
        text: what to decode.
        name: what to call it in an error.

    Raises:
        CassetteError: it is neither.
    """
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    values = []
    for number, line in enumerate(text.split("\n"), 1):  # JSON may hold U+2028, no line break here
        if not line.strip():
            continue
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError) as exc:
            raise CassetteError(f"line {number} of {name} is not JSON: {exc}") from None
    return values
