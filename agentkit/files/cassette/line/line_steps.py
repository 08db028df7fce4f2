"""What each line of a file makes of its rollout: the first begins it, every other adds a step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from agentkit.errors import AgentkitError, CassetteError, UsageError
from agentkit.files.cassette.json_records import from_json
from agentkit.files.cassette.lines import Line, unknown_fields, with_fields, with_unknown
from agentkit.read.parsers.registry import get_parser
from agentkit.trajectory.edit import changed, with_adopted
from agentkit.trajectory.loop import FAILED, accepted, apply, close, rewrite, start
from agentkit.trajectory.profiles import get_profile
from agentkit.types.answer import Dialect
from agentkit.types.problem import problem
from agentkit.types.record import Unknown, clip
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, OpenTurn, Parent, ToolResult, Trajectory
from agentkit.types.wire import Chunk, Exchange

MISFIT = (Exception,)
"""What a line raises that does not fit what came before it: whatever is wrong in it is the line's
fault, and costs its rollout and no other.
"""
ENDED = frozenset({"final", "max_turns", "length"})
"""Stop reasons of rollouts that are not taken up again; a failed or a stopped one is."""


def reason_of(exc: Exception) -> str:
    """Say in a few words why a line does not fit."""
    return clip(exc.message if isinstance(exc, AgentkitError) else repr(exc), 200)


def begun(line: Line, spec: Spec | None = None) -> Trajectory:
    """Begin the trajectory of a rollout's first line.

    Args:
        line: the line.
        spec: what it is run with, where that was read already.

    Raises:
        MISFIT: it is none.
    """
    spec = _spec(line["spec"]) if spec is None else spec
    prompt = _messages(line["prompt"])
    meta = _object(line.get("meta") or {})
    begun = start(prompt, spec, meta) if prompt else Trajectory(spec=spec, meta=dict(meta))
    left = line.get("parent")
    if left:
        others = {name: value for name, value in left.items() if name not in ("turn", "change")}
        unknown = Unknown(fields=others) if others else None
        parent = Parent(turn=_whole(left["turn"]), change=str(left["change"]), unknown=unknown)
        begun = replace(begun, parent=parent)
    return with_fields(begun, "first", unknown_fields(line))


def _spec(data: Any) -> Spec:
    """Read what a rollout is run with, and make sure that it can be read."""
    spec: Spec = from_json(Spec, data)
    if spec.dialect not in get_args(Dialect):
        raise CassetteError(
            f"the rollout speaks {spec.dialect!r}, which this version does not",
            hint="read it with the version that wrote it, or a newer one",
        )
    get_profile(spec.profile)
    _object(spec.sampling.get("extra_body") or {})
    if spec.parser is not None:
        get_parser(spec.parser)
    return spec


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{clip(repr(value))} is no object")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise UsageError(f"{clip(repr(value))} is no whole number from 0 up")
    return value


def _messages(value: Any) -> list[Message]:
    if not isinstance(value, list):
        raise UsageError(f"{clip(repr(value))} is no list of messages")
    return [Message(wire=dict(_object(wire))) for wire in value]


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
            if line.get("turn") == len(trajectory.turns) + 1:
                trajectory = accepted(trajectory)
            _check_turn(trajectory, line)
            trajectory = with_given(trajectory, line)
            if "exchange" not in line:
                return trajectory
            exchange = from_json(Exchange, line["exchange"])
            exchange = with_fields(exchange, "model", unknown_fields(line))
            return apply(trajectory, Answer(exchange=exchange))
        case "tool":
            _check_turn(trajectory, line)
            return _answered(trajectory, line)
        case "adopt":
            return with_adopted(trajectory, _whole(line["turn"]), _whole(line["recoverable"]))
        case "change":
            arguments = line["arguments"]
            arguments = arguments if arguments is None else _object(arguments)
            turn, position = _whole(line["turn"]), _whole(line["position"])
            return changed(trajectory, turn, position, arguments)
        case "close":
            _check_turn(trajectory, line)
            return close(trajectory)
        case "meta":
            return replace(trajectory, meta={**trajectory.meta, **_object(line["meta"])})
        case "end":
            return _with_end(trajectory, line)
    return trajectory


def pieces_of(line: Line, trajectory: Trajectory) -> list[Chunk]:
    """Read the pieces of an answer of the next turn.

    Raises:
        MISFIT: the line holds none, or the turn is another.
    """
    _check_turn(trajectory, line)
    return [from_json(Chunk, chunk) for chunk in line["chunks"]]


def _check_turn(trajectory: Trajectory, line: Line) -> None:
    """Make sure that a line belongs to the turn that comes next."""
    there = len(trajectory.turns)
    if _whole(line.get("turn", there)) != there:
        raise UsageError(f"the next turn is {there}")


def _answered(trajectory: Trajectory, line: Line) -> Trajectory:
    """Add a result where there is none yet."""
    if trajectory.open is None:
        trajectory = accepted(trajectory)
    position, opened = _whole(line["position"]), trajectory.open
    if opened is not None and opened.results[position : position + 1] not in ((), (None,)):
        raise UsageError(f"call {position} has a result already")
    result = with_fields(_result(line["result"]), "tool", unknown_fields(line))
    return apply(trajectory, Result(position=position, result=result))


def _with_end(trajectory: Trajectory, line: Line) -> Trajectory:
    """End a rollout as its last line says."""
    reason = line.get("stop_reason")
    if type(reason) not in (str, type(None)):  # a newer version may have another word for it
        raise UsageError(f"{clip(repr(reason))} is no reason to stop")
    if reason in ENDED:
        trajectory = accepted(trajectory)
    there = len(trajectory.all_turns)
    turns = _object(line.get("totals") or {}).get("turns", 0)
    if _whole(turns) > there or (reason == "final" and not there):
        raise UsageError(f"only {there} turns are there")
    failed = trajectory.attempts[-1].error if reason in FAILED and trajectory.attempts else None
    return replace(trajectory, stop_reason=reason, error=failed)


def _result(data: Any) -> ToolResult:
    """Read a result; the rollout of a sub-agent is lines of its own."""
    inner = data.get("trajectory") if isinstance(data, dict) else None
    if inner is None:
        result: ToolResult = from_json(ToolResult, data)
        return result
    plain_result: ToolResult = from_json(ToolResult, {**data, "trajectory": None})
    return replace(plain_result, trajectory=_inner(inner))


def _inner(lines: Any) -> Trajectory:
    """Read the rollout of a sub-agent as far as its lines fit."""
    first, *others = lines
    trajectory = begun(first)
    for line in others:
        try:
            trajectory = after(trajectory, line)
        except MISFIT as exc:
            lost = problem("file_damaged", f"a line of it does not fit: {reason_of(exc)}")
            return replace(trajectory, damage=(lost,))
    return trajectory


def with_given(trajectory: Trajectory, line: Line) -> Trajectory:
    """Bring a trajectory to where it was when the model step of this line began.

    Raises:
        MISFIT: what the line says of that is of another type.
    """
    if trajectory.stop_reason is not None:
        trajectory = replace(trajectory, stop_reason=None, error=None)
    added = tuple(_messages(line["added"])) if "added" in line else ()
    if "kept" in line:
        trajectory = rewrite(trajectory, _whole(line["kept"]), added)
    elif added:
        trajectory = replace(trajectory, open=replace(trajectory.open or OpenTurn(), added=added))
    if "sampling" in line:
        sampling = _object(line["sampling"])
        _object(sampling.get("extra_body") or {})
        trajectory = replace(
            trajectory, open=replace(trajectory.open or OpenTurn(), sampling=sampling)
        )
    return trajectory
