"""What is used and not shown: the arguments a tool runs with, the fields a request is sent with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.redactor import REDACTED, Secret, goes_along
from agentkit.servers.redaction.secret_values import field_secrets
from agentkit.types.answer import Response, ToolCall
from agentkit.types.steps import Answer


class Withheld:
    """Data as it is shown, and as it is used. It is held in memory alone: a file, a repr and
    a pickle have nothing of it, but for that of a batch's own process.
    """

    __slots__ = ("_used", "shown")

    def __init__(self, shown: Any = None, used: Any = None) -> None:
        self.shown = shown
        """The data without secrets."""
        self._used = Secret(used)

    @classmethod
    def of_fields(cls, fields: Any) -> Self:
        """Withhold the secrets among the fields of a request, and take note of them."""
        shown = fields
        for path, value in field_secrets(fields):
            remember([value])
            shown = _with(shown, path, REDACTED)
        return cls(shown, fields)

    def restored(self, data: Any) -> Any:
        """Give data as it is used: what is shown in it becomes what it stands for, what somebody
        has changed since is left as it is.
        """
        return _restored(data, self.shown, self._used.reveal())

    def joined(self, before: Any) -> Withheld:
        """Make one that withholds what another does too."""
        if not isinstance(before, Withheld):
            return self
        used = before._used.reveal()
        if not (isinstance(used, dict) and isinstance(self.shown, dict)):
            return self
        return Withheld({**before.shown, **self.shown}, {**used, **self._used.reveal()})

    @property
    def known(self) -> bool:
        """Whether it still has what is used: a copy that came out of a pickle has not."""
        return self.shown is not None

    def __bool__(self) -> bool:
        return self.shown is not self._used.reveal()

    def __copy__(self) -> Withheld:
        return self

    def __deepcopy__(self, memo: Any) -> Withheld:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Withheld, (self.shown, self._used.reveal()) if goes_along.get() else ()

    def __repr__(self) -> str:
        return "<Withheld>"


def _restored(data: Any, shown: Any, used: Any) -> Any:
    if data == shown and type(data) is type(shown):
        return used
    if isinstance(data, dict) and isinstance(shown, dict) and isinstance(used, dict):
        if len(shown) != len(used):
            return data
        real = dict(zip(shown, used, strict=True))
        return {
            real.get(name, name): _restored(item, shown[name], used[real[name]])
            if name in shown
            else item
            for name, item in data.items()
        }
    lists = isinstance(data, list) and isinstance(shown, list) and isinstance(used, list)
    if lists and len(data) == len(shown) == len(used):
        return [_restored(*items) for items in zip(data, shown, used, strict=True)]
    return data


def _with(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Copy the data with another value at the end of the path."""
    if not path:
        return value
    first, *rest = path
    changed = _with(data[first], tuple(rest), value)
    if isinstance(data, dict):
        return {**data, first: changed}
    return [*data[:first], changed, *data[first + 1 :]]


def with_arguments(response: Response, original: Response) -> Response:
    """Keep the arguments as they were written on the calls that show them without secrets."""

    def kept(call: ToolCall, was: ToolCall) -> ToolCall:
        if was.arguments is None or call.name != was.name:
            return call
        if call.arguments == was.arguments and REDACTED not in call.raw_arguments:
            return call
        return replace(call, withheld=Withheld(call.arguments, was.arguments))

    def all_kept(now: tuple[ToolCall, ...], was: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        return tuple(map(kept, now, was)) if len(now) == len(was) else now

    return replace(
        response,
        tool_calls=all_kept(response.tool_calls, original.tool_calls),
        recoverable=all_kept(response.recoverable, original.recoverable),
    )


def carried(now: Answer, was: Answer) -> Answer:
    """Keep what calls are run with, where an answer has been changed since it was cleaned."""
    before = was.response.tool_calls if was.response else ()
    if now.response is None or not any(call.withheld for call in before):
        return now
    known = {call.position: call for call in before}
    calls = tuple(
        replace(call, withheld=known[call.position].withheld)
        if call.position in known and call.arguments == known[call.position].arguments
        else call
        for call in now.response.tool_calls
    )
    return replace(now, response=replace(now.response, tool_calls=calls))


def revealed(call: ToolCall) -> Any:
    """Give the arguments that a call is run with."""
    withheld = call.withheld
    return withheld.restored(call.arguments) if isinstance(withheld, Withheld) else call.arguments


def without_original(call: ToolCall, *, redacted: bool) -> bool:
    """Tell whether a call shows `[redacted]` in its arguments and nobody knows what stood there, as
    in a rollout that was read from a file.

    Args:
        call: the call.
        redacted: whether a secret was taken out of the answer it is in.
    """
    known = isinstance(call.withheld, Withheld) and call.withheld.known
    if known or not (redacted or call.sent_arguments is not None):
        return False
    return REDACTED in str(call.arguments)
