"""Tells quickly that an answer holds no secret, so that few are looked at closely: not in its raw
text, and not in what its pieces come together to.
"""

from __future__ import annotations

import re

from agentkit.servers.redaction.exchange_text import ALMOST, raw_texts
from agentkit.servers.redaction.redactor import Redactor
from agentkit.types.wire import Exchange

_NAMES = tuple(
    f'"{name}"'
    for name in (
        *("content", "text", "delta", "arguments", "input", "partial_json", "thinking"),
        *("reasoning", "reasoning_content", "refusal", "name", "id", "call_id", "token"),
        *("output", "summary", "signature", "data"),
    )
)
"""The members whose texts a model writes, in pieces where it streams."""
_VALUE = re.compile(r'\s*:\s*"((?:[^"\\]|\\.)*)"')
_SEVERAL = re.compile(r'index"\s*:\s*[1-9]')
"""A place other than the first: pieces of two texts may alternate."""


def is_clean(exchange: Exchange, redact: Redactor) -> bool:
    """Tell whether an answer surely holds no secret.

    Args:
        exchange: the answer.
        redact: what knows the secrets.
    """
    if not redact:
        return True
    error = exchange.transport_error
    beside = (exchange.url, *(value for _, value in exchange.headers))
    if any(map(redact.finds, beside)) or (error and redact.finds(f"{error.message}{error.hint}")):
        return False
    whole = "".join(raw_texts(exchange))
    if redact.finds(whole) or "\\u00" in whole or _SEVERAL.search(whole):
        return False
    joined = [_joined(whole, name) for name in _NAMES if name in whole]
    if any(map(redact.finds, joined)):
        return False
    # what breaks off may end in the beginning of a secret
    return error is None or all(redact.unfinished(text) < ALMOST for text in (whole, *joined))


def _joined(whole: str, name: str) -> str:
    """Put the texts under one name together, as they are written."""
    values = map(_VALUE.match, whole.split(name)[1:])
    return "".join(value[1] for value in values if value)
