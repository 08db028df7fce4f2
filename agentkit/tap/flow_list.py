"""The flows that a carrier has told of, kept as text until somebody looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from agentkit.errors import CassetteError
from agentkit.files.foreign.logs.flow_log import read_flow
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.types.sequences.place import PlacedList
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Chunk, Exchange, Flow

Follower = Callable[[str, int], None]
"""Gets `began`, `piece` or `ended`, and the number of the flow, on the thread that heard of it; or
`pending`, where what waits for a person has changed, or `failed`, where something of ours failed.
"""


_UNSEEN = "nothing has passed yet: run the agent with w.url, or with the client that is watched"


class Picture(NamedTuple):
    """What has passed, as it is at one moment."""

    flows: dict[int, Flow]
    """The requests by number, in order of arrival."""
    links: dict[int, FlowLink]
    """Where each belongs that asks for an answer of a model."""
    rollouts: dict[int, Trajectory]
    """The rollouts by number, those of sub-agents too."""


class FlowList:
    """The flows of one tap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[int, str] = {}
        """What has come since somebody looked."""
        self._flows: dict[int, Flow] = {}
        self._looking = threading.RLock()
        self._stitcher = Stitcher()
        self._arrived: set[int] = set()
        self._ended: set[int] = set()
        self._open: set[int] = set()
        self._coming: dict[int, list[Chunk]] = {}
        self.followers: list[Follower] = []
        """Who is told of what happens."""
        self.failures: list[tuple[str, str]] = []
        """What failed of ours while bytes passed, a sentence each, and what to do about it."""

    def begin(self, text: str) -> None:
        """Take a request whose answer is awaited."""
        flow = read_flow(text)
        with self._lock:
            if flow.number in self._texts or flow.number in self._flows:
                return
            self._texts[flow.number] = text
            self._open.add(flow.number)
        self.tell("began", flow.number)

    def piece(self, text: str) -> None:
        """Take a piece of an answer on its way."""
        piece = json.loads(text)
        number = piece["number"]
        with self._lock:
            if number not in self._open:
                return
            chunks = self._coming.setdefault(number, [])
            chunks.append(Chunk(at=piece["at"], text=piece["text"]))
        self.tell("piece", number)

    def end(self, text: str) -> None:
        """Take a flow that is whole."""
        word, _, line = text.partition(" ")
        number = int(word)
        with self._lock:
            self._texts[number] = line
            self._open.discard(number)
            self._coming.pop(number, None)
        self.tell("ended", number)

    def fail(self, text: str) -> None:
        """Take what failed of ours."""
        failure = json.loads(text)
        where = "" if failure["number"] < 0 else f"flow {failure['number']}: "
        self.note(f"{where}{failure['message']}")

    def note(self, failure: str, hint: str = "") -> None:
        """Keep a sentence about what failed of ours, and one about what to do."""
        self.failures.append((failure, hint))
        self.tell("failed", -1)

    def next_number(self) -> int:
        """Give the number behind all that are known."""
        with self._lock:
            return max((*self._texts, *self._flows), default=-1) + 1

    def is_whole(self, number: int) -> bool:
        """Tell whether a flow is known to be whole."""
        with self._lock:
            known = number in self._texts or number in self._flows
            return known and number not in self._open

    def flows(self) -> list[Flow]:
        """Read what has come since somebody looked, and give all in order of arrival."""
        with self._looking:
            self._look()
            flows = [flow for _, flow in sorted(self._flows.items())]
        return PlacedList(flows, "request", _UNSEEN)

    def rollouts(self) -> list[Trajectory]:
        """Give the rollouts that all of them make up."""
        return PlacedList(self.stitched().rollouts, "rollout", _UNSEEN)

    def stitched(self) -> Stitcher:
        """Put what has come since somebody looked where it belongs, in the order in which requests
        arrived and answers ended, and give what knows it.
        """
        with self._looking:
            self._look()
            arrivals = [f for n, f in self._flows.items() if n not in self._arrived]
            ends = [f for n, f in self._flows.items() if n not in self._ended and f.exchange]
            events = [(flow.started or 0.0, 0, flow.number) for flow in arrivals]
            events += [(_end(flow), 1, flow.number) for flow in ends]
            for _, ended, number in sorted(events):
                flow = self._flows[number]
                self._arrived.add(number)
                if ended:
                    self._ended.add(number)
                self._stitcher.add(flow if ended else replace(flow, exchange=None))
            return self._stitcher

    def picture(self) -> Picture:
        """Put what has come where it belongs, and give all of it as it is at one moment."""
        with self._looking:
            stitcher = self.stitched()
            links = {link.number: link for link in stitcher.links}
            numbers = dict.fromkeys(link.rollout for link in links.values())
            found = {number: stitcher.rollout(number) for number in numbers}
            rollouts = {number: rollout for number, rollout in found.items() if rollout is not None}
            return Picture(dict(sorted(self._flows.items())), links, rollouts)

    def _look(self) -> None:
        with self._lock:
            texts, self._texts = self._texts, {}
            # counted as known before they are read: the same request may be told of again
            self._flows.update({n: Flow(number=n) for n in texts if n not in self._flows})
        for number, text in texts.items():
            try:
                self._flows[number] = read_flow(text)
            except CassetteError as exc:
                self.note(f"flow {number}: {exc.message}")

    def coming(self, number: int) -> tuple[Chunk, ...]:
        """Give what has come of an answer that is on its way, while somebody follows."""
        with self._lock:
            return tuple(self._coming.get(number, ()))

    def counts(self) -> tuple[int, int]:
        """Count the flows, and those of them in flight."""
        with self._lock:
            return len(self._texts.keys() | self._flows.keys()), len(self._open)

    def lose(self, error: ApiError) -> list[Flow]:
        """End what is in flight with an error, and give it: nothing more is heard of it."""
        with self._looking:
            self._look()
            with self._lock:
                lost = sorted(self._open)
                self._open.clear()
                self._coming.clear()
                for number in lost:
                    flow, exchange = self._flows[number], Exchange(transport_error=error)
                    self._flows[number] = replace(flow, exchange=exchange)
        for number in lost:
            self.tell("ended", number)
        return [self._flows[number] for number in lost]

    def after_fork(self) -> None:
        """Leave what is in flight to the parent."""
        self._lock, self._looking = threading.Lock(), threading.RLock()
        self.followers = []

    def tell(self, kind: str, number: int) -> None:
        """Tell the followers of what has happened to a flow."""
        for follower in list(self.followers):
            with suppress(Exception):  # the others are to hear of it too
                follower(kind, number)


def _end(flow: Flow) -> float:
    """Give when the agent had the whole answer: a stream is read to its last piece, behind which
    its connection may stay open for a while.
    """
    exchange = flow.exchange
    if exchange is None:
        return 0.0
    last = exchange.chunks[-1].at if exchange.chunks else exchange.elapsed
    return (flow.started or 0.0) + (last or 0.0)
