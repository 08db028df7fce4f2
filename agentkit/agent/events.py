"""What a debugger's listeners are called with, in the order it happens."""

from __future__ import annotations

import logging
from collections.abc import Callable

from agentkit.trajectory.breakpoints import Stop
from agentkit.types.record import Record, clip, record
from agentkit.types.steps import Step
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk
from agentkit.types.words import count

log = logging.getLogger("agentkit")


@record
class Began(Record):
    """A step has begun. It ends in `Committed`, or `Halted` where it was cancelled."""

    step: Step

    def summary(self) -> str:
        return self.step.summary()


@record
class Streamed(Record):
    """A piece of a streamed answer has come."""

    chunk: Chunk

    def summary(self) -> str:
        return clip(self.chunk.text)


@record
class Committed(Record):
    """A step is done, and this is the rollout with it."""

    trajectory: Trajectory

    def summary(self) -> str:
        return self.trajectory.summary()


@record
class Sampled(Record):
    """One answer of a rerun has come."""

    done: int
    of: int
    trajectory: Trajectory
    sample: int = 0
    """Which of the answers it is, from 0."""

    def summary(self) -> str:
        return f"{self.done} of {self.of}"


@record
class SamplePiece(Record):
    """A piece of one answer of a rerun has come."""

    sample: int
    """Which of the answers, from 0."""
    chunk: Chunk

    def summary(self) -> str:
        return f"{self.sample}: {clip(self.chunk.text)}"


@record
class Pausing(Record):
    """A pause was asked for, and comes after the step in flight; or it was taken back."""

    asked: bool

    def summary(self) -> str:
        return "pausing after this step" if self.asked else "going on"


@record
class InFlight(Record):
    """What has come of the step that is under way."""

    step: Step
    elapsed: float
    """Seconds since it began."""
    first_piece: float | None = None
    """Seconds from sending the request to the first piece of the answer; None before it."""
    chunks: tuple[Chunk, ...] = ()
    """What has come of the answer, as it came."""

    @property
    def pieces(self) -> int:
        """How many pieces of the answer have come; most servers send one a token."""
        return sum(max(1, chunk.text.count("data:")) for chunk in self.chunks)

    def summary(self) -> str:
        return f"{self.step.summary()}, {count(self.pieces, 'piece')}"


@record
class Moved(Record):
    """The debugger has moved: back, goto, edit, fork, rerun, switch, say, a pending
    call answered by hand; or its breakpoints have changed."""

    trajectory: Trajectory

    def summary(self) -> str:
        return self.trajectory.summary()


@record
class Halted(Record):
    """A step, a turn or a run is over, and the debugger can be asked for more."""

    stop: Stop | None = None
    """Why it stopped before its end; None where it went as far as it was asked to."""
    trajectory: Trajectory

    def summary(self) -> str:
        return f"{self.stop.text if self.stop else 'done'}; {self.trajectory.summary()}"


@record
class Failed(Record):
    """What was asked for by `post` or `start` could not be done."""

    message: str
    """What is wrong, and the hint."""

    def summary(self) -> str:
        return clip(self.message, 200)


Event = Began | Streamed | Committed | Sampled | SamplePiece | Pausing | Moved | Halted | Failed
Listener = Callable[[Event], None]


class Listeners:
    """The listeners. One that raises is logged and removed: a view's fault never reaches the
    engine.
    """

    def __init__(self) -> None:
        self._told: dict[int, Listener] = {}
        self._numbers = 0

    def add(self, listener: Listener) -> Callable[[], None]:
        """Add a listener, and return the function that removes it."""
        self._numbers += 1
        number = self._numbers
        self._told = {**self._told, number: listener}
        return lambda: self._end(number)

    def _end(self, number: int) -> None:
        self._told = {key: listener for key, listener in self._told.items() if key != number}

    def tell(self, event: Event) -> None:
        """Hand the event to each."""
        for number, listener in self._told.items():
            try:
                listener(event)
            except Exception:
                log.exception("a listener of a debugger raised; it is called no more")
                self._end(number)

    def __len__(self) -> int:
        return len(self._told)
