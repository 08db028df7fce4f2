"""Writes what passed into the record and tells the kernel of it, on a thread of its own: what that
costs, or waits for, holds up no bytes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from agentkit.files.foreign.logs.flow_file import FlowFile
from agentkit.files.foreign.logs.flow_log import flow_line, head_line
from agentkit.tap.carrier.flow_record import FlowReader
from agentkit.tap.carrier.follower import Follower
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.seam.passing import Passing
from agentkit.types.problem import problem
from agentkit.types.wire import ApiError, Exchange, Flow

_BEGUN_SECONDS = 0.05
"""Seconds after which a request whose answer has not come is told of."""
_FLUSH_SECONDS = 1.0
_BEGUN_ANEW = "the record was deleted or moved away: it is begun anew, and lacks what came before"
_PAUSE_SECONDS = 0.02
"""Seconds that what passed may wait for more, which is then written at once with it."""


class FlowWriter:
    """The log of what passes.

    Args:
        path: the record; None for none.
        servers: the URLs of the servers by name, for its head.
        speaker: tells the kernel.
        again: whether the record is gone on with by a process that takes another one's place.
    """

    def __init__(
        self, path: str | None, servers: dict[str, str], speaker: Speaker, *, again: bool = False
    ) -> None:
        self._file = FlowFile(path, head_line(servers), again=again)
        self._speaker = speaker
        self._reader = FlowReader()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._work: deque[tuple[str, Passing]] = deque()
        self._asked = threading.Event()
        self._hurried = threading.Event()
        self._closed = False
        self.following = False
        """Whether the kernel is told of pieces of answers."""
        self._followers: dict[int, Follower] = {}
        self._syncs: deque[int | threading.Event] = deque()
        self._thread = threading.Thread(target=self._run, name="agentkit-record", daemon=True)
        self._thread.start()

    def keep(self, lines: Iterable[str]) -> None:
        """Write lines that the kernel knows: of what broke off with another process."""
        try:
            for line in lines:
                self._file.keep(line)
        except OSError as exc:
            self.report(exc, -1)

    def begin(self, passing: Passing) -> None:
        """Tell that a request has come, where its answer does not come first."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_BEGUN_SECONDS, self._put, "began", passing)
        self._timers[passing.number] = timer

    def piece(self, passing: Passing) -> None:
        """Tell of a piece of an answer, while somebody follows."""
        if self.following:
            self._put("piece", passing)

    def end(self, passing: Passing) -> None:
        """Write what passed."""
        self._timers.pop(passing.number).cancel()
        self._put("ended", passing)

    def report(self, exc: BaseException, number: int) -> None:
        """Tell what failed of ours."""
        message = f"{type(exc).__name__}: {exc}"
        self._speaker.tell("failed", {"message": message, "number": number})

    def flush(self) -> None:
        """Write what waits, and return when the kernel has been told of it."""
        done = threading.Event()
        self.sync(done)
        done.wait(_FLUSH_SECONDS)

    def sync(self, number: int | threading.Event) -> None:
        """Write what waits, and then tell the kernel, or whoever waits for it, that it has been."""
        self._syncs.append(number)
        self._hurried.set()
        self._asked.set()

    def close(self) -> None:
        """Write what waits, and end."""
        self._closed = True
        self.sync(0)
        self._thread.join()
        self._file.close()

    def _put(self, kind: str, passing: Passing) -> None:
        self._work.append((kind, passing))
        if not self._asked.is_set():
            self._asked.set()

    def _run(self) -> None:
        while not (self._closed and not self._work):
            self._asked.wait()
            self._hurried.wait(_PAUSE_SECONDS)
            self._asked.clear()
            self._hurried.clear()
            asked = [self._syncs.popleft() for _ in range(len(self._syncs))]
            while self._work:
                self._write(*self._work.popleft())
            for number in asked:
                if isinstance(number, threading.Event):
                    number.set()
                else:
                    self._speaker.tell("synced", number)

    def _write(self, kind: str, passing: Passing) -> None:
        try:
            if kind == "piece":
                self._follow(passing)
            elif kind == "ended":
                self._followers.pop(passing.number, None)
                self._end(self._flow(passing))
            elif not passing.done:
                self._speaker.say("began", flow_line(self._reader.request(passing)))
        except Exception as exc:
            self.report(exc, passing.number)

    def _follow(self, passing: Passing) -> None:
        """Tell of pieces: several that have come meanwhile at once."""
        if passing.done or not self.following:
            return
        follower = self._followers.get(passing.number)
        if follower is None:
            if passing.number in self._timers:
                self._speaker.say("began", flow_line(self._reader.request(passing)))
            follower = Follower(passing, self._reader.redactor, self._speaker)
            self._followers[passing.number] = follower
        follower.tell()

    def _end(self, flow: Flow) -> None:
        """Write a flow to the record and tell it; what fails of the first does not fail the second,
        and is told with it.
        """
        line = flow_line(flow)
        try:
            if self._file.keep(line):
                self.report(OSError(_BEGUN_ANEW), -1)
        except OSError as exc:
            self.report(exc, flow.number)
            found = problem("flow_not_recorded", f"it is not in the record: {exc.strerror or exc}")
            line = flow_line(replace(flow, problems=(*flow.problems, found)))
        self._speaker.say(f"ended {flow.number}", line)

    def _flow(self, passing: Passing) -> Flow:
        """Read what passed; where that fails, keep nothing that was not read."""
        try:
            return self._reader.flow(passing)
        except Exception as exc:
            self.report(exc, passing.number)
            message = f"agentkit could not read it: {type(exc).__name__}"
            error = ApiError(kind="bad_response", message=message)
            return Flow(
                number=passing.number,
                method=passing.method,
                started=passing.started,
                exchange=Exchange(status=passing.status, transport_error=error),
                problems=(problem("flow_not_read", message),),
            )
