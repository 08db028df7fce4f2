"""A text of which a view shows the start: found again by where it is, whole or the rest of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from agentkit.errors import NotFound
from agentkit.show.html import Html
from agentkit.show.render.limits import STATIC, WHOLE
from agentkit.show.render.parts.block import whole
from agentkit.show.render.parts.pretty import verbatim

_AT = re.compile(r"(?P<root>[a-z]+)(?P<steps>(\.[a-z]\w*|\[\d+\])*)")
_STEP = re.compile(r"\.([a-z]\w*)|\[(\d+)\]")
_PART = 200_000
"""Characters that are sent at once."""


def text_at(roots: Mapping[str, Any], at: str) -> str:
    """Find the text at a place, such as `trajectory.turns[3].results[0].content`; what is no text
    is written as JSON.

    Args:
        roots: what a place can begin with.
        at: the place, as a drawing says it.

    Raises:
        NotFound: nothing is there.
    """
    match = _AT.fullmatch(at)
    if match is None or match["root"] not in roots:
        raise NotFound(f"no text is at {at!r}")
    value = roots[match["root"]]
    for name, index in _STEP.findall(match["steps"]):
        value = _field(value, name, at) if name else _item(value, int(index), at)
    return verbatim(value)


def rest_of(text: str, start: int) -> tuple[Html, int]:
    """Draw the next part of a text.

    Returns:
        The part, and where the part after it begins; 0 where there is none.
    """
    begin = max(start, STATIC.text)
    line = text.rfind("\n", begin + _PART // 2, begin + _PART)
    end = line + 1 if line > 0 else begin + _PART
    return whole(text[begin:end], WHOLE, ""), end if end < len(text) else 0


def _field(value: Any, name: str, at: str) -> Any:
    """Read a field or a property of a record; nothing else is to be had."""
    named = {field.name for field in fields(value)} if is_dataclass(value) else set()
    if name not in named and not isinstance(getattr(type(value), name, None), property):
        raise NotFound(f"no text is at {at!r}")
    return getattr(value, name)


def _item(value: Any, index: int, at: str) -> Any:
    if not isinstance(value, (tuple, list)) or index >= len(value):
        raise NotFound(f"no text is at {at!r}")
    return value[index]
