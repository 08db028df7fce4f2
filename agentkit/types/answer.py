"""What a server's answer was read as: calls, reasoning, text, and everything that was wrong with
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

from agentkit.types.problem import Problem
from agentkit.types.record import Record, clip, record
from agentkit.types.wire import Exchange, TokenLogprob, Usage
from agentkit.types.words import count

Dialect = Literal["chat", "responses", "messages"]
CallStatus = Literal["ok", "normalized", "repaired", "invalid", "custom"]
Policy = Literal["strict", "normalize", "repair"]


@record
class ToolCall(Record):
    """One call the model made. Its position in the message is its identity; the id is a label on
    the wire.
    """

    position: int
    """Its place among the calls of the answer, from 0."""
    id: str = field(compare=False)
    """The id used in the history: the server's own where that was a unique non-empty text, else
    synthetic. In the Responses dialect the item's `call_id`.
    """
    raw_id: Any = field(default=None, compare=False)
    """The id as it was sent."""
    id_synthetic: bool = field(default=False, compare=False)
    """Whether `id` was made here, because the server sent none that can be used."""
    item_id: str | None = field(default=None, compare=False)
    """The id of the output item that holds the call (Responses: `fc_…`), which its stream events
    name; None in dialects that have one id only.
    """
    name: str
    """The name used for dispatch."""
    raw_name: Any = field(default=None, compare=False)
    """The name as it was sent."""
    arguments: dict[str, Any] | None
    """What the tool is called with; None where the call must not run under the policy in force."""
    raw_arguments: str
    """The arguments as they were sent; an object that came unencoded is shown as JSON."""
    status: CallStatus
    """How far it kept to the contract; see the statuses in the documentation of problems."""
    origin: str = "tool_calls"
    """Where it was found: `tool_calls`, `function_call`, `content:hermes`, `reasoning:hermes`,
    `content:json` (no format's markers), `responses:function_call`, `messages:tool_use`, ….
    """
    span: tuple[int, int] | None = field(default=None, compare=False)
    """Start and end in the text it was found in (characters), for a call found in text."""
    extra_content: Any = field(default=None, compare=False)
    """What Google's endpoint hangs on a call, as it came: its `thought_signature`, without which
    Gemini 3 refuses the history.
    """
    problems: tuple[Problem, ...] = ()
    """What is wrong or odd in this call alone."""
    suggestion: dict[str, Any] | None = None
    """Arguments a person could adopt; never run by themselves."""
    sent_arguments: str | None = field(default=None, compare=False)
    """The arguments as the model sent them, where a person has changed them since."""
    withheld: Any = field(default=None, compare=False)
    """The arguments as the model wrote them, which a tool runs with, where a secret in them is not
    shown; in memory alone.
    """
    adopted: int | None = field(default=None, compare=False)
    """Its place among the answer's recoverable calls, where a person adopted it from there."""

    @property
    def valid(self) -> bool:
        """Whether it may be dispatched: it has a name, and arguments the policy lets run."""
        return self.arguments is not None and bool(self.name)

    def summary(self) -> str:
        return f"{clip(self.name) or '?'}({clip(self.raw_arguments, 60)}) {self.status}"


@record
class ReasoningBlock(Record):
    """One piece of reasoning and the place it came from."""

    source: str
    """`reasoning`, `reasoning_content`, `reasoning_details`, `content:thinking`,
    `content:think_tags`, `responses:reasoning` or `messages:thinking`.
    """
    kind: str = "text"
    """`text`, `summary` or `encrypted`."""
    text: str = ""
    """What can be read of it; "" where it is encrypted."""
    raw: Any = field(default=None, compare=False)
    """The block as sent, where it is more than its text: `reasoning_details`, content parts, a
    signature or encrypted data that has to go back untouched.
    """


@record
class ServerStep(Record):
    """One thing the server did by itself while it answered: a web search, a call of an MCP server,
    code it ran. It is shown and sent back, and never run here.
    """

    kind: str
    """The item's type as sent: `web_search_call`, `mcp_call`, `server_tool_use`, …."""
    name: str = ""
    """The tool's name where the item has one, else what its type says: `web_search`."""
    id: str | None = field(default=None, compare=False)
    """The item's own id; None where it has none."""
    status: str | None = None
    """The server's word: `completed`, `failed`, `searching`, …; None where it says none."""
    raw: Any = field(default=None, compare=False)
    """The item or block as sent."""
    outcome: Any = field(default=None, compare=False)
    """The block with what came of it as sent, where that is a block of its own (Messages:
    `web_search_tool_result`, …); None where `raw` holds it.
    """

    def summary(self) -> str:
        return f"{clip(self.name or self.kind)} {self.status or ''}".rstrip()


@record
class Response(Record):
    """A server's answer, read. Built by `read_response` and `read_stream`, never by hand."""

    dialect: Dialect = field(default="chat", compare=False)
    """The API it was written in: Chat Completions, OpenAI Responses or Anthropic Messages."""
    content: str | None = None
    """The text for the user: reasoning tags and calls that were taken out of it are gone; None
    where nothing is left.
    """
    wire_content: str | None = field(default=None, compare=False)
    """The text as it was sent, think tags and all: what goes back into the history."""
    reasoning: str | None = None
    """The text of all reasoning blocks; None where nothing was sent that can be read."""
    reasoning_blocks: tuple[ReasoningBlock, ...] = ()
    """The pieces of the reasoning in the order they were sent, encrypted ones among them."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls to run, by position; broken ones among them."""
    recoverable: tuple[ToolCall, ...] = ()
    """Calls found in the text that the policy does not run; adopt them by hand."""
    server_steps: tuple[ServerStep, ...] = ()
    """What the server did by itself, in the order it was sent."""
    items: tuple[Any, ...] = field(default=(), compare=False)
    """The output items (Responses) or content blocks (Messages) as sent, in order: what goes back
    into the history; () in chat completions.
    """
    id: str | None = field(default=None, compare=False)
    """The server's id of the answer; None where it gave none."""
    refusal: str | None = None
    """The text in which the model declined; None where it did not."""
    finish_reason: str | None = None
    """The server's own word; None where it said none."""
    paused: bool = False
    """Whether the server paused in the middle of its own work (Messages: `pause_turn`): sent again
    as it is, the conversation goes on.
    """
    usage: Usage | None = None
    """The tokens the server counted; None where it counted none."""
    logprobs: tuple[TokenLogprob, ...] = field(default=(), compare=False)
    """One entry an output token, where the server returned them."""
    token_ids: Sequence[int] = field(default=(), compare=False)
    """Ids of the output tokens, where the server returned them."""
    prompt_token_ids: Sequence[int] = field(default=(), compare=False)
    """Ids of the whole prompt, where the server returned them."""
    model: str | None = field(default=None, compare=False)
    """The model's name as the server gave it."""
    time_to_first_token: float | None = field(default=None, compare=False)
    """Seconds from sending the request to the first piece of the answer; None where it was not
    streamed.
    """
    token_gaps: Sequence[float] = field(default=(), compare=False)
    """Seconds between the pieces of a streamed answer."""
    problems: tuple[Problem, ...] = ()
    """Problems of the answer as a whole; those of a call are on the call."""
    exchange: Exchange = field(default_factory=Exchange, compare=False)
    """The answer as it crossed the wire; everything above is read from it."""

    @property
    def raw(self) -> Any:
        """The answer as parsed JSON, a fresh copy at each access; its text where it is not JSON."""
        return self.exchange.raw

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """The answer's problems, then those of its calls, then those of the calls found in text."""
        found = list(self.problems)
        for call in (*self.tool_calls, *self.recoverable):
            found += call.problems
        return tuple(found)

    @property
    def usable(self) -> bool:
        """Whether there is a message to go on from; an error or a foreign body is not."""
        return not any(p.code in UNUSABLE for p in self.problems)

    def summary(self) -> str:
        calls = ", ".join(clip(call.name) or "?" for call in self.tool_calls)
        answer = f"calls {calls}" if calls else clip(repr(self.content), 60)
        number = sum(problem.severity != "info" for problem in self.all_problems)
        more = f", {count(number, 'problem')}" if number else ""
        return f"{answer}, finish_reason={self.finish_reason!r}{more}"


UNUSABLE = frozenset(
    {
        "error_in_200",
        "choices_missing",
        "message_missing",
        "foreign_dialect",
        "body_not_json",
        "body_not_object",
        "body_empty",
        "body_html",
        "content_encoding_bad",
        "stream_error_event",
        "stream_not_sse",
    }
)
"""Codes that mean there is no message in the answer."""
