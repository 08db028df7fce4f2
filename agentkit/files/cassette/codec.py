"""A rollout in its file: versioned JSON lines, one step a line. The cassette and the saved
trajectory are this one format.

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
not know are kept, and saved again (`Unknown`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import CassetteError, UsageError
from agentkit.files.cassette.json_records import from_json
from agentkit.files.cassette.lines import VERSION, Line, unknown_fields, with_fields, with_unknown
from agentkit.read.plain import compact_json, plain
from agentkit.trajectory.edit import changed, with_adopted
from agentkit.trajectory.loop import FAILED, accepted, apply, close, rewrite, start
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, OpenTurn, Parent, Spec, ToolResult, Trajectory
from agentkit.types.unknown import Unknown
from agentkit.types.wire import Exchange

MISFIT = (UsageError, KeyError, TypeError, AttributeError)
"""What a line raises that does not fit what came before it."""


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
                trajectory = accepted(trajectory)
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
            reason = line.get("stop_reason")
            if reason in ("final", "length", "max_turns"):
                trajectory = accepted(trajectory)
            there = len(trajectory.all_turns)
            if line.get("totals", {}).get("turns", 0) > there or (reason == "final" and not there):
                raise UsageError(f"only {there} turns are there")
            failed = (
                trajectory.attempts[-1].error if reason in FAILED and trajectory.attempts else None
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
