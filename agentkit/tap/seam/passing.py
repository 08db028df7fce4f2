"""One request on its way, with what has come of its answer: bytes and times, none of it read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_KEPT = 32 * 2**20
"""Bytes of a body, as it passes, that are kept for the record; more passes."""


class GoneError(Exception):
    """The agent closed its connection before the whole answer had come."""


@dataclass(slots=True, eq=False)
class Passing:
    """What is known of a request that passes, and of its answer, while they pass."""

    number: int
    """Place in order of arrival, from 0."""
    label: str
    """The label in its path; "" where it had none."""
    method: str
    """Its HTTP method."""
    path: str
    """Path and query below token and label, as they came."""
    url: str = ""
    """Where it goes."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """The request's headers as they came."""
    body: list[bytes] = field(default_factory=list)
    """The request's body, in the pieces in which it came."""
    body_cut: bool = False
    """Whether more of the request's body passed than is kept."""
    cut: bool = False
    """Whether more of the answer passed than is kept."""
    changed: bytes | None = None
    """The body that left in place of its own; None where its own did."""
    status: int | None = None
    """The answer's status; None while it is awaited."""
    reason: str = ""
    """The word beside the status."""
    answer_headers: tuple[tuple[bytes, bytes], ...] = ()
    """The answer's headers as they came."""
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    """The answer's body: seconds since the request was sent, and bytes as they came."""
    error: BaseException | None = None
    """What the answer ended in; None where it is whole."""
    substitute: Passing | None = None
    """What the agent got in place of the answer; None where it got it."""
    waited: float | None = None
    """Seconds for which a person held it."""
    started: float = field(default_factory=time.time)
    """Unix time at which it came."""
    elapsed: float = 0.0
    """Seconds to the end of the answer."""
    done: bool = False
    """Whether nothing more comes."""
    _begun: float = field(default_factory=time.monotonic)
    _kept: int = 0

    def since(self) -> float:
        """Give the seconds since it came."""
        return time.monotonic() - self._begun

    def take(self, piece: bytes) -> None:
        """Keep a piece of the request's body."""
        self._kept += len(piece)
        self.body_cut = self.body_cut or self._kept > MOST_KEPT
        if not self.body_cut:
            self.body.append(piece)

    def answered(self, status: int, reason: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note what the answer begins with."""
        self.status, self.reason, self.answer_headers = status, reason, tuple(headers)
        self._kept = 0

    def add(self, piece: bytes) -> None:
        """Keep a piece of the answer's body."""
        self._kept += len(piece)
        self.cut = self.cut or self._kept > MOST_KEPT
        if not self.cut:
            self.pieces.append((time.monotonic() - self._begun, piece))

    def end(self, error: BaseException | None = None) -> None:
        """Note that nothing more comes."""
        self.error = self.error or error
        self.elapsed, self.done = self.since(), True
