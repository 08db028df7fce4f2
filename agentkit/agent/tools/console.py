"""What one tool call prints: standard output and standard error, told apart by who writes, so that
calls that run side by side in threads or on one loop each keep their own.

While a call runs, `sys.stdout` and `sys.stderr` are stand-ins that write on to the real ones, so
everything is seen where it was seen before. What a process of the tool's own writes, or a thread it
starts without its context, is not the call's.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from agentkit.servers.redaction.known_secrets import known_secrets

KEPT_CHARACTERS = 100_000
"""Of what one call prints, so much is kept; how much more there was is said."""

_lock = threading.Lock()
_writing = threading.local()
_users = 0


class Console:
    """What a call has printed so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = self._more = 0
        self._closed = False

    def take(self, text: str) -> None:
        """Keep a text, as far as there is room."""
        if self._closed:
            return
        kept = text[: KEPT_CHARACTERS - self._size]
        self._size += len(kept)
        self._more += len(text) - len(kept)
        if kept:
            self._parts.append(kept)

    def close(self) -> str:
        """Keep nothing from now on, and give what was kept."""
        self._closed = True
        text = "".join(self._parts)
        if not self._more:
            return text
        text = known_secrets().without_rest(text)  # one may have been cut in half
        return f"{text}\n[{self._more:,} more characters were printed and are not kept]"


console: ContextVar[Console | None] = ContextVar("agentkit_console", default=None)
"""The console of the call that is running here."""


@contextmanager
def listening() -> Iterator[None]:
    """Let what is printed meanwhile reach the console of the call that prints it."""
    global _users
    with _lock:
        _users += 1
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _StandIn):
                made = _made.get(name)
                if made is None or made.real is not stream:
                    made = _made[name] = _StandIn(stream)
                setattr(sys, name, made)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            for name in ("stdout", "stderr") if not _users else ():
                stream = getattr(sys, name)
                if isinstance(stream, _StandIn):
                    setattr(sys, name, stream.real)


class _StandIn(io.TextIOBase):
    """A stream that tells a console what is written, and writes it on."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def write(self, text: str) -> int:
        mine = console.get()
        if mine is None or getattr(_writing, "busy", False):
            return int(self.real.write(text) or 0)
        _writing.busy = True  # a stream behind this one may be a stand-in too
        try:
            if isinstance(text, str):
                mine.take(text)
            return int(self.real.write(text) or 0)
        finally:
            _writing.busy = False

    def writelines(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self.real.flush()

    def close(self) -> None:
        """Leave the real one open; a stand-in that is thrown away must not close it."""

    def isatty(self) -> bool:
        return bool(self.real.isatty())

    def fileno(self) -> int:
        return int(self.real.fileno())

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> Any:  # type: ignore[override]
        return self.real.encoding

    @property
    def errors(self) -> Any:  # type: ignore[override]
        return self.real.errors

    @property
    def closed(self) -> bool:
        return bool(getattr(self.real, "closed", False))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


_made: dict[str, _StandIn] = {}
"""The stand-ins that were made last, to be used again."""
