"""What the server did by itself while it answered, and what a text cites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agentkit.show.html import Child, Html, el, element
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, excerpt, facts, fold, note, short, status, whole
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.rows import box, line, sign
from agentkit.types.answer import ServerStep
from agentkit.types.record import clip
from agentkit.types.words import count

_NAME = element("code", class_="ak-name", dir="auto")
_LABELS = frozenset({"type", "id", "call_id", "tool_use_id", "status", "name"})
"""Fields that name a thing and do not tell of it."""
_WIDE = 90
"""Characters of what a step was and gave that stand on its lines."""
_TEXT = 60
"""Characters of a text in them."""
_DEEP = 6
"""Levels of what a step was and gave that are looked into for its line."""
_CITED = 3
"""Sources that stand below a text; more of them are folded."""


def step_row(key: str, step: ServerStep, limits: Limits, at: str) -> Html:
    """Draw what the server did by itself: never run here, and sent back as it came. Its state, and
    as far as there is room what it did and what came of it; all of it is behind a click.
    """
    kind, name = clip(step.kind, 60), step.name or step.kind
    tells = name not in kind and kind != "server_tool_use"
    what: list[Child] = [
        [_NAME(short(name)), " "],
        [facts("done by the server", code(kind) if tells else None), " "],
        _behind(step.raw, limits, f"{at}.raw") if step.raw is not None else None,
    ]
    state = step.status or ""
    done = (sign if state == "completed" else status)(state) if state else None
    gave = None
    if step.outcome is not None:
        gave = line("←", _behind(step.outcome, limits, f"{at}.outcome"))
    tone = "step ak-bad" if step.status in ("failed", "incomplete") else "step"
    return box(key, None, line("⟲", what, done), gave, tone=tone)


def _behind(raw: Any, limits: Limits, at: str) -> Html:
    """Draw an item as sent, behind the first words of what it tells."""
    words = in_short(raw)
    if not limits.details:
        return excerpt(words, 2 * _WIDE)
    return fold(code(clip(words, _WIDE)), whole(pretty(raw), limits, at))


def in_short(raw: Any) -> str:
    """Write on a line what an item tells beside its labels, an error first."""
    found = _brief(raw, _DEEP)
    if isinstance(found, dict):
        found = {k: v for k, v in found.items() if k not in _LABELS}
        found = {k: found[k] for k in sorted(found, key=lambda name: name != "error")}
        found = next(iter(found.values())) if len(found) == 1 else found
    return found if isinstance(found, str) else pretty(found, 1 << 20) if found else "as sent"


def _brief(value: Any, deep: int) -> Any:
    """Shorten a value: what is not there is left out, and of what only the server can read its
    size is told, last.
    """
    if isinstance(value, str):
        return _opaque(value) or clip(value, _TEXT)
    if not deep:
        return "…"
    if isinstance(value, list):
        return [_brief(v, deep - 1) for v in value[:5]]
    if not isinstance(value, dict):
        return value
    listed = sorted(value.items(), key=lambda pair: bool(_opaque(pair[1])))[:20]
    kept = [(k, v) for k, v in listed if k != "type" and v is not None and v != []]
    return {k: _brief(v, deep - 1) for k, v in kept}


def _opaque(value: Any) -> str:
    """Tell the size of a text that is no words; "" for any other value."""
    words = not isinstance(value, str) or len(value) <= _TEXT or "://" in value[:9]
    return "" if words or any(map(str.isspace, value)) else count(len(value), "character")


_TITLES = ("title", "document_title", "filename", "file_id", "source")
_PLACES = ("url", "file_id")


def sources(cites: Iterable[dict[str, Any]], limits: Limits) -> Child:
    """Name what a text cites, each source once; an address is a text and leads nowhere."""
    found = dict.fromkeys((_first(each, _TITLES), _first(each, _PLACES)) for each in cites)
    listed = [_source(title, place) for title, place in found if title or place]
    if not listed:
        return None
    shown = listed[: limits.items]
    if len(listed) <= _CITED:
        return note("cites ", _parted(shown))
    return fold(f"cites {count(len(listed), 'source')}", el("ul", [el("li", s) for s in shown]))


def _source(title: str, place: str) -> Html:
    address = [" ", el("small", short(place))] if place and place != title else None
    return el("span", code(title or place), address)


def _parted(shown: Sequence[Html]) -> list[Child]:
    return [[" · " if i else "", one] for i, one in enumerate(shown)]


def _first(given: dict[str, Any], names: Sequence[str]) -> str:
    return next((v for name in names if isinstance(v := given.get(name), str) and v), "")
