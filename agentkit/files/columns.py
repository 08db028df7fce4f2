"""The columns of a table of rollouts: what each is in a rollout that is read, and in a line of an
index that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from agentkit.trajectory.trouble.points import problem_count, problem_points, server
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory

Kind = Literal["number", "text", "names"]
"""`names`: several names, with a space between them."""
_PLACED = ("prompt_index", "sample", "reward", "notes")
"""What a batch notes of every rollout: it has a place of its own, or is said by its prompt."""
_META = 5
"""Columns of meta a page has room for."""


class Column(NamedTuple):
    """One column. A value is a number, a text, or None where it is not known."""

    name: str
    kind: Kind
    of: Callable[[Trajectory], Any]
    indexed: Callable[[Any], Any] | None = None
    """The same from an entry of an index; None where the rollout must be read for it."""


def first_words(trajectory: Trajectory) -> str:
    """Take the start of what the user asked, on one line."""
    messages = (
        *trajectory.prompt,
        *(message for turn in trajectory.all_turns for message in turn.added),
    )
    asked = next(
        (message for message in messages if message.role == "user"),
        messages[0] if messages else None,
    )
    return clip(asked.content) if asked else ""


def _sum(name: str) -> Callable[[Trajectory], int]:
    return lambda t: sum(
        getattr(turn.response.usage, name) or 0 for turn in t.all_turns if turn.response.usage
    )


def _elapsed(trajectory: Trajectory) -> float | None:
    times = [elapsed for turn in trajectory.all_turns if (elapsed := turn.elapsed) is not None]
    return round(sum(times), 6) if times else None


def _tools(trajectory: Trajectory) -> str:
    return " ".join(
        dict.fromkeys(call.name or "?" for turn in trajectory.all_turns for call in turn.tool_calls)
    )


def _codes(trajectory: Trajectory) -> str:
    return " ".join(sorted({point.code for point in problem_points(trajectory)}))


def _server(trajectory: Trajectory) -> str | None:
    return next((found for turn in trajectory.all_turns if (found := server(turn))), None)


def ending_words(stop_reason: str | None, problems: int) -> str:
    """Say how a rollout ended; an answer with problems is another end than one without."""
    if stop_reason == "final":
        return "with problems" if problems else "answered"
    return (stop_reason or "open").replace("_", " ")


def _ending_entry(entry: Any) -> str | None:
    if entry.stop_reason == "final" and entry.problems is None:
        return None
    return ending_words(entry.stop_reason, entry.problems or 0)


def meta_of(name: str, kind: Kind) -> Column:
    """Make the column of something the caller noted."""
    return Column(
        name, kind, lambda t: plain_value(t.meta.get(name)), lambda e: plain_value(e.meta.get(name))
    )


def plain_value(value: Any) -> Any:
    """Make a value that can be sorted and shown on a line: of anything but numbers and texts a
    short text.
    """
    if value is None or isinstance(value, (int, float, str)):
        return value
    return repr(value)[:200]


COLUMNS = (
    Column("prompt", "text", first_words, lambda e: e.prompt),
    Column("turns", "number", lambda t: len(t.all_turns), lambda e: e.turns),
    Column(
        "calls",
        "number",
        lambda t: sum(len(turn.tool_calls) for turn in t.all_turns),
        lambda e: e.calls,
    ),
    Column(
        "problems",
        "number",
        problem_count,
        lambda e: e.problems,
    ),
    Column("input_tokens", "number", _sum("input_tokens"), lambda e: e.input_tokens),
    Column("output_tokens", "number", _sum("output_tokens"), lambda e: e.output_tokens),
    Column(
        "stop_reason", "text", lambda t: t.stop_reason or "open", lambda e: e.stop_reason or "open"
    ),
)
"""Every table has these, in this order."""
HIDDEN = (
    Column("ended", "text", lambda t: ending_words(t.stop_reason, problem_count(t)), _ending_entry),
    Column("elapsed", "number", _elapsed),
    Column("cost", "number", lambda t: t.cost),
    Column("model", "text", lambda t: t.spec.model, lambda e: e.model),
    Column("server", "text", _server),
    Column("tools", "names", _tools),
    Column("codes", "names", _codes),
    Column("error", "text", lambda t: t.error.kind if t.error else None),
    Column("final", "text", lambda t: t.final),
)
"""These can be filtered and sorted by, and are in the frame; the page has no room for them."""


def columns_of(noted: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Column], tuple[str, ...]]:
    """List every column by its name, those of the `meta` of these rollouts among them; and the
    names of those a page shows.
    """
    fixed = {column.name: column for column in (*COLUMNS, *HIDDEN)}
    own = {name: meta_of(name, kind) for name, kind in _kinds(noted).items() if name not in fixed}
    noted_shown = [name for name in own if name not in _PLACED][:_META]
    reward = ["reward"] if "reward" in own else []
    numbers = [column.name for column in COLUMNS[1:-1]]
    return {**fixed, **own}, ("prompt", *reward, "ended", *noted_shown, *numbers)


def _kinds(noted: Iterable[Mapping[str, Any]]) -> dict[str, Kind]:
    """List what was noted, and whether all of it under a name are numbers."""
    kinds: dict[str, Kind] = {}
    for name, value in (
        pair for meta in noted for pair in meta.items() if isinstance(pair[0], str)
    ):
        number = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        kinds[name] = "number" if number and kinds.get(name) != "text" else "text"
    return kinds
