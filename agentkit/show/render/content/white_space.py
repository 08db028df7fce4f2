"""White space where it matters: characters that are there and cannot be seen."""

from __future__ import annotations

import re
from functools import lru_cache

from agentkit.show.html import Child, Html, element
from agentkit.types.words import count

_SEEN = {" ": "·", "\t": "⇥", "\n": "⏎\n", "\r": "␍", "\u00a0": "⍽", "\u202f": "⍽", "\u3000": "□"}
_SEEN |= {chr(code): "␣" for code in range(0x2000, 0x200B)}
_ODD = re.compile(r"[\t\r\u00a0\u3000\u202f\u2000-\u200a]|[ \t]+(?=\n)|[ \t\n]+\Z|\A[ \t\n]+")
"""Tabs, spaces that are not the usual one, and what stands at the end of a line or around all."""
_MARK = element("span", class_="ak-ws")
_AROUND = element("small")


def seen(text: str) -> str:
    """Write a sign for each white space: a dot for a space, an arrow for a tab."""
    return "".join([_SEEN.get(letter, letter) for letter in text])


def with_marks(text: str) -> Child:
    """Draw a text that differs from another: the white space in it by which it may differ is
    signs.
    """
    if not text.strip():
        return _MARK(seen(text)) if text else None
    parts: list[Child] = []
    reached = 0
    for found in _ODD.finditer(text):
        parts += [text[reached : found.start()], _MARK(seen(found[0]))]
        reached = found.end()
    return [*parts, text[reached:]] if parts else text


def around(text: str) -> Html | None:
    """Say what white space a text begins and ends with; a line feed at its end is usual."""
    if not text or not (text[0].isspace() or text[-1].isspace()):
        return None
    core = text.strip()
    if not core:
        return _AROUND("nothing but ", _spaces(text))
    before, after = text[: text.find(core[0])], text[len(text.rstrip()) :]
    return _around(before, after) if len(before) + len(after) <= _FEW else _drawn(before, after)


def _drawn(before: str, after: str) -> Html | None:
    said = [
        ["begins with ", _spaces(before)] if before else None,
        " · " if before and after not in ("", "\n") else None,
        ["ends with ", _spaces(after)] if after not in ("", "\n") else None,
    ]
    return _AROUND(*said) if any(said) else None


_FEW = 24
"""Characters of white space that may well come again."""
_around = lru_cache(256)(_drawn)


def _spaces(text: str) -> Child:
    signs = seen(text[:12]).replace("\n", "")
    return [_MARK(signs if len(text) <= 12 else f"{signs}…"), f" {_counted(text)}"]


def _counted(text: str) -> str:
    for letter, word in ((" ", "space"), ("\n", "line feed"), ("\t", "tab")):
        if not text.strip(letter):
            return count(len(text), word)
    return count(len(text), "white character")
