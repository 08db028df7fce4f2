"""Breakpoints as a panel lists them: when each stops, at what, on which condition, how often it
has.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.trajectory.breakpoints import Breakpoint, Rule
from agentkit.types.record import clip
from agentkit.types.words import in_line

_RULE = re.compile(r"(\w+)\((.*?)(?:(?:, )?where=(.*))?\)", re.DOTALL)


def break_rows(points: Breakpoints) -> list[dict[str, Any]]:
    """Describe every breakpoint of the list."""
    return [_row(point, points.is_on(i), points.hits(i)) for i, point in enumerate(points)]


def in_words(point: Breakpoint) -> str:
    """Say why a breakpoint stopped, as a person would."""
    kind, names, where = _parts(point.rules[0]) if len(point.rules) == 1 else ("", [], "")
    if kind not in _WORDS:
        return point.text
    listed = f" {', '.join(names)}" if names else ""
    return f"{_WORDS[kind]}{listed}{f' where {where}' if where else ''}"


_WORDS = {
    "tool": "breakpoint on",
    "problem": "a problem:",
    "tool_error": "a tool failed:",
    "finish": "breakpoint on the finish",
    "turn": "breakpoint on turn",
    "text": "breakpoint on the text",
    "repeat": "the same call again:",
    "recovered": "a call in the text",
}


def _row(point: Breakpoint, on: bool, hits: int) -> dict[str, Any]:
    """Describe one: its kind, what it names and its condition where it is one of ours, its text
    where it is not.
    """
    kind, names, where = _parts(point.rules[0]) if len(point.rules) == 1 else ("", [], "")
    tools = dict.fromkeys(name for rule in point.rules for name in rule.tools)
    return {
        "text": in_line(clip(point.text, 200)),
        "sides": point.sides,
        "kind": kind,
        "names": names,
        "where": where,
        "tools": [clip(name, 80) for name in tools],
        "turn": int(names[0]) if kind == "turn" and names[0].isdecimal() else None,
        "on": on,
        "hits": hits,
    }


def _parts(rule: Rule) -> tuple[str, list[str], str]:
    found = None if "&" in rule.key else _RULE.fullmatch(rule.text)
    if found is None or found[1] == "call":
        return "", [], ""
    try:
        names = ast.literal_eval(f"({found[2]},)") if found[2] else ()
        where = ast.literal_eval(found[3]) if found[3] else ""
    except (ValueError, SyntaxError):
        return "", [], ""
    return found[1], [in_line(clip(str(name), 80)) for name in names], in_line(clip(where, 120))
