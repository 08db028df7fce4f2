"""A conversation as the body of a Responses request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from agentkit.dialects.json_body import encode_json
from agentkit.dialects.responses.items.results import is_answer, result_item, waiting_calls

_THINKS = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9]|gpt-\d\d|codex)(?!.*chat)")
"""OpenAI's models whose reasoning is kept from one turn to the next."""
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_FIRST = itemgetter(slice(0, 1))
"""The first byte of an encoded message: a space before calls whose results want their own items."""
Item = dict[str, Any]


def encode(message: Item) -> bytes:
    """Encode one message of the history as the input items it amounts to, parted by commas; behind
    a space where it holds calls whose results `body` has to write as they want them.
    """
    written = input_items(message)
    joined = b",".join(map(encode_json, written))
    return b" " + joined if waiting_calls(written) else joined


def input_items(message: Item) -> list[Item]:
    """Write one message in OpenAI's chat form as input items; what is an item already (it has a
    `type`, or no role) stays as it is, and an answer's own `items` go back untouched.

    What only chat messages have stays behind: `name`, and reasoning in fields of its own.
    """
    role = message.get("role")
    if not isinstance(role, str) or isinstance(message.get("type"), str):
        return [message]
    if isinstance(message.get("items"), (list, tuple)):
        return [item for item in message["items"] if isinstance(item, dict)]
    content = message.get("content")
    if role in ("tool", "function"):
        call_id = message.get("tool_call_id", message.get("name"))
        output = "" if content is None else _parts(content, "input_text")
        return [{"type": "function_call_output", "call_id": call_id, "output": output}]
    if role != "assistant":
        return [{"role": role, "content": _parts(content or "", "input_text")}]
    return _assistant(message)


def _assistant(message: Item) -> list[Item]:
    """Write an answer that came in another dialect, or that a person wrote."""
    calls = [call for call in message.get("tool_calls") or () if isinstance(call, dict)]
    if isinstance(message.get("function_call"), dict):
        legacy = message["function_call"]
        calls.append({"id": legacy.get("name"), "function": legacy})
    content, refusal = message.get("content"), message.get("refusal")
    found: list[Item] = []
    if content or not (calls or refusal):
        listed = {"type": "message"} if isinstance(content, list) else {}  # vLLM wants it there
        written = _parts(content or "", "output_text")
        found.append({**listed, "role": "assistant", "content": written})
    if refusal:
        part = {"type": "refusal", "refusal": refusal}
        found.append({"type": "message", "role": "assistant", "content": [part]})
    return [*found, *map(_call, calls)]


def _call(call: Item) -> Item:
    custom, function = call.get("custom"), call.get("function")
    if isinstance(custom, dict):
        named = {"name": custom.get("name"), "input": custom.get("input")}
        return {"type": "custom_tool_call", "call_id": call.get("id"), **named}
    function = function if isinstance(function, dict) else {}
    named = {"name": function.get("name"), "arguments": function.get("arguments")}
    return {"type": "function_call", "call_id": call.get("id"), **named}


def _parts(content: Any, text_type: str) -> Any:
    """Write a content: a text as it is, parts of chat messages as parts of items."""
    if not isinstance(content, list):
        return content
    return [_part(part, text_type) if isinstance(part, dict) else part for part in content]


def _part(part: Item, text_type: str) -> Item:
    kind, image, file = part.get("type"), part.get("image_url"), part.get("file")
    if kind == "text":
        cited: Item = {"annotations": []} if text_type == "output_text" else {}
        return {"type": text_type, "text": part.get("text"), **cited}
    if kind == "image_url" and isinstance(image, (dict, str)):
        given = image if isinstance(image, dict) else {"url": image}
        detail = {"detail": given["detail"]} if "detail" in given else {}
        return {"type": "input_image", "image_url": given.get("url"), **detail}
    if kind == "file" and isinstance(file, dict):
        return {"type": "input_file", **file}
    return part


def new_messages(messages: Sequence[Item], new: int) -> list[Item]:
    """Give the last messages of a history for a request that names the answer before them. Each
    result is written as the item that its call wants, since the call is not sent again.

    Args:
        messages: the whole history.
        new: how many the server has not seen.
    """
    behind = list(messages[len(messages) - new :])
    known = messages[: len(messages) - new]
    calls = waiting_calls(input_items(known[-1])) if known else {}
    return [_wanted(message, calls) for message in behind] if calls else behind


def _wanted(message: Item, calls: dict[str, Item]) -> Item:
    if message.get("role") != "tool":
        return message
    (result,) = input_items(message)
    call = calls.get(str(result["call_id"]))
    return message if call is None else result_item(call, result)


def body(parts: Sequence[bytes], fields: Item, extra: Item | None, stream: bool) -> bytes:
    """Join encoded messages and the other fields to a request's body.

    A result is written as the kind of item that its call wants. For OpenAI's reasoning models
    `include` asks for the encrypted reasoning, so that it can go back whoever keeps what: as
    clients do by default (105 of 204 requests in public recordings), servers without it (vLLM)
    ignore it, and models that do not reason refuse it, so that no other model is asked. An
    `include` of one's own, `previous_response_id` and `conversation` stay what they are. `store`
    is never added: OpenAI keeps answers unless told `store: false`, vLLM does not.

    Args:
        parts: what `encode` gave for each message.
        fields: everything else, in its chat form; native names stay.
        extra: merged over it.
        stream: whether the answer is asked for in pieces.
    """
    written = {**_fields(fields), **(extra or {}), **({"stream": True} if stream else {})}
    head = encode_json(written)
    if "input" in written:
        return head
    waits = b" " in map(_FIRST, parts)
    listed = list(filter(None, _answered(parts) if waits else parts)) or [b""]
    # one join, no sum: each copy of a long history costs as much as all else
    listed[0] = head[:-1] + (b"," if head != b"{}" else b"") + b'"input":[' + listed[0]
    listed[-1] += b"]}"
    return b",".join(listed)


def _answered(parts: Iterable[bytes]) -> Iterable[bytes]:
    """Give the results of calls that are no plain functions the items that their calls want."""
    calls: dict[Any, Item] = {}
    for part in parts:
        if calls and is_answer(part):
            answer = json.loads(part)
            call = calls.get(answer.get("call_id"))
            yield part if call is None else encode_json(result_item(call, answer))
            continue
        if part.startswith(b" "):
            part = part[1:]
            calls.update(waiting_calls(json.loads(b"[" + part + b"]")))
        yield part


def _fields(fields: Item) -> Item:
    """Write the fields beside the messages under their names in Responses."""
    found: Item = {}
    for name, value in fields.items():
        if name in _RENAMED:
            _RENAMED[name](found, value)
        elif name in ("text", "reasoning") and isinstance(value, dict):
            found[name] = {**found.get(name, {}), **value}
        else:
            found[name] = _REWRITTEN[name](value) if name in _REWRITTEN else value
    for name in ("max_output_tokens", "include"):
        if name in fields:
            found[name] = fields[name]
    model = found.get("model")
    chained = any(found.get(name) for name in ("previous_response_id", "conversation"))
    if "include" not in fields and not chained and isinstance(model, str) and _THINKS.match(model):
        found["include"] = [*found.get("include", ()), _ENCRYPTED]
    return found


def _limit(found: Item, value: Any) -> None:
    if value is not None:
        found["max_output_tokens"] = value


def _format(found: Item, value: Any) -> None:
    inner = value.get("json_schema") if isinstance(value, dict) else None
    written = {"type": "json_schema", **inner} if isinstance(inner, dict) else value
    if value is not None:
        found["text"] = {**found.get("text", {}), "format": written}


def _effort(found: Item, value: Any) -> None:
    if value is not None:
        found["reasoning"] = {**found.get("reasoning", {}), "effort": value}


def _verbosity(found: Item, value: Any) -> None:
    if value is not None:
        found["text"] = {**found.get("text", {}), "verbosity": value}


def _logprobs(found: Item, value: Any) -> None:
    if value:
        found["include"] = [*found.get("include", ()), _LOGPROBS]


def _stream_options(found: Item, value: Any) -> None:
    """Leave out what only chat completions have: usage always comes."""
    kept = {k: v for k, v in value.items() if k != "include_usage"} if value else None
    if kept:
        found["stream_options"] = kept


_RENAMED: dict[str, Callable[[Item, Any], None]] = {
    "max_tokens": _limit,
    "max_completion_tokens": _limit,
    "response_format": _format,
    "reasoning_effort": _effort,
    "verbosity": _verbosity,
    "logprobs": _logprobs,
    "stream_options": _stream_options,
}


def _tools(tools: Any) -> Any:
    return [_tool(tool) for tool in tools] if isinstance(tools, (list, tuple)) else tools


def _tool(tool: Any) -> Any:
    """Write a tool flat. Responses takes a function for strict that does not say so, chat
    completions do not: what it means there is said.
    """
    function, custom = (
        tool.get(name) if isinstance(tool, dict) else None for name in ("function", "custom")
    )
    if isinstance(function, dict):
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        strict = bool(function.get("strict"))
        return {"type": "function", **function, "parameters": schema, "strict": strict}
    if isinstance(custom, dict):
        form = custom.get("format")
        inner = form.get("grammar") if isinstance(form, dict) else None
        flat = {"format": {"type": "grammar", **inner}} if isinstance(inner, dict) else {}
        return {"type": "custom", **custom, **flat}
    return tool


def _choice(choice: Any) -> Any:
    """Write a choice of tools flat."""
    kind = choice.get("type") if isinstance(choice, dict) else None
    inner = choice.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, dict):
        return choice
    flat = {"type": kind, **inner}
    if isinstance(flat.get("tools"), list):
        flat["tools"] = [_choice(tool) for tool in flat["tools"]]
    return flat


_REWRITTEN: dict[str, Callable[[Any], Any]] = {"tools": _tools, "tool_choice": _choice}
