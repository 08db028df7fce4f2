"""Many rollouts as a list: a line for each, its conversation behind a click."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from agentkit.html import Child, Html, el, joined
from agentkit.render.block import code, note, row, status
from agentkit.render.conversation import trajectory_fragments
from agentkit.render.outline import Limits
from agentkit.render.words import count, seconds, tally
from agentkit.types import Trajectory, clip

_SHARE = 4
"""A conversation in a list shows this fraction of what it would show alone."""


def many_fragments(trajectories: Sequence[Trajectory], limits: Limits) -> dict[str, Html]:
    """A fragment per rollout (`rollout-3`), conversations within as long as there is room."""
    inner = replace(limits, head=limits.head // _SHARE, tail=limits.tail // _SHARE, size=limits.size // _SHARE)
    parts: dict[str, Html] = {}
    room = limits.size
    for i, trajectory in enumerate(trajectories[: limits.items]):
        key = f"rollout-{i}"
        parts[key] = el("section", _rollout(i, trajectory, inner if room > 0 else None), class_="ak-rollout", data_key=key)
        room -= len(parts[key])
    if (rest := len(trajectories) - limits.items) > 0:
        parts["gap"] = row("gap", "aside", (None, note("… ", count(rest, "more trajectory"), " not shown here")))
    return parts


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
    return [el("small", position), code(first_words(trajectory)), turns, calls, problems or "no problems", elapsed, ending]


def many_lines(trajectories: Sequence[Trajectory], limits: Limits) -> Iterator[str]:
    """A line of plain text per rollout."""
    for i, trajectory in enumerate(trajectories[: limits.items]):
        words = [*_numbers(trajectory), trajectory.stop_reason or "open"]
        yield f"{i:>3}  {first_words(trajectory):<60}  {', '.join(filter(None, words))}"
    if (rest := len(trajectories) - limits.items) > 0:
        yield f"… {count(rest, 'more trajectory')} not shown here"


def _numbers(trajectory: Trajectory) -> tuple[str, str, str, str]:
    turns = trajectory.all_turns
    times = [elapsed for turn in turns if (elapsed := turn.elapsed) is not None]
    calls = sum(len(turn.tool_calls) for turn in turns)
    return count(len(turns), "turn"), count(calls, "call"), tally(trajectory.problems), seconds(sum(times)) if times else ""


def first_words(trajectory: Trajectory) -> str:
    """The start of what the user asked, on one line."""
    said = (*trajectory.prompt, *(message for turn in trajectory.all_turns for message in turn.added))
    asked = next((message for message in said if message.role == "user"), said[0] if said else None)
    return clip(asked.content) if asked else ""
