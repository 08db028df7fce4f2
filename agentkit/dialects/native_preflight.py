"""What a server would refuse of a request that is written in its dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentkit.dialects.messages.preflight import request_problems
from agentkit.dialects.responses.items.item_kinds import is_call
from agentkit.dialects.responses.preflight import input_problems
from agentkit.types.answer import Dialect, Response
from agentkit.types.problem import Problem, problem
from agentkit.types.request import Profile

_GIVEN = ("previous_response_id", "conversation")
_STRICT = {"responses": ("openai",), "messages": ("generic", "openai", "anthropic")}
"""Profiles whose servers refuse fields that the dialect does not have; vLLM takes any."""
_FOREIGN: dict[Dialect, tuple[str, ...]] = {
    "chat": (),
    "responses": ("seed", "logit_bias", "frequency_penalty", "presence_penalty", "stop"),
    "messages": (
        *("seed", "logit_bias", "frequency_penalty", "presence_penalty"),
        *("logprobs", "top_logprobs", "response_format"),
    ),
}
"""Fields of chat completions that a dialect has no word for."""


def body_problems(
    body: Mapping[str, Any],
    dialect: Dialect,
    profile: Profile,
    signed: Mapping[str, str] | None = None,
) -> Iterator[Problem]:
    """Yield what would be refused of a request's body, with pointers into it.

    Args:
        body: the request, in its dialect.
        dialect: Responses or Messages.
        profile: the kind of server.
        signed: the thinking that came with each signature, where it is known.
    """
    if profile.name in _STRICT.get(dialect, ()):
        for name in (name for name in _FOREIGN[dialect] if name in body):
            text = f"the dialect {dialect!r} has no field {name!r}"
            yield problem("unknown_field", text, pointer=f"/{name}")
    if dialect == "responses":
        given = body.get("input")
        items = given if isinstance(given, list) else [{"role": "user", "content": given}]
        chained = any(body.get(name) for name in _GIVEN)
        yield from input_problems(items, profile, chained=chained)
    else:
        messages = body.get("messages")
        fields = {name: value for name, value in body.items() if name != "messages"}
        listed = messages if isinstance(messages, list) else []
        yield from request_problems(listed, fields, profile, signed)


def signatures(responses: Iterable[Response]) -> dict[str, str]:
    """Find the thinking that came with each signature in answers of a server."""
    found: dict[str, str] = {}
    for response in responses:
        for block in response.reasoning_blocks:
            raw = block.raw if isinstance(block.raw, dict) else {}
            signature = raw.get("signature")
            if signature and isinstance(signature, str) and not response.exchange.by_hand:
                found[signature] = str(raw.get("thinking", block.text))
    return found


def lost_reasoning(response: Response, known: Iterable[Response]) -> Iterator[Problem]:
    """Yield the calls of an answer by hand that came behind reasoning which it has no longer:
    OpenAI refuses them ("was provided without its required 'reasoning' item").

    Args:
        response: the answer by hand.
        known: answers of the server.
    """
    came: dict[str, str] = {}
    for answer in known:
        if answer.dialect == "responses" and not answer.exchange.by_hand:
            came.update(dict(_behind_reasoning(answer.items)))
    now = dict(_behind_reasoning(response.items))
    for index, item in enumerate(response.items):
        own = item.get("id") if isinstance(item, dict) and is_call(item) else None
        if isinstance(own, str) and own in came and came[own] != now.get(own):
            text = f"the call came behind the reasoning {came[own]!r}, which is gone"
            yield problem("history_reasoning_missing", text[:200], pointer=f"/output/{index}")


def _behind_reasoning(items: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Pair each item that has an id with that of the reasoning before it."""
    thought: Any = None
    for item in items:
        own = item.get("id") if isinstance(item, dict) else None
        if isinstance(item, dict) and item.get("type") == "reasoning":
            thought = own
        elif isinstance(own, str) and isinstance(thought, str):
            yield own, thought
