"""The kernel's end of the tap: starts the process that carries the bytes, hears what it says, and
starts another where it dies.

One thread reads. What it hears is kept as text and read by whoever looks, so that nobody pays for
what nobody looks at. The kernel keeps the port open beside the process: what an agent sends while
another one starts waits for it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
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
_SYNC_SECONDS = 10.0
_DEATHS, _DEATHS_SECONDS = 3, 60.0
"""So many deaths within so many seconds, and no other process is started."""
_BACKLOG = 1024

Hear = Callable[[str], None]
_open: WeakSet[Channel]


class Channel:
    """A carrier, and the pipes to it.

    Args:
        port: where it listens; 0 for any that is free.
        setup: makes the first message of each process.
        hear: what takes a message of a kind, on the channel's thread: the text behind the kind.
        died: is told, on the channel's thread, that the process has ended unasked: by its exit
            code, and whether another one starts now.

    Raises:
        UsageError: the port cannot be used.
    """

    def __init__(
        self,
        port: int,
        setup: Callable[[], dict[str, Any]],
        hear: Mapping[str, Hear],
        died: Callable[[int, bool], None],
    ) -> None:
        self._setup, self._hear, self._died = setup, dict(hear), died
        self._closing = False
        self._ended = False
        self._lock = threading.Lock()
        self._ready: dict[str, Any] = {}
        self._last: list[str] = []
        self._syncs: dict[int, threading.Event] = {}
        self._asked = 0
        self._heard = threading.Event()
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._pid = os.getpid()
        self.port = port
        """Where it listens."""
        self._socket = _listening(port)
        _open.add(self)
        self._start()
        self._thread = threading.Thread(target=self._run, name="agentkit-tap", daemon=True)
        self._thread.start()
        try:
            self.port = self._wait_ready()
        except BaseException:  # an interrupt too
            self.close()
            raise

    def send(self, message: Any, kind: str = "") -> None:
        """Send a message; where the carrier is gone, nobody hears it."""
        with self._lock:
            self._write(message, kind)

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
        """Whether bytes are carried, or will be as soon as another process has started."""
        return self._pid == os.getpid() and not self._ended

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

    def _start(self) -> bool:
        """Start a process, unless this is to end; what is sent from now on is for it."""
        with self._lock:
            if self._closing:
                return False
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
            self._process = _started(self._log, self._socket)
            port = {"port": self.port, "socket": self._socket and self._socket.fileno()}
            self._write({**self._setup(), **port})
            for number in list(self._syncs):
                self._write(number, "sync")
        return True

    def _write(self, message: Any, kind: str = "") -> None:
        text = compact_json(message)
        line = f"{kind} {text}\n" if kind else f"{text}\n"
        pipe = self._process.stdin
        with suppress(OSError, ValueError):
            if pipe is not None and self._pid == os.getpid():
                pipe.write(line.encode())
                pipe.flush()

    def _run(self) -> None:
        """Hear one process after the other."""
        again = True
        while again:
            self._read()
            code = self._process.wait()
            ready = "port" in self._ready
            again = ready and not self._closing and self._lives_on()
            self._ended = not again
            if ready and not self._closing:
                with suppress(Exception):
                    self._died(code, again)
            self._shut(again=again)
            again = again and self._start()
        self._ended = True
        for done in list(self._syncs.values()):
            done.set()

    def _lives_on(self) -> bool:
        """Note a death; tell whether it is worth while to start another process."""
        self._deaths.append(time.monotonic())
        few = len(self._deaths) < _DEATHS
        return few or self._deaths[-1] - self._deaths[0] > _DEATHS_SECONDS

    def _read(self) -> None:
        pipe = self._process.stdout
        for line in pipe if pipe is not None else ():
            if not line.endswith(b"\n"):
                break  # the process died in the middle of a word
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
        self._log.close()
        if pipe is not None:
            pipe.close()

    def _shut(self, *, again: bool = False) -> None:
        """Close what leads to the process; the port too, where no other one starts."""
        with self._lock, suppress(OSError):
            if self._socket is not None and not again:
                self._socket.close()
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _wait_ready(self) -> int:
        self._heard.wait(_START_SECONDS)
        port = self._ready.get("port")
        if isinstance(port, int):
            return port
        if "error" in self._ready:
            raise _in_use(self.port, self._ready["error"])
        last = " ".join(self._last) or "it gave no reason"
        raise AgentkitError(f"the process of the tap did not start: {last}")

    def forget(self) -> None:
        """Close the pipes and the port in a forked child: the process is its parent's."""
        for pipe in (self._process.stdin, self._process.stdout, self._socket):
            if pipe is not None:
                with suppress(OSError, ValueError):
                    os.close(pipe.fileno())
        self._lock = threading.Lock()


_open = WeakSet()


def _listening(port: int) -> socket.socket | None:
    """Open the port; None where a process inherits none (Windows), and opens it itself."""
    if os.name == "nt":
        return None
    try:
        return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno else str(exc)
        raise _in_use(port, why) from None


def _in_use(port: int, why: str) -> UsageError:
    return UsageError(
        f"port {port} cannot be used: {why}",
        hint="leave port= out for any that is free, or end what listens there: the tap of another"
        " notebook ends with w.close() or with its kernel",
    )


def _started(log: Any, port: socket.socket | None) -> subprocess.Popen[bytes]:
    home = str(Path(agentkit.errors.__file__).parents[1])
    paths = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "agentkit.tap.carrier.process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        bufsize=2**18,  # a long stream is one line
        env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
        pass_fds=() if port is None else (port.fileno(),),
        # an interrupt of the kernel is none of the agent's
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _after_fork() -> None:
    for channel in list(_open):
        channel.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
