"""What a rollout comes to: its state and numbers on one line, and the list of what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.show.html import Html, el, fragment, joined
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, facts, fold, note, sentence, short, whole
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.rows import sign
from agentkit.show.render.parts.words import Totals, money, outcome_of, trouble
from agentkit.trajectory.person.notes import KEY, Remark, remarks_of
from agentkit.trajectory.trouble.points import ProblemPoint
from agentkit.types.problem import Problem
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import ApiError
from agentkit.types.words import count

_LISTED = 20
"""Problems that the list shows."""


def state(trajectory: Trajectory, problems: int) -> Html:
    """Draw how a rollout ended, or where it is."""
    ended = outcome_of(trajectory, problems)
    icon = el("span", ended.icon, aria_hidden="true")
    return el("strong", el("span", icon, " ", ended.words, class_=f"ak-status ak-{ended.tone}"))


def numbers(trajectory: Trajectory, known: Totals) -> Html | None:
    """Write the numbers of a rollout."""
    spec, said = trajectory.spec, outcome_of(trajectory, known.problems).words
    wrong = trouble(known.problems)
    return facts(
        code(spec.model) if spec.model else None,
        f"{spec.dialect} API" if spec.dialect != "chat" else None,
        *known.facts(spec.max_turns),
        money(trajectory.cost) if spec.prices else None,
        None if wrong in said else wrong,
    )


def by_severity(points: Sequence[ProblemPoint]) -> Html | None:
    """Count problems as marks: errors, then warnings."""
    errors = sum(point.severity == "error" for point in points)
    counted = ("bad", "✕", errors, "error"), ("warn", "▲", len(points) - errors, "warning")
    return joined(" ", [_chip(*one) for one in counted if one[2]]) if points else None


def _chip(tone: str, icon: str, number: int, word: str) -> Html:
    return el("span", f"{icon} ", count(number, word), class_=f"ak-chip ak-{tone}")


def noted(trajectory: Trajectory, limits: Limits) -> Html | None:
    """Write what the caller and whoever looked at it noted: the reward, labels and notes, then the
    rest on a line where it is short.
    """
    known = {name: value for name, value in trajectory.meta.items() if name != KEY}
    reward, labels = known.pop("reward", None), known.pop("labels", None)
    listed = labels if isinstance(labels, (list, tuple)) else [] if labels is None else [labels]
    first = facts(
        ["reward ", el("strong", code(verbatim(reward)))] if reward is not None else None,
        *[["label ", code(verbatim(label))] for label in listed[:_LISTED]],
    )
    whole_rollout = [r for r in remarks_of(trajectory) if r.turn is None] if trajectory.meta else []
    rest = pretty(known) if known else ""
    parts = [
        first,
        remarks(whole_rollout) if whole_rollout else None,
        fold("meta", whole(rest, limits, "trajectory.meta"))
        if "\n" in rest
        else note("meta ", code(rest))
        if rest
        else None,
    ]
    return fragment(*[el("div", one) for one in parts if one]) if any(parts) else None


def remarks(given: Sequence[Remark]) -> Html:
    """Draw the notes and labels that a person gave."""
    shown = [
        el(
            "div",
            facts(f"call {r.call}") if r.call is not None else None,
            " ",
            el(
                "small",
                "label " if r.is_label else "note ",
                class_="ak-away" if r.is_label else None,
            ),
            el("code", r.text, class_="ak-said ak-chip" if r.is_label else "ak-said", dir="auto"),
        )
        for r in given[:_LISTED]
    ]
    rest = len(given) - len(shown)
    return fragment(*shown, note("… ", count(rest, "more note")) if rest > 0 else None)


def problem_list(points: Sequence[ProblemPoint]) -> Html | None:
    """Draw what went wrong as one table, with the turn of each; None where it is no more than one
    thing.
    """
    if len(points) < 2:
        return None
    rows = [el("tr", *_cells(point)) for point in points[:_LISTED]]
    names = [el("th", name, scope="col") for name in ("turn", "what", "where")]
    table = el("table", el("thead", el("tr", names)), el("tbody", rows), class_="ak-table")
    rest = len(points) - len(rows)
    more = note("… ", count(rest, "more problem"), " below") if rest > 0 else None
    title = el("summary", count(len(points), "problem"))
    listed = el("details", title, table, more, open="", class_="ak-fold")
    return el("section", listed, class_="ak-wrongs", data_key="problems")


def _cells(point: ProblemPoint) -> list[Html]:
    tone = "bad" if point.severity == "error" else "warn"
    name, message = _named(point)
    where = [code(point.tool), ": "] if point.tool else None
    return [
        el("td", point.turn, class_="ak-number"),
        el("td", sign(point.severity), " ", code(name), class_=f"ak-{tone}"),
        el("td", where, sentence(short(message))),
    ]


def _named(point: ProblemPoint) -> tuple[str, str]:
    """Return the name of a problem and what is said of it; of a tool that raised, the exception."""
    match point.cause:
        case ToolResult():
            kind, _, message = (point.cause.error or "").partition(": ")
            raised = message and point.cause.status in ("error", "timeout")
            return (
                (kind, message)
                if raised
                else (point.code, point.cause.error or point.cause.content)
            )
        case Problem() | ApiError():
            return point.code, point.cause.message
    return point.code, ""
