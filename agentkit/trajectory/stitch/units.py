"""What a request or an answer says, as units that stay the same while an agent's rollout goes on.

A unit is a tuple: `("user", text)`, `("assistant", text)`, `("call", id, name, arguments)`,
`("result", id, text)`, and `("part", role, json)` for what is no text. Agents write a history anew
at every request: arguments in another spacing, empty content as null or not at all, texts as block
lists, cache markers on other messages, reasoning kept or dropped, with the ids and the status of
items or without. None of it is in a unit. System texts change within a rollout (a handoff, a clock)
and lie apart.

    asked = read_asked(body, path)         # a request of any dialect; None where it asks for none
    asked.units, asked.system, asked.tools, asked.fields
    units(body), units(response)           # the units alone

    units(body) + units(response)          # is how the next request of that rollout begins
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agentkit.dialects.native_request import chat_form, request_dialect
from agentkit.types.answer import Dialect, Response

Unit = tuple[str, ...]
"""One thing that is said; its first item says what kind it is."""

_SYSTEM = ("system", "developer")
_RESULTS = ("tool", "function")
_THOUGHT = "</think>"
_VOLATILE = frozenset(("cache_control", "id", "status", "annotations", "logprobs", "index"))
"""Members of a content part that come and go between the requests of a rollout."""
_BESIDE = frozenset(("messages", "tools", "model", "instructions", "stream", "stream_options"))
"""Fields of a request that are read by themselves, or say nothing of what is asked."""
_LISTS = ("contents", "prompt", "inputs", "input")
"""Where a request of an unknown dialect holds its history."""


@dataclass(frozen=True, slots=True)
class RequestUnits:
    """A request, read for what it says."""

    dialect: Dialect | None
    """What it is written in; None where that is unknown."""
    messages: tuple[dict[str, Any], ...]
    """Its history in the chat form, the system's messages among them."""
    spoken: tuple[tuple[Unit, ...], ...]
    """The units of each message; those of the system hold its text."""
    form: dict[str, Any]
    """The whole request in the chat form."""

    @property
    def units(self) -> tuple[Unit, ...]:
        """All units in order, without those of the system."""
        return tuple(u for said in self.spoken for u in said if u[0] != "system")

    @property
    def places(self) -> tuple[int, ...]:
        """The place of the message that each unit is from."""
        numbered = enumerate(self.spoken)
        return tuple(at for at, said in numbered for u in said if u[0] != "system")

    @property
    def system(self) -> str:
        """The texts of the system, instructions among them."""
        texts = [u[1] for said in self.spoken for u in said if u[0] == "system"]
        instructions = self.form.get("instructions")
        return "\n".join([*([instructions] if isinstance(instructions, str) else ()), *texts])

    @property
    def tools(self) -> list[Any]:
        """The schemas of the tools, as the chat form has them; [] where there are none."""
        tools = self.form.get("tools")
        return tools if isinstance(tools, list) else []

    @property
    def model(self) -> str | None:
        """The model's name; None where none is named."""
        model = self.form.get("model")
        return model if isinstance(model, str) else None

    @property
    def fields(self) -> dict[str, Any]:
        """Everything else that is asked for."""
        return {name: value for name, value in self.form.items() if name not in _BESIDE}


def read_asked(body: Any, path: str | None = None) -> RequestUnits | None:
    """Read a request; None where it asks for no answer of a model.

    Args:
        body: the request as plain data.
        path: where it was sent, where that is known.
    """
    dialect = request_dialect(body, path)
    if dialect is None:
        return _unknown(body)
    form = chat_form(body, dialect)
    listed = form.get("messages")
    given = listed if isinstance(listed, list) else []
    messages = tuple(message for message in given if isinstance(message, dict))
    spoken = tuple(message_units(message) for message in messages)
    return RequestUnits(dialect, messages, spoken, form)


def _unknown(body: Any) -> RequestUnits | None:
    """Read a request of an unknown dialect: each entry of its list is one unit."""
    if not isinstance(body, dict):
        return None
    name = next((name for name in _LISTS if body.get(name)), None)
    if name is None or not isinstance(body[name], (str, list)):
        return None
    listed = [body[name]] if isinstance(body[name], str) else body[name]
    messages = tuple(
        entry if isinstance(entry, dict) else {"role": "user", "content": entry} for entry in listed
    )
    spoken = tuple((("part", str(m.get("role", "")), _stable(m)),) for m in messages)
    form = {key: value for key, value in body.items() if key != name}
    return RequestUnits(None, messages, spoken, form)


def units(given: Any, path: str | None = None) -> tuple[Unit, ...]:
    """List what a request or an answer says.

    Args:
        given: the body of a request as plain data, or the `Response` that an answer was read as.
        path: where the request was sent, where that is known.
    """
    if isinstance(given, Response):
        return answer_units(given)
    asked = read_asked(given, path)
    return asked.units if asked else ()


def answer_units(response: Response) -> tuple[Unit, ...]:
    """List what an answer says, as the next request will say it."""
    text = _without_thought(response.wire_content or response.content or "")
    said: list[Unit] = [("assistant", text)] if text else []
    for call in response.tool_calls:
        name = call.raw_name if isinstance(call.raw_name, str) else call.name
        said.append(("call", call.id, name, _arguments(call.raw_arguments)))
    return tuple(said)


def message_units(message: Mapping[str, Any]) -> tuple[Unit, ...]:
    """List what one message in the chat form says."""
    role, content = str(message.get("role", "")), message.get("content")
    if role in _RESULTS:
        return (("result", str(message.get("tool_call_id") or ""), _text(content)),)
    if role in _SYSTEM:
        return (("system", _text(content)),)
    text, parts = _split(content)
    if role == "assistant":
        text = _without_thought(text)
    said: list[Unit] = [(role, text)] if text else []
    said += [("part", role, part) for part in parts]
    if role == "assistant":
        said += _calls(message)
    return tuple(said)


def _calls(message: Mapping[str, Any]) -> Iterable[Unit]:
    listed = message.get("tool_calls")
    for call in listed if isinstance(listed, list) else ():
        if not isinstance(call, dict):
            continue
        inner = call.get("function") or call.get("custom")
        inner = inner if isinstance(inner, dict) else call
        written = inner.get("arguments", inner.get("input", ""))
        text = written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
        yield ("call", str(call.get("id") or ""), str(inner.get("name") or ""), _arguments(text))


def _split(content: Any) -> tuple[str, list[str]]:
    """Divide a content into its text and the parts that are none."""
    if isinstance(content, str):
        return content.strip(), []
    if not isinstance(content, list):
        return ("", []) if content is None else ("", [_stable(content)])
    texts, others = [], []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        else:
            others.append(_stable(part))
    return "".join(texts).strip(), others


def _text(content: Any) -> str:
    text, parts = _split(content)
    return "\n".join([text, *parts]) if parts else text


def _without_thought(text: str) -> str:
    """Leave out reasoning that was written into the text."""
    if _THOUGHT in text:
        text = text.rpartition(_THOUGHT)[2]
    return text.strip()


def _stable(part: Any) -> str:
    """Write a part without what comes and goes."""
    if isinstance(part, dict):
        part = {key: value for key, value in part.items() if key not in _VOLATILE}
    return json.dumps(part, sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _arguments(text: str) -> str:
    """Write arguments so that spacing and the order of keys make no difference."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text.strip()
