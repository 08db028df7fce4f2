"""How a turn goes back to the server. Each server wants its own history: reasoning under one name,
another, or not at all; ids of a form.

The record keeps the truth; what is sent is derived from it by a profile, and pairs every call with
exactly one result under the same id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.json_body import json_text
from agentkit.dialects.responses.chain import chained, link_of
from agentkit.errors import UsageError
from agentkit.read.body.reasoning import FIELDS, LISTS, SIGNATURES, cut, joined
from agentkit.read.tool_output import MCP, images_of
from agentkit.trajectory.profiles import PROFILES, get_profile, profile_for, profile_of
from agentkit.types.answer import ReasoningBlock, Response, ToolCall
from agentkit.types.request import Profile, Request, Spec
from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory, Turn

__all__ = [
    "PROFILES",
    "Profile",
    "assistant_message",
    "get_profile",
    "messages",
    "profile_for",
    "request",
    "sent_id",
    "sent_name",
    "tool_message",
    "turn_messages",
]

_ALNUM9 = re.compile(r"[a-zA-Z0-9]{9}")
_KIMI = re.compile(r"functions\.[a-zA-Z0-9_-]+:\d+")


_HELD = ("instructions", "prompt", "conversation", "previous_response_id")
"""Fields by which a Responses request says something without a message."""


def assistant_message(response: Response, profile: Profile) -> dict[str, Any]:
    """Write the answer as the assistant message that is sent back: content, calls and reasoning as
    the profile wants them.
    """
    content = _content(response, profile)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content or None if response.tool_calls and profile.null_content else content,
    }
    if response.tool_calls:
        message["tool_calls"] = [_call(call, profile) for call in response.tool_calls]
    if response.reasoning_blocks:
        message.update(_reasoning(response.reasoning_blocks, profile))
    if profile.dialect != "chat":
        message["items"] = CODECS[profile.dialect].items(response)
    return message


def _reasoning(blocks: tuple[ReasoningBlock, ...], profile: Profile) -> dict[str, Any]:
    """Write the fields in which reasoning and its signatures go back."""
    found: dict[str, Any] = {}
    if profile.reasoning_details:
        for name in LISTS:
            items = [block.raw for block in blocks if block.source == name]
            found.update({name: items} if items else {})
    if profile.reasoning_field == "same":
        for block in blocks:
            if block.source in FIELDS:
                found[block.source] = block.raw if block.raw is not None else block.text
    field = "reasoning_content" if profile.reasoning_field == "same" else profile.reasoning_field
    if field and (not found or profile.reasoning_field != "same"):
        tags = () if profile.think_text else ("content:think_tags",)
        text = joined(
            [b for b in blocks if not b.source.endswith("think_tags") or b.source in tags]
        )
        found.update({field: text} if text else {})
    if profile.extra_content:
        found.update({block.source: block.raw for block in blocks if block.source in SIGNATURES})
    return found


def _content(response: Response, profile: Profile) -> str:
    wire = response.wire_content or ""
    spans = [call.span for call in response.tool_calls if call.span and call.status != "invalid"]
    if not profile.think_text:
        return response.content or ""
    return (cut(wire, spans) or "") if spans else wire


def _call(call: ToolCall, profile: Profile) -> dict[str, Any]:
    name = sent_name(call.name, profile)
    kind = "custom" if call.status == "custom" else "function"
    holder = (
        {"name": name, "input": call.raw_arguments}
        if kind == "custom"
        else {"name": name, "arguments": _arguments(call)}
    )
    sent = {"id": sent_id(call, profile), "type": kind, kind: holder}
    return (
        {**sent, "extra_content": call.extra_content}
        if profile.extra_content and call.extra_content is not None
        else sent
    )


def _arguments(call: ToolCall) -> str:
    """Choose text that every server can parse: the model's own where it was read as it is, the
    object read from it, or `{}`.
    """
    if call.status == "ok" and call.raw_arguments:
        return call.raw_arguments
    return json_text(call.arguments if call.arguments is not None else {})


def sent_name(name: str, profile: Profile) -> str:
    """Make the name one that the history may hold."""
    if not name:
        return "unknown_tool"
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] if profile.strict_names else name


def sent_id(call: ToolCall, profile: Profile) -> str:
    """Write the call's id in the form the profile demands; the same id gives the same one. Where an
    answer goes back item by item, its ids do too.
    """
    if profile.dialect != "chat":
        return call.id
    match profile.ids:
        case "kimi" if not _KIMI.fullmatch(call.id):
            return f"functions.{sent_name(call.name, profile)}:{call.position}"
        case "alnum9" if not _ALNUM9.fullmatch(call.id):
            return hashlib.sha256(call.id.encode(errors="surrogatepass")).hexdigest()[:9]
    if profile.id_limit is not None and len(call.id) > profile.id_limit:
        return f"call_{hashlib.sha256(call.id.encode(errors='surrogatepass')).hexdigest()[:24]}"
    return call.id


def tool_message(call: ToolCall, result: ToolResult, profile: Profile) -> dict[str, Any]:
    """Write a result as the tool message that answers its call. Messages has a word for one that
    is no result, because the tool failed or did not run. Images go along where tools may send some.

    Args:
        call: the call that is answered.
        result: what it gave.
        profile: how the server wants it.
    """
    content: Any = result.content
    if result.conversion == MCP and (profile.dialect != "chat" or "tool" in profile.media_roles):
        images = [
            {"type": "image_url", "image_url": {"url": url}} for url in images_of(result.value)
        ]
        content = [{"type": "text", "text": content}, *images] if images else content
    message = {"role": "tool", "tool_call_id": sent_id(call, profile), "content": content}
    failed = profile.dialect == "messages" and result.status not in ("ok", "edited")
    return {**message, "is_error": True} if failed else message


def turn_messages(turn: Turn | OpenTurn, profile: Profile) -> Iterator[dict[str, Any]]:
    """Write the assistant message of a turn, then its results in the order of the calls. An empty
    answer is left out where it would be refused.
    """
    if turn.response is None:
        return
    answer = assistant_message(turn.response, profile)
    if profile.empty_answers or answer["content"] != "" or turn.response.tool_calls:
        yield answer
    for call, result in zip(turn.response.tool_calls, turn.results, strict=True):
        if result is not None:
            yield tool_message(call, result, profile)


def messages(trajectory: Trajectory) -> list[dict[str, Any]]:
    """Write the conversation so far, as its profile sends it."""
    return _messages(
        trajectory, (*trajectory.turns, *([trajectory.open] if trajectory.open else ()))
    )


def _messages(
    trajectory: Trajectory, turns: Iterable[Turn | OpenTurn], until: int | None = None
) -> list[dict[str, Any]]:
    profile = profile_of(trajectory.spec)
    found = [dict(message.wire) for message in trajectory.prompt]
    for index, turn in enumerate(turns):
        if turn.kept is not None:
            del found[turn.kept :]
        found.extend(dict(message.wire) for message in turn.added)
        if index == until:
            break
        found.extend(turn_messages(turn, profile))
    return found


def check_asked(trajectory: Trajectory, hint: str) -> None:
    """Refuse to ask for an answer to nothing, as where a file begins with what the assistant said.

    Args:
        trajectory: a rollout before a turn.
        hint: what to do.

    Raises:
        UsageError: the request would hold no message.
    """
    if trajectory.prompt or trajectory.turns or (trajectory.open and trajectory.open.added):
        return
    sampling = trajectory.spec.sampling
    more = sampling.get("extra_body")
    held = {**sampling, **(more if isinstance(more, dict) else {})}
    if trajectory.spec.dialect != "responses" or not any(held.get(name) for name in _HELD):
        raise UsageError(
            "the rollout begins with an answer: there is no message to send before turn 0",
            hint=hint,
        )


def request(trajectory: Trajectory, turn: int) -> Request:
    """Build what was, or would be, sent for the model call of this turn.

    Raises:
        IndexError: the turn is beyond the next one.
    """
    turns: tuple[Turn | OpenTurn, ...] = (*trajectory.turns, trajectory.open or OpenTurn())
    if not 0 <= turn < len(turns):
        raise IndexError(f"there is no turn {turn}; the next one is {len(turns) - 1}")
    spec, asked = trajectory.spec, turns[turn]
    sampling = {**spec.sampling, **(asked.sampling or {})}
    sampling.update(sampling.pop("extra_body", None) or {})
    listed = tuple(_messages(trajectory, turns, turn))
    known = 0
    if spec.chain:
        link = link_of(trajectory, trajectory.turns[turn - 1] if turn else None, asked)
        sampling = chained(sampling, link)
        known = len(listed) - link.new if link else 0
    return Request(
        model=spec.model,
        messages=listed,
        tools=spec.tools,
        sampling=sampling,
        dialect=spec.dialect,
        known=known,
    )


def given(**fields: Any) -> dict[str, Any]:
    """Keep those of the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def fields_of(
    spec: Spec, override: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Collect everything a request holds besides its messages, and what is merged over it
    (`extra_body`).
    """
    sampling = {**spec.sampling, **(override or {})}
    extra = sampling.pop("extra_body", None)
    head = {"model": spec.model} if spec.model is not None else {}
    tools = {"tools": list(spec.tools)} if spec.tools else {}
    return {**head, **tools, **sampling}, extra


def request_fields(trajectory: Trajectory) -> dict[str, Any]:
    """Collect everything the next request holds besides its messages, as in its body."""
    fields, extra = fields_of(
        trajectory.spec, trajectory.open.sampling if trajectory.open else None
    )
    return {**fields, **(extra or {})}
