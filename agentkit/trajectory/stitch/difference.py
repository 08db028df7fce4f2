"""What differs between two requests, in plain words: not how they are written, but what they say.

    differences(recorded, came)     # [] where both ask for the same
    # ["message 3 (result): '22' in place of '21', from character 1"]

Both are bodies of requests as plain data, of one dialect or of two. `closest(came, recorded)` finds
the one of several that differs latest, for an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

from agentkit.trajectory.stitch.units import RequestUnits, Unit, read_asked
from agentkit.types.record import clip
from agentkit.types.words import with_article

_SHOWN = 40
"""Characters of a text that are shown on each side."""


def differences(before: Any, now: Any, path: str | None = None) -> list[str]:
    """Say what differs between two requests, a sentence each; [] where they say the same.

    Args:
        before: the body that is compared with.
        now: the body that is described.
        path: where both were sent, where that is known.
    """
    a, b = read_asked(before, path), read_asked(now, path)
    if a is None or b is None:
        return [] if before == now else ["one of the two asks for no answer of a model"]
    found = []
    if a.model != b.model:
        found.append(f"the model is {b.model!r} in place of {a.model!r}")
    if a.system != b.system:
        found.append(f"the system text: {_texts(a.system, b.system)}")
    return [*found, *_in_units(a, b), *_in_tools(a, b), *_in_fields(a, b)]


def closest(now: Any, others: Sequence[Any], path: str | None = None) -> int | None:
    """Find which of several requests is most like this one: its place; None where there is none.

    Args:
        now: the body that came.
        others: the bodies to choose from.
        path: where they were sent, where that is known.
    """
    asked = read_asked(now, path)
    scores = []
    for place, other in enumerate(others):
        known = read_asked(other, path)
        if asked is None or known is None:
            continue
        same = common_units(asked.units, known.units)
        off = abs(len(asked.units) - len(known.units))
        alike = (asked.system == known.system) + (asked.model == known.model)
        scores.append((same, -off, alike, -place))
    return -max(scores)[-1] if scores else None


def common_units(a: Sequence[Unit], b: Sequence[Unit]) -> int:
    """Count the leading units that two histories have in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _in_units(asked_before: RequestUnits, asked: RequestUnits) -> Iterable[str]:
    a, b = asked_before.units, asked.units
    same = common_units(a, b)
    if same < min(len(a), len(b)):
        place = asked.places[same]
        yield f"message {place} ({b[same][0]}): {_unit(a[same], b[same])}"
    number = len(asked.messages) - len(asked_before.messages)
    if number:
        more = "more" if number > 0 else "fewer"
        yield f"{abs(number)} message{'s' * (abs(number) != 1)} {more}"


def _unit(a: Unit, b: Unit) -> str:
    if a[0] != b[0]:
        return f"{with_article(b[0])} in place of {with_article(a[0])}"
    names = {"call": ("id", "name", "arguments"), "result": ("id", "text")}.get(a[0], ("text",))
    pairs = zip(names, a[-len(names) :], b[-len(names) :], strict=True)
    for name, old, new in pairs:
        if old != new:
            return _texts(old, new) if name == "text" else f"the {name}: {_texts(old, new)}"
    return f"the role: {_texts(str(a[1]), str(b[1]))}"


def _in_tools(a: RequestUnits, b: RequestUnits) -> Iterable[str]:
    old, new = ({_tool_name(tool): tool for tool in asked.tools} for asked in (a, b))
    gone = [name for name in old if name not in new]
    come = [name for name in new if name not in old]
    changed = [name for name in new if name in old and new[name] != old[name]]
    for what, names in (("gone", gone), ("new", come), ("described differently", changed)):
        if names:
            yield f"tools that are {what}: {clip(', '.join(names), 200)}"


def _tool_name(tool: Any) -> str:
    inner = tool.get("function", tool) if isinstance(tool, dict) else tool
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else clip(json.dumps(tool, sort_keys=True))


def _in_fields(a: RequestUnits, b: RequestUnits) -> Iterable[str]:
    old, new = a.fields, b.fields
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            yield f"`{name}` is not asked for (it was {_shown(old[name])})"
        elif name not in old:
            yield f"`{name}` is asked for: {_shown(new[name])}"
        elif old[name] != new[name]:
            yield f"`{name}` is {_shown(new[name])} in place of {_shown(old[name])}"


def _shown(value: Any) -> str:
    return clip(json.dumps(value, ensure_ascii=False))


def _texts(old: str, new: str) -> str:
    """Show two texts from shortly before the first place at which they differ."""
    pairs = zip(old, new, strict=False)
    at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    first = max(0, at - 10) if max(len(old), len(new)) > _SHOWN else 0
    shown = [repr(clip(text[first:], _SHOWN)) for text in (new, old)]
    return f"{shown[0]} in place of {shown[1]}, from character {at}"
