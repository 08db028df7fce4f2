"""What a body of any dialect amounts to, before its calls are checked against the tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from agentkit.types.answer import ReasoningBlock, ServerStep
from agentkit.types.problem import Problem
from agentkit.types.wire import TokenLogprob, Usage

Ending = Literal["natural", "calls", "length", "filter", "broken", "going"]
"""What a dialect's word for the end of an answer means. `going`: the server has not finished, it
paused or still works in the background.
"""


@dataclass(slots=True, kw_only=True)
class CallPart:
    """One call as it was sent."""

    name: Any
    arguments: Any
    """Its text as it was sent or streamed; an object only where the dialect wants a text."""
    id: Any = None
    """The id that a result names."""
    item_id: str | None = None
    """The id of the output item, where that is another."""
    custom: bool = False
    """Whether the arguments are free text."""
    whole: bool = True
    """Whether the server said that it is complete."""
    origin: str = ""
    """Where it was found: `responses:function_call`, `messages:tool_use`, …."""
    pointer: str = ""
    """JSON pointer of the item."""


@dataclass(slots=True, kw_only=True)
class Parts:
    """The parts of an answer, in the order in which they were sent."""

    items: tuple[Any, ...] = ()
    """The output items or content blocks as sent: what goes back into the history."""
    content: str | None = None
    """The texts joined; None where there is none."""
    content_pointer: str = ""
    """JSON pointer of the first text."""
    reasoning: list[ReasoningBlock] = field(default_factory=list)
    calls: list[CallPart] = field(default_factory=list)
    steps: list[ServerStep] = field(default_factory=list)
    refusal: str | None = None
    id: str | None = None
    """The server's id of the answer."""
    model: str | None = None
    finish: str | None = None
    """The server's word for the end; None where it said none."""
    finish_pointer: str = ""
    """JSON pointer of that word."""
    ending: Ending | None = None
    """What the word means; None where there is none, or it is not known."""
    usage: Usage | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    token_ids: Any = ()
    prompt_token_ids: Any = ()
    error: Any = None
    """The error object of an answer that failed."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong or odd in the body itself."""


class Oddity(NamedTuple):
    """One thing that the API whose dialect it is does not do; nothing is lost by it in reading."""

    name: str
    of: Literal["identity", "stream", "cut"]
    """What it is about: how the events of a stream say what they belong to, whether a stream says
    what its end says, how an answer says that it was cut.
    """
    text: str
    """What the server does, in a phrase."""
    pointer: str = ""
    """JSON pointer into the body that the stream amounts to."""
    small: bool = False
    """Whether no client that was heard of stumbles over it."""


Named = tuple[str, dict[str, Any]]
"""An event of a stream: its name on the line `event:`, "" where there is none, and its data."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a body has what is compared."""

    items: str
    """JSON pointer of the output."""
    arguments: str
    """The field of a call's item that holds its arguments."""
    id: str
    """The field that holds the id which a result names."""
    input_tokens: str
    output_tokens: str
    """JSON pointers of the two counts that every answer has."""
