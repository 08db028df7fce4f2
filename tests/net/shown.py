"""What a notebook keeps of a thing that was shown, and digests of what is long."""

from __future__ import annotations

import hashlib
import re
from typing import Any

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


def digest(text: str) -> str:
    """A short digest of a text, with its length."""
    return f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]} {len(text)}"


def bundle(thing: Any) -> dict[str, Any]:
    """Every mime type of a thing; of one that only has a repr, that.

    There is no kernel here, so no live widget is among them.
    """
    show = getattr(thing, "_repr_mimebundle_", None)
    kept: dict[str, Any] = show() if callable(show) else {"text/plain": repr(thing)}
    assert "application/vnd.jupyter.widget-view+json" not in kept
    return kept


def plain(thing: Any) -> str:
    """The plain text of a thing."""
    return str(bundle(thing)["text/plain"])


def markup(thing: Any) -> str:
    """The HTML of a thing, or its SVG, without the style sheet; empty where it has none."""
    kept = bundle(thing)
    return _STYLE.sub("", kept.get("text/html") or kept.get("image/svg+xml") or "", count=1)


def style(thing: Any) -> str:
    """The style sheet that comes with a thing."""
    found = _STYLE.match(bundle(thing).get("text/html", ""))
    return found.group() if found else ""


def laid_out(html: str) -> str:
    """HTML with a line for each part, so that a difference can be read."""
    return re.sub(r"(?=<(?:header|section|dl|dt|dd|details|ul|li|p|table|tr)\b)", "\n", html)
