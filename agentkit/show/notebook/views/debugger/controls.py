"""What the debugger's controls show, and what is meant by what they send: JSON on one side, the
debugger's own words on the other.
"""

from __future__ import annotations

from typing import Any

from agentkit.show.notebook.views.debugger.break_rows import break_rows, in_words
from agentkit.show.notebook.views.debugger.fact_line import outcome, refusal
from agentkit.show.notebook.views.debugger.frame_parts import point_parts
from agentkit.trajectory.loop import FAILED, RESUMABLE
from agentkit.types.record import clip
from agentkit.types.steps import Step, ToolStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import in_line, visible


def controls(dbg: Any, step: Step | None) -> dict[str, Any]:
    """Describe what can be done, and where the debugger is; `step` is what is under way."""
    running: bool = dbg.running
    tree = dbg.tree
    following = step if running and step is not None else dbg.next_step
    call = following.call.position if isinstance(following, ToolStep) else None
    points = break_rows(dbg.breakpoints)
    approve = [clip(name, 80) for name in dbg.breakpoints.approve]
    asks_again = dbg.trajectory.stop_reason in FAILED and not running
    return {
        "running": running,
        "pausing": running and dbg.pausing,
        "here": [following.turn, call]
        if following is not None
        else [len(dbg.trajectory.turns), None]
        if asks_again
        else None,
        "can": _can(dbg),
        "points": points,
        "approve": approve,
        "in_points": point_parts(points, approve),
        "branches": len(tree),
        "branch": in_line(clip(tree.current, 40)),
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


def status(dbg: Any, step: Step | None, sampled: str, problems: int) -> dict[str, str]:
    """Name the debugger's state: its kind, a word, the name of what it is about, and more."""
    trajectory, stop = dbg.trajectory, dbg.stop_at
    if dbg.running:
        flight = dbg.in_flight
        arriving = flight is not None and flight.first_piece is not None
        return _under_way(step, sampled, pausing=dbg.pausing, arriving=arriving)
    if trajectory.stop_reason in FAILED and trajectory.error is not None:
        why = in_line(clip(trajectory.error.kind, 80))
        return _named("failed", refusal(trajectory), more=f"{why}; the next step asks again")
    following = dbg.next_step
    if following is None or trajectory.stop_reason not in (None, *RESUMABLE):
        return outcome(trajectory, problems)
    kept = "plays what was recorded" if dbg.replays else ""
    name = _name(following)
    if stop is not None:
        why = _why(dbg, stop)
        why = f"{why} raised {stop.error}" if stop.error else why
        after = stop.when == "after" and stop.breakpoint is not None
        halfway = _halfway(trajectory, following)
        by_hand = stop.text.startswith("stopped before") and not why
        word = ("Stopped in" if halfway else "Stopped before") if by_hand else ""
        word = word or ("Paused after" if after else "Paused before")
        what = f"the answer of turn {stop.turn}" if after and stop.call is None else name
        return _named("paused", word, what, visible(clip(why, 200)) or kept)
    if not trajectory.turns and (trajectory.open is None or trajectory.open.response is None):
        return _named("ready", "Ready", more=kept or f"next: {in_line(following.summary())}")
    return _named("paused", "Paused before", name, kept)


def _halfway(trajectory: Trajectory, step: Step) -> bool:
    """Tell whether the answer that comes next was stopped while it came."""
    last = trajectory.attempts[-1:]
    return any(a.error.stopped and a.turn == step.turn for a in last) and not isinstance(
        step, ToolStep
    )


def _why(dbg: Any, stop: Any) -> str:
    """Say what stopped it, in words; "" where nothing was waited for."""
    if stop.breakpoint is None:
        return ""
    listed = any(point is stop.breakpoint for point in dbg.breakpoints)
    asks = dbg.breakpoints.approve and not listed and stop.call is not None
    return "it asks for your approval" if asks else in_words(stop.breakpoint)


def _under_way(step: Step | None, sampled: str, *, pausing: bool, arriving: bool) -> dict[str, str]:
    calls = isinstance(step, ToolStep)
    if pausing:
        return _named("pausing", f"Pausing after this {'call' if calls else 'answer'}")
    if isinstance(step, ToolStep):
        return _named("calling", "Running", in_line(clip(step.call.name or "?", 60)))
    if arriving:
        return _named("answering", "Answering", more=sampled)
    return _named("asking", "Asking", more=sampled)


def _name(step: Step) -> str:
    if isinstance(step, ToolStep):
        return in_line(clip(step.call.name or "?", 60))
    return f"turn {step.turn}"


def _named(kind: str, word: str, name: str = "", more: str = "") -> dict[str, str]:
    return {"kind": kind, "word": word, "name": name, "more": more}
