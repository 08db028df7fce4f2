"""The flows that a carrier has told of, kept as text until somebody looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress

from agentkit.files.foreign.logs.flow_log import read_flow
from agentkit.types.wire import Chunk, Flow

Follower = Callable[[str, int], None]
"""Gets `began`, `piece` or `ended`, and the number of the flow, on the thread that heard of it."""


class FlowList:
    """The flows of one tap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[int, str] = {}
        self._read: dict[int, tuple[str, Flow]] = {}
        self._open: set[int] = set()
        self._coming: dict[int, list[Chunk]] = {}
        self.followers: list[Follower] = []
        """Who is told of what happens."""
        self.failures: list[str] = []
        """What failed of ours while bytes passed, a sentence each."""

    def begin(self, text: str) -> None:
        """Take a request whose answer is awaited."""
        flow = read_flow(text)
        with self._lock:
            if flow.number in self._texts:
                return
            self._texts[flow.number] = text
            self._open.add(flow.number)
        self._tell("began", flow.number)

    def piece(self, text: str) -> None:
        """Take a piece of an answer on its way."""
        piece = json.loads(text)
        number = piece["number"]
        with self._lock:
            if number not in self._open:
                return
            chunks = self._coming.setdefault(number, [])
            chunks.append(Chunk(at=piece["at"], text=piece["text"]))
        self._tell("piece", number)

    def end(self, text: str) -> None:
        """Take a flow that is whole."""
        word, _, line = text.partition(" ")
        number = int(word)
        with self._lock:
            self._texts[number] = line
            self._open.discard(number)
            self._coming.pop(number, None)
        self._tell("ended", number)

    def fail(self, text: str) -> None:
        """Take what failed of ours."""
        failure = json.loads(text)
        where = "" if failure["number"] < 0 else f"flow {failure['number']}: "
        self.failures.append(f"{where}{failure['message']}")

    def flows(self) -> list[Flow]:
        """Read what has come since somebody looked, and give all in order of arrival."""
        with self._lock:
            texts = sorted(self._texts.items())
        for number, text in texts:
            known = self._read.get(number)
            if known is None or known[0] is not text:
                self._read[number] = text, read_flow(text)
        return [self._read[number][1] for number, _ in texts]

    def coming(self, number: int) -> tuple[Chunk, ...]:
        """Give what has come of an answer that is on its way, while somebody follows."""
        with self._lock:
            return tuple(self._coming.get(number, ()))

    def counts(self) -> tuple[int, int]:
        """Count the flows, and those of them in flight."""
        with self._lock:
            return len(self._texts), len(self._open)

    def close(self) -> None:
        """Note that nothing more is heard."""
        with self._lock:
            self._open.clear()

    def after_fork(self) -> None:
        """Leave what is in flight to the parent."""
        self._lock = threading.Lock()
        self.followers = []

    def _tell(self, kind: str, number: int) -> None:
        for follower in list(self.followers):
            with suppress(Exception):  # the others are to hear of it too
                follower(kind, number)
