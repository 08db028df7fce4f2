"""The calls that wait between the model's answer and the tools, and what can be done with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from agentkit.agent.event_loop import run
from agentkit.debugger.cursor.cursor import Cursor
from agentkit.errors import NotFound, checked_keywords
from agentkit.read.calls.known_tools import KnownTools
from agentkit.trajectory.person.by_hand import NOT_APPROVED, SKIPPED
from agentkit.types.answer import ToolCall
from agentkit.types.record import Drawn
from agentkit.types.sequences.place import PlacedTuple
from agentkit.types.trajectory import ToolResult

_NONE = "calls wait after an answer that makes them; dbg.step() goes on"


@checked_keywords
class Pending(PlacedTuple[ToolCall], Drawn):
    """The calls that had no result when this was asked for, in order, as a tuple, and those in the
    text that could be adopted.

    A call is given by its place in this tuple, or as the call itself.
    """

    _thing, _none = "pending call", _NONE
    recoverable: tuple[ToolCall, ...]
    """The calls found in the text of the last answer, which are not run unless they are adopted."""
    _cursor: Cursor

    def __new__(cls, cursor: Cursor) -> Self:
        """List what is pending where the cursor is."""
        made = super().__new__(cls, cursor.trajectory.pending)
        turns = cursor.trajectory.all_turns
        made.recoverable = turns[-1].response.recoverable if turns else ()
        made._cursor = cursor
        return made

    def run(self, i: int | ToolCall = 0) -> ToolResult | None:
        """Run the call now and return its result; calls in front of it wait on. None where it was
        stopped.

        Raises:
            NotFound: no such call is pending.
            Busy: a step is running.
        """
        return run(self._cursor.run_call(self._position(i)))

    def skip(self, i: int | ToolCall = 0, reason: str = SKIPPED) -> ToolResult:
        """Answer the call without running it, status `skipped`: the model is told the reason.

        Raises:
            NotFound: no such call is pending.
        """
        return run(self._cursor.skip_call(self._position(i), reason))

    def answer(self, i: int | ToolCall, value: Any) -> ToolResult:
        """Give the call's result by hand, status `edited`: the value is made into text as a tool's
        would be.

        Raises:
            NotFound: no such call is pending.
        """
        return run(self._cursor.answer_call(self._position(i), value))

    def reject(self, i: int | ToolCall = 0, message: str = NOT_APPROVED) -> ToolResult:
        """Refuse the call, status `skipped`: the model is told the message.

        Raises:
            NotFound: no such call is pending.
        """
        return run(self._cursor.reject_call(self._position(i), message))

    def change(
        self, i: int | ToolCall, arguments: dict[str, Any] | None = None, /, **named: Any
    ) -> ToolCall:
        """Give the call other arguments, on a new branch.

        Args:
            i: which call.
            arguments: a dict in place of all its arguments.
            named: arguments in place of those of the same name.

        Raises:
            NotFound: no such call is pending.
            UsageError: the arguments cannot be used.
            UnknownKeyword: the tool has no argument of a name.
        """
        called = self._call(i)
        given: Any = (called.arguments or {}) if arguments is None else arguments
        further = [name for name in named if name not in given]
        KnownTools(self._cursor.trajectory.spec.tools).check_names(called.name or "", further)
        return run(
            self._cursor.change_call(
                self._position(i),
                {**given, **named} if named and isinstance(given, Mapping) else given,
            )
        )

    def adopt(self, i: int = 0) -> ToolCall:
        """Make the recoverable call a pending one, on a new branch.

        Raises:
            NotFound: the last answer has no such recoverable call.
        """
        if not 0 <= i < len(self.recoverable):
            raise NotFound(
                f"there is no recoverable call {i}",
                hint=f"the last answer has {len(self.recoverable)}",
            )
        return run(self._cursor.adopt_call(self.recoverable[i].position))

    def _call(self, i: int | ToolCall) -> ToolCall:
        if isinstance(i, ToolCall):
            return i
        if not self:
            raise NotFound(
                f"no call {i!r} is pending: nothing waits",
                hint=_NONE,
            )
        if isinstance(i, bool) or not isinstance(i, int) or not -len(self) <= i < len(self):
            raise NotFound(f"no call {i!r} is pending", hint=f"{len(self)} are, counted from 0")
        found: ToolCall = self[i]
        return found

    def _position(self, i: int | ToolCall) -> int:
        """Give the call's position in its turn, which does not shift while others are answered."""
        return self._call(i).position

    def __repr__(self) -> str:
        bits = [f"{i}: {call.summary()}" for i, call in enumerate(self)]
        more = f"; {len(self.recoverable)} recoverable" if self.recoverable else ""
        return f"<Pending {'; '.join(bits) or 'none'}{more}>"
