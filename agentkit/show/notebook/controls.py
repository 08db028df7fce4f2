"""What the debugger's controls show, and what is meant by what they send: JSON on one side, the
debugger's own words on the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentkit.debugger.break_on import break_on
from agentkit.errors import UsageError
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.words import ending
from agentkit.trajectory.breakpoints import Breakpoint
from agentkit.trajectory.loop import FAILED, RESUMABLE
from agentkit.trajectory.trouble.points import problem_count
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.trajectory import Message, Trajectory, Turn
from agentkit.types.words import count, visible

_SHOWN = 20
"""Pending calls that have a form at a time."""


def controls(dbg: Any, step: str) -> dict[str, Any]:
    """Describe the state of the controls; `step` is the last step that began."""
    running: bool = dbg.running
    word, tone, detail = _status(dbg, step)
    tree = dbg.tree
    return {
        "running": running,
        "can": _can(dbg),
        "status": word,
        "tone": tone,
        "detail": detail,
        "waiting": [] if running else _waiting(dbg),
        "breakpoints": [clip(point.summary(), 200) for point in dbg.breakpoints],
        "approval": clip(f"approval, before {' or '.join(dbg.breakpoints.approve)}", 200)
        if dbg.breakpoints.approve
        else "",
        "tree": [_branch(depth, branch, tree.current) for depth, branch in tree.rows()],
    }


def _can(dbg: Any) -> dict[str, bool]:
    trajectory, running = dbg.trajectory, dbg.running
    goes_on = not running and trajectory.stop_reason in (None, *RESUMABLE)
    begun = bool(trajectory.turns or (trajectory.open and trajectory.open.response))
    return {
        **dict.fromkeys(("run", "step", "next"), goes_on),
        **dict.fromkeys(("pause", "stop"), running),
        "back": not running and begun,
        "fork": not running,
        "edit": not running,
        "say": not running and trajectory.stop_reason in ("final", "length", "content_filter"),
    }


def _status(dbg: Any, step: str) -> tuple[str, str, str]:
    """Name the debugger's state: a word, its tone, and more in words."""
    trajectory, stop = dbg.trajectory, dbg.stop_at
    if dbg.running:
        return "running", "accent", step
    if trajectory.stop_reason in FAILED and trajectory.error is not None:
        return "failed", "bad", f"{clip(trajectory.error.kind)}; the next step asks again"
    if stop is not None:
        return "stopped", "warn", visible(clip(stop.text.removeprefix("stopped "), 300))
    if trajectory.stop_reason not in (None, "stopped"):
        return (
            "ended",
            "warn" if trajectory.stop_reason != "final" or problem_count(trajectory) else "good",
            ending(trajectory) or clip(str(trajectory.stop_reason)),
        )
    following = dbg.next_step
    kept = "plays what was recorded: " if dbg.replays else ""
    return "ready", "quiet", f"next: {kept}{clip(following.summary(), 200)}" if following else ""


def _waiting(dbg: Any) -> list[dict[str, Any]]:
    pending, turn = dbg.pending, len(dbg.trajectory.turns)
    return [
        *(_call(call, turn=turn) for call in pending[:_SHOWN]),
        *(
            {**_call(call), "position": i, "found": True}
            for i, call in enumerate(pending.recoverable[:_SHOWN])
        ),
    ]


def _call(call: ToolCall, **more: Any) -> dict[str, Any]:
    worst = next((p.message for p in call.problems if p.severity != "info"), "")
    words = {
        "name": clip(call.name or "?"),
        "status": clip(call.status),
        "problem": clip(worst, 200),
        "arguments": _arguments(call),
    }
    return {"position": call.position, **words, **more}


def _arguments(call: ToolCall) -> str:
    return pretty(call.arguments) if call.arguments is not None else call.raw_arguments


def _branch(depth: int, branch: Any, current: str) -> dict[str, Any]:
    trajectory = branch.trajectory
    left = f"from {branch.parent} at turn {branch.turn}: {branch.change}; " if branch.parent else ""
    words = f"{left}{count(len(trajectory.turns), 'turn')}, {trajectory.stop_reason or 'open'}"
    return {
        "label": branch.label,
        "text": clip(words, 200),
        "depth": depth,
        "current": branch.label == current,
    }


def slots_of(trajectory: Trajectory, at: str) -> list[tuple[str, str]]:
    """List what can be edited at a turn, or in the prompt, and how it is called."""
    if at == "prompt":
        return [("prompt", "the user's message")]
    turn = _turn(trajectory, at)
    added = [("prompt", "what was said before it")] if _added_before(trajectory, at) else []
    asked = [*added, ("sampling", "the sampling of its request")]
    if turn is None:
        return asked
    calls = [slot for i, call in enumerate(turn.tool_calls) for slot in _call_slots(i, call, turn)]
    return [
        *asked,
        ("message", "the answer, as a text without calls" if calls else "the answer"),
        *calls,
    ]


def _added_before(trajectory: Trajectory, at: str) -> tuple[Message, ...]:
    """Find the messages that a person put before a turn."""
    turn = _turn(trajectory, at) or trajectory.open
    return trajectory.prompt if at == "prompt" else turn.added if turn is not None else ()


def usual_slot(trajectory: Trajectory, at: str) -> str:
    """Choose what is edited most often at a turn: its last result, else its last call, else its
    answer.
    """
    turn = _turn(trajectory, at)
    if turn is None:
        return "prompt" if at == "prompt" else "sampling"
    results = [
        i for i, result in enumerate(turn.results[: len(turn.tool_calls)]) if result is not None
    ]
    if results:
        return f"result:{results[-1]}"
    return f"arguments:{len(turn.tool_calls) - 1}" if turn.tool_calls else "message"


def _call_slots(position: int, call: ToolCall, turn: Turn) -> Iterator[tuple[str, str]]:
    yield f"arguments:{position}", f"arguments of {clip(call.name or '?', 40)} (call {position})"
    yield f"result:{position}", f"result of {clip(call.name or '?', 40)} (call {position})"


def value_of(trajectory: Trajectory, at: str, what: str) -> str:
    """Read the present value of a slot, as it is edited."""
    turn = _turn(trajectory, at)
    kind, _, position = what.partition(":")
    match kind:
        case "prompt":
            added = [
                message.content
                for message in _added_before(trajectory, at)
                if message.role == "user"
            ]
            return added[-1] if added else ""
        case "message":
            return (turn.response.content or "") if turn else ""
        case "arguments":
            return _arguments(turn.tool_calls[int(position)]) if turn else ""
        case "result":
            result = turn.results[int(position)] if turn else None
            return result.content if result else ""
        case _:
            opened = trajectory.open
            own = turn.sampling if turn else opened.sampling if opened else None
            fields = {**trajectory.spec.sampling, **(own or {})}
            return pretty(
                {
                    name: value
                    for name, value in fields.items()
                    if masked({name: value}) == {name: value}
                }
            )


def edit_of(at: str, what: str, text: str) -> dict[str, Any]:
    """Make the arguments of `dbg.edit`.

    Raises:
        UsageError: what must be a JSON object is none.
    """
    kind, _, position = what.partition(":")
    where = {} if at == "prompt" else {"turn": int(at)}
    call = {"call": int(position)} if position else {}
    return {**where, **call, kind: object_of(text) if kind in ("arguments", "sampling") else text}


def object_of(text: str) -> dict[str, Any]:
    """Read a text as a JSON object.

    Raises:
        UsageError: it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"this is not JSON: {error}", hint='write an object, such as {"city": "Oslo"}'
        ) from None
    if not isinstance(value, dict):
        raise UsageError(
            "this is JSON, but no object", hint='write an object, such as {"city": "Oslo"}'
        )
    return value


def breakpoint_named(kind: str, value: str) -> Breakpoint:
    """Make the breakpoint of this kind.

    Raises:
        UsageError: there is no such kind, or it needs another value.
    """
    value = value.strip()
    match kind:
        case "tool" | "problem" | "tool_error":
            made: Breakpoint = getattr(break_on, kind)(*([value] if value else []))
            return made
        case "finish" | "text" if value:
            return break_on.finish(value) if kind == "finish" else break_on.text(value)
        case "turn" | "repeat" if value.isdecimal():
            return break_on.turn(int(value)) if kind == "turn" else break_on.repeat(int(value))
        case "recovered":
            return break_on.recovered()
        case _:
            raise UsageError(
                f"a breakpoint on {kind!r} needs another value than {value!r}",
                hint="a turn is a number, a text is not empty",
            )


def _turn(trajectory: Trajectory, at: str) -> Turn | None:
    turns = trajectory.all_turns
    index = int(at) if at.isdecimal() else -1
    return turns[index] if 0 <= index < len(turns) else None
