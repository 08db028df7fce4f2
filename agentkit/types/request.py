"""What is asked: the request of one model call, and what all of a rollout are made with."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from agentkit.types.answer import Dialect, Policy
from agentkit.types.hooks import hook
from agentkit.types.record import Record, Unknown, clip, record
from agentkit.types.wire import Usage

ReasoningField = Literal["same", "reasoning", "reasoning_content"]


@record
class Profile(Record):
    """What one kind of server wants of its history, and what it refuses."""

    name: str
    """What it is known by."""
    reasoning_field: ReasoningField | None = "same"
    """Where reasoning goes back: the `same` field it came in, and `reasoning_content` where it came
    in content parts; another name: there, in whatever it came; None: not at all."""
    reasoning_required: bool = False
    """An assistant message with calls must carry its reasoning: api.moonshot.ai ("reasoning_content
    is missing in assistant tool call message") and api.deepseek.com ("Missing `reasoning_content`
    field in the assistant message")."""
    reasoning_details: bool = True
    """`reasoning_details` and other lists of reasoning go back as they came (OpenRouter,
    MiniMax)."""
    extra_content: bool = True
    """Signatures go back as they came, a message's and a call's `extra_content`: Gemini 3 refuses a
    turn whose first call has lost its `thought_signature`
    (https://ai.google.dev/gemini-api/docs/thought-signatures)."""
    refuses_reasoning: bool = False
    """A reasoning field in a message is refused, not ignored: OpenAI ("Unknown parameter:
    'messages[1].reasoning_content'") and Mistral ("Extra inputs are not permitted")."""
    refused_fields: tuple[str, ...] = ()
    """Fields of an assistant message that are refused: reasoning under another name, as Cerebras
    and Groq take only `reasoning` ("property 'messages.2.assistant.reasoning_content' is
    unsupported"), and what an SDK dumps beside it, even when it is null (Groq: "property 'refusal'
    is unsupported", Mistral: "Extra inputs are not permitted")."""
    think_text: bool = True
    """Think tags of the content go back verbatim; False: the content without them."""
    ids: Literal["any", "alnum9", "kimi"] = "any"
    """`alnum9`: nine letters and digits (mistral-common: "must be a-z, A-Z, 0-9, with a length of
    9"); `kimi`: `functions.name:i`, from which Kimi K2's chat template takes the name."""
    id_limit: int | None = None
    """Characters an id may have (OpenAI: "string too long. Expected a string with maximum length
    40").
    """
    strict_names: bool = False
    """Names must match `[a-zA-Z0-9_-]{1,64}`, as OpenAI, Mistral, Gemini and Anthropic (behind
    OpenRouter) say.
    """
    null_content: bool = False
    """An assistant message with calls and no text has `content: null`, not ""."""
    empty_answers: bool = True
    """An assistant message with neither text nor calls is accepted; not by Mistral ("must have
    either content or tool_calls, but not none") nor by Moonshot ("the message at position 1 with
    role 'assistant' must not be empty")."""
    empty_parts: bool = False
    """`content: []` is accepted beside calls, as Mistral's own client sends it."""
    empty_tool_calls: bool = False
    """`tool_calls: []` is accepted; not by OpenAI ("[] is too short - 'messages.1.tool_calls'")."""
    part_types: tuple[str, ...] = ()
    """The types of parts that a content may hold, others are refused; () where any may do. OpenAI:
    "Invalid value: 'tool_use'. Supported values are: …"."""
    media_roles: tuple[str, ...] = ("user",)
    """The roles whose messages may hold images and other parts that are no text (OpenAI: "Image
    URLs are only allowed for messages with role 'user', but this message with role 'tool' contains
    an image URL"). vLLM parses the parts of every role alike."""
    typeless_calls: bool = False
    """A call may leave out its `type`, as Mistral's schema says; not with OpenAI ("Missing required
    parameter: 'messages[2].tool_calls[0].type'").
    """
    json_arguments: bool = True
    """Arguments in the history must hold a JSON object, because the server (vLLM:
    `entrypoints/chat_utils.py`, llama.cpp: `common/chat.cpp`) or the chat template ("Can only get
    item pairs from a mapping") parses them."""
    alternates: bool = False
    """User and assistant must alternate, and the last message must be the user's or a tool's
    (mistral-common: "Expected last role User or Tool", "Unexpected role 'user' after role
    'tool'")."""
    system_first: bool = False
    """A system message is accepted only at the start (chat templates of Qwen3.5 and others: "System
    message must be at the beginning").
    """
    one_system: bool = False
    """Only one system message is accepted: the same templates refuse a second one with the same
    words, and Gemma's with "Conversation roles must alternate". OpenAI, OpenRouter, Groq, DeepSeek
    and Mistral take several.
    """

    dialect: Dialect = "chat"
    """The API that the history is written for: an answer that came in it goes back item by item."""

    def summary(self) -> str:
        return self.name


@record
class Spec(Record):
    """What a rollout was run with; everything that decides what is sent and how it is read."""

    model: str | None = None
    """The model's name; None leaves it to the server."""
    tools: tuple[dict[str, Any], ...] = ()
    """Tool schemas in OpenAI's format."""
    sampling: dict[str, Any] = field(default_factory=dict)
    """Everything else in the request's body: temperature, max_tokens, …."""
    profile: str = "generic"
    """How the history goes back: a name of `agentkit.trajectory.history`."""
    dialect: Dialect = "chat"
    """The API that is spoken: Chat Completions, OpenAI Responses or Anthropic Messages."""
    chain: bool = False
    """Whether a request names the answer before it and holds only what is new (Responses:
    `previous_response_id`); what came before is then known to the server alone.
    """
    parser: str | None = None
    """The parser whose calls, found in text, are run; None: they are only listed as recoverable."""
    policy: Policy = "normalize"
    """Which broken calls are run."""
    max_turns: int | None = None
    """Model calls at most; None for no limit."""
    max_calls: int | None = None
    """Calls of one answer that are run at most; None for no limit."""
    stream: bool = False
    """Whether answers are asked for in pieces."""
    prices: Prices | None = field(default=None, compare=False)
    """What a million tokens cost; None where nobody said."""
    withheld: Any = field(default=None, compare=False)
    """The fields with secrets as they are sent; in memory alone."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""

    def summary(self) -> str:
        return f"{clip(str(self.model), 200)} {len(self.tools)} tools, profile={clip(self.profile)}"


@record
class Request(Record):
    """What is sent for one model call: derived from a trajectory, and what the raw pane shows."""

    model: str | None
    """The model's name; None leaves it to the server."""
    messages: tuple[dict[str, Any], ...]
    """The history in OpenAI's chat format, as the profile sends it; an answer's own `items` beside
    it in the other dialects.
    """
    tools: tuple[dict[str, Any], ...] = ()
    """Tool schemas in OpenAI's format."""
    sampling: dict[str, Any] = field(default_factory=dict)
    """Everything else in the body: temperature, max_tokens, extra_body fields."""
    dialect: Dialect = "chat"
    """The API that it is written in."""
    known: int = 0
    """How many of the messages, from the first, are not sent: the server alone is taken to know
    them, under the `previous_response_id` in `sampling`.
    """

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body as a dict of its own."""
        if self.dialect != "chat":
            written: dict[str, Any] = hook("request_body")(self)
            return written
        head = {"model": self.model} if self.model is not None else {}
        tools = {"tools": list(self.tools)} if self.tools else {}
        return {**head, "messages": [dict(m) for m in self.messages], **tools, **self.sampling}

    def summary(self) -> str:
        return (
            f"{clip(str(self.model), 200)} {len(self.messages)} messages, {len(self.tools)} tools"
        )


@record
class Prices(Record):
    """What a million tokens cost, in whatever currency the caller counts."""

    input: float
    """A million tokens that the model read."""
    output: float
    """A million tokens that the model wrote, reasoning included."""
    cached: float | None = None
    """A million tokens that it read from the prefix cache; None: what others cost."""

    def cost(self, usage: Usage | None) -> float | None:
        """Price one answer; None where the server did not count its tokens."""
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        kept = min(usage.cached_tokens or 0, usage.input_tokens)
        cached = self.input if self.cached is None else self.cached
        read = (usage.input_tokens - kept) * self.input + kept * cached
        return (read + usage.output_tokens * self.output) / 1e6

    def summary(self) -> str:
        more = "" if self.cached is None else f", cached {self.cached:g}"
        return f"input {self.input:g}{more}, output {self.output:g} per million"
