"""Many rollouts as a list: a line for each, its conversation behind a click; of a great many a
table, small whatever the rollouts hold: its first rows, and how many there are more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from math import isfinite
from typing import Any

from agentkit.files.columns import columns_of, first_words, kinds_of
from agentkit.files.gate import file_of
from agentkit.show.html import Child, Html, el, joined
from agentkit.show.render.content.markdown import headline
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, note
from agentkit.show.render.parts.words import outcome_of, trouble
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.show.render.shown import grouped
from agentkit.trajectory.trouble.points import ProblemPoint, points_by_turn, problem_count
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.words import count, seconds

_ASKED = 240
"""Characters of a prompt that are read for its first words."""
_NAMES = {
    "rollout": "#",
    "input_tokens": "in",
    "output_tokens": "out",
    "elapsed": "s",
    "codes": "problem",
    "tools": "tool",
    "label": "labels",
}
_TONES = {
    "answered": "good",
    "error": "bad",
    "max turns": "bad",
    "content filter": "bad",
    "stopped": "quiet",
    "open": "quiet",
}
"""As `outcome_of` has them: red where there is no answer."""
_SIGNS = {"good": "✓", "warn": "▲", "bad": "✕", "quiet": "•"}
_DECIMALS, _LARGE = 3, 1e9
_WIDE = 60
"""Characters of a cell."""
_SHARE = 4
"""A conversation in a list shows this fraction of what it would show alone."""


def column_name(name: str) -> str:
    """Return a column's heading."""
    return _NAMES.get(name, name.replace("_", " "))


def tone_of(ended: str) -> str:
    """Choose the tone of how a rollout ended; only one without problems is good."""
    return _TONES.get(ended, "warn")


def code_words(codes: str) -> str:
    """Write the first code of several, and how many more."""
    first, *more = codes.split(" ")
    name = first.replace("tool:", "tool: ")
    return f"{name} +{len(more)}" if more else name


def cell_text(value: Any) -> str:
    """Write a value for a cell of a table; "" where it is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return clip(value, _WIDE)


def decimals_of(values: Iterable[Any]) -> int:
    """Find how many decimals, three at most, show the numbers of a column; all get as many."""
    most = 0
    for value in values:
        if isinstance(value, float) and isfinite(value) and abs(value) < _LARGE:
            while most < _DECIMALS and round(value, most) != round(value, _DECIMALS):
                most += 1
    return most


def table_fragments(
    names: Sequence[str], rows: Iterable[Sequence[Any]], total: int
) -> dict[str, Html]:
    """Draw the rows under the names of their columns, and count what is left out."""
    shown = list(rows)
    places = [decimals_of(values[i] for values in shown) for i in range(len(names))]
    numbers = [
        all(isinstance(values[i], (int, float)) or values[i] is None for values in shown)
        for i in range(len(names))
    ]
    kinds = ("ak-number" if number else None for number in numbers)
    headings = [
        el("th", clip(column_name(name), _WIDE), scope="col", class_=kind)
        for name, kind in zip(names, kinds, strict=True)
    ]
    drawn = [
        el(
            "tr",
            [
                _cell(name, value, wrong, decimals)
                for name, value, decimals in zip(names, values, places, strict=True)
            ],
        )
        for values, wrong in zip(shown, _problems(names, shown), strict=True)
    ]
    table = el(
        "table", el("thead", el("tr", headings)), el("tbody", drawn), class_="ak-table ak-many"
    )
    more = total - len(drawn)
    rest = note("… ", count(more, "more rollout"), " not shown here") if more > 0 else None
    return {"table": el("div", table, rest, class_="ak-part", data_key="table")}


def _problems(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    """Return the number of problems of each row."""
    at = names.index("problems") if "problems" in names else None
    return [0 if at is None else int(row[at] or 0) for row in rows]


def _cell(name: str, value: Any, problems: int, decimals: int) -> Html:
    """Draw a cell: a number is bare, which the style sheet knows it by, and a text in a `code`."""
    if name == "ended":
        return el("td", end_status(str(value), problems))
    text = cell_text(value)
    if decimals and isinstance(value, (int, float)) and isfinite(value):
        text = f"{value:,.{decimals}f}"
    return el("td", text if isinstance(value, (int, float)) else code(text) if text else None)


def end_status(words: str, problems: int = 0) -> Html:
    """Draw how a rollout ended: a sign, and words; of problems their number."""
    tone = tone_of(words)
    said = trouble(problems) if words == "with problems" and problems else words
    sign = el("span", _SIGNS[tone], aria_hidden="true")
    return el("span", sign, " ", clip(said, _WIDE), class_=f"ak-status ak-{tone}")


def short_turns(trajectory: Trajectory, limit: int = 60) -> Html:
    """Draw a rollout in short: who asked for what, and a line for each turn with its calls, their
    results and problems.
    """
    turns = trajectory.all_turns
    problems = points_by_turn(trajectory)
    lines = [_short_line("user", "ak-xuser", code(headline(first_words(trajectory, _ASKED))))]
    for turn in turns[:limit]:
        points = [point for point in problems[turn.index] if point.severity != "info"]
        bad = any(point.severity == "error" for point in points)
        tone = ("ak-bad" if bad else "ak-warn") if points else ""
        lines.append(
            _short_line(str(turn.index), tone, [*_short_turn(turn), *_short_points(points)])
        )
    if len(turns) > limit:
        lines.append(_short_line("…", "", note(count(len(turns) - limit, "more turn"))))
    return el("div", lines, class_="ak-shorts", data_key="short/turns")


def _short_line(name: str, tone: str, inside: Child) -> Html:
    kind = f"ak-short {tone}".strip()
    return el("div", el("strong", name), el("div", inside, class_="ak-grow"), class_=kind)


def _short_turn(turn: Turn) -> list[Child]:
    """Write the calls of a turn with what came of them, or what was said."""
    if not turn.tool_calls:
        return [code(headline(turn.response.content or turn.response.reasoning or "no text", 160))]
    shown: list[Child] = []
    for position, call in enumerate(turn.tool_calls):
        result = turn.results[position] if position < len(turn.results) else None
        shown.append(el("code", el("strong", clip(call.name or "?", 60)), " "))
        shown.append(code(clip(call.raw_arguments, 100)))
        if result is not None and result.status in ("ok", "edited"):
            shown += [el("small", " → "), code(clip(result.content, 60))]
        elif result is not None:
            said = clip(result.error or result.content or result.status, 120)
            shown.append(el("span", " ✕ ", said, class_="ak-bad"))
        shown.append(" ")
    return shown


def _short_points(points: Sequence[ProblemPoint]) -> list[Child]:
    """Write the problems of a turn that no result tells."""
    return [
        el(
            "span",
            "✕ " if point.severity == "error" else "▲ ",
            point.code,
            class_="ak-bad" if point.severity == "error" else "ak-warn",
        )
        for point in points
        if point.source != "tool"
    ]


def many_fragments(trajectories: Sequence[Trajectory], limits: Limits) -> dict[str, Html]:
    """Draw a fragment per rollout (`rollout-3`), conversations within as long as there is room; of
    a great many the first rows of a table.
    """
    if len(trajectories) > limits.listed:
        return table_fragments(*_table(trajectories, limits), len(trajectories))
    if not limits.details:
        return {"lines": _lines(trajectories)}
    inner = replace(
        limits, head=limits.head // _SHARE, tail=limits.tail // _SHARE, size=limits.size // _SHARE
    )
    parts: dict[str, Html] = {}
    room = limits.size
    for i, trajectory in enumerate(trajectories):
        key = f"rollout-{i}"
        parts[key] = el(
            "section",
            _rollout(i, trajectory, inner if room > 0 else None),
            class_="ak-rollout",
            data_key=key,
        )
        room -= len(parts[key])
    return parts


def _lines(trajectories: Sequence[Trajectory]) -> Html:
    """Draw a line for each, without its conversation."""
    cells = [_cells(i, trajectory) for i, trajectory in enumerate(trajectories)]
    rows = [el("tr", [el("td", cell) for cell in row]) for row in cells]
    return el("table", el("tbody", rows))


def _table(
    trajectories: Sequence[Trajectory], limits: Limits
) -> tuple[tuple[str, ...], list[list[Any]]]:
    first = list(islice(trajectories, limits.rows))
    files = any(map(file_of, first))
    columns, shown = columns_of(
        kinds_of([t.meta for t in first]), [t.spec.dialect for t in first], files
    )
    return ("rollout", *shown), [
        [place, *(columns[name].of(t) for name in shown)] for place, t in enumerate(first)
    ]


def _rollout(position: int, trajectory: Trajectory, limits: Limits | None) -> Html:
    cells = _cells(position, trajectory)
    line = joined(" ", [el("span", cell) for cell in cells])
    inside: Child = (
        grouped(trajectory_fragments(trajectory, limits, charts=False))
        if limits
        else note("not shown for its size; see ", el("code", f"view[{position}]"))
    )
    return el("details", el("summary", line), inside, class_="ak-line")


def _cells(position: int, trajectory: Trajectory) -> list[Child]:
    turns, calls, elapsed = _numbers(trajectory)
    problems = problem_count(trajectory)
    icon, tone, words = outcome_of(trajectory, problems)
    shown = re.split("[:,]", words)[0]  # the number of problems has a column, the reason is inside
    ending = el("span", icon, " ", shown, class_=f"ak-status ak-{tone}")
    return [
        el("small", position),
        code(headline(first_words(trajectory, _ASKED))),
        turns,
        calls,
        trouble(problems) or "no problems",
        elapsed,
        ending,
    ]


def _numbers(trajectory: Trajectory) -> tuple[str, str, str]:
    turns = trajectory.all_turns
    times = [elapsed for turn in turns if (elapsed := turn.elapsed) is not None]
    calls = sum(len(turn.tool_calls) for turn in turns)
    return (
        count(len(turns), "turn"),
        count(calls, "call"),
        seconds(sum(times)) if times else "",
    )
