"""What a step or a turn gives where there is nothing to give."""

from __future__ import annotations

from agentkit.trajectory.breakpoints import Stop
from agentkit.types.record import Drawn, Record, record
from agentkit.types.trajectory import StopReason
from agentkit.types.wire import ApiError


@record
class Stopped(Record, Drawn):
    """There was no step to take, the request failed, or a breakpoint came first. False in a
    condition, so `while dbg.step(): ...` ends.
    """

    reason: StopReason
    """The rollout's stop reason; `stopped` where it can simply go on."""
    error: ApiError | None = None
    """Why the request failed, where it did; the next step asks again."""
    stop: Stop | None = None
    """The breakpoint, pause or stop that came before the end, where one did."""

    def __bool__(self) -> bool:
        return False

    @property
    def advice(self) -> str:
        """What can be done from here."""
        return self.stop.text if self.stop is not None else advice(self.reason)

    def summary(self) -> str:
        return f"{self.error.summary()}; {self.advice}" if self.error is not None else self.advice


def advice(stop_reason: StopReason | None) -> str:
    """Say what can be done with a rollout that stopped so."""
    if stop_reason == "error":
        return "the request failed; what came before is kept, and the next step asks again"
    if stop_reason == "content_filter":
        return "a content filter stopped the answer; the next step asks again"
    if stop_reason == "stopped":
        return "the rollout is stopped; the next step goes on"
    return f"the rollout has ended ({stop_reason}); dbg.say(text) goes on with it"
