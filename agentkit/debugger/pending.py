"""The calls that wait between the model's answer and the tools, and what a person can do with
each.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

from agentkit.errors import NotFound
from agentkit.types.answer import ToolCall
from agentkit.types.record import Drawn
from agentkit.types.trajectory import ToolResult


class Act(Protocol):
    """What a pending call is handed to."""

    def __call__(self, action: str, **arguments: Any) -> Any: ...


class Pending(tuple[ToolCall, ...], Drawn):
    """A tuple of the calls that had no result when this was asked for, in order, and those in the
    text that could be adopted.

    A call is given by its place in this list, or as the call itself.
    """

    recoverable: tuple[ToolCall, ...]
    """The calls found in the text of the last answer, which are not run unless they are adopted."""
    _act: Act

    def __new__(
        cls, calls: tuple[ToolCall, ...], recoverable: tuple[ToolCall, ...], act: Act
    ) -> Self:
        """The calls, what else could become one, and what is done with them."""
        made = super().__new__(cls, calls)
        made.recoverable, made._act = recoverable, act
        return made

    def run(self, i: int | ToolCall = 0) -> ToolResult | None:
        """The result of the call, run now; calls in front of it wait on. None where it was stopped.

        Raises:
            NotFound: no such call is pending.
            Busy: a step is running.
        """
        result: ToolResult | None = self._for("run", i)
        return result

    def skip(
        self, i: int | ToolCall = 0, reason: str = "the call was skipped by the user"
    ) -> ToolResult:
        """The result in place of a run, status `skipped`: the model is told the reason.

        Raises:
            NotFound: no such call is pending.
        """
        result: ToolResult = self._for("skip", i, reason=reason)
        return result

    def answer(self, i: int | ToolCall, value: Any) -> ToolResult:
        """The result given by hand, status `edited`: the value is made into text as a tool's would
        be.

        Raises:
            NotFound: no such call is pending.
        """
        result: ToolResult = self._for("answer", i, value=value)
        return result

    def reject(
        self, i: int | ToolCall = 0, message: str = "the user did not approve this call"
    ) -> ToolResult:
        """The result of a call that a person refuses, status `skipped`: the model is told the
        message.

        Raises:
            NotFound: no such call is pending.
        """
        result: ToolResult = self._for("reject", i, message=message)
        return result

    def change(
        self, i: int | ToolCall, arguments: dict[str, Any] | None = None, /, **named: Any
    ) -> ToolCall:
        """The call with other arguments, on a new branch: a dict in place of all, or by name in
        place of some.

        Raises:
            NotFound: no such call is pending.
            UsageError: the arguments cannot be used.
        """
        given: Any = (self._call(i).arguments or {}) if arguments is None else arguments
        call: ToolCall = self._for("change", i, arguments={**given, **named} if named else given)
        return call

    def adopt(self, i: int = 0) -> ToolCall:
        """The recoverable call as a pending one, on a new branch.

        Raises:
            NotFound: the last answer has no such recoverable call.
        """
        if not 0 <= i < len(self.recoverable):
            raise NotFound(
                f"there is no recoverable call {i}",
                hint=f"the last answer has {len(self.recoverable)}",
            )
        call: ToolCall = self._act("pending.adopt", place=self.recoverable[i].position)
        return call

    def _call(self, i: int | ToolCall) -> ToolCall:
        if isinstance(i, ToolCall):
            return i
        if isinstance(i, bool) or not isinstance(i, int) or not -len(self) <= i < len(self):
            raise NotFound(f"no call {i!r} is pending", hint=f"{len(self)} are, counted from 0")
        return self[i]

    def _for(self, action: str, i: int | ToolCall, **arguments: Any) -> Any:
        return self._act(f"pending.{action}", call=self._call(i).position, **arguments)

    def __repr__(self) -> str:
        bits = [f"{i}: {call.summary()}" for i, call in enumerate(self)]
        more = f"; {len(self.recoverable)} recoverable" if self.recoverable else ""
        return f"<Pending {'; '.join(bits) or 'none'}{more}>"
