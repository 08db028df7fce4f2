"""What waits, in the kernel: the breakpoints are asked here, and the process that carries the bytes
is told what becomes of each request and each answer.

Messages of the process, behind the word `hold`: `ask 7 request {flow}`, `ask 8 answer {flow}`, and
`gone 7` where the agent went away. Messages to it: `{"requests": true, "answers": false}`, what is
asked about; `{"verdict": 7}`, it passes; `{"verdict": 7, "person": true, "changes": […]}` or
`{…, "answer": {…}}`, what a person decided.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.files.foreign.logs.flow_log import read_flow
from agentkit.tap.hold.moments import Side, sides_of, stop_for
from agentkit.tap.hold.pending_flow import PendingFlow, PendingFlows
from agentkit.trajectory.breakpoints import Breakpoint


class PendingList:
    """The flows that wait for a person, and the breakpoints that make them wait.

    Args:
        send: takes a message for the process.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: dict[int, PendingFlow] = {}
        self._asked: dict[str, bool] = {"requests": False, "answers": False}
        self.breakpoints = Breakpoints()
        """What makes them wait; `add`, `remove`, `turn_off` and `clear` count at once."""
        self.breakpoints.changed = self._tell
        self.changed: Callable[[], None] = lambda: None
        """Called when one comes or goes, on any thread."""

    @property
    def pending(self) -> PendingFlows:
        """List what waits now, in the order in which it came."""
        with self._lock:
            return PendingFlows(self._waiting.values())

    def hear(self, text: str) -> None:
        """Take a message of the process."""
        word, _, rest = text.partition(" ")
        number, _, rest = rest.partition(" ")
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
        stop = stop_for(flow, side, self.breakpoints.all)
        if stop is None:
            return False

        def decide(decision: dict[str, Any]) -> bool:
            return self._decide(number, decision)

        pending = PendingFlow(flow, side, stop, decide)
        if stop.breakpoint is not None:
            self.breakpoints.note_hit(stop.breakpoint)
        with self._lock:
            self._waiting[number] = pending
        self.changed()
        return True

    def _decide(self, number: int, decision: dict[str, Any]) -> bool:
        with self._lock:
            waited = self._waiting.pop(number, None)
        if waited is not None:
            self._send({"verdict": number, "person": True, **decision})
            self.changed()
        return waited is not None

    def hold(self, *points: Any) -> list[Breakpoint]:
        """Add breakpoints, or functions of a moment as such."""
        return [self.breakpoints.add(point) for point in points]

    def release(self) -> None:
        """Take all breakpoints away, and let everything that waits go on as it came."""
        self.breakpoints.clear()
        for pending in self.pending:
            pending.release()

    def _tell(self) -> None:
        sides = sides_of(self.breakpoints.all)
        asked = {"requests": "request" in sides, "answers": "answer" in sides}
        if asked != self._asked:
            self._asked = asked
            self._send(asked)
        self.changed()
