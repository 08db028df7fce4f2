"""A rollout as fragments, in the order of the conversation, each under a key that stays while the
rollout grows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agentkit.analysis.frames.timings import Timeline
from agentkit.show.charts.rollout_charts import figures, timeline_key, timeline_svg
from agentkit.show.html import Child, Html, el, fragment, link
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, fold, note
from agentkit.show.render.parts.rows import part, speech
from agentkit.show.render.parts.words import Totals, totals, waiting_calls
from agentkit.show.render.rollout.heading import (
    by_severity,
    noted,
    numbers,
    problem_list,
    remarks,
    state,
)
from agentkit.show.render.rollout.message import message_row
from agentkit.show.render.rollout.outline import (
    Kept,
    Lost,
    OutlineEntry,
    Sent,
    outline,
    turn_entries,
    window,
)
from agentkit.show.render.rollout.problem import api_error, problems
from agentkit.show.render.rollout.raw import asked, request_head
from agentkit.show.render.rollout.turn.answer import answer
from agentkit.show.render.rollout.turn.attempt import attempt
from agentkit.trajectory.trouble.points import ProblemPoint, problem_points
from agentkit.types.request import Request
from agentkit.types.trajectory import Attempt, Message, OpenTurn, Parent, Trajectory, Turn
from agentkit.types.words import count, in_line

log = logging.getLogger("agentkit")

_SENT = el("strong", "sent")
"""The label of what a server would refuse of a request."""
_LOST = el("strong", "lost")
"""The label of what a file has lost of the rollout."""


def trajectory_fragments(
    trajectory: Trajectory, limits: Limits, whole_file: str | None = None, *, charts: bool = True
) -> dict[str, Html]:
    """Draw the head, the conversation and its end. `whole_file` is where the user keeps all of it,
    relative to the page.
    """
    entries, found = (
        conversation(outline(trajectory), limits, whole_file),
        [*problem_points(trajectory)],
    )
    points = [point for point in found if point.severity != "info"]
    known, listed = (
        totals(trajectory, len(points)),
        problem_list(points) if limits.details else None,
    )
    drawn = _drawn(trajectory, found, charts) if limits.details else None
    return {
        "head": _head(trajectory, known, limits, drawn, points),
        **({"problems": listed} if listed else {}),
        **entries,
        "end": end_row(trajectory, limits, known.problems),
    }


def turn_fragments(turn: Turn, limits: Limits) -> dict[str, Html]:
    """Draw one turn by itself, with the messages before it."""
    return conversation(turn_entries(turn, f"turn-{turn.index}", "turn", []), limits)


def open_fragments(turn: OpenTurn, limits: Limits) -> dict[str, Html]:
    """Draw the turn in progress by itself."""
    alone = [
        entry._replace(at=entry.at.replace("trajectory.open", "turn", 1))
        for entry in outline(Trajectory(open=turn))
    ]
    return conversation(alone, limits) or {
        "empty": speech("empty", "aside", None, note("nothing has been said for this turn"))
    }


def request_fragments(request: Request, limits: Limits) -> dict[str, Html]:
    """Draw the fields of a request, then its messages."""
    messages = [
        OutlineEntry(f"message-{i}", Message(wire=wire), f"request.messages[{i}]")
        for i, wire in enumerate(request.messages)
    ]
    return {"head": request_head(request, limits), **conversation(messages, limits)}


def conversation(
    entries: list[OutlineEntry], limits: Limits, whole_file: str | None = None
) -> dict[str, Html]:
    """Draw the entries as far as the limits let them be shown, with a note where some are
    left out.
    """
    first, hidden, last = window(entries, lambda entry: draw(entry, limits), _size, limits)
    gap = [{"gap": speech("gap", "aside", None, _gap(hidden, whole_file))}] if hidden else []
    return {key: drawn for parts in (*first, *gap, *last) for key, drawn in parts.items()}


def draw(entry: OutlineEntry, limits: Limits) -> dict[str, Html]:
    """Draw one entry: one fragment, and one more for each call of a turn. One that cannot be drawn
    costs no other.
    """
    try:
        return _draw(entry, limits)
    except Exception as error:
        log.warning("%s cannot be drawn", in_line(entry.key), exc_info=error)
        told = note("this cannot be drawn: ", el("code", type(error).__name__))
        return {entry.key: speech(entry.key, "aside", None, told)}


def _draw(entry: OutlineEntry, limits: Limits) -> dict[str, Html]:
    key, item, at = entry.key, entry.item, entry.at
    match item:
        case Turn():
            state = "pending" if entry.open else "not run"
            drawn = answer(key, item.response, limits, at, item, state=state)
            if entry.remarks:
                name = f"{key}/remarks"
                drawn[name] = part(name, "remarks", remarks(entry.remarks))
            return drawn
        case Message():
            return {key: message_row(key, item, limits, at)}
        case Kept():
            return {key: speech(key, "aside", None, _kept(item))}
        case Sent():
            return {key: speech(key, "aside", _SENT, problems(item.problems, limits))}
        case Lost():
            return {key: speech(key, "aside", _LOST, problems(item.problems, limits))}
        case Attempt():
            return {key: attempt(key, item, limits, at)}


def _size(parts: dict[str, Html]) -> int:
    return sum(map(len, parts.values()))


def _kept(kept: Kept) -> Html:
    return note(
        "↺ the history was rewritten here: its first ",
        count(kept.messages, "message"),
        " went on, the later ones did not",
    )


def _gap(hidden: list[OutlineEntry], whole_file: str | None) -> Html:
    turns = sum(isinstance(entry.item, Turn) for entry in hidden)
    others = len(hidden) - turns - sum(isinstance(entry.item, (Sent, Lost)) for entry in hidden)
    left_out = " and ".join(
        filter(
            None,
            [count(turns, "turn") if turns else "", count(others, "message") if others else ""],
        )
    )
    see = (
        ["see ", link(whole_file)]
        if whole_file
        else ["see all with ", el("code", 'ak.save(trajectory, "rollout.html")')]
    )
    return note("… ", el("strong", left_out, " not shown here"), "; ", see)


def _head(
    trajectory: Trajectory, known: Totals, limits: Limits, drawn: Child, points: list[ProblemPoint]
) -> Html:
    return el(
        "header",
        title_bar(trajectory, known, points),
        drawn,
        about(trajectory, limits),
        class_="ak-head",
        data_key="head",
    )


def _drawn(trajectory: Trajectory, points: list[ProblemPoint], charts: bool) -> Child:
    """Draw when what happened, and the charts behind a click."""
    timeline = Timeline().reach(trajectory.all_turns)
    if not charts or not trajectory.all_turns:
        return timeline_svg(timeline)
    drawn = figures(trajectory, timeline, points).values()
    return timeline_svg(timeline), timeline_key(timeline), fold("charts", *drawn)


def title_bar(trajectory: Trajectory, known: Totals, points: Sequence[ProblemPoint] = ()) -> Html:
    """Write what a rollout comes to, and its state; `points` are its problems, where they are known
    one by one.
    """
    return bar(state(trajectory, known.problems), numbers(trajectory, known), by_severity(points))


def about(trajectory: Trajectory, limits: Limits) -> Html:
    """Draw what a rollout was asked with, and where it came from: what stays while it grows."""
    return fragment(
        asked(trajectory.spec, limits) if limits.details else None,
        noted(trajectory, limits),
        _parent(trajectory.parent),
    )


def _parent(parent: Parent | None) -> Child:
    if parent is None:
        return None
    change = [": ", code(parent.change)] if parent.change else None
    return note("↳ forked from turn ", parent.turn, " of another trajectory", change)


def end_row(trajectory: Trajectory, limits: Limits, known: int) -> Html:
    """Draw how it ended, or its present state; `known` is the number of its problems."""
    who, error = state(trajectory, known), trajectory.error
    if error and not error.stopped and error in [a.error for a in trajectory.attempts[-1:]]:
        return speech("end", "end", who, note(code(error.kind), ", as above"))
    if error:
        return speech("end", "end", who, api_error(error, limits, "trajectory.error"))
    ready = not trajectory.stop_reason and not waiting_calls(trajectory)
    return speech("end", "end", who, note("the model can be asked") if ready else None)
