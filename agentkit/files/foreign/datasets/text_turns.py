"""Turns as text that holds calls, results and thoughts: Hermes' tags, and ChatML around them.

Sources: the cards of NousResearch/hermes-function-calling-v1 and of the Hermes models; the chat
template of Qwen2.5, which writes the same tags.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, answered, entry
from agentkit.types.wire import Exchange

_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_RESULT = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)
_TOOLS = re.compile(r"<tools>\s*(.*?)\s*</tools>", re.DOTALL)
_MARKED = re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>\n?|\Z)", re.DOTALL)
_NAMED = re.compile(r"(?:\A|\n)(system|user|assistant|tool)\n")
_CALL = "<tool_call>"
_START = "<|im_start|>"
_END = "<|im_end|>"


def parser_of(texts: Iterable[str]) -> str | None:
    """Name the parser of the calls in these answers; None where they hold none."""
    return "hermes" if any(_CALL in text for text in texts) else None


def answer_entry(
    text: str, known: Any = None, tokens: Mapping[str, Any] | None = None
) -> ChatEntry:
    """Read what an assistant wrote: a thought before the text is reasoning, calls stay in the text.

    Args:
        text: what it wrote.
        known: the recorder's own entry, which is kept beside the message where it was taken apart.
        tokens: see `kept_entry`.
    """
    thought = _THOUGHT.match(text)
    if thought is None:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        kept = tokens is not None or _CALL in text
        return (
            kept_entry(message, text if known is None else known, tokens)
            if kept
            else entry(message)
        )
    rest = text[thought.end() :]
    message = {"role": "assistant", "content": rest, "reasoning": thought[1].strip()}
    return kept_entry(message, known if known is not None else text, tokens)


def kept_entry(
    message: Mapping[str, Any], known: Any, tokens: Mapping[str, Any] | None = None
) -> ChatEntry:
    """Make an entry of an assistant's message, with the recorder's own entry beside it: no finish
    reason, usage or id of a call is expected of it.

    Args:
        message: the message.
        known: the recorder's entry.
        tokens: `choice` and `prompt_token_ids`, as `token_turns` finds them.
    """
    if tokens is not None:
        return entry(message, answered(message, source=known, **tokens))
    body = {**message, "imported": known}
    return entry(message, Exchange(body=json.dumps(body, ensure_ascii=False, default=str)))


def result_entries(text: str) -> list[ChatEntry]:
    """Read the results of tools: each `<tool_response>` is one, a text without any is one result.

    hermes-agent writes `{"tool_call_id", "name", "content"}` in it, the data set `{"name",
    "content"}`, or the result alone.
    """
    inside = _RESULT.findall(text) or [text]
    return [entry(_result(one)) for one in inside]


def _result(text: str) -> dict[str, Any]:
    held = decoded(text)
    message: dict[str, Any] = {"role": "tool", "content": text}
    if isinstance(held, dict) and "content" in held and ("name" in held or "tool_call_id" in held):
        content = held["content"]
        whole = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        message["content"] = whole
        for key in ("tool_call_id", "name"):
            if isinstance(held.get(key), str):
                message[key] = held[key]
    return message


def is_result(text: str) -> bool:
    """Tell whether a user's text is nothing but results of tools."""
    return "<tool_response>" in text and not _RESULT.sub("", text).strip()


def tools_in(text: str) -> list[dict[str, Any]]:
    """Read the tool schemas that a system prompt lists between `<tools>` tags."""
    for found in _TOOLS.findall(text):
        tools = decoded(found)
        if not isinstance(tools, (list, dict)):
            tools = [decoded(line) for line in found.splitlines() if line.strip()]
        listed = [tool for tool in _listed(tools) if isinstance(tool, dict)]
        if listed:
            return listed
    return []


def turns_of_prompt(text: str) -> tuple[list[tuple[str, str]], bool]:
    """Divide a rendered prompt into its turns, each a role and what it says: at ChatML's markers,
    or where a tokenizer left them out, at the lines that name a role; empty where it has neither.

    Returns:
        The turns, and whether lines name the roles. Such a prompt begins with a role's name and
        ends where the assistant begins to answer, or it is not divided.
    """
    if marked := _marked_turns(text):
        return marked, False
    turns = _named_turns(text)
    return (turns, True) if turns and turns[-1][0] == "assistant" else ([], False)


def went_on(text: str, *, named: bool = False) -> list[tuple[str, str]]:
    """Divide what followed a prompt that ends where the assistant begins: its text goes first.

    Args:
        text: what followed.
        named: whether lines name the roles, as in its prompt.
    """
    if named:
        return _named_turns("assistant\n" + text.removesuffix("\n")) or [("assistant", text)]
    own, start, rest = text.partition(_START)
    own = own.removesuffix("\n").removesuffix(_END)
    return [("assistant", own), *_marked_turns(start + rest)]


def _marked_turns(text: str) -> list[tuple[str, str]]:
    return [(role, said) for role, said in _MARKED.findall(text)] if _START in text else []


def _named_turns(text: str) -> list[tuple[str, str]]:
    """Divide a text at the lines that name a role; empty where it does not begin with one, or they
    do not come in an order that a conversation has, as in a text that speaks of roles.
    """
    first, *parts = _NAMED.split(text)
    turns = list(zip(parts[::2], parts[1::2], strict=True))
    roles = [role for role, _ in turns]
    if first or not turns or "system" in roles[1:]:
        return []
    said = roles[roles[0] == "system" :]
    follow = (
        (a == "assistant") != (b == "assistant") or a == b == "tool" for a, b in pairwise(said)
    )
    return turns if all(follow) else []


def entries_of_turn(role: str, text: str) -> list[ChatEntry]:
    """Read one turn of a rendered conversation."""
    if role == "assistant":
        return [answer_entry(text)]
    if role == "tool" or (role == "user" and is_result(text)):
        return result_entries(text)
    return [entry({"role": role, "content": text})]


def rendered_prompt(text: str) -> list[ChatEntry]:
    """Read a rendered prompt: its turns where ChatML's markers are in it, else one text."""
    turns = [turn for turn in _marked_turns(text) if turn != ("assistant", "")]
    if not turns:
        return [entry({"role": "user", "content": text})]
    return [one for role, said in turns for one in entries_of_turn(role, said)]


def rendered_answers(text: str) -> list[ChatEntry]:
    """Read what followed a rendered prompt: its turns, the first of which is an answer."""
    return [one for role, said in went_on(text) for one in entries_of_turn(role, said)]


def decoded(value: Any) -> Any:
    """Read what may be JSON text; text that is none, and any other value, stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def wrapped_tools(value: Any) -> tuple[dict[str, Any], ...]:
    """Read tool schemas, a list or its JSON text, with or without `function` around each."""
    found = [tool for tool in _listed(decoded(value)) if isinstance(tool, dict)]
    return tuple(
        tool if "function" in tool or "type" in tool else {"type": "function", "function": tool}
        for tool in found
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
