"""JSON objects that follow one another in a text: lines of them, or a list that may be cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_DECODER = json.JSONDecoder()
_DONE = "[DONE]"
_SPACE = re.compile(r"\s*+")
_COMMA = re.compile(r"[\s,]*+")


def json_values(text: str) -> Iterator[str]:
    """Find the texts of JSON objects that follow one another, lines of them or the items of a list
    that may be cut; none where there is anything else.
    """
    found = []
    text = text.strip()
    in_list = text.startswith("[") and not text.startswith(_DONE)
    between = _COMMA if in_list else _SPACE
    at = between.match(text, 1).end() if in_list else 0  # type: ignore[union-attr]
    while at < len(text):
        if in_list and text[at] == "]":
            break
        if text.startswith(_DONE, at):
            end = at + len(_DONE)
        elif text[at] != "{":
            return
        else:
            try:
                end = _DECODER.raw_decode(text, at)[1]
            except (ValueError, RecursionError):
                if not in_list:
                    return
                break
        found.append(text[at:end])
        at = between.match(text, end).end()  # type: ignore[union-attr]
    yield from found
