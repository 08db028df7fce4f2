"""Writes what passed into the record and tells the kernel of it, on threads of its own: what that
costs, or what it waits for, holds up no bytes.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Any

from agentkit.files.foreign.logs.flow_log import flow_line, head_line
from agentkit.read.plain import compact_json
from agentkit.tap.carrier.flow_record import FlowReader
from agentkit.tap.seam.passing import Passing
from agentkit.types.wire import ApiError, Exchange, Flow


class Speaker:
    """Sends messages to the kernel in order, however long it does not listen.

    Args:
        descriptor: the pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="agentkit-speaker", daemon=True)
        self._thread.start()

    def say(self, kind: str, text: str) -> None:
        """Send a message.

        Args:
            kind: a word of `agentkit.tap.seam.holder`.
            text: the JSON behind it.
        """
        self._lines.put(f"{kind} {text.rstrip()}\n".encode())

    def tell(self, kind: str, data: Any) -> None:
        """Send a message of plain data."""
        self.say(kind, compact_json(data))

    def close(self) -> None:
        """Send what waits, and end."""
        self._lines.put(None)
        self._thread.join(1.0)

    def _run(self) -> None:
        gone = False
        while (line := self._lines.get()) is not None:
            while line and not gone:
                try:
                    line = line[os.write(self._descriptor, line) :]
                except OSError:  # the kernel is gone
                    gone = True


class FlowWriter:
    """The log of what passes.

    Args:
        path: the record; None for none.
        servers: the URLs of the servers by name, for its head.
        speaker: tells the kernel.
    """

    def __init__(self, path: str | None, servers: dict[str, str], speaker: Speaker) -> None:
        self._file = None
        if path is not None:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(self._file, head_line(servers).encode())
        self._speaker = speaker
        self._reader = FlowReader()
        self._work: SimpleQueue[tuple[str, Passing] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="agentkit-record", daemon=True)
        self._thread.start()

    def begin(self, passing: Passing) -> None:
        """Tell that a request has come, where its answer has not come first."""

    def piece(self, passing: Passing) -> None:
        """Tell of a piece of an answer, while somebody follows."""

    def end(self, passing: Passing) -> None:
        """Write what passed."""
        self._work.put(("ended", passing))

    def report(self, exc: BaseException, number: int) -> None:
        """Tell what failed of ours."""
        message = f"{type(exc).__name__}: {exc}"
        self._speaker.tell("failed", {"message": message, "number": number})

    def close(self) -> None:
        """Write what waits, and end."""
        self._work.put(None)
        self._thread.join()
        if self._file is not None:
            os.close(self._file)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            kind, passing = work
            try:
                self._write(kind, passing)
            except Exception as exc:
                self.report(exc, passing.number)

    def _write(self, kind: str, passing: Passing) -> None:
        if kind == "began":
            if not passing.done:
                self._speaker.say("began", flow_line(self._reader.request(passing)))
            return
        line = flow_line(self._flow(passing))
        if self._file is not None:
            self._append(line.encode("utf-8", "surrogatepass"))
        self._speaker.say(f"ended {passing.number}", line)

    def _flow(self, passing: Passing) -> Flow:
        """Read what passed; where that fails, keep nothing that was not read."""
        try:
            return self._reader.flow(passing)
        except Exception as exc:
            self.report(exc, passing.number)
            error = ApiError(
                kind="bad_response", message=f"agentkit could not read it: {type(exc).__name__}"
            )
            return Flow(
                number=passing.number,
                method=passing.method,
                started=passing.started,
                exchange=Exchange(status=passing.status, transport_error=error),
            )

    def _append(self, line: bytes) -> None:
        file = self._file
        while file is not None and line:
            line = line[os.write(file, line) :]
