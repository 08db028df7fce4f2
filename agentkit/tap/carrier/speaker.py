"""Sends messages to the kernel in order, however long it does not listen."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from agentkit.read.plain import compact_json


class Speaker:
    """Writes lines into a pipe. What the pipe has no room for waits for a thread of its own.

    Args:
        descriptor: the pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._free = True
        """Whether a line can be written without waiting."""
        self._gone = False
        self._waiting: deque[bytes] = deque()
        self._lock = threading.Condition()
        try:
            os.set_blocking(descriptor, False)
        except (OSError, AttributeError):  # a pipe of Windows: the thread writes everything
            self._free = False
        self._thread = threading.Thread(target=self._run, name="agentkit-speaker", daemon=True)
        self._thread.start()

    def say(self, kind: str, text: str) -> None:
        """Send a message.

        Args:
            kind: a word of `agentkit.tap.seam.holder`.
            text: the JSON behind it.
        """
        line = f"{kind} {text.rstrip()}\n".encode("utf-8", "surrogatepass")
        with self._lock:
            if self._free and not self._waiting:
                line = line[self._written(line) :]
            if line and not self._gone:
                self._waiting.append(line)
                self._lock.notify_all()

    def tell(self, kind: str, data: Any) -> None:
        """Send a message of plain data."""
        self.say(kind, compact_json(data))

    def close(self, seconds: float = 2.0) -> None:
        """Wait for what has not been sent, so many seconds at most."""
        with self._lock:
            self._lock.wait_for(lambda: self._gone or not self._waiting, seconds)

    def _written(self, line: bytes | memoryview) -> int:
        """Write what there is room for; count its bytes."""
        try:
            return os.write(self._descriptor, line)
        except BlockingIOError:
            return 0
        except OSError:  # the kernel is gone
            self._gone = True
            return len(line)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._waiting)
                line = self._waiting[0]
            self._write_all(line)
            with self._lock:
                self._waiting.popleft()
                if self._gone:
                    self._waiting.clear()
                self._lock.notify_all()

    def _write_all(self, line: bytes) -> None:
        """Write a line, however long that takes."""
        left = memoryview(line)
        while left and not self._gone:
            done = self._written(left)
            left = left[done:]
            if not done:
                self._wait_for_room()

    def _wait_for_room(self) -> None:
        import select

        with suppress(OSError, ValueError):
            select.select([], [self._descriptor], [], 1.0)
