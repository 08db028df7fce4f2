"""Workers as processes of this machine. They are started anew, and never forked: a kernel has
threads, and a fork of one has the locks that they held.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from agentkit.agent.batch.executors.process_worker import read_message, write_message

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:];"
    " from agentkit.agent.batch.executors.process_worker import main; main()"
)
_GRACE = 2.0
"""Seconds a process that was told to end has until it is killed."""


class Processes:
    """Starts a process a core."""

    private = True

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def start(self, program: bytes) -> ProcessChannel:
        """Start a process. It finds modules where this one does."""
        process = subprocess.Popen(  # noqa: S603 - our own program, by this very interpreter
            [sys.executable, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # an interrupt is for the process that waits
        )
        channel = ProcessChannel(process)
        channel.send(program)
        return channel


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessChannel:
    """One process, and its pipes: a thread reads, another writes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.name = f"process {process.pid}"
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._came: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._guard = threading.Lock()
        for work in (self._read, self._write):
            threading.Thread(target=work, name="agentkit-messages", daemon=True).start()
        _channels.add(self)

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._out.put(message)

    async def receive(self) -> bytes:
        """Wait for the next message.

        Raises:
            EOFError: the process has ended.
        """
        with self._guard:
            if self._reader is None:
                self._reader = asyncio.get_running_loop(), asyncio.Event()
        _, news = self._reader
        while True:
            with suppress(queue.Empty):
                message = self._came.get_nowait()
                if message is None:
                    raise EOFError(f"exit code {self.process.returncode}")
                return message
            news.clear()
            if self._came.empty():
                await news.wait()

    def close(self) -> None:
        """Let the process end; one that does not is killed."""
        self._out.put(None)
        timer = threading.Timer(_GRACE, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End the process now."""
        with suppress(OSError):
            self.process.kill()

    def _read(self) -> None:
        pipe: Any = self.process.stdout
        with suppress(OSError, ValueError):
            while (message := read_message(pipe)) is not None:
                self._arrived(message)
        pipe.close()
        self.process.wait()
        self._out.put(None)
        self._arrived(None)

    def _arrived(self, message: bytes | None) -> None:
        self._came.put(message)
        with self._guard:
            reader = self._reader
        if reader is not None:
            loop, news = reader
            with suppress(RuntimeError):  # the loop is closed with its process
                loop.call_soon_threadsafe(news.set)

    def _next(self) -> list[bytes] | None:
        """Wait for messages that are to be sent, and give all there are; None at their end."""
        found = [self._out.get()]
        with suppress(queue.Empty):
            while found[-1] is not None:
                found.append(self._out.get_nowait())
        messages = [message for message in found if message is not None]
        if found[-1] is None:
            self._out.put(None)
        return messages or None

    def _write(self) -> None:
        pipe: Any = self.process.stdin
        with suppress(OSError, ValueError):  # it has ended, which the reader hears of
            while (messages := self._next()) is not None:
                for message in messages:
                    write_message(pipe, message)
                pipe.flush()
        with suppress(OSError, ValueError):
            pipe.close()


_channels: WeakSet[ProcessChannel] = WeakSet()


@atexit.register
def _end_all() -> None:
    for channel in list(_channels):
        if channel.process.poll() is None:
            channel.kill()
