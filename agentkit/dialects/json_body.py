"""The JSON of a request's body, as bytes."""

from __future__ import annotations

import json
from typing import Any

from agentkit.errors import UsageError


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
