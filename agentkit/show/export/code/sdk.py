"""The package that asks in each dialect, as exported code uses it."""

from __future__ import annotations

from dataclasses import dataclass

from agentkit.types.answer import Dialect


@dataclass(frozen=True, slots=True)
class Sdk:
    """One package's way to ask in one dialect."""

    package: str
    client: str
    """The class of its client."""
    create: str
    """What asks, under the client."""
    path: str
    """Where it asks, under its base URL."""
    named: frozenset[str]
    """Arguments that every version has which agentkit takes; others go through `extra_body`."""
    long: tuple[str, ...]
    """Arguments that stand before the call, under their own names."""
    required: tuple[str, ...] = ()
    """Arguments that it wants and servers do not."""
    piece: str = "event"
    """What comes of a stream."""


_CHAT = """
model messages tools temperature top_p max_tokens max_completion_tokens n stop seed stream
stream_options tool_choice parallel_tool_calls response_format logprobs top_logprobs
frequency_penalty presence_penalty logit_bias user reasoning_effort metadata store
"""
_RESPONSES = """
model input tools instructions temperature top_p max_output_tokens stream tool_choice
parallel_tool_calls text reasoning include top_logprobs previous_response_id conversation store
background truncation max_tool_calls metadata user
"""
_MESSAGES = """
model messages tools system max_tokens stop_sequences stream tool_choice thinking metadata
"""

SDKS: dict[Dialect, Sdk] = {
    "chat": Sdk(
        package="openai",
        client="OpenAI",
        create="chat.completions.create",
        path="/chat/completions",
        named=frozenset(_CHAT.split()),
        long=("messages", "tools"),
        required=("model",),
        piece="chunk",
    ),
    "responses": Sdk(
        package="openai",
        client="OpenAI",
        create="responses.create",
        path="/responses",
        named=frozenset(_RESPONSES.split()),
        long=("input", "tools"),
    ),
    "messages": Sdk(
        package="anthropic",
        client="Anthropic",
        create="messages.create",
        path="/v1/messages",
        named=frozenset(_MESSAGES.split()),
        long=("messages", "tools"),
        required=("model", "max_tokens"),
    ),
}
