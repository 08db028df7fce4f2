"""The answers of a turn that was asked for several times, side by side, and what can be done about
a request that gave none.
"""

from __future__ import annotations

from typing import Any

from agentkit.agent.events import Event, Halted, Moved, Sampled, SamplePiece
from agentkit.analysis.diff import diff
from agentkit.errors import UsageError
from agentkit.read.stream.growing import Growing
from agentkit.show.html import Child, Html, el, fragment, without_keys
from agentkit.show.notebook.live import Op
from agentkit.show.notebook.views.turn_acts import Placed, rerun_acts, vain_parts
from agentkit.show.notebook.views.turns.changed import changed_text
from agentkit.show.notebook.views.turns.edits import arguments_text
from agentkit.show.notebook.views.turns.remarks import Remarks
from agentkit.show.notebook.views.turns.waiting import WaitingCalls
from agentkit.show.render import shown
from agentkit.show.render.limits import STATIC
from agentkit.show.render.parts.block import CODE, note, status
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.words import money, tokens
from agentkit.trajectory.person.branches import Branch, Tree
from agentkit.trajectory.trouble.points import turn_points
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.words import count, seconds

_MOST = 20
_ROOM = 1200
"""Characters of an answer in a card."""


class Reruns(WaitingCalls, Remarks):
    """What a view of a debugger has for a turn that is asked for again."""

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._writing = {}

    _asked: tuple[int, int] | None = None
    """Turn and number of the answers that are asked for now."""
    _came: tuple[Trajectory, ...] = ()
    """Those that have come."""
    _writing: dict[int, Growing]
    """Those that are being written, by their number."""
    _is_stale = False
    """Whether what stands side by side is another than the pages know."""

    def panel(self, name: str, turn: int) -> Html:
        """Draw what is in a tab, the answers side by side and the comparison among them."""
        if name == "rerun":
            asked = self._asked if self._asked and self._asked[0] == turn else None
            came = self._came if asked else ()
            left = (asked[1] if asked else 0) - len(came)
            texts = [str(g.text or g.reasoning) for g in self._writing.values()] if left else []
            return cards(self.target.tree, turn, came, [*texts, *[""] * left][:left])
        if name == "compare":
            return compared(self.target.tree)
        return super().panel(name, turn)

    def can_act(self) -> str:
        """Say why a turn can not be changed now; "" where it can."""
        return "it is running" if self.target is not None and self.target.running else ""

    def acts(self, name: str, turn: int, html: str) -> list[Placed]:
        """Describe what can be done in a tab, and with answers side by side."""
        if name != "rerun":
            return super().acts(name, turn, html)
        tree = self.target.tree
        labels = [branch.label for branch in _of_turn(tree, turn)]
        return rerun_acts(turn, labels, tree.current, self.can_act())

    def do_again(self, turn: int, n: int) -> None:
        """Post that a turn is asked for so many times.

        Raises:
            UsageError: that is more than stands side by side.
        """
        if n not in range(1, _MOST + 1):
            raise UsageError(f"a turn is asked for {_MOST} times at most in a view")
        self._asked, self._came, self._writing = (turn, n), (), {}
        self.target.post("rerun", turn=turn, n=n)
        self._is_stale = True
        self.refresh_soon()

    def heard_of(self, event: Event) -> None:
        """Note what has come of a rerun; called on the engine's thread."""
        super().heard_of(event)
        match event:
            case SamplePiece():
                self._writing.setdefault(event.sample, Growing()).feed(event.chunk)
            case Sampled():
                self._came = (*self._came, event.trajectory)
                self._writing.pop(event.sample, None)
            case Halted() | Moved():
                self._asked, self._came, self._writing = None, (), {}
            case _:
                return
        self._is_stale = True

    def difference(self) -> list[Op]:
        """List what changed; what stands side by side is asked for again by who shows it."""
        stale, self._is_stale = self._is_stale, False
        return [*super().difference(), *([["stale"]] if stale else [])]

    def in_rows(self) -> dict[str, Any]:
        """Describe what a page shows in rows beside what is drawn there."""
        return {**self.waiting(), **self.in_vain()}

    def in_vain(self) -> dict[str, Any]:
        """Describe the last request, where it gave no answer to go on from."""
        dbg = self.target
        if dbg is None or dbg.running or not dbg.trajectory.attempts:
            return {"vain": None}
        place, last = len(dbg.trajectory.attempts) - 1, dbg.trajectory.attempts[-1]
        opened = dbg.trajectory.open
        if last.turn != len(dbg.trajectory.turns) or (opened and opened.response):
            return {"vain": None}
        said = bool(last.response and last.response.content)
        parts = vain_parts(said)
        return {"vain": {"key": f"attempt-{place}", "turn": last.turn, "parts": parts}}

    def do_use(self) -> None:
        """Post that what came of an answer that broke off is the answer."""
        self.target.post("use")

    def do_discard(self) -> None:
        """Post that what came of an answer that broke off is left behind."""
        self.target.post("discard")

    def do_partial(self, ask: int) -> None:
        """Send the text of the last answer that broke off."""
        response = self.trajectory.attempts[-1].response
        self.reply({"type": "told", "ask": ask, "text": (response and response.content) or ""})


def _of_turn(tree: Tree, turn: int) -> list[Branch]:
    """Find the branches that are answers to the same request, that which was asked first at the
    start.
    """
    first = tree.branch(tree.current)
    while first.parent is not None and _is_rerun(first, turn):
        first = tree.branch(first.parent)
    labels = {first.label}
    for branch in tree.branches:
        if branch.parent in labels and _is_rerun(branch, turn):
            labels.add(branch.label)
    return [branch for branch in tree.branches if branch.label in labels]


def _is_rerun(branch: Branch, turn: int) -> bool:
    return branch.turn == turn and branch.change == "rerun"


def cards(tree: Tree, turn: int, came: tuple[Trajectory, ...], waiting: list[str]) -> Html:
    """Draw the answers of a turn as cards.

    Args:
        tree: every branch.
        turn: the turn.
        came: answers that are no branches yet.
        waiting: of each that is asked for and has not come, what is there of it.
    """
    branches = _of_turn(tree, turn)
    first = _turn(branches[0].trajectory, turn)
    made = [
        _card(i, branch.label, _turn(branch.trajectory, turn), first, tree.current == branch.label)
        for i, branch in enumerate(branches)
    ]
    made += [_card(len(made) + i, "", _turn(t, turn), first) for i, t in enumerate(came)]
    made += [_waits(len(made) + i, text) for i, text in enumerate(waiting)]
    asked = max(len(made) - 1, 0)
    told = f"the same request {count(asked, 'more time')}" if asked else "asked once so far"
    return fragment(
        el("p", told, _changed(tree, branches[0], turn)), el("div", made, class_="ak-cards")
    )


def _changed(tree: Tree, left: Branch, turn: int) -> Child:
    """Say what was changed before it was asked: the values of its sampling, else the change."""
    if left.parent is None or left.turn != turn:
        return None
    was, now = (_turn(t, turn) for t in (tree.branch(left.parent).trajectory, left.trajectory))
    sampled = [
        pretty({**left.trajectory.spec.sampling, **((t and t.sampling) or {})}) for t in (was, now)
    ]
    known = changed_text(sampled[0], sampled[1])
    return el("small", " · changed: ", known or CODE(clip(left.change, 200)))


def _turn(trajectory: Trajectory, turn: int) -> Turn | None:
    turns = trajectory.all_turns
    return turns[turn] if turn < len(turns) else None


def _waits(place: int, text: str) -> Html:
    word = el("span", "writing…" if text else "asking…", class_="ak-model")
    written = el("div", CODE(text[-_ROOM:]), class_="ak-card-body") if text else None
    return el("section", _title(place, word), written, class_="ak-card")


def _title(place: int, outcome: Child) -> Html:
    return el("header", el("strong", "as it was" if place == 0 else str(place)), outcome)


def _card(
    place: int, label: str, turn: Turn | None, first: Turn | None, here: bool = False
) -> Html:
    if turn is None:
        known = status("error")
        body: Child = note("the request gave no answer")
        facts: Child = None
    else:
        known, body = _outcome(turn), _answer_of(turn, first if place else None)
        if place and first is not None and turn.response == first.response:
            body = [note("the same as it was"), body]
        spent = tokens(turn.response.usage)
        told = [seconds(turn.response.exchange.elapsed), spent, money(turn.cost)]
        facts = " · ".join(filter(None, told))
    return el(
        "section",
        _title(place, known),
        el("div", body, class_="ak-card-body"),
        el("div", el("small", facts), class_="ak-card-foot"),
        class_="ak-card ak-here" if here else "ak-card",
        data_key=f"sample-{label}" if label else None,
    )


def _outcome(turn: Turn) -> Html:
    """Say how a turn went: never green where something is wrong."""
    severities = {point.severity for point in turn_points(turn)}
    failed = any(r is not None and r.status in ("error", "timeout") for r in turn.results)
    if "error" in severities:
        return _word("✕", "tool failed" if failed else "problems", "bad")
    if "warning" in severities:
        return _word("▲", "problems", "warn")
    waits = any(r is None for r in turn.results)
    if turn.tool_calls:
        return _word("◌", "not run", "quiet") if waits else _word("✓", "ran", "good")
    return _word("✓", "answered", "good") if turn.response.content else _word("▲", "empty", "warn")


def _word(mark: str, word: str, tone: str) -> Html:
    return el("span", f"{mark} {word}", class_=f"ak-status ak-{tone}")


def _answer_of(turn: Turn, first: Turn | None) -> Child:
    """Draw what an answer says, by word against the first one where there is one."""
    parts: list[Child] = []
    text = turn.response.content or ""
    if text or (first and first.response.content):
        old_text = first.response.content or "" if first else None
        parts.append(el("p", _against(text, old_text, "ak-said")))
    for i, call in enumerate(turn.tool_calls):
        other = first.tool_calls[i] if first and i < len(first.tool_calls) else None
        same = other is not None and other.name == call.name
        old = arguments_text(other) if same and other else None
        parts.append(
            el(
                "p",
                el("strong", CODE(clip(call.name or "?", 60)), class_="ak-name"),
                " ",
                _against(arguments_text(call), old),
            )
        )
    return parts or note("no text")


def _against(text: str, old: str | None, kind: str = "") -> Child:
    shown = None if old is None else changed_text(clip(old, _ROOM), clip(text, _ROOM))
    return el("code", clip(text, _ROOM), class_=kind or None) if shown is None else shown


def compared(tree: Tree) -> Html:
    """Draw what the current branch does differently from the one it left."""
    here = tree.branch(tree.current)
    if here.parent is None:
        return note("this is the first branch: there is nothing to compare it with")
    other = tree.branch(here.parent)
    found = diff(other.trajectory, here.trajectory)
    title = note(f"{other.label} and {here.label}, from turn {here.turn} on: ", CODE(here.change))
    return without_keys(fragment(title, list(shown.fragments(found, STATIC).values())))
