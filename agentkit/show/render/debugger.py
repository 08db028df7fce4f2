"""A debugger: the rollout up to where it is, what comes next, its breakpoints, what waits, its
branches.
"""

from __future__ import annotations

from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.debugger.debugger import Debugger
from agentkit.debugger.pending import Pending
from agentkit.debugger.stopped import Stopped
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.analysis.trees.lanes import branch_lanes
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, note, row
from agentkit.show.render.rollout.turn.call import call_row
from agentkit.trajectory.person.branches import Branch, Tree, last_words


@shown.register(Debugger)
def debugger_fragments(debugger: Debugger, limits: Limits) -> dict[str, Html]:
    """Draw the conversation, and what comes next."""
    line = debugger.headline()
    line = f"next step: {line}" if debugger.next_step else line
    more = {
        f"more-{i}": el("p", el("code", line), class_="ak-title")
        for i, line in enumerate(debugger.notes())
    }
    return {
        **shown.fragments(debugger.trajectory, limits),
        "next": el(
            "p",
            el("strong", "Debugger"),
            " ",
            el("code", line, class_="ak-said"),
            class_="ak-title",
        ),
        **more,
    }


@shown.register(Stopped)
def stopped_fragments(stopped: Stopped, limits: Limits) -> dict[str, Html]:
    """Draw the error where there is one, and what can be done."""
    error = shown.fragments(stopped.error, limits) if stopped.error is not None else {}
    advice = el("code", stopped.advice) if stopped.stop else stopped.advice
    return {**error, "advice": el("p", advice, class_="ak-title")}


@shown.register(Pending)
def pending_fragments(pending: Pending, limits: Limits) -> dict[str, Html]:
    """Draw each call as it would be run, then those that could be adopted."""
    words = f"{len(pending)} to run" if pending else "nothing waits"
    head = el(
        "p", el("strong", "Pending"), " ", el("code", words, class_="ak-said"), class_="ak-title"
    )
    rows = {
        f"call-{i}": call_row(
            f"call-{i}",
            call,
            limits,
            f"dbg.pending[{i}]",
            label=None if limits.details else f"→ {i}",
        )
        for i, call in enumerate(pending[: limits.items])
    }
    found = {
        f"found-{i}": call_row(
            f"found-{i}",
            call,
            limits,
            f"dbg.pending.recoverable[{i}]",
            found=True,
            label=None if limits.details else f"adopt({i})",
        )
        for i, call in enumerate(pending.recoverable[: limits.items])
    }
    return {"head": head, **rows, **found}


@shown.register(Breakpoints)
def breakpoints_fragments(breakpoints: Breakpoints, limits: Limits) -> dict[str, Html]:
    """Draw a row for each breakpoint."""
    none = None if breakpoints.lines() else el("code", "none")
    shown_ = {"head": el("p", el("strong", "Breakpoints"), " ", none, class_="ak-title")}
    if breakpoints.approve:
        asked = facts(code(", ".join(breakpoints.approve)), "before")
        shown_["approval"] = row("approval", "aside", ("approval", asked))
    for i, point in enumerate(breakpoints):
        key = f"breakpoint-{i}"
        shown_[key] = row(key, "aside", (str(i), facts(code(point.text), point.sides)))
    return shown_


@shown.register(Tree)
def tree_fragments(tree: Tree, limits: Limits) -> dict[str, Html]:
    """Draw a lane for each branch; for plain text a row, under the one it left."""
    head = el("p", el("strong", "Tree"), " ", el("code", tree.summary()), class_="ak-title")
    if limits.details:
        named = bar(el("strong", "Branches"), facts(tree.summary()))
        head = el("header", named, class_="ak-head", data_key="tree")
        return {"tree": head, **branch_lanes(tree, limits)}
    rows = {
        f"branch-{branch.label}": _branch(depth, branch, branch.label == tree.current)
        for depth, branch in list(tree.rows())[: limits.items]
    }
    rest = len(tree) - len(rows)
    more = {"more": note(f"… {rest} more branches")} if rest > 0 else {}
    return {"tree": head, **rows, **more}


def _branch(depth: int, branch: Branch, here: bool) -> Html:
    label = ["· " * min(depth, 20), el("strong", f"{'▶ ' if here else ''}{branch.label}")]
    left = (
        [f"left {branch.parent} at turn {branch.turn}: ", code(branch.change)]
        if branch.parent is not None
        else None
    )
    known = facts(left, branch.trajectory.summary(), code(last_words(branch.trajectory)))
    return row(f"branch-{branch.label}", "aside", (label, known))
