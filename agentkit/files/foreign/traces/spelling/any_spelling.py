"""Messages in whatever spelling, told one by one: a trace holds what its client wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.dialects.messages.request_in import chat_messages as from_messages
from agentkit.dialects.responses.request_in import chat_messages as from_responses
from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.traces.loose import (
    decoded,
    first,
    known,
    mapping,
    mappings,
    text,
    written,
)
from agentkit.files.foreign.traces.spelling.genai_spelling import (
    inference_utterances,
    parts_utterances,
)
from agentkit.files.foreign.traces.spelling.langchain_spelling import fields_of, langchain_utterance
from agentkit.files.foreign.traces.spelling.pydantic_spelling import (
    is_pydantic_message,
    pydantic_utterances,
)
from agentkit.files.foreign.traces.spelling.utterance import (
    Utterance,
    assistant,
    call,
    joined,
    tool,
)

_BLOCKS = ("tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use")
_ITEMS = ("function_call", "function_call_output", "reasoning", "custom_tool_call")
_ROLES = {"human": "user", "ai": "assistant", "model": "assistant", "gpt": "assistant"}
_SPEAKERS = ("system", "developer", "user", "assistant", "tool", "function")
_LISTS = ("messages", "input", "contents", "prompts", "prompt", "chat_history")
_OPENINFERENCE = ("contents", "function_call_name")


def utterances_in(value: Any, losses: Losses, role: str = "user") -> list[Utterance]:
    """Read all that a value says: a message, a list of them, an object that holds them, a text.

    Args:
        value: what was recorded, JSON text of it too.
        losses: takes what is not understood.
        role: whose a bare text is.
    """
    value = decoded(value)
    if isinstance(value, Mapping):
        return _of_object(dict(value), losses, role)
    if isinstance(value, (list, tuple)):
        return _of_list(list(value), losses, role)
    if value is None or value == "":
        return []
    content = written(value)
    return [Utterance({"role": role, "content": content})]


def _of_list(values: list[Any], losses: Losses, role: str) -> list[Utterance]:
    if len(values) == 1 and isinstance(values[0], list):  # LangChain's batches of one
        return _of_list(values[0], losses, role)
    if len(values) == 2 and values[0] in ("human", "user", "system", "ai", "assistant"):
        return [Utterance({"role": _ROLES.get(values[0], values[0]), "content": values[1]})]
    objects = [value for value in values if isinstance(value, Mapping)]
    if objects and all("toolCallId" in one and "toolName" in one for one in objects):
        asked = [{**one, "type": one.get("type", "tool-call")} for one in objects]
        return _ai_sdk("assistant", asked)
    if any(map(is_item, objects)):
        return [Utterance(_plain(m)) for m in from_responses({"input": objects})]
    return [said for value in values for said in utterances_in(value, losses, role)]


def is_item(value: Mapping[str, Any]) -> bool:
    """Tell whether an object is an item of Responses that is no message."""
    return value.get("type") in _ITEMS and "role" not in value


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """Leave out the items of another dialect: the history of a trace is in the chat form."""
    return {key: value for key, value in message.items() if key != "items"}


def _of_object(value: dict[str, Any], losses: Losses, role: str) -> list[Utterance]:
    if is_pydantic_message(value):
        return pydantic_utterances(value, losses)
    if found := fields_of(value):
        return [langchain_utterance(*found)]
    if "role" in value and "parts" in value:
        return parts_utterances(value, losses)
    inner = value.get("message")
    if isinstance(inner, Mapping) and "role" in inner:
        nested = inner if "content" in inner and not isinstance(inner["content"], Mapping) else None
        if nested is None or any(key in inner for key in _OPENINFERENCE) or _wrapped_calls(inner):
            return inference_utterances(value, losses)
        return _of_object(
            {**inner, **known(finish_reason=value.get("finish_reason"))}, losses, role
        )
    if _is_inference(value):
        return inference_utterances(value, losses)
    if isinstance(value.get("role"), str):
        return _chat(value)
    for key in _LISTS:
        if value.get(key):
            return [*_system(value), *utterances_in(value[key], losses, role)]
    if value.get("choices"):
        return [
            s for one in mappings(value["choices"]) for s in _of_object(one, losses, "assistant")
        ]
    if all(one is None for one in value.values()):
        return []
    content = first(value.get("content"), value.get("text"), value.get("output"))
    if isinstance(content, str):
        return [Utterance({"role": role, "content": content})]
    return [Utterance({"role": role, "content": written(value)})]


def _is_inference(value: Mapping[str, Any]) -> bool:
    """Tell a message of OpenInference from a request of Gemini, which has `contents` too."""
    spoken = "role" in value and any(key in value for key in _OPENINFERENCE)
    return spoken or "function_call_name" in value or _wrapped_calls(value)


def _system(value: Mapping[str, Any]) -> list[Utterance]:
    inner = mapping(value.get("config"))
    orders = (value.get("system_instruction"), inner.get("system_instruction"))
    given = first(value.get("system"), value.get("instructions"), *orders)
    if not given:
        return []
    if isinstance(given, Mapping) and "parts" in given:
        return parts_utterances({**given, "role": "system"}, Losses(""))
    (message,) = from_messages({"system": given, "messages": []})
    return [Utterance(message)]


def _wrapped_calls(value: Mapping[str, Any]) -> bool:
    return any("tool_call" in one for one in mappings(value.get("tool_calls")))


def _chat(value: dict[str, Any]) -> list[Utterance]:
    """Read a message with a role, as OpenAI, Anthropic and the AI SDK write it."""
    role = _ROLES.get(value["role"], value["role"])
    content = value.get("content")
    if role not in _SPEAKERS and "additional_kwargs" in value:  # Langfuse names the tool there
        return [Utterance(tool(_texts(content), value.get("tool_call_id"), role))]
    kinds = {one.get("type") for one in mappings(content)}
    if isinstance(content, str) and content.startswith("[{"):
        kinds = {one.get("type") for one in mappings(content)}
        content = decoded(content) if kinds & {*_BLOCKS, "text"} else content
    if kinds & {"tool-call", "tool-result"}:
        return _ai_sdk(role, mappings(content))
    if kinds & set(_BLOCKS):
        listed = from_messages({"messages": [{"role": role, "content": content}]})
        return [
            Utterance(_plain(one), result=_failed(one), answer=_answer(value)) for one in listed
        ]
    if role in ("tool", "function"):
        given = first(value.get("tool_call_id"), value.get("id"))
        message = tool(_texts(content), given, value.get("name"))
        return [Utterance({**message, "role": role}, result=_failed(value))]
    kept = {key: one for key, one in value.items() if key in _KEPT and one is not None}
    message = {**kept, "role": role, "content": _texts(content)}
    beside = mapping(value.get("additional_kwargs"))  # of LangChain, as Langfuse writes it
    made = value.get("tool_calls") or beside.get("tool_calls")
    calls = [_call(one) for one in mappings(made)]
    asked = mapping(value.get("function_call"))
    if not calls and asked:
        calls = [call(asked.get("name"), asked.get("arguments"))]
    if calls:
        message["tool_calls"] = calls
    return [Utterance(message, answer=_answer(value))]


_KEPT = ("name", "refusal", "reasoning", "reasoning_content", "reasoning_details", "audio")


def _failed(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"status": "error"} if value.get("is_error") is True else {}


def _answer(value: Mapping[str, Any]) -> dict[str, Any]:
    return known(
        finish_reason=first(text(value.get("finish_reason")), text(value.get("stop_reason")))
    )


def _texts(content: Any) -> Any:
    """Give a content: as one text where it is parts of text alone."""
    if not isinstance(content, list) or not content:
        return content
    parts = [
        one.get("text")
        if isinstance(one, Mapping) and one.get("type") in ("text", "input_text", "output_text")
        else one
        for one in content
    ]
    return joined(parts) if all(isinstance(part, str) for part in parts) else content


def _call(value: Mapping[str, Any]) -> dict[str, Any]:
    if value.get("type") == "custom" and isinstance(value.get("custom"), Mapping):
        return dict(value)
    function = mapping(value.get("function")) or value
    given = (function.get(name) for name in ("arguments", "args", "input", "parameters"))
    return call(function.get("name"), first(*given), first(value.get("id"), value.get("call_id")))


def _ai_sdk(role: str, parts: list[dict[str, Any]]) -> list[Utterance]:
    """Read a message of the AI SDK: parts of text, reasoning, calls and results."""
    found: list[Utterance] = []
    texts, thoughts, calls = [], [], []
    for part in parts:
        kind, given = part.get("type"), part.get("toolCallId")
        if kind == "tool-result":
            output = first(part.get("output"), part.get("result"))
            inner = mapping(output)
            output = inner["value"] if {"type", "value"} <= inner.keys() else output
            found.append(Utterance(tool(output, given, part.get("toolName"))))
        elif kind == "tool-call":
            calls.append(
                call(part.get("toolName"), first(part.get("input"), part.get("args")), given)
            )
        elif kind == "reasoning":
            thoughts.append(written(part.get("text")))
        else:
            texts.append(part["text"] if isinstance(part.get("text"), str) else part)
    if role == "assistant":
        message = assistant(joined(texts), calls, "\n".join(thoughts) or None)
        return [*found, Utterance(message)]
    return [*found, *([Utterance({"role": role, "content": joined(texts)})] if texts else [])]
