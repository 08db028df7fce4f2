"""Records as versioned JSON lines, one step a line, and back. The cassette and the saved trajectory
are this one format.

    {"agentkit": 1, "kind": "rollout", "sample": 0, "spec": {…}, "prompt": […], "meta": {…}}
    {"step": "model", "sample": 0, "turn": 0, "request_key": "…", "exchange": {…}}
    {"step": "tool", "sample": 0, "turn": 0, "position": 0, "result": {…}}
    {"step": "end", "sample": 0, "stop_reason": "final", "totals": {…}}

A step "adopt" and a step "change" hold what a person did to the calls of the answer before them. A
step "open" holds the caller's messages for a turn that has no answer yet; "close" ends a turn whose
calls were not all answered; "meta" adds to the rollout's meta what became known later, as its
reward. An "end" sums up for whoever looks at the file without reading all of it.

A line of a model step holds the raw exchange, not its reading: loading reads it again. What the
caller did before a turn is on that turn's line (`kept`, `added`, `sampling`). The rollout of a
sub-agent is on the line of the tool it ran in, as a list of its own lines (`result.trajectory`).
Lines of several samples may be mixed, and a rollout may go on after its end. A torn line is what a
crash leaves; it is reported and ignored where the rollout it belonged to ends there, or went on
from the line before.

Version 1 is read for good and only gains fields. Fields and kinds of lines that this version does
not know are kept, and saved again (`unknown_data`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import CassetteError, UsageError
from agentkit.files.cassette.json_records import from_json, to_json
from agentkit.files.cassette.unknown_data import (
    Line,
    end_fields,
    fields_of,
    lines_behind,
    unknown_fields,
    with_fields,
    with_unknown,
)
from agentkit.read.plain import plain
from agentkit.read.utf8 import compact_json
from agentkit.trajectory.edit import changed, with_adopted
from agentkit.trajectory.loop import Answer, Result, apply, close, rewrite, start, stop_reason_after
from agentkit.types.answer import Response
from agentkit.types.trajectory import (
    Attempt,
    Message,
    OpenTurn,
    Parent,
    Spec,
    ToolResult,
    Trajectory,
    Turn,
)
from agentkit.types.unknown import Unknown
from agentkit.types.wire import Exchange

VERSION = 1
MISFIT = (UsageError, KeyError, TypeError, AttributeError)
"""What a line raises that does not fit what came before it."""


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
        key: the digest of the request's body, where it is recorded.
    """
    line: Line = {"step": "model", "sample": sample, "turn": turn}
    if given is not None:
        line.update(_given(given))
    if key:
        line["request_key"] = key
    line["exchange"] = to_json(exchange)
    return {**line, **fields_of(exchange, "model")}


def edit_lines(turn: int, response: Response, sample: int = 0) -> Iterator[Line]:
    """Write what a person did to the calls of an answer: first what was adopted, then what was
    changed.
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
    """Write the line of a call whose arguments a person changed."""
    return {
        "step": "change",
        "sample": sample,
        "turn": turn,
        "position": position,
        "arguments": plain(arguments),
    }


def tool_line(turn: int, position: int, result: ToolResult, sample: int = 0) -> Line:
    """Write the line of a tool step."""
    data = to_json(replace(result, trajectory=None) if result.trajectory else result)
    if result.trajectory is not None:
        data["trajectory"] = dump(result.trajectory)
    line = {"step": "tool", "sample": sample, "turn": turn, "position": position, "result": data}
    return {**line, **fields_of(result, "tool")}


def end(trajectory: Trajectory, sample: int = 0) -> Line:
    """Write the last line of a sample: why it stopped, None where it can go on, and what it came
    to.
    """
    turns = trajectory.all_turns
    usages = [turn.response.usage for turn in turns if turn.response.usage]
    totals = {
        "turns": len(turns),
        "calls": sum(len(turn.tool_calls) for turn in turns),
        "problems": len(trajectory.problems),
        "input_tokens": sum(usage.input_tokens or 0 for usage in usages),
        "output_tokens": sum(usage.output_tokens or 0 for usage in usages),
    }
    fields, other_totals = end_fields(trajectory)
    return {
        "step": "end",
        "sample": sample,
        "stop_reason": trajectory.stop_reason,
        "totals": {**{k: v for k, v in totals.items() if v}, **other_totals},
        **fields,
    }


def meta_line(meta: Mapping[str, Any], sample: int = 0) -> Line:
    """Write the line of what became known of a rollout after it had begun."""
    return {"step": "meta", "sample": sample, "meta": plain(meta)}


def _given(turn: Turn | OpenTurn) -> Line:
    """Write what the caller did before a turn."""
    given: Line = {} if turn.kept is None else {"kept": turn.kept}
    if turn.added:
        given["added"] = plain([message.wire for message in turn.added])
    return given if turn.sampling is None else {**given, "sampling": plain(turn.sampling)}


def request_key(body: Mapping[str, Any]) -> str:
    """Make a short digest of a request's body, equal for requests that ask the same."""
    text = json.dumps(plain(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prompt_key(prompt: Iterable[Mapping[str, Any]]) -> str:
    """Make a short digest of the messages, as they are on the wire, that a rollout begins with."""
    return request_key({"prompt": list(prompt)})


def encode_line(line: Line) -> str:
    """Write a line as text with its newline; text that UTF-8 cannot carry is escaped."""
    return compact_json(line) + "\n"


def decode_lines(
    text: Iterable[str], torn: Callable[[str], None] = lambda message: None
) -> Iterator[Line]:
    """Read the lines of a file.

    Args:
        text: the file, or its lines as text.
        torn: called with a sentence about each torn line: the last one, or one that later lines
            were appended behind.

    Raises:
        CassetteError: the file is not ours, or of a newer version.
    """
    for number, raw in enumerate(text, 1):
        if not raw.strip():
            continue
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            line = None
        if line is None and number > 1:
            torn(f"line {number} is torn and is ignored")
        else:
            yield checked_line(line, number)


def checked_line(line: Any, number: int) -> Line:
    """Return the line where it can be one of ours.

    Raises:
        CassetteError: it cannot, or a newer agentkit wrote it.
    """
    if not isinstance(line, dict) or (number == 1 and "agentkit" not in line):
        raise CassetteError(
            f"line {number} is not a line of an agentkit file",
            hint="a chat JSONL is read with ak.view(path)",
        )
    version = line.get("agentkit", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise CassetteError(
            f"the file has version {version!r}; this agentkit reads up to {VERSION}",
            hint="upgrade agentkit",
        )
    return line


def load_lines(lines: Iterable[Line]) -> list[Trajectory]:
    """Read the trajectories of a file, in the order of their sample index; every raw exchange is
    read again.

    Raises:
        CassetteError: a step comes where none can.
    """
    samples = load_samples(lines)
    return [samples[index] for index in sorted(samples)]


def load_samples(lines: Iterable[Line]) -> dict[int, Trajectory]:
    """Read the trajectories of a file by sample index.

    Raises:
        CassetteError: a step comes where none can.
    """
    samples: dict[int, Trajectory] = {}
    numbers = Numbering()
    for line in lines:
        given = line.get("sample", 0)
        sample = numbers.begin(given) if "agentkit" in line else numbers.of(given)
        if sample is None:
            raise CassetteError(f"a step of sample {given} stands before its first line")
        try:
            samples[sample] = begun(line) if "agentkit" in line else after(samples[sample], line)
        except MISFIT as exc:
            what = (
                f"the {line.get('step', 'first')} line of sample {given}, turn"
                f" {line.get('turn', 0)},"
            )
            raise CassetteError(
                f"{what} does not fit what stands before it: {exc}",
                hint="restore the file; lines are missing or changed",
            ) from exc
    return samples


class Numbering:
    """Sample indices, made unique where files that each count from 0 were joined into one."""

    def __init__(self) -> None:
        self._now: dict[Any, int] = {}
        self._used: set[int] = set()
        self._next = 0
        self.joined = False
        """Whether an index came twice."""

    def begin(self, sample: Any) -> int:
        """Give a rollout its index; the one its first line carries, where that is free."""
        index = sample if type(sample) is int and sample >= 0 else self._next
        if index in self._used:
            self.joined, index = True, self._next
        self._next = max(self._next, index + 1)
        self._used.add(index)
        self._now[sample] = index
        return index

    def of(self, sample: Any) -> int | None:
        """Find the rollout that a later line with this index belongs to."""
        return self._now.get(sample)


def begun(line: Line) -> Trajectory:
    """Begin the trajectory of a rollout's first line."""
    spec, prompt = (
        from_json(Spec, line["spec"]),
        [Message(wire=dict(wire)) for wire in line["prompt"]],
    )
    begun = (
        start(prompt, spec, line.get("meta"))
        if prompt
        else Trajectory(spec=spec, meta=dict(line.get("meta") or {}))
    )
    left = line.get("parent")
    if left:
        others = {name: value for name, value in left.items() if name not in ("turn", "change")}
        unknown = Unknown(fields=others) if others else None
        parent = Parent(turn=left["turn"], change=left["change"], unknown=unknown)
        begun = replace(begun, parent=parent)
    return with_fields(begun, "first", unknown_fields(line))


def after(trajectory: Trajectory, line: Line) -> Trajectory:
    """Add one line to a trajectory; one of a step that is not known is kept and changes nothing.

    Raises:
        MISFIT: the line does not fit what came before it.
    """
    now = _with_step(trajectory, line)
    # what is unknown on these two is kept with their records, before they are applied
    return now if line.get("step") in ("model", "tool") else with_unknown(now, line)


def _with_step(trajectory: Trajectory, line: Line) -> Trajectory:
    match line.get("step"):
        case "model" | "open":
            if line.get("turn", 0) > len(trajectory.turns):
                raise UsageError(f"the next turn is {len(trajectory.turns)}")
            trajectory = with_given(trajectory, line)
            if "exchange" not in line:
                return trajectory
            exchange = from_json(Exchange, line["exchange"])
            exchange = with_fields(exchange, "model", unknown_fields(line))
            return apply(trajectory, Answer(exchange=exchange))
        case "tool":
            result = with_fields(_result(line["result"]), "tool", unknown_fields(line))
            return apply(trajectory, Result(position=line["position"], result=result))
        case "adopt":
            return with_adopted(trajectory, line["turn"], line["recoverable"])
        case "change":
            return changed(trajectory, line["turn"], line["position"], line["arguments"])
        case "close":
            return close(trajectory)
        case "meta":
            return replace(trajectory, meta={**trajectory.meta, **line["meta"]})
        case "end":
            reason, there = line.get("stop_reason"), len(trajectory.all_turns)
            if line.get("totals", {}).get("turns", 0) > there or (reason == "final" and not there):
                raise UsageError(f"only {there} turns are there")
            failed = (
                trajectory.attempts[-1].error if reason == "error" and trajectory.attempts else None
            )
            return replace(trajectory, stop_reason=reason, error=failed)
    return trajectory


def _result(data: Any) -> ToolResult:
    """Read a result; the rollout of a sub-agent is lines of its own."""
    inner = data.get("trajectory") if isinstance(data, dict) else None
    if inner is None:
        result: ToolResult = from_json(ToolResult, data)
        return result
    plain_result: ToolResult = from_json(ToolResult, {**data, "trajectory": None})
    return replace(plain_result, trajectory=load_lines(inner)[0])


def with_given(trajectory: Trajectory, line: Line) -> Trajectory:
    """Bring a trajectory to where it was when the model step of this line began."""
    if trajectory.stop_reason is not None:
        trajectory = replace(trajectory, stop_reason=None, error=None)
    added = tuple(Message(wire=wire) for wire in line.get("added", ()))
    if "kept" in line:
        trajectory = rewrite(trajectory, line["kept"], added)
    elif added:
        trajectory = replace(trajectory, open=replace(trajectory.open or OpenTurn(), added=added))
    if "sampling" in line:
        trajectory = replace(
            trajectory, open=replace(trajectory.open or OpenTurn(), sampling=line["sampling"])
        )
    return trajectory
