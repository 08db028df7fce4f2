"""What a parser gives back: the text beside the calls, the calls, and, while a stream is running,
the pieces that became certain.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from agentkit.errors import UsageError
from agentkit.types.answer import ToolCall
from agentkit.types.problem import Problem
from agentkit.types.record import Record, record

PieceKind = Literal["content", "begin", "arguments", "call"]


@record
class Parsed(Record):
    """A model's text, read."""

    content: str | None
    """The text beside the calls, broken ones left standing in it; None where nothing, or nothing
    but white space beside calls, is left.
    """
    tool_calls: tuple[ToolCall, ...] = ()
    """In the order of the text; broken ones are among them, as `invalid`."""
    kept: tuple[tuple[int, int], ...] = ()
    """The spans of the text that the content is made of."""
    problems: tuple[Problem, ...] = ()
    """Problems of the text as a whole; those of a call are on the call."""

    def summary(self) -> str:
        return f"{len(self.tool_calls)} calls, content={self.content!r:.60}"


class Piece(NamedTuple):
    """Something that became certain while text was arriving; only whether white space at the ends
    of the content stays is known at the end.
    """

    kind: PieceKind
    """`content`: text beside the calls. `begin`: a call's marker was read. `arguments`: raw text of
    that call. `call`: it is complete.
    """
    text: str = ""
    call: ToolCall | None = None
    """The call, for kind `call`; its id is settled by `finish`, which sees all calls of the
    text.
    """


def check_text(text: Any) -> None:
    """Nothing, where a whole text was given.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(text, str):
        hint = (
            "pass what the model wrote; an answer that only calls has no content: parse(content"
            " or '')"
        )
        raise UsageError(f"the text is a {type(text).__name__}", hint=hint)
