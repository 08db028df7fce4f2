"""A tap on other agents in a notebook: what passes while it passes, the newest rollout open, what
waits with what can be done about it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from agentkit.agent.event_loop import event_loop
from agentkit.errors import AgentkitError, NotFound, UsageError
from agentkit.show.html import Child, Html, el
from agentkit.show.notebook.live import PAUSE, LiveView, Op, sendable
from agentkit.show.notebook.page_parts import Part, part
from agentkit.show.notebook.views.explorer.inner_view import InnerView
from agentkit.show.notebook.views.turns.changed import changed_text
from agentkit.show.notebook.views.watch.flow_drafts import changes_of, check, fields_of
from agentkit.show.notebook.views.watch.pending_parts import (
    MOST_CARDS,
    pending_part,
    rule_parts,
)
from agentkit.show.notebook.views.watch.seen_rollout import SeenRollout, SeenRolloutView
from agentkit.show.notebook.views.watch.watch_rows import (
    MOST_ROWS,
    Flights,
    Summary,
    bar_parts,
    flight_parts,
    flights_of,
    head_parts,
    rollout_parts,
    summary_of,
)
from agentkit.tap.flow_list import Picture
from agentkit.tap.hold.pending_flow import PendingFlow, PendingFlows
from agentkit.tap.watch import Watch
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.types.wire import Flow

_PIECE_SECONDS = 0.25
"""Seconds between two looks at answers on their way."""
_STAYS_SECONDS = 2.0
"""Seconds for which a rollout stays open before a newer one takes its place by itself."""


class WatchView(InnerView, LiveView):
    """Facts, requests in flight, what waits, the rollouts and the open one beside them."""

    scripts: ClassVar[tuple[str, ...]] = ("inner", "watch", "explorer/watch")

    def __init__(self, target: Watch) -> None:
        super().__init__(target)
        self._end: Callable[[], None] | None = None
        self._sums: dict[int, Summary] = {}
        self._seen = Picture({}, {}, {})
        self._flights = Flights({}, {}, {})
        self._rows: dict[int, Part] = {}
        self._made: dict[int, tuple[Any, Part]] = {}
        """The line of each rollout, with what it was made of."""
        self._took = 0.0
        """Seconds that the last look took."""
        self._opened = SeenRollout()
        self._since = 0.0
        self._picked = False
        """Whether a person has chosen what is open."""
        self._piece_soon = False
        self._cards: dict[int, tuple[Flow, FlowLink | None, Part]] = {}
        self._unsent = False
        """Whether no page has been sent the script of what is open."""

    @classmethod
    def counts(cls, thing: Any) -> dict[str, int]:
        """Count what has passed."""
        return {"requests": thing.heard.counts()[0]} if isinstance(thing, Watch) else {}

    # who looks

    def _add(self, page: str) -> None:
        super()._add(page)
        watch = self.target
        if self._end is None and watch is not None:
            self._end = watch.follow(self._happened)

    def forget(self, page: str) -> None:
        """Note that a page shows the view no longer; without any, nothing is followed."""
        super().forget(page)
        if not self.watched and self._end is not None:
            end, self._end = self._end, None
            end()

    def _happened(self, kind: str, number: int) -> None:
        """Hear what has happened, on a thread of the tap."""
        if kind != "piece":
            self.refresh_soon()
        elif not self._piece_soon:
            self._piece_soon = True
            loop = event_loop()
            loop.call_soon_threadsafe(loop.call_later, _PIECE_SECONDS, self._look_at_pieces)

    def _look_at_pieces(self) -> None:
        self._piece_soon = False
        self.refresh_soon()

    # what is shown

    def difference(self) -> list[Op]:
        """List the rollouts whose line has changed, and show what is open as it is now."""
        watch = self.target
        if watch is None:
            return []
        self._look(watch)
        rows = self._lines({pending.number for pending in watch.pending})
        ops: list[Op] = [
            ["rollout", number, row]
            for number, row in rows.items()
            if self._rows.get(number) != row
        ]
        ops += [["rollout", number, None] for number in self._rows if number not in rows]
        self._rows = rows
        return [*super().difference(), ["clock", time.time()], *ops]

    def _lines(self, held: set[int]) -> dict[int, Part]:
        """Describe the newest rollouts; the line of one that is the same is not made again."""
        made: dict[int, tuple[Any, Part]] = {}
        for number in [*self._seen.rollouts][-MOST_ROWS:]:
            one, open_ = self._sums[number], number == self._opened.number
            flying = [(f.number, f.number in held) for f in self._flights.open.get(number, ())]
            looks = (id(one), flying, self._flights.spans[number], open_)
            known = self._made.get(number)
            if known is None or known[0] != looks:
                known = looks, rollout_parts(number, one, self._flights, held, open_)
            made[number] = known
        self._made = made
        return {number: row for number, (_, row) in made.items()}

    def opening(self) -> list[Op]:
        """List the lines of all rollouts."""
        return [["clock", time.time()], *(["rollout", n, row] for n, row in self._rows.items())]

    def _look(self, watch: Watch) -> None:
        self._seen = seen = watch.heard.picture()
        self._flights = flights_of(seen)
        for number, rollout in seen.rollouts.items():
            known = self._sums.get(number)
            if known is None or known.rollout is not rollout:
                self._sums[number] = summary_of(rollout)
        if seen.rollouts and not self._picked:
            self._show_newest([*seen.rollouts][-1])
        if self._opened.number in seen.rollouts:
            was = self._opened.trajectory, self._opened.where
            self._opened.trajectory = seen.rollouts[self._opened.number]
            self._opened.where = self._where(watch)
            is_same = was[0] is self._opened.trajectory and was[1] == self._opened.where
            if not is_same and self._inner is not None:
                self._inner.refresh_soon()

    def _where(self, watch: Watch) -> str:
        """Tell what the open rollout waits for; "" where it has ended."""
        flying = {flow.number for flow in self._flights.open.get(self._opened.number, ())}
        if flying & {pending.number for pending in watch.pending}:
            return "held"
        if flying:
            return "flying"
        return "agent" if self._opened.trajectory.stop_reason is None and watch.alive else ""

    def _show_newest(self, number: int) -> None:
        """Open the newest rollout, unless the one that is open has just been opened."""
        if number == self._opened.number:
            return
        left = self._since + _STAYS_SECONDS - time.monotonic()
        if self._opened.number < 0 or left <= 0:
            self._open(number)
        else:
            loop = event_loop()
            loop.call_soon_threadsafe(loop.call_later, left, self.refresh_soon)

    def _open(self, number: int) -> None:
        self._since = time.monotonic()
        self._opened = SeenRollout(number, self._seen.rollouts[number])
        self._put_in(SeenRolloutView, self._opened)
        self._unsent = True

    def refresh(self) -> None:
        """Send what changed since the last time, and what is open unasked: a kernel that is busy
        with a cell cannot be asked for it.
        """
        with self._lock:
            begun = time.perf_counter()
            super().refresh()
            self._send_opened()
            self._took = time.perf_counter() - begun

    def refresh_soon(self) -> None:
        """Send what changed a little later: with many rollouts at most a fifth of the time goes
        there.
        """
        with self._lock:
            if self._soon or not self._pages:
                return
            self._soon = True
        loop = event_loop()
        loop.call_soon_threadsafe(loop.call_later, max(PAUSE, 4 * self._took), self._refresh)

    def _reset(self, page: str) -> None:
        super()._reset(page)
        self._send_opened()

    def _send_opened(self) -> None:
        inner = self._inner
        if self._unsent and self._pages and inner is not None:
            self._unsent = False
            told = {"type": "inner", "number": self._number, "module": str(inner._esm)}
            self.send(told, [inner.packed])
            inner.begin()

    def fragments(self) -> Mapping[str, Html]:
        """Draw where an agent is led, as long as none has come."""
        watch = self.target
        if watch is None:
            return self.rows()
        env = "\n".join(f"{name}={value}" for name, value in watch.env.items())
        words: list[Child] = ["Nothing has come yet. Lead the agent here: in this notebook within "]
        words += [el("code", "with w:"), ", in a terminal by"]
        if not env:
            words, env = ["Nothing has come yet. Hand the agent the watched client:"], "w.client"
        parts = [el("small", words), el("pre", env)]
        return {"env": el("div", parts, class_="ak-wenv", data_key="env")}

    def state(self) -> dict[str, Any]:
        """Describe the facts, what is in flight and what waits."""
        watch = self.target
        if watch is None:
            return {}
        waits, seen = watch.pending, self._seen
        held = {pending.number for pending in waits}
        flying = [flow.number for flows in self._flights.open.values() for flow in flows]
        coming = {number: watch.coming(number) for number in flying[:20]}
        points = watch.breakpoints
        rest = len(seen.rollouts) - len(self._rows)
        return {
            "in_head": head_parts(watch, seen, self._sums.values(), len(waits)),
            "in_bar": bar_parts(len(points), len(waits)) if watch.alive else [],
            "in_rules": rule_parts(points, self._tools()),
            "in_flight": flight_parts(seen, self._flights, coming, held),
            "in_pending": self._pending_parts(waits),
            "inner": self._number if self._inner is not None else 0,
            "begun": bool(seen.flows or waits),
            "picked": self._picked,
            "earlier": rest,
        }

    def _pending_parts(self, waits: PendingFlows) -> list[Part]:
        """Describe what waits; nothing of it is read again while it is the same."""
        cards: dict[int, tuple[Flow, FlowLink | None, Part]] = {}
        for pending in waits[:MOST_CARDS]:
            link = self._seen.links.get(pending.number)
            card = self._cards.get(pending.number)
            if card is None or card[0] is not pending.flow or card[1] != link:
                card = (pending.flow, link, pending_part(pending, link))
            cards[pending.number] = card
        self._cards = cards
        rest = len(waits) - len(cards)
        more = [part("small.ak-wmore", f"{rest:,} more wait")] if rest > 0 else []
        return [*(card for _, _, card in cards.values()), *more]

    def _tools(self) -> list[str]:
        """List the names of the tools that agents have offered."""
        found: dict[str, None] = {}
        for rollout in [*self._seen.rollouts.values()][-20:]:
            for schema in rollout.spec.tools:
                function = schema.get("function")
                name = (function if isinstance(function, dict) else schema).get("name")
                if isinstance(name, str):
                    found[name] = None
        return sorted(map(sendable, found))

    # what a page asks for

    def do_open(self, number: int) -> None:
        """Open a rollout; it stays open."""
        if number in self._seen.rollouts:
            self._picked = True
            self._open(number)
            self.refresh()

    def do_newest(self) -> None:
        """Show the newest rollout again, and each that comes."""
        self._picked, self._since = False, 0.0
        self.refresh()

    def do_draft(self, number: int, field: str, text: str, ask: int) -> None:
        """Send what a draft changes, what is wrong with it, and whether it fits the tool."""
        pending = self._waiting(number)
        found = next((each for each in fields_of(pending) if each.name == field), None)
        if found is None:
            raise NotFound(f"nothing named {field!r} waits")
        wrong, fits = check(pending, found, text)
        html: Html | str = changed_text(found.text, text) or ""
        told = {"html": html, "wrong": sendable(wrong), "fits": fits}
        self.reply({"type": "told", "ask": ask, **told})

    def do_decide(
        self, number: int, act: str, ask: int, value: str = "", drafts: Any = None
    ) -> None:
        """Send what waits, changed or as it came, answer by hand, or fail; what is wrong with that
        is said where it was asked.
        """
        wrong = ""
        try:
            self._decide(self._waiting(number), act, value, dict(drafts or {}))
        except AgentkitError as error:
            wrong = str(error)
        self.reply({"type": "told", "ask": ask, "wrong": sendable(wrong)})
        self.refresh()

    def _decide(self, pending: PendingFlow, act: str, value: str, drafts: dict[str, str]) -> None:
        match act:
            case "send":
                for change in changes_of(fields_of(pending), drafts):
                    pending.change(**change, force=True)  # it was told whether it fits
                pending.send()
            case "release":
                pending.release()
            case "answer":
                pending.answer(*answer_parts(value))
            case "fail":
                pending.fail(int(value))

    def do_hold(self, kind: str, value: str = "", where: str = "") -> None:
        """Add a rule of what waits."""
        self.target.breakpoints.add_named(kind, value, where)
        self.refresh()

    def do_unhold(self, place: int) -> None:
        """Take a rule away; what waits already goes on waiting."""
        self.target.breakpoints.remove(int(place))
        self.refresh()

    def do_hear(self, ask: int) -> None:
        """Say that the kernel hears, as it does not while a cell keeps it busy."""
        self.reply({"type": "told", "ask": ask})

    def do_let_go(self) -> None:
        """Let all go on as it came, without rules."""
        self.target.release()
        self.refresh()

    def _waiting(self, number: int) -> PendingFlow:
        waits: PendingFlows = self.target.pending
        found = next((each for each in waits if each.number == number), None)
        if found is None:
            raise UsageError(f"request {number} waits no more")
        return found


def answer_parts(text: str) -> list[Any]:
    """Read what was written by hand: a list of texts and calls, a whole message, or a text.

    Raises:
        UsageError: nothing was written.
    """
    if not text.strip():
        raise UsageError("nothing is answered yet", hint="write what the agent is to get")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    if isinstance(value, list):
        return [tuple(each) if isinstance(each, list) else each for each in value]
    return [value] if isinstance(value, dict) else [text]
