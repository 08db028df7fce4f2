"""How long a server let a request wait, where it says so."""

from __future__ import annotations

import json
from typing import Any

from agentkit.types.wire import Exchange

_HOLDERS = ("usage", "x_groq", "meta_info", "choices", "metrics", "timings")


def queue_of(exchange: Exchange) -> float | None:
    """Seconds the server says it let a request wait: `usage.queue_time` (Groq),
    `meta_info.queue_time` (SGLang); None where it says nothing.
    """
    if '"queue_time"' not in exchange.body and not any(
        '"queue_time"' in chunk.text for chunk in exchange.chunks[-4:]
    ):
        return None
    stack: list[Any] = [exchange.raw] if exchange.body else _events(exchange)
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(found := item.get("queue_time"), (int, float)):
                return float(found)
            stack.extend(value for key, value in item.items() if key in _HOLDERS)
        elif isinstance(item, list):
            stack.extend(item)
    return None


def _events(exchange: Exchange) -> list[Any]:
    found = []
    for line in "".join(chunk.text for chunk in exchange.chunks[-4:]).splitlines():
        try:
            found.append(json.loads(line.removeprefix("data:")))
        except ValueError:  # [DONE], a comment, or a line cut in two
            continue
    return found
