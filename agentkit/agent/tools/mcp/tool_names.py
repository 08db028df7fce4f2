"""Names of tools as model servers take them; MCP servers use more characters, and longer names."""

from __future__ import annotations

import re
from collections.abc import Collection

_LONGEST = 64


def sent_name(name: str, taken: Collection[str]) -> str:
    """Write a name in letters, digits, `_` and `-`, with a number where another tool has it.

    Args:
        name: the name its own server knows it by.
        taken: the names of other tools.

    >>> sent_name("weather.get", ()), sent_name("weather/get", ("weather_get",))
    ('weather_get', 'weather_get_2')
    """
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_LONGEST] or "tool"
    found, number = plain, 1
    while found in taken:
        number += 1
        end = f"_{number}"
        found = f"{plain[: _LONGEST - len(end)]}{end}"
    return found
