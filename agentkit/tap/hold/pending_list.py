"""What waits, in the kernel: the breakpoints are asked here, and the process that carries the bytes
is told what becomes of each request and each answer.

Messages of the process, behind the word `hold`: `ask 7 request {flow}`, `ask 8 answer {flow}`, and
`gone 7` where the agent went away. Messages to it: what is asked about, to which it says `set 3`
(`{"requests": true, "answers": false, "set": 3}`); that it passes (`{"verdict": 7}`); and what a
person decided (`{"verdict": 7, "person": true, "changes": […]}`, or `"answer": {…}` in place of
changes).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.files.foreign.logs.flow_log import flow_line, read_flow
from agentkit.read.response import read_response
from agentkit.tap.hold.moments import Side, request_of, sides_of, stop_for
from agentkit.tap.hold.pending_flow import PendingFlow, PendingFlows
from agentkit.tap.slips.hold_slips import HoldSlips
from agentkit.types.wire import Flow
from agentkit.types.words import count as count_of
from agentkit.types.words import in_line

log = logging.getLogger("agentkit")

_REMEMBERED = 2000
"""Flows that are looked through for an answer that a request names."""
_LOOKED_AT = 20
"""Flows that are asked for the tools there are, when a breakpoint comes."""
_SET_SECONDS = 10.0
"""For the process to hear what it is to ask about; it takes some thousandths of a second."""


class PendingList:
    """The flows that wait for a person, and the breakpoints that make them wait.

    Args:
        send: takes a message for the process.
        is_alive: tells whether the process hears it.
        flows: gives what has passed, for requests that only name what came before.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], None],
        is_alive: Callable[[], bool],
        flows: Callable[[], Sequence[Flow]],
    ) -> None:
        self._send, self._is_alive, self._flows = send, is_alive, flows
        self._sets = count(1)
        self._set: dict[int, threading.Event] = {}
        self._hearer: int | None = None
        self._lock = threading.Lock()
        self._waiting: dict[int, PendingFlow] = {}
        self.asked: dict[str, bool] = {"requests": False, "answers": False}
        """What the process asks about."""
        self.breakpoints = Breakpoints()
        """What makes them wait; `add`, `remove`, `turn_off` and `clear` count at once."""
        self.breakpoints.changed = self._tell
        self.changed: Callable[[], None] = lambda: None
        """Called when one comes or goes, on any thread."""
        self.begin: Callable[[str], None] = lambda text: None
        """Takes a request that is held, which may not have been told of yet."""
        self.note: Callable[[str, str], None] = lambda failure, hint: None
        """Takes what a person should know of what is held, and what to do about it."""
        self._slips = HoldSlips(self._say)

    @property
    def pending(self) -> PendingFlows:
        """List what waits now, in the order in which it came."""
        with self._lock:
            return PendingFlows(self._waiting.values())

    def hear(self, text: str) -> None:
        """Take a message of the process."""
        self._hearer = threading.get_ident()
        word, _, rest = text.partition(" ")
        number, _, rest = rest.partition(" ")
        if word == "set":
            self._set.pop(int(number), threading.Event()).set()
            return
        if word == "gone":
            with self._lock:
                left = self._waiting.pop(int(number), None)
            if left is not None:
                left.fate = "left"
                self.changed()
            return
        side, _, line = rest.partition(" ")
        try:
            waits = self._stopped(int(number), "answer" if side == "answer" else "request", line)
        except Exception:  # what fails here must not keep an agent waiting
            waits = False
        if not waits:
            self._send({"verdict": int(number)})

    def _stopped(self, number: int, side: Side, line: str) -> bool:
        flow = read_flow(line)
        self._slips.see(request_of(flow))
        self._slips.check(self.breakpoints.all)
        stop = stop_for(flow, side, self.breakpoints.all, self._find)
        if stop is None:
            return False
        self.begin(flow_line(replace(flow, exchange=None)))
        if stop.error is not None:
            self._say(f"flow {flow.number} is held: {stop.text}")

        def decide(decision: dict[str, Any]) -> bool:
            return self._decide(number, decision)

        pending = PendingFlow(flow, side, stop, decide)
        pending.told = self.changed
        if stop.breakpoint is not None:
            self.breakpoints.note_hit(stop.breakpoint)
        with self._lock:
            self._waiting[number] = pending
        self.changed()
        return True

    def _find(self, label: str) -> Flow | None:
        """Find the flow whose answer has an id, among those that passed last."""
        named = f'"{label}"'
        for flow in reversed(self._flows()[-_REMEMBERED:]):
            exchange = flow.exchange  # answers name the one before them, too
            if exchange and named in exchange.text and read_response(exchange).id == label:
                return flow
        return None

    def _decide(self, number: int, decision: dict[str, Any]) -> bool:
        with self._lock:
            waited = self._waiting.pop(number, None)
        if waited is not None:
            self._send({"verdict": number, "person": True, **decision})
            self.changed()
        return waited is not None

    def drop(self) -> list[Flow]:
        """Forget what waits, and give it: what carried it has ended, and the agents know."""
        with self._lock:
            dropped = list(self._waiting.values())
            self._waiting.clear()
        for pending in dropped:
            pending.fate = "left"
        for done in list(self._set.values()):
            done.set()
        self.changed()
        return [pending.flow for pending in dropped]

    def release(self) -> None:
        """Take all breakpoints away, and let everything that waits go on as it came."""
        self.breakpoints.clear()
        changed = [pending for pending in self.pending if pending.changed]
        for pending in self.pending:
            pending.release()
        if changed:
            lost = count_of(len(changed), "changed flow")
            self._say(
                f"{lost} went on as it came, without its changes"
                if len(changed) == 1
                else f"{lost} went on as they came, without their changes",
                "w.pending.send() lets all go on with their changes",
            )

    def _say(self, failure: str, hint: str = "") -> None:
        """Tell a person, in the log too."""
        log.warning("%s", in_line("; ".join(filter(None, (failure, hint)))))
        self.note(failure, hint)

    def _tell(self) -> None:
        for flow in self._flows()[-_LOOKED_AT:] if self.breakpoints.all else ():
            self._slips.see(request_of(flow))
        self._slips.check(self.breakpoints.all)
        sides = sides_of(self.breakpoints.all)
        asked = {"requests": "request" in sides, "answers": "answer" in sides}
        if asked != self.asked:
            self.asked = asked
            self._settle(asked)
        self.changed()

    def _settle(self, asked: dict[str, bool]) -> None:
        """Have the process ask about this, and wait until it does: what an agent sends from now on
        is held.
        """
        number, done = next(self._sets), threading.Event()
        self._set[number] = done
        self._send({**asked, "set": number})
        hears = threading.get_ident() == self._hearer
        if not hears and self._is_alive():
            done.wait(_SET_SECONDS)
