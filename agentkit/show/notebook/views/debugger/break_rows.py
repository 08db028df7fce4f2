"""Breakpoints as a panel lists them, and as what is filled in makes them."""

from __future__ import annotations

from typing import Any

from agentkit.debugger.break_on import break_on
from agentkit.errors import UsageError
from agentkit.trajectory.breakpoints import Breakpoint
from agentkit.types.record import clip
from agentkit.types.words import in_line


def point_row(point: Breakpoint) -> dict[str, Any]:
    """Describe a breakpoint: when it stops, at what, and the tools and the turn it waits for."""
    tools = dict.fromkeys(name for rule in point.rules for name in rule.tools)
    return {
        "text": in_line(clip(point.text, 200)),
        "sides": point.sides,
        "tools": [clip(name, 80) for name in tools],
        "plain": len(point.rules) == 1 and "&" not in point.rules[0].key,
        "turn": turn_of(point),
    }


def turn_of(point: Breakpoint) -> int | None:
    """Read the turn that a breakpoint waits for; None where it waits for another thing."""
    text = point.text
    inner = text[5:-1] if text.startswith("turn(") and text.endswith(")") else ""
    return int(inner) if inner.isdecimal() else None


def breakpoint_named(kind: str, value: str) -> Breakpoint:
    """Make the breakpoint of this kind; several names are parted by commas.

    Raises:
        UsageError: there is no such kind, or it needs another value.
    """
    value = value.strip()
    names = [name for name in map(str.strip, value.split(",")) if name]
    match kind:
        case "tool" | "problem" | "tool_error":
            made: Breakpoint = getattr(break_on, kind)(*names)
            return made
        case "finish" | "text" if value:
            return break_on.finish(*names) if kind == "finish" else break_on.text(value)
        case "turn" | "repeat" if value.isdecimal():
            return break_on.turn(int(value)) if kind == "turn" else break_on.repeat(int(value))
        case "recovered":
            return break_on.recovered()
        case _:
            raise UsageError(
                f"a breakpoint on {kind!r} needs another value than {value!r}",
                hint="a turn is a number, a text is not empty",
            )
