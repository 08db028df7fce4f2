"""Records as versioned JSON lines, one step a line, and back. The cassette and the saved trajectory
are this one format.

    {"agentkit": 1, "kind": "rollout", "sample": 0, "spec": {…}, "prompt": […], "meta": {…}}
    {"step": "model", "sample": 0, "turn": 0, "request_key": "…", "exchange": {…}}
    {"step": "tool", "sample": 0, "turn": 0, "position": 0, "result": {…}}
    {"step": "end", "sample": 0, "stop_reason": "final", "totals": {…}}

A step "adopt" and a step "change" hold what a person did to the calls of the answer before them. A
step "open" holds what was said for a turn that has no answer yet; "close" ends a turn whose calls
were not all answered; "meta" adds to the rollout's meta what became known later, as its reward. An
"end" sums up for whoever looks at the file without reading all of it.

A line of a model step holds the raw exchange, not its reading: loading reads it again. What the
    caller said before a turn stands on that turn's line (`kept`, `added`, `sampling`). Lines of
    several samples may be mixed, and a rollout may go on after its end. A torn line is what a crash
    leaves; it is reported and ignored where the rollout it belonged to ends there, or went on from
    the line before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import CassetteError, UsageError
from agentkit.files.cassette.json_records import from_json, to_json
from agentkit.read.plain import compact_json, plain
from agentkit.trajectory.edit import changed, with_adopted
from agentkit.trajectory.loop import Answer, Result, apply, close, rewrite, start, stop_reason_after
from agentkit.types.answer import Response
from agentkit.types.trajectory import Message, OpenTurn, Parent, Spec, ToolResult, Trajectory, Turn
from agentkit.types.wire import Exchange

VERSION = 1
MISFIT = (UsageError, KeyError, TypeError, AttributeError)
"""What a line raises that does not fit what stands before it."""
Line = dict[str, Any]


def dump(trajectory: Trajectory, sample: int = 0) -> list[Line]:
    """The lines of a trajectory, in the order the steps happened."""
    lines = [head(trajectory, sample)]
    failed = list(trajectory.attempts)
    turns: tuple[Turn | OpenTurn, ...] = (
        *trajectory.turns,
        *([trajectory.open] if trajectory.open else ()),
    )
    for index, turn in enumerate(turns):
        while failed and failed[0].turn == index:
            lines.append(model_line(index, failed.pop(0).exchange, sample, turn))
        if turn.response is not None:
            lines.append(model_line(index, turn.response.exchange, sample, turn))
            lines.extend(edit_lines(index, turn.response, sample))
        elif turn != OpenTurn():
            lines.append({"step": "open", "sample": sample, "turn": index, **_given(turn)})
        for position, result in enumerate(turn.results):
            if result is not None:
                lines.append(tool_line(index, position, result, sample))
        if isinstance(turn, Turn) and None in turn.results:
            lines.append({"step": "close", "sample": sample, "turn": index})
    lines.extend(model_line(attempt.turn, attempt.exchange, sample) for attempt in failed)
    if (
        trajectory.stop_reason is not None
        or trajectory.attempts
        or _goes_on_after_its_end(trajectory)
    ):
        lines.append(end(trajectory, sample))
    return lines


def _goes_on_after_its_end(trajectory: Trajectory) -> bool:
    """Whether the last turn would end a rollout and did not, as in the past of one that was gone on
    with.
    """
    turns, opened = trajectory.turns, trajectory.open
    return (
        opened is None
        and bool(turns)
        and stop_reason_after(turns[-1], len(turns), trajectory.spec.max_turns) is not None
    )


def head(trajectory: Trajectory, sample: int = 0) -> Line:
    """The first line of a sample: what it was run with."""
    line: Line = {
        "agentkit": VERSION,
        "kind": "rollout",
        "sample": sample,
        "spec": to_json(trajectory.spec),
    }
    line["prompt"] = plain([message.wire for message in trajectory.prompt])
    if trajectory.parent is not None:
        line["parent"] = {"turn": trajectory.parent.turn, "change": trajectory.parent.change}
    return {**line, "meta": plain(trajectory.meta)} if trajectory.meta else line


def model_line(
    turn: int,
    exchange: Exchange,
    sample: int = 0,
    given: Turn | OpenTurn | None = None,
    key: str | None = None,
) -> Line:
    """The line of a model step."""
    line: Line = {
        "step": "model",
        "sample": sample,
        "turn": turn,
        **(_given(given) if given else {}),
    }
    return {**line, **({"request_key": key} if key else {}), "exchange": to_json(exchange)}


def edit_lines(turn: int, response: Response, sample: int = 0) -> Iterator[Line]:
    """The lines of what a person did to the calls of an answer: first what was adopted, then what
    was changed.
    """
    for call in response.tool_calls:
        if call.adopted is not None:
            yield {"step": "adopt", "sample": sample, "turn": turn, "recoverable": call.adopted}
    for call in response.tool_calls:
        if call.sent_arguments is not None:
            yield change_line(turn, call.position, call.arguments, sample)


def change_line(
    turn: int, position: int, arguments: dict[str, Any] | None, sample: int = 0
) -> Line:
    """The line of a call whose arguments a person changed."""
    return {
        "step": "change",
        "sample": sample,
        "turn": turn,
        "position": position,
        "arguments": plain(arguments),
    }


def tool_line(turn: int, position: int, result: ToolResult, sample: int = 0) -> Line:
    """The line of a tool step."""
    return {
        "step": "tool",
        "sample": sample,
        "turn": turn,
        "position": position,
        "result": to_json(result),
    }


def end(trajectory: Trajectory, sample: int = 0) -> Line:
    """The last line of a sample: why it stopped, None where it can go on, and what it came to."""
    turns = trajectory.all_turns
    usages = [turn.response.usage for turn in turns if turn.response.usage]
    totals = {
        "turns": len(turns),
        "calls": sum(len(turn.tool_calls) for turn in turns),
        "problems": len(trajectory.problems),
        "input_tokens": sum(usage.input_tokens or 0 for usage in usages),
        "output_tokens": sum(usage.output_tokens or 0 for usage in usages),
    }
    return {
        "step": "end",
        "sample": sample,
        "stop_reason": trajectory.stop_reason,
        "totals": {k: v for k, v in totals.items() if v},
    }


def meta_line(meta: Mapping[str, Any], sample: int = 0) -> Line:
    """What became known of a rollout after it had begun."""
    return {"step": "meta", "sample": sample, "meta": plain(meta)}


def _given(turn: Turn | OpenTurn) -> Line:
    given: Line = {} if turn.kept is None else {"kept": turn.kept}
    if turn.added:
        given["added"] = plain([message.wire for message in turn.added])
    return given if turn.sampling is None else {**given, "sampling": plain(turn.sampling)}


def request_key(body: Mapping[str, Any]) -> str:
    """A short digest of a request's body: equal for requests that say the same."""
    text = json.dumps(plain(body), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prompt_key(prompt: Iterable[Mapping[str, Any]]) -> str:
    """A short digest of the messages, as they stand on the wire, that a rollout begins with."""
    return request_key({"prompt": list(prompt)})


def encode_line(line: Line) -> str:
    """A line as text with its newline; text that UTF-8 cannot carry is escaped."""
    return compact_json(line) + "\n"


def decode_lines(
    text: Iterable[str], torn: Callable[[str], None] = lambda message: None
) -> Iterator[Line]:
    """The lines of a file.

    Args:
        torn: is told of each torn line: the last one, or one that later lines were appended behind.

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
    """The line, where it can be one of ours.

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
    """The trajectories of a file, in the order of their sample index; every raw exchange is read
    again.

    Raises:
        CassetteError: a step stands where none can.
    """
    samples = load_samples(lines)
    return [samples[index] for index in sorted(samples)]


def load_samples(lines: Iterable[Line]) -> dict[int, Trajectory]:
    """The same by sample index."""
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
        """The index of a rollout whose first line carries this one."""
        index = sample if type(sample) is int and sample >= 0 else self._next
        if index in self._used:
            self.joined, index = True, self._next
        self._next = max(self._next, index + 1)
        self._used.add(index)
        self._now[sample] = index
        return index

    def of(self, sample: Any) -> int | None:
        """The index of the rollout that a later line with this one belongs to."""
        return self._now.get(sample)


def begun(line: Line) -> Trajectory:
    """The trajectory that a rollout's first line begins."""
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
    return (
        replace(begun, parent=Parent(turn=left["turn"], change=left["change"])) if left else begun
    )


def after(trajectory: Trajectory, line: Line) -> Trajectory:
    """The trajectory with one more line; one of a step that is not known changes nothing.

    Raises:
        MISFIT: the line does not fit what stands before it.
    """
    match line.get("step"):
        case "model" | "open":
            if line.get("turn", 0) > len(trajectory.turns):
                raise UsageError(f"the next turn is {len(trajectory.turns)}")
            trajectory = with_given(trajectory, line)
            return (
                apply(trajectory, Answer(exchange=from_json(Exchange, line["exchange"])))
                if "exchange" in line
                else trajectory
            )
        case "tool":
            return apply(
                trajectory,
                Result(position=line["position"], result=from_json(ToolResult, line["result"])),
            )
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


def with_given(trajectory: Trajectory, line: Line) -> Trajectory:
    """The trajectory as it was when the model step of this line began."""
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
