"""What the debugger's controls show, and what is meant by what they send: JSON on one side, the
debugger's own words on the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentkit.agent.activity import State
from agentkit.errors import UsageError
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.notebook.views.debugger.break_rows import point_row
from agentkit.show.notebook.views.debugger.fact_line import outcome
from agentkit.show.render.parts.pretty import pretty
from agentkit.trajectory.loop import FAILED, RESUMABLE
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.steps import Step, ToolStep
from agentkit.types.trajectory import Message, Trajectory, Turn
from agentkit.types.words import count, in_line, visible

_SHOWN = 20
"""Pending calls that have a form at a time."""


def controls(dbg: Any, step: Step | None) -> dict[str, Any]:
    """Describe what can be done, and where the debugger is; `step` is what is under way."""
    running: bool = dbg.running
    tree = dbg.tree
    following = step if running and step is not None else dbg.next_step
    call = following.call.position if isinstance(following, ToolStep) else None
    return {
        "running": running,
        "pausing": running and _pausing(dbg),
        "here": [following.turn, call] if following is not None else None,
        "can": _can(dbg),
        "waiting": [] if running else _waiting(dbg),
        "points": [point_row(point) for point in dbg.breakpoints],
        "approve": [clip(name, 80) for name in dbg.breakpoints.approve],
        "tree": [_branch(depth, branch, tree.current) for depth, branch in tree.rows()],
    }


_RUNS = "it is running"
_OVER = "the rollout has ended: go back, or go on with a message"


def _can(dbg: Any) -> dict[str, str]:
    """Say of each control why it can do nothing now; "" where it can."""
    trajectory, running = dbg.trajectory, dbg.running
    over = trajectory.stop_reason not in (None, *RESUMABLE)
    begun = bool(trajectory.turns or (trajectory.open and trajectory.open.response))
    going = _RUNS if running else _OVER if over else ""
    answered = trajectory.stop_reason in ("final", "length", "content_filter")
    return {
        **dict.fromkeys(("run", "step", "next"), going),
        "to": _RUNS if running else "",
        **dict.fromkeys(("pause", "stop"), "" if running else "nothing is running"),
        **dict.fromkeys(
            ("back", "restart"), _RUNS if running else "" if begun else "it is at its start"
        ),
        **dict.fromkeys(("fork", "edit", "rerun"), _RUNS if running else ""),
        "say": _RUNS if running else "" if answered else "the rollout has not ended",
    }


def _pausing(dbg: Any) -> bool:
    """Tell whether the run ends after the step in flight."""
    paused: bool = dbg._cursor._activity.state is State.PAUSING
    return paused


def status(dbg: Any, step: Step | None, sampled: str, problems: int) -> dict[str, str]:
    """Name the debugger's state: its kind, a word, the name of what it is about, and more."""
    trajectory, stop = dbg.trajectory, dbg.stop_at
    if dbg.running:
        return _under_way(step, sampled, pausing=_pausing(dbg))
    if trajectory.stop_reason in FAILED and trajectory.error is not None:
        why = in_line(clip(trajectory.error.kind, 80))
        return _named("failed", "Server failed", more=f"{why}; the next step asks again")
    following = dbg.next_step
    if following is None or trajectory.stop_reason not in (None, *RESUMABLE):
        return outcome(trajectory, problems)
    kept = "plays what was recorded" if dbg.replays else ""
    name = _name(following)
    if stop is not None:
        why = stop.breakpoint.text if stop.breakpoint is not None else ""
        why = f"{why} raised {stop.error}" if stop.error else why
        after = stop.when == "after" and stop.breakpoint is not None
        word = "Stopped before" if stop.text.startswith("stopped before") and not why else ""
        word = word or ("Paused after" if after else "Paused before")
        what = f"the answer of turn {stop.turn}" if after and stop.call is None else name
        return _named("paused", word, what, visible(clip(why, 200)) or kept)
    if not trajectory.turns and (trajectory.open is None or trajectory.open.response is None):
        return _named("ready", "Ready", more=kept or f"next: {in_line(following.summary())}")
    return _named("paused", "Paused before", name, kept)


def _under_way(step: Step | None, sampled: str, *, pausing: bool) -> dict[str, str]:
    calls = isinstance(step, ToolStep)
    if pausing:
        return _named("pausing", f"Pausing after this {'call' if calls else 'answer'}")
    if isinstance(step, ToolStep):
        return _named("calling", "Running", in_line(clip(step.call.name or "?", 60)))
    return _named("asking", "Asking", more=sampled)


def _name(step: Step) -> str:
    if isinstance(step, ToolStep):
        return in_line(clip(step.call.name or "?", 60))
    return f"turn {step.turn}"


def _named(kind: str, word: str, name: str = "", more: str = "") -> dict[str, str]:
    return {"kind": kind, "word": word, "name": name, "more": more}


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


def _turn(trajectory: Trajectory, at: str) -> Turn | None:
    turns = trajectory.all_turns
    index = int(at) if at.isdecimal() else -1
    return turns[index] if 0 <= index < len(turns) else None
