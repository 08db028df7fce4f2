"""What a newer version wrote into a file of ours, kept from loading to saving.

A version-1 file only ever gains fields and kinds of lines. Those of a version that is newer than
this one are hung on the record they came with (`Unknown`), so that saving again loses nothing:
fields of a line on what the line stands for, a whole line of an unknown kind on the answer before
it, on the rollout where there is none yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory
from agentkit.types.unknown import Unknown
from agentkit.types.wire import Exchange

Line = dict[str, Any]
Keeper = TypeVar("Keeper", Exchange, ToolResult, OpenTurn, Trajectory)

_FIRST = frozenset({"agentkit", "kind", "sample", "spec", "prompt", "parent", "meta"})
_GIVEN = frozenset({"step", "sample", "turn", "kept", "added", "sampling"})
_KNOWN: dict[str, frozenset[str]] = {
    "model": _GIVEN | {"request_key", "exchange"},
    "open": _GIVEN,
    "tool": frozenset({"step", "sample", "turn", "position", "result"}),
    "adopt": frozenset({"step", "sample", "turn", "recoverable"}),
    "change": frozenset({"step", "sample", "turn", "position", "arguments"}),
    "close": frozenset({"step", "sample", "turn"}),
    "meta": frozenset({"step", "sample", "meta"}),
    "end": frozenset({"step", "sample", "stop_reason", "totals"}),
}
"""The fields of each kind of line, by its step."""
_TOTALS = frozenset({"turns", "calls", "problems", "input_tokens", "output_tokens"})


def unknown_fields(line: Line) -> Line:
    """Pick the fields of a line that this version does not know; of an unknown kind, all."""
    known = _FIRST if "agentkit" in line else _KNOWN.get(str(line.get("step")), frozenset())
    if line.keys() <= known:
        return {}
    return {name: value for name, value in line.items() if name not in known}


def with_fields(keeper: Keeper, line: str, fields: Line) -> Keeper:
    """Hang unknown fields of a line on the record the line stands for; itself where there are
    none.
    """
    if not fields:
        return keeper
    unknown = keeper.unknown or Unknown()
    return replace(keeper, unknown=replace(unknown, lines={**unknown.lines, line: fields}))


def fields_of(keeper: Keeper, line: str) -> Mapping[str, Any]:
    """Look up the unknown fields of a line that the record stands for."""
    return keeper.unknown.lines.get(line, {}) if keeper.unknown else {}


def lines_behind(keeper: Exchange | Trajectory, results: int, sample: int) -> Iterator[Line]:
    """Give the unknown lines that came behind an answer when its turn had this many results."""
    for at, line in keeper.unknown.behind if keeper.unknown else ():
        if at == results:
            yield {**line, "sample": sample}


def with_unknown(trajectory: Trajectory, line: Line) -> Trajectory:
    """Keep what is unknown in a line that has been applied, other than a model's or a tool's."""
    step, fields = line.get("step"), unknown_fields(line)
    match step:
        case "adopt":
            return _on_last(trajectory, f"adopt {line['recoverable']}", fields)
        case "change":
            return _on_last(trajectory, f"change {line['position']}", fields)
        case "close":
            return _on_last(trajectory, "close", fields)
        case "end":
            totals = line.get("totals") or {}
            others = {name: value for name, value in totals.items() if name not in _TOTALS}
            reason = line.get("stop_reason")
            kept = _on_last(trajectory, f"end {reason}", fields)
            return _on_last(kept, f"totals {reason}", others)
        case "open" if "exchange" not in line:
            opened = with_fields(trajectory.open or OpenTurn(), "open", fields)
            return replace(trajectory, open=opened) if fields else trajectory
        case "meta":  # its known part is in the first line when it is saved, and has no other
            return _behind_last(trajectory, {**line, "meta": {}}) if fields else trajectory
    return trajectory if str(step) in _KNOWN else _behind_last(trajectory, line)


def end_fields(trajectory: Trajectory) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Find what else the end of this rollout held, on its line and in its totals. A rollout that
    has gone on since, or stopped for another reason, has another end.
    """
    keeper = _last(trajectory) or trajectory
    reason = trajectory.stop_reason
    return fields_of(keeper, f"end {reason}"), fields_of(keeper, f"totals {reason}")


def _last(trajectory: Trajectory) -> Exchange | None:
    """Find the last answer, failed or not; None before the first."""
    opened, attempts = trajectory.open, trajectory.attempts
    if opened is not None and opened.response is not None:
        return opened.response.exchange
    if attempts and attempts[-1].turn == len(trajectory.turns):
        return attempts[-1].exchange
    return trajectory.turns[-1].response.exchange if trajectory.turns else None


def _with_last(trajectory: Trajectory, exchange: Exchange) -> Trajectory:
    """Put another exchange in place of the last answer's."""
    opened, attempts = trajectory.open, trajectory.attempts
    if opened is not None and opened.response is not None:
        response = replace(opened.response, exchange=exchange)
        return replace(trajectory, open=replace(opened, response=response))
    if attempts and attempts[-1].turn == len(trajectory.turns):
        last = replace(attempts[-1], exchange=exchange)
        return replace(trajectory, attempts=(*attempts[:-1], last))
    turn = trajectory.turns[-1]
    turn = replace(turn, response=replace(turn.response, exchange=exchange))
    return replace(trajectory, turns=(*trajectory.turns[:-1], turn))


def _on_last(trajectory: Trajectory, line: str, fields: Line) -> Trajectory:
    """Hang fields of a line on the last answer; on the rollout where there is none yet."""
    if not fields:
        return trajectory
    last = _last(trajectory)
    if last is None:
        return with_fields(trajectory, line, fields)
    return _with_last(trajectory, with_fields(last, line, fields))


def _behind_last(trajectory: Trajectory, line: Line) -> Trajectory:
    """Hang a whole line on the last answer; on the rollout where there is none yet."""
    last = _last(trajectory)
    unknown = (last or trajectory).unknown or Unknown()
    unknown = replace(unknown, behind=(*unknown.behind, (_results(trajectory), line)))
    if last is None:
        return replace(trajectory, unknown=unknown)
    return _with_last(trajectory, replace(last, unknown=unknown))


def _results(trajectory: Trajectory) -> int:
    """Count the results of the turn that had the last answer; 0 where that failed."""
    opened, attempts = trajectory.open, trajectory.attempts
    if opened is not None and opened.response is not None:
        return sum(result is not None for result in opened.results)
    if not trajectory.turns or (attempts and attempts[-1].turn == len(trajectory.turns)):
        return 0
    return len(trajectory.turns[-1].tool_results)
