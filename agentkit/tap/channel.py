"""The kernel's end of the tap: starts the process that carries the bytes, and hears what it says.

One thread reads. What it hears is kept as text and read by whoever looks, so that nobody pays for
what nobody looks at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import agentkit.errors
from agentkit.errors import AgentkitError, UsageError
from agentkit.read.plain import compact_json

_START_SECONDS = 60.0
_END_SECONDS = 5.0
_SYNC_SECONDS = 1.0

Hear = Callable[[str], None]
_open: WeakSet[Channel]


class Channel:
    """A carrier, and the pipes to it.

    Args:
        setup: its first message.
        hear: what takes a message of a kind, on the channel's thread: the text behind the kind.
    """

    def __init__(self, setup: dict[str, Any], hear: Mapping[str, Hear]) -> None:
        self._hear = dict(hear)
        self._closing = False
        self._lock = threading.Lock()
        self._ready: dict[str, Any] = {}
        self._last: list[str] = []
        self._syncs: dict[int, threading.Event] = {}
        self._asked = 0
        self._heard = threading.Event()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = _started(self._log)
        self._pid = os.getpid()
        _open.add(self)
        self.send(setup)
        self._thread = threading.Thread(target=self._read, name="agentkit-tap", daemon=True)
        self._thread.start()
        try:
            self.port = self._wait_ready()
        except BaseException:  # an interrupt too
            self.close()
            raise

    def listen(self, kind: str, hear: Hear) -> None:
        """Have messages of a kind heard, on the channel's thread."""
        self._hear[kind] = hear

    def send(self, message: Any, kind: str = "") -> None:
        """Send a message; where the carrier is gone, nobody hears it."""
        text = compact_json(message)
        line = f"{kind} {text}\n" if kind else f"{text}\n"
        pipe = self._process.stdin
        with self._lock:
            try:
                if pipe is not None and self._pid == os.getpid():
                    pipe.write(line.encode())
                    pipe.flush()
            except (OSError, ValueError):
                return

    def sync(self, seconds: float = _SYNC_SECONDS) -> None:
        """Wait until all that has passed by now is heard, so many seconds at most."""
        if not self.alive or threading.current_thread() is self._thread:
            return
        done = threading.Event()
        with self._lock:
            self._asked += 1
            number = self._asked
            self._syncs[number] = done
        try:
            self.send(number, "sync")
            done.wait(seconds)
        finally:
            self._syncs.pop(number, None)

    @property
    def alive(self) -> bool:
        """Whether bytes are carried."""
        return self._pid == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """Have the carrier end: requests in flight go on, and are recorded."""
        if self._pid != os.getpid():
            return
        self._closing = True
        self.send({}, "close")
        self._shut()

    def join(self, seconds: float = _END_SECONDS) -> bool:
        """Wait until all is recorded and heard; tell whether it is."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _read(self) -> None:
        pipe = self._process.stdout
        for line in pipe if pipe is not None else ():
            kind, _, text = line.decode("utf-8", "surrogatepass").rstrip("\n").partition(" ")
            if kind == "ready":
                self._ready = json.loads(text)
                self._heard.set()
            elif kind == "synced":
                if (done := self._syncs.get(int(text))) is not None:
                    done.set()
            elif kind in self._hear:
                with suppress(Exception):  # the next message is another matter
                    self._hear[kind](text)
        if not self._heard.is_set():
            self._log.seek(0)
            self._last = self._log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self._heard.set()
        self._process.wait()
        if not self._closing and "port" in self._ready:
            with suppress(Exception):
                self._hear["died"](str(self._process.returncode))
        self._shut()
        self._log.close()
        if pipe is not None:
            pipe.close()

    def _shut(self) -> None:
        with self._lock, suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _wait_ready(self) -> int:
        self._heard.wait(_START_SECONDS)
        port = self._ready.get("port")
        if isinstance(port, int):
            return port
        if "error" in self._ready:
            raise UsageError(
                f"the port cannot be used: {self._ready['error']}",
                hint="leave port= out, or give one that nobody listens on",
            )
        last = " ".join(self._last) or "it gave no reason"
        raise AgentkitError(f"the process of the tap did not start: {last}")

    def forget(self) -> None:
        """Close the pipes in a forked child: the process is its parent's."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError, ValueError):
                    os.close(pipe.fileno())
        self._lock = threading.Lock()


_open = WeakSet()


def close_port(port: int) -> None:
    """Close the tap of this process that listens on a port: a cell that is run again takes it."""
    for channel in list(_open):
        if channel.alive and getattr(channel, "port", None) == port:
            channel.close()
            channel.join()


def _started(log: Any) -> subprocess.Popen[bytes]:
    home = str(Path(agentkit.errors.__file__).parents[1])
    paths = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "agentkit.tap.carrier.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        bufsize=2**18,  # a long stream is one line
        env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
        # an interrupt of the kernel is none of the agent's
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _after_fork() -> None:
    for channel in list(_open):
        channel.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
