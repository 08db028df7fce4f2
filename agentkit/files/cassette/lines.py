"""The lines of a rollout: writing them, and the fields that each kind has.

A version-1 file only ever gains fields and kinds of lines. Those of a version that is newer than
this one are hung on the record they came with (`Unknown`), so that saving again loses nothing:
fields of a line on what the line accounts for, a whole line of an unknown kind on the answer before
it, on the rollout where there is none yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from agentkit.files.cassette.json_records import to_json
from agentkit.files.columns import end_columns, token_sum
from agentkit.read.plain import plain
from agentkit.trajectory.loop import stop_reason_after
from agentkit.trajectory.trouble.points import number_of, trouble_count
from agentkit.types.answer import Response
from agentkit.types.record import Unknown
from agentkit.types.trajectory import Attempt, OpenTurn, ToolResult, Trajectory, Turn
from agentkit.types.wire import Exchange

VERSION = 1
Line = dict[str, Any]
Keeper = TypeVar("Keeper", Exchange, ToolResult, OpenTurn, Trajectory)

NOTES = ("owner", "torn", "damage")
"""Steps that say something of the file, and nothing of the rollout."""
_FIRST = frozenset({"agentkit", "kind", "sample", "spec", "prompt", "parent", "meta", "owner"})
_GIVEN = frozenset({"step", "sample", "turn", "kept", "added", "sampling"})
_KNOWN: dict[str, frozenset[str]] = {
    "model": _GIVEN | {"exchange"},  # its request_key is kept as an unknown field is
    "open": _GIVEN,
    "tool": frozenset({"step", "sample", "turn", "position", "result"}),
    "adopt": frozenset({"step", "sample", "turn", "recoverable"}),
    "change": frozenset({"step", "sample", "turn", "position", "arguments"}),
    "close": frozenset({"step", "sample", "turn"}),
    "meta": frozenset({"step", "sample", "meta"}),
    "end": frozenset({"step", "sample", "stop_reason", "totals", "columns"}),
    **dict.fromkeys((*NOTES, "stream"), frozenset()),
}
"""The fields of each kind of line, by its step."""
TOTALS = frozenset({"turns", "calls", "problems", "trouble", "input_tokens", "output_tokens"})


def dump(trajectory: Trajectory, sample: int = 0) -> list[Line]:
    """Write a trajectory as lines, in the order the steps happened."""
    lines = [head(trajectory, sample), *lines_behind(trajectory, 0, sample)]
    failed = list(trajectory.attempts)
    turns: tuple[Turn | OpenTurn, ...] = (
        *trajectory.turns,
        *([trajectory.open] if trajectory.open else ()),
    )
    for index, turn in enumerate(turns):
        while failed and failed[0].turn == index:
            lines.extend(_failed_lines(failed.pop(0), sample, turn))
        if turn.response is not None:
            lines.extend(_turn_lines(index, turn, turn.response, sample))
        elif isinstance(turn, OpenTurn) and (turn != OpenTurn() or turn.unknown):
            opened = {"step": "open", "sample": sample, "turn": index, **_given(turn)}
            lines.append({**opened, **fields_of(turn, "open")})
    for attempt in failed:
        lines.extend(_failed_lines(attempt, sample))
    if trajectory.damage:
        lines.append(damage_line(trajectory, sample))
    if (
        trajectory.stop_reason is not None
        or trajectory.attempts
        or _goes_on_after_its_end(trajectory)
    ):
        lines.append(end(trajectory, sample))
    return lines


def _failed_lines(
    attempt: Attempt, sample: int, given: Turn | OpenTurn | None = None
) -> Iterator[Line]:
    """Write a request that failed, and what came behind it."""
    yield model_line(attempt.turn, attempt.exchange, sample, given)
    yield from lines_behind(attempt.exchange, 0, sample)


def _turn_lines(
    index: int, turn: Turn | OpenTurn, response: Response, sample: int
) -> Iterator[Line]:
    """Write a turn that has its answer, with the results there are."""
    exchange, written = response.exchange, 0
    yield model_line(index, exchange, sample, turn)
    yield from edit_lines(index, response, sample)
    yield from lines_behind(exchange, written, sample)
    for position, result in enumerate(turn.results):
        if result is not None:
            yield tool_line(index, position, result, sample)
            written += 1
            yield from lines_behind(exchange, written, sample)
    if isinstance(turn, Turn) and None in turn.results:
        closing = {"step": "close", "sample": sample, "turn": index}
        yield {**closing, **fields_of(exchange, "close")}


def _goes_on_after_its_end(trajectory: Trajectory) -> bool:
    """Tell whether the last turn would end a rollout and did not, as in the past of one that was
    gone on with.
    """
    turns, opened = trajectory.turns, trajectory.open
    return (
        opened is None
        and bool(turns)
        and stop_reason_after(turns[-1], len(turns), trajectory.spec.max_turns) is not None
    )


def head(trajectory: Trajectory, sample: int = 0) -> Line:
    """Write the first line of a sample: what it was run with."""
    line: Line = {
        "agentkit": VERSION,
        "kind": "rollout",
        "sample": sample,
        "spec": to_json(trajectory.spec),
    }
    line["prompt"] = plain([message.wire for message in trajectory.prompt])
    if trajectory.parent is not None:
        left, unknown = trajectory.parent, trajectory.parent.unknown
        line["parent"] = {"turn": left.turn, "change": left.change}
        line["parent"].update(unknown.fields if unknown else {})
    if trajectory.meta:
        line["meta"] = plain(trajectory.meta)
    return {**line, **fields_of(trajectory, "first")}


def model_line(
    turn: int,
    exchange: Exchange,
    sample: int = 0,
    given: Turn | OpenTurn | None = None,
    key: str | None = None,
) -> Line:
    """Write the line of a model step.

    Args:
        turn: the turn's index, from 0.
        exchange: the answer as it crossed the wire.
        sample: the rollout's index in the file.
        given: the turn, for what the caller did before it.
        key: the digest of the request's body, where it is recorded; that of the file it was loaded
            from by default.
    """
    line: Line = {"step": "model", "sample": sample, "turn": turn}
    if given is not None:
        line.update(_given(given))
    kept = fields_of(exchange, "model")
    key = key or kept.get("request_key")
    if key:
        line["request_key"] = key
    line["exchange"] = to_json(exchange)
    return {**line, **{name: value for name, value in kept.items() if name not in line}}


def edit_lines(turn: int, response: Response, sample: int = 0) -> Iterator[Line]:
    """Write what a person did to the calls of an answer: first what was adopted, then what was
    changed.

    Args:
        turn: the turn's index, from 0.
        response: its answer.
        sample: the rollout's index in the file.
    """
    exchange = response.exchange
    for call in response.tool_calls:
        if call.adopted is not None:
            line = {"step": "adopt", "sample": sample, "turn": turn, "recoverable": call.adopted}
            yield {**line, **fields_of(exchange, f"adopt {call.adopted}")}
    for call in response.tool_calls:
        if call.sent_arguments is not None:
            line = change_line(turn, call.position, call.arguments, sample)
            yield {**line, **fields_of(exchange, f"change {call.position}")}


def change_line(
    turn: int, position: int, arguments: dict[str, Any] | None, sample: int = 0
) -> Line:
    """Write the line of a call whose arguments a person changed.

    Args:
        turn: the turn's index, from 0.
        position: the call's place in the turn, from 0.
        arguments: what they were changed to.
        sample: the rollout's index in the file.
    """
    return {
        "step": "change",
        "sample": sample,
        "turn": turn,
        "position": position,
        "arguments": plain(arguments),
    }


def tool_line(turn: int, position: int, result: ToolResult, sample: int = 0) -> Line:
    """Write the line of a tool step.

    Args:
        turn: the turn's index, from 0.
        position: the call's place in the turn, from 0.
        result: what came of it.
        sample: the rollout's index in the file.
    """
    data = to_json(replace(result, trajectory=None) if result.trajectory else result)
    if result.trajectory is not None:
        data["trajectory"] = dump(result.trajectory)
    line = {"step": "tool", "sample": sample, "turn": turn, "position": position, "result": data}
    return {**line, **fields_of(result, "tool")}


def end(trajectory: Trajectory, sample: int = 0) -> Line:
    """Write the last line of a sample: why it stopped, None while it goes on; what it came to."""
    turns = trajectory.all_turns
    totals = {  # a count of none is left out; of tokens, none is not the same as 0
        "turns": len(turns) or None,
        "calls": sum(len(turn.tool_calls) for turn in turns) or None,
        "problems": number_of(trajectory.problems) or None,
        "trouble": (trajectory.stop_reason and trouble_count(trajectory)) or None,
        **{name: token_sum(trajectory, name) for name in ("input_tokens", "output_tokens")},
    }
    fields, other_totals = end_fields(trajectory)
    return {
        "step": "end",
        "sample": sample,
        "stop_reason": trajectory.stop_reason,
        "totals": {**{k: v for k, v in totals.items() if v is not None}, **other_totals},
        "columns": end_columns(trajectory),
        **fields,
    }


def owner_line(owner: str, sample: int = 0, *, mended: bool = False) -> Line:
    """Write the line of a run that takes a rollout up.

    Args:
        owner: the name of the run.
        sample: the rollout's index in the file.
        mended: whether lines of it were damaged, and it goes on from what could be read.
    """
    line: Line = {"step": "owner", "sample": sample, "owner": owner}
    return {**line, "mended": True} if mended else line


def torn_line(text: str, sample: int = 0) -> Line:
    """Write the line that keeps what a crash left of another."""
    return {"step": "torn", "sample": sample, "text": text}


def damage_line(trajectory: Trajectory, sample: int = 0) -> Line:
    """Write the line of what a rollout had lost when it was saved."""
    return {"step": "damage", "sample": sample, "messages": [p.message for p in trajectory.damage]}


def meta_line(meta: Mapping[str, Any], sample: int = 0) -> Line:
    """Write the line of what became known of a rollout after it had begun."""
    return {"step": "meta", "sample": sample, "meta": plain(meta)}


def _given(turn: Turn | OpenTurn) -> Line:
    """Write what the caller did before a turn."""
    given: Line = {} if turn.kept is None else {"kept": turn.kept}
    if turn.added:
        given["added"] = plain([message.wire for message in turn.added])
    return given if turn.sampling is None else {**given, "sampling": plain(turn.sampling)}


def unknown_fields(line: Line) -> Line:
    """Pick the fields of a line that this version does not know; of an unknown kind, all."""
    known = _FIRST if "agentkit" in line else _KNOWN.get(str(line.get("step")), frozenset())
    if line.keys() <= known:
        return {}
    return {name: value for name, value in line.items() if name not in known}


def with_fields(keeper: Keeper, line: str, fields: Line) -> Keeper:
    """Hang unknown fields of a line on the record that accounts for it; the record itself
    where there are none.

    Args:
        keeper: the record.
        line: which line, as `Unknown.lines` names it.
        fields: the unknown fields.
    """
    if not fields:
        return keeper
    unknown = keeper.unknown or Unknown()
    return replace(keeper, unknown=replace(unknown, lines={**unknown.lines, line: fields}))


def fields_of(
    keeper: Exchange | ToolResult | OpenTurn | Trajectory, line: str
) -> Mapping[str, Any]:
    """Look up the unknown fields of a line that the record accounts for."""
    return keeper.unknown.lines.get(line, {}) if keeper.unknown else {}


def lines_behind(keeper: Exchange | Trajectory, results: int, sample: int) -> Iterator[Line]:
    """Give the unknown lines that came behind an answer.

    Args:
        keeper: the answer; the rollout for those before the first.
        results: give those that came when the turn had this many results.
        sample: the rollout's index in the file they are written to.
    """
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
            others = {name: value for name, value in totals.items() if name not in TOTALS}
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
