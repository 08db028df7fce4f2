"""The branches of a debugger as a picture: a lane a branch, a column a turn, where it left, how it
came out and what it was worth in the same line; below, what each changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agentkit.show.html import Html, el
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import note
from agentkit.show.render.parts.words import outcome_of
from agentkit.trajectory.person.branches import Branch, Tree
from agentkit.trajectory.trouble.points import points_by_turn
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory

_HIGH, _MIDDLE, _PAD = 28, 14, 20
_WIDE = 400
"""Pixels that the columns may take as long as they are no narrower than `_NARROW`."""
_NARROW, _BROAD = 14, 56
_MANY = 60
"""Turns beyond which the shared beginning is left out."""
_NUMBERED = 30
"""Pixels that the number of a turn needs."""


class _Lane(NamedTuple):
    """Where a branch is drawn."""

    row: int
    branch: Branch
    parent: int | None
    """The row of the branch it left."""


class _Columns(NamedTuple):
    """Where the turns are drawn."""

    first: int
    last: int
    step: float

    def x(self, turn: int) -> float:
        """Return where a turn is; that before the first is at the left edge."""
        return round(_PAD + (turn - self.first) * self.step, 1) if turn >= self.first else 4

    def bend(self, turn: int) -> float:
        """Return where a branch that left before this turn goes down."""
        return round(self.x(turn - 1) + min(self.step / 2, 9), 1)

    @property
    def width(self) -> int:
        """Pixels of the whole."""
        return round(self.x(self.last) + _PAD)


def branch_lanes(tree: Tree, limits: Limits) -> dict[str, Html]:
    """Draw the table of the branches and what each changed; each row has the key of its branch
    (`branch-b1`) and a last cell for what a page can do with it.
    """
    shown = [branch for _, branch in tree.rows()][: limits.items]
    rows = {branch.label: i for i, branch in enumerate(shown)}
    lanes = [_Lane(i, branch, rows.get(branch.parent or "")) for i, branch in enumerate(shown)]
    columns = _columns(shown)
    head = [
        el("th", "branch", scope="col"),
        el("th", _numbers(columns), scope="col"),
        el("th", "end", scope="col"),
        el("th", "reward", scope="col") if any(map(_worth, shown)) else None,
        el("td"),
    ]
    body = [_row(lane, lanes, columns, tree.current, any(map(_worth, shown))) for lane in lanes]
    table = el("table", el("thead", el("tr", head)), el("tbody", body), class_="ak-lanes")
    parts = {"lanes": el("section", table, class_="ak-wide", data_key="lanes")}
    changed = [
        el("li", el("strong", b.label), f" left {b.parent} at turn {b.turn} ", b.change)
        for b in shown
        if b.parent is not None
    ]
    if changed:
        parts["changed"] = el(
            "section", el("ul", changed), class_="ak-same ak-changed", data_key="changed"
        )
    rest = len(tree) - len(shown)
    if rest > 0:
        parts["more"] = note(f"… {rest} more branches")
    return parts


def _columns(branches: Sequence[Branch]) -> _Columns:
    turns = max((len(b.trajectory.all_turns) for b in branches), default=0)
    parts = [b.turn for b in branches if b.parent is not None]
    first = max(0, min(parts, default=0) - 2) if turns > _MANY else 0
    step = min(_BROAD, max(_NARROW, _WIDE / max(1, turns - first)))
    return _Columns(first, turns, step)


def _numbers(columns: _Columns) -> Html:
    """Draw the numbers of the turns, as many as there is room for."""
    every = max(1, round(_NUMBERED / columns.step + 0.4)) if columns.step < _NUMBERED else 1
    texts = [
        el("text", turn, x=f"{columns.x(turn):g}", y=13, text_anchor="middle")
        for turn in range(columns.first, columns.last)
        if turn % every == 0
    ]
    return _svg(columns.width, 18, "turns", texts)


def _svg(width: int, height: int, name: str, parts: Sequence[Html]) -> Html:
    return el(
        "svg",
        parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=name,
    )


def _worth(branch: Branch) -> str:
    reward = branch.trajectory.meta.get("reward")
    return f"{reward:.4g}" if isinstance(reward, (int, float)) else ""


def _row(
    lane: _Lane, lanes: Sequence[_Lane], columns: _Columns, current: str, rewarded: bool
) -> Html:
    branch, here = lane.branch, lane.branch.label == current
    paths = [el("path", d=d) for d in _paths(lane, lanes, columns, here)]
    marks = list(_marks(branch, columns, here))
    turns = len(branch.trajectory.all_turns)
    name = f"{branch.label}, {turns} turns" if turns != 1 else f"{branch.label}, 1 turn"
    picture = _svg(columns.width, _HIGH, name, [*paths, *marks])
    return el(
        "tr",
        el("th", el("strong", branch.label), scope="row"),
        el("td", picture),
        el("td", _end(branch.trajectory, here)),
        el("td", _worth(branch), class_="ak-number") if rewarded else None,
        el("td", class_="ak-does"),
        class_="ak-here" if here else None,
        data_key=f"branch-{branch.label}",
    )


def _end(t: Trajectory, here: bool) -> Html:
    if t.stop_reason is None and here:
        return el("span", f"▶ at turn {len(t.turns)}", class_="ak-status")
    icon, tone, words = outcome_of(t)
    return el("span", icon, " ", words, class_=f"ak-status ak-{tone}")


def _paths(lane: _Lane, lanes: Sequence[_Lane], columns: _Columns, here: bool) -> Iterator[str]:
    """Yield the lines of a lane: its own, and those of branches that leave it or pass it."""
    begin = lane.branch.turn if lane.parent is not None else columns.first
    t = lane.branch.trajectory
    end = len(t.turns) if here and t.stop_reason is None else len(t.all_turns) - 1
    if end >= begin:
        yield f"M{columns.x(begin)} {_MIDDLE}H{columns.x(end)}"
    if lane.parent is not None:
        bend = columns.bend(begin)
        yield f"M{bend} 0V6Q{bend} 14 {bend + 8:g} 14H{columns.x(max(begin, columns.first))}"
    for other in lanes[lane.row + 1 :]:
        if other.parent is None or other.parent > lane.row:
            continue
        bend = columns.bend(other.branch.turn)
        if other.parent == lane.row:
            left = columns.x(other.branch.turn - 1)
            yield f"M{left} 14Q{bend} 14 {bend} 22V{_HIGH}"
        else:
            yield f"M{bend} 0V{_HIGH}"


def _marks(branch: Branch, columns: _Columns, here: bool) -> Iterator[Html]:
    """Yield a mark a turn: a square where something failed, a triangle for a warning, a filled dot
    at the end, an arrow where the debugger is.
    """
    t = branch.trajectory
    found = points_by_turn(t)
    begin = max(columns.first, branch.turn if branch.parent is not None else 0)
    for turn in range(begin, len(t.all_turns)):
        worst = {point.severity for point in found.get(turn, ())}
        last = turn == len(t.all_turns) - 1 and t.stop_reason is not None
        codes = ", ".join(
            dict.fromkeys(p.code for p in found.get(turn, ()) if p.severity != "info")
        )
        title = f"{branch.label}, turn {turn}{f': {clip(codes, 80)}' if codes else ''}"
        yield _mark(columns.x(turn), worst, last, here, title, turn)
    if here and t.stop_reason is None:
        x = columns.x(len(t.turns))
        yield el("path", d=f"M{x - 6:g} 8L{x + 7:g} 14L{x - 6:g} 20Z", class_="ak-now")


def _mark(x: float, worst: set[str], last: bool, here: bool, title: str, turn: int) -> Html:
    if "error" in worst:
        d, name = f"M{x - 6:g} 8h12v12h-12zm3 3l6 6m0 -6l-6 6", "ak-bad"
    elif "warning" in worst:
        d, name = f"M{x:g} 7.5l7 12h-14z", "ak-warn"
    else:
        d, name = f"M{x - 5:g} 14a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", "ak-last" if last else ""
    names = f"ak-mark {name}{' ak-now' if here and last else ''}".strip()
    return el("path", el("title", title), d=d, class_=names, data_turn=turn)
