"""Rollouts as a list: a line for each, its conversation behind a click. A great many are a
table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from agentkit.files.cassette.columns import columns_of, first_words
from agentkit.show.html import Child, Html, el, joined
from agentkit.show.render.parts.block import code, note, status
from agentkit.show.render.parts.table import table_fragments, table_lines
from agentkit.show.render.parts.words import tally
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.show.render.rollout.outline import Limits
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count, seconds

_SHARE = 4
"""A conversation in a list shows this fraction of what it would show alone."""


def many_fragments(trajectories: Sequence[Trajectory], limits: Limits) -> dict[str, Html]:
    """A fragment per rollout (`rollout-3`), conversations within as long as there is room; of a
    great many the first rows of a table.
    """
    if len(trajectories) > limits.listed:
        return table_fragments(*_table(trajectories, limits), len(trajectories))
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


def _table(
    trajectories: Sequence[Trajectory], limits: Limits
) -> tuple[tuple[str, ...], list[list[Any]]]:
    first = list(islice(trajectories, limits.rows))
    columns, shown = columns_of(trajectory.meta for trajectory in first)
    return ("rollout", *shown), [
        [place, *(columns[name].of(t) for name in shown)] for place, t in enumerate(first)
    ]


def _rollout(position: int, trajectory: Trajectory, limits: Limits | None) -> Html:
    cells = _cells(position, trajectory)
    line = joined(" ", [el("span", cell) for cell in cells])
    inside: Child = (
        list(trajectory_fragments(trajectory, limits, charts=False).values())
        if limits
        else note("not shown for its size; see ", el("code", f"view[{position}]"))
    )
    return el("details", el("summary", line), inside, class_="ak-line")


def _cells(position: int, trajectory: Trajectory) -> list[Child]:
    turns, calls, problems, elapsed = _numbers(trajectory)
    ending = status(trajectory.stop_reason or "open")
    return [
        el("small", position),
        code(first_words(trajectory)),
        turns,
        calls,
        problems or "no problems",
        elapsed,
        ending,
    ]


def many_lines(trajectories: Sequence[Trajectory], limits: Limits) -> Iterator[str]:
    """A line of plain text per rollout."""
    if len(trajectories) > limits.listed:
        yield from table_lines(*_table(trajectories, limits), len(trajectories))
        return
    for i, trajectory in enumerate(trajectories):
        words = [*_numbers(trajectory), trajectory.stop_reason or "open"]
        yield f"{i:>3}  {first_words(trajectory):<60}  {', '.join(filter(None, words))}"


def _numbers(trajectory: Trajectory) -> tuple[str, str, str, str]:
    turns = trajectory.all_turns
    times = [elapsed for turn in turns if (elapsed := turn.elapsed) is not None]
    calls = sum(len(turn.tool_calls) for turn in turns)
    return (
        count(len(turns), "turn"),
        count(calls, "call"),
        tally(trajectory.problems),
        seconds(sum(times)) if times else "",
    )
