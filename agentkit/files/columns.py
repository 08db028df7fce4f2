"""The columns of a table of rollouts: what each is in a rollout that is read, and in a line of an
index that is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from agentkit.trajectory.trouble.points import (
    ProblemPoint,
    number_of,
    problem_count,
    problem_points,
    server,
    tool_error_count,
)
from agentkit.types.record import clip
from agentkit.types.trajectory import Message, ToolResult, Trajectory, Turn

Kind = Literal["number", "text", "names"]
"""`names`: several names, with a space between them."""
_PLACED = ("prompt_index", "sample", "reward", "notes")
"""What a batch notes of every rollout: it has a place of its own, or is said by its prompt."""
_TASK = ("task", "prompt_index", "sample")
"""What says of which task a rollout is, the surest first."""
_META = 5
"""Columns of meta a page has room for."""
PROMPT = 120
"""Characters of a prompt in a table."""
FINAL = 300
"""Characters of a final answer that the last line of a rollout holds."""
ENDS = ("elapsed", "cost", "server", "tools", "codes", "tool_errors", "error", "final")
"""Columns that the last line of a rollout in a file holds."""
_NOT_RUN = ("tool:skipped", "tool:cancelled")
"""Codes of tools that somebody or a limit kept from running: they did not fail."""
_LARGE, _LARGEST = 1 << 63, 10**300
"""A column holds whole numbers below the first exactly, and below the second about."""
_RAISED = re.compile(r"([A-Za-z_]\w{0,40}):")
_PROGRAM = re.compile(r'"system_fingerprint":"([A-Za-z]\w{0,20})-(\d[\w.]{0,20})')
_HALF = re.compile("[\ud800-\udfff]")
_AROUND = 4000
"""Characters at both ends of an answer that are searched for what answered."""


UNREAD: Any = object()
"""What an entry of an index gives for a column that its file does not hold."""


class Column(NamedTuple):
    """One column. A value is a number, a text, or None where it is not known."""

    name: str
    kind: Kind
    of: Callable[[Trajectory], Any]
    indexed: Callable[[Any], Any] | None = None
    """The same from an entry of an index, `UNREAD` where the rollout must be read for it; None
    where it must be of every rollout.
    """


def first_words(trajectory: Trajectory, limit: int = 60) -> str:
    """Take the start of what the user asked, on one line."""
    asked = _asked(trajectory)
    return clip(asked.content, limit) if asked else ""


def _asked(trajectory: Trajectory) -> Message | None:
    messages = (
        *trajectory.prompt,
        *(message for turn in trajectory.all_turns for message in turn.added),
        *(trajectory.open.added if trajectory.open else ()),
    )
    return next(
        (message for message in messages if message.role == "user"),
        messages[0] if messages else None,
    )


def asked_of(trajectory: Trajectory) -> list[Mapping[str, Any]]:
    """List what says that two rollouts were asked the same: the messages they begin with; where an
    answer comes before the user, what the user said then, too; where nobody said anything, the task
    that is noted. Empty where nothing tells it.
    """
    prompt, asked = trajectory.prompt, _asked(trajectory)
    wires: list[Mapping[str, Any]] = [message.wire for message in prompt]
    if asked and asked.content and all(message is not asked for message in prompt):
        return [*wires, {"said": asked.content}]
    if wires:
        return wires
    noted = noted_task(trajectory.meta.get)
    return [dict([noted])] if noted else []


def noted_task(value: Callable[[str], Any]) -> tuple[str, Any] | None:
    """Find what was noted of the task of a rollout, by its name; None where nothing was.

    Args:
        value: gives what was noted under a name, None for nothing.
    """
    return next(((name, found) for name in _TASK if (found := value(name)) is not None), None)


def token_sum(trajectory: Trajectory, name: str) -> int | None:
    """Add up a count of `Usage` over the turns that say it; None where none does."""
    usages = [turn.response.usage for turn in trajectory.all_turns]
    said = [count for usage in usages if usage and (count := getattr(usage, name)) is not None]
    return sum(said) if said else None


def _elapsed(trajectory: Trajectory) -> float | None:
    times = [elapsed for turn in trajectory.all_turns if (elapsed := turn.elapsed) is not None]
    return round(sum(times), 6) if times else None


def _tools(trajectory: Trajectory) -> str:
    return " ".join(
        dict.fromkeys(call.name or "?" for turn in trajectory.all_turns for call in turn.tool_calls)
    )


def _code(point: ProblemPoint) -> str:
    """Name a problem; of a tool that raised, `tool:PermissionError`."""
    if point.source != "tool" or not isinstance(point.cause, ToolResult):
        return point.code
    raised = _RAISED.match(point.cause.error or "") if point.code == "error" else None
    return f"tool:{raised[1] if raised else point.code}"


def _codes(points: Iterable[ProblemPoint]) -> str:
    return " ".join(sorted(set(map(_code, points))))


def tool_failed(codes: Any) -> bool:
    """Tell from a value of the column `codes` whether a tool failed."""
    names = str(codes or "").split(" ")
    return any(name.startswith("tool:") and name not in _NOT_RUN for name in names)


def problem_values(trajectory: Trajectory) -> dict[str, Any]:
    """Work out the columns that are made of the problems, which are looked for once."""
    points = list(problem_points(trajectory))
    problems = number_of(points)
    ended = ending_words(trajectory.stop_reason, problems)
    return {"problems": problems, "ended": ended, "codes": _codes(points)}


def _server(trajectory: Trajectory) -> str | None:
    return next((found for turn in trajectory.all_turns if (found := _answered_by(turn))), None)


def _answered_by(turn: Turn) -> str | None:
    """Name what answered: `vllm 0.32.0` where the answer says so, else host and port."""
    text = turn.response.exchange.text
    known = _PROGRAM.search(text[:_AROUND]) or _PROGRAM.search(text[-_AROUND:])
    return f"{known[1]} {known[2]}" if known else server(turn)


def ending_words(stop_reason: str | None, problems: int) -> str:
    """Say how a rollout ended; an answer with problems is another end than one without."""
    if stop_reason == "final":
        return "with problems" if problems else "answered"
    return (stop_reason or "open").replace("_", " ")


def end_columns(trajectory: Trajectory) -> dict[str, Any]:
    """Work out the columns that the last line of a rollout in a file holds beside its totals, so
    that a table of the file needs none of its answers. What is not known is left out; a final
    answer that is too long is None, and read when it is asked for.
    """
    found = {column.name: column.of(trajectory) for column in HIDDEN if column.name in ENDS}
    found["tool_errors"] = found["tool_errors"] or None  # `codes` says that there are none
    known = {name: value for name, value in found.items() if value not in (None, "")}
    return known if len(known.get("final", "")) <= FINAL else {**known, "final": None}


def _at_end(name: str) -> Callable[[Any], Any]:
    def indexed(entry: Any) -> Any:
        columns = entry.columns
        if columns is None or (name in columns and columns[name] is None):
            return UNREAD  # of an older version, or too long for the line
        return columns.get(name)

    return indexed


def _final_entry(entry: Any) -> Any:
    found = _at_end("final")(entry)
    return UNREAD if found is None and entry.stop_reason == "final" else found  # "", or none


def _names_at_end(name: str) -> Callable[[Any], Any]:
    return lambda entry: UNREAD if entry.columns is None else entry.columns.get(name, "")


def _tool_errors_entry(entry: Any) -> Any:
    codes = _names_at_end("codes")(entry)
    if codes is UNREAD or not tool_failed(codes):
        return UNREAD if codes is UNREAD else 0
    return entry.columns.get("tool_errors", UNREAD)  # a line of an older version has no number


def _problems_entry(entry: Any) -> Any:
    return UNREAD if entry.problems is None else entry.problems


def _ending_entry(entry: Any) -> Any:
    if entry.stop_reason == "final" and entry.problems is None:
        return UNREAD
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
    if type(value) is int and not -_LARGE <= value < _LARGE:
        return float(value) if abs(value) < _LARGEST else repr(value)[:200]
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, Mapping) and set(value) == {"format", "lost"}:
        return _import_words(value["format"], value["lost"])
    return repr(value)[:200]


def _import_words(name: Any, lost: Any) -> str:
    """Say what a rollout of another tool's file was read as, and how much of it was not read."""
    count = sum(lost.values()) if isinstance(lost, Mapping) else 0
    return f"{name}, {count:,} lost" if count else str(name)


COLUMNS = (
    Column("prompt", "text", lambda t: first_words(t, PROMPT), lambda e: e.prompt),
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
        _problems_entry,
    ),
    Column(
        "input_tokens", "number", lambda t: token_sum(t, "input_tokens"), lambda e: e.input_tokens
    ),
    Column(
        "output_tokens",
        "number",
        lambda t: token_sum(t, "output_tokens"),
        lambda e: e.output_tokens,
    ),
    Column(
        "stop_reason", "text", lambda t: t.stop_reason or "open", lambda e: e.stop_reason or "open"
    ),
)
"""Every table has these, in this order."""
HIDDEN = (
    Column("ended", "text", lambda t: ending_words(t.stop_reason, problem_count(t)), _ending_entry),
    Column("elapsed", "number", _elapsed, _at_end("elapsed")),
    Column("cost", "number", lambda t: t.cost, _at_end("cost")),
    Column("model", "text", lambda t: t.spec.model, lambda e: e.model),
    Column("server", "text", _server, _at_end("server")),
    Column("dialect", "text", lambda t: t.spec.dialect, lambda e: e.dialect),
    Column("tools", "names", _tools, _names_at_end("tools")),
    Column("codes", "names", lambda t: _codes(problem_points(t)), _names_at_end("codes")),
    Column("tool_errors", "number", tool_error_count, _tool_errors_entry),
    Column("error", "text", lambda t: t.error.kind if t.error else None, _at_end("error")),
    Column("final", "text", lambda t: t.final, _final_entry),
)
"""These can be filtered and sorted by, and are in the frame; the page has no room for them."""


FILE = Column("file", "text", lambda t: t.file)
"""Of rollouts that were read from several files."""


def columns_of(
    kinds: Mapping[str, Kind], dialects: Iterable[str] = (), files: bool = False
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """List every column by its name, and the names of those a page shows.

    Args:
        kinds: the names in the `meta` of the rollouts, which are columns, too, and what each holds.
        dialects: what they speak, which is shown where it is not one.
        files: whether they come from several files.
    """
    filed = (FILE,) if files else ()
    fixed = {column.name: column for column in (*COLUMNS, *HIDDEN, *filed)}
    own = {name: meta_of(name, kind) for name, kind in kinds.items() if name not in fixed}
    noted_shown = [name for name in own if name not in _PLACED][:_META]
    reward = ["reward"] if "reward" in own else []
    numbers = [column.name for column in COLUMNS[1:-1]]
    spoken = ["dialect"] if len(set(dialects)) > 1 else []
    before = ("prompt", *(column.name for column in filed), *reward, "ended", *spoken)
    return {**fixed, **own}, (*before, *noted_shown, *numbers)


def is_name(key: Any) -> bool:
    """Tell whether a key of `meta` can name a column: a text without half a surrogate pair."""
    return isinstance(key, str) and (key.isascii() or _HALF.search(key) is None)


def names_in(noted: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the names in the `meta` of some rollouts, in their order."""
    return list(dict.fromkeys(name for meta in noted for name in meta if is_name(name)))


def kinds_of(
    noted: Iterable[Mapping[str, Any]], known: Iterable[str] | None = None
) -> dict[str, Kind]:
    """List what was noted, and whether all of it under a name are numbers.

    Args:
        noted: the `meta` of the rollouts.
        known: names that come first, the others follow in the order of the alphabet; None: all
            are in the order in which they first occur.
    """
    kinds: dict[str, Kind] = {}
    for name, value in (pair for meta in noted for pair in meta.items() if is_name(pair[0])):
        if kinds.get(name) != "text":
            kinds[name] = "number" if value is None or _is_number(value) else "text"
    if known is None:
        return kinds
    first = [name for name in known if name in kinds]
    return {name: kinds[name] for name in (*first, *sorted(kinds.keys() - set(first)))}


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) < _LARGEST
