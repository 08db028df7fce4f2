"""What an engine or a cursor is doing: one state, and one table of what changes it.

Two rules hold. Only what is idle can begin. Whatever is under way ends in idle, whether it finishes
or is given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from agentkit.errors import Busy


class State(Enum):
    """What is going on."""

    IDLE = "idle"
    PAUSE_ASKED = "idle, and what begins next pauses before its first step"
    RUNNING = "running"
    PAUSING = "ends after the step in flight"
    STOPPING = "ends as soon as it can, and counts as stopped"


class Signal(Enum):
    """What happens to it."""

    BEGIN = "begin"
    PAUSE = "pause"
    GO_ON = "go on"
    STOP = "stop"
    END = "end"


TRANSITIONS: Mapping[State, Mapping[Signal, State]] = {
    State.IDLE: {
        Signal.BEGIN: State.RUNNING,
        Signal.PAUSE: State.PAUSE_ASKED,
        Signal.GO_ON: State.IDLE,
        Signal.STOP: State.IDLE,
        Signal.END: State.IDLE,
    },
    State.PAUSE_ASKED: {
        Signal.BEGIN: State.PAUSING,
        Signal.PAUSE: State.PAUSE_ASKED,
        Signal.GO_ON: State.IDLE,
        Signal.STOP: State.IDLE,
        Signal.END: State.IDLE,
    },
    State.RUNNING: {
        Signal.PAUSE: State.PAUSING,
        Signal.GO_ON: State.RUNNING,
        Signal.STOP: State.STOPPING,
        Signal.END: State.IDLE,
    },
    State.PAUSING: {
        Signal.PAUSE: State.PAUSING,
        Signal.GO_ON: State.RUNNING,
        Signal.STOP: State.STOPPING,
        Signal.END: State.IDLE,
    },
    State.STOPPING: {
        Signal.PAUSE: State.STOPPING,
        Signal.GO_ON: State.STOPPING,
        Signal.STOP: State.STOPPING,
        Signal.END: State.IDLE,
    },
}
"""The next state by state and signal. A signal that is missing is refused: only BEGIN is, while
something is under way.
"""


class Activity:
    """The state of one engine or cursor."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = State.IDLE

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self.state not in (State.IDLE, State.PAUSE_ASKED)

    def send(self, signal: Signal) -> None:
        """Move to the next state.

        Raises:
            Busy: something is to begin, and something is under way.
        """
        following = TRANSITIONS[self.state].get(signal)
        if following is None:
            raise busy()
        self.state = following


def busy() -> Busy:
    """Make the error of what is asked for while a step is running."""
    return Busy(
        "a step of this rollout is running",
        hint="wait for it (dbg.wait()), or end it: dbg.pause(), dbg.stop()",
    )
