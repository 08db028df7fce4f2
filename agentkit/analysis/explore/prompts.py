"""What tells prompts apart: how they all begin, and what of each differs."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LEAST = 8
"""Characters of a beginning that is worth leaving out."""
_FIRST = re.compile(r"\s*[^,.;:?!\n]+")


def beginning_of(prompts: Iterable[str]) -> str:
    """Find the words with which all different prompts begin; "" where that is not worth saying."""
    known = set(prompts)
    if len(known) < 2:
        return ""
    first, last = min(known), max(known)
    pairs = zip(first, last, strict=False)
    shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
    words = first[: first.rfind(" ", 0, shared) + 1]
    return words if len(words.strip()) >= _LEAST else ""


def parted(prompt: str, beginning: str) -> tuple[str, str]:
    """Cut a prompt into what differs, up to the first stop, and the rest behind it; the beginning
    that all have is left out.
    """
    rest = prompt.removeprefix(beginning)
    found = _FIRST.match(rest) if beginning else None
    return (found[0], rest[found.end() :]) if found else ("", rest)
