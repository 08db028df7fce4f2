"""What servers do wrong, made on demand: refusals in place of an answer, and changes of an answer
that came.

All of it is constructed, in the forms that `tests/corpus` shows real servers to use.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentkit.read.stream.sse import SSE
from agentkit.servers.failures import transport_error
from agentkit.types.wire import Chunk, Exchange

Refuse = Callable[[float], Exchange]
"""Makes the refusal; a number of seconds for what asks to wait, or took so long."""
Change = Callable[[Exchange, float, frozenset[str] | None], "Exchange | None"]
"""Changes an answer; a number from 0 to 1 says where, names which tools' calls. None where there is
nothing to change.
"""

_HTML = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad"
    " Gateway</h1></center><hr>nginx</body></html>"
)


def _refusal(status: int, error: dict[str, Any] | str) -> Refuse:
    body = error if isinstance(error, str) else json.dumps({"error": error})
    headers = (("content-type", "text/html" if body.startswith("<") else "application/json"),)
    return lambda seconds: Exchange(status=status, body=body, headers=headers, elapsed=0.0)


def _broken(exc: Exception) -> Refuse:
    return lambda seconds: Exchange(
        transport_error=transport_error(
            exc, seconds=seconds if isinstance(exc, TimeoutError) else None
        ),
        elapsed=0.0,
    )


def _rate_limit(seconds: float) -> Exchange:
    error = {
        "message": "Rate limit reached for requests. Please try again later.",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    headers = (("content-type", "application/json"), ("retry-after", f"{seconds:g}"))
    return Exchange(status=429, body=json.dumps({"error": error}), headers=headers, elapsed=0.0)


_EMPTY = {"id": "chatcmpl-0", "object": "chat.completion", "model": "m", "choices": []}
_TOO_LONG = {
    "message": (
        "This model's maximum context length is 4096 tokens. However, your messages resulted in"
        " 5000 tokens."
    ),
    "type": "invalid_request_error",
    "param": "messages",
    "code": "context_length_exceeded",
}
_KEY = {
    "message": "Incorrect API key provided.",
    "type": "invalid_request_error",
    "code": "invalid_api_key",
}

REFUSALS: dict[str, tuple[str, Refuse]] = {
    "rate_limited": ("429, with a time to wait", _rate_limit),
    "server_error": (
        "500",
        _refusal(
            500, {"message": "Internal server error", "type": "InternalServerError", "code": 500}
        ),
    ),
    "overloaded": (
        "503, the server has no room",
        _refusal(
            503, {"message": "The server is overloaded.", "type": "server_error", "code": 503}
        ),
    ),
    "bad_gateway": ("502 with a web page, as a proxy sends it", _refusal(502, _HTML)),
    "auth_failed": ("401", _refusal(401, _KEY)),
    "context_length_exceeded": ("400, the prompt is too long", _refusal(400, _TOO_LONG)),
    "timeout": ("no answer in time", _broken(TimeoutError())),
    "connection_reset": (
        "the connection breaks before the answer",
        _broken(ConnectionResetError("Connection reset by peer")),
    ),
    "connection_failed": (
        "nobody listens",
        _broken(ConnectionRefusedError(111, "Connection refused")),
    ),
    "body_html": ("200 with a web page", _refusal(200, _HTML)),
    "body_empty": ("200 with nothing", _refusal(200, "")),
    "error_in_200": (
        "200 with an error in it",
        _refusal(200, {"message": "The engine has died.", "type": "internal_error", "code": 500}),
    ),
    "choices_missing": ("200 with no choices", _refusal(200, json.dumps(_EMPTY))),
}
"""Faults in place of an answer: what happens, and how it is made."""


def _cut(exchange: Exchange, where: float, tools: frozenset[str] | None) -> Exchange:
    """The connection breaks inside the answer."""
    text = exchange.text
    left = max(1, int(len(text) * (0.2 + 0.6 * where)))
    error = transport_error(ConnectionResetError("Connection reset by peer"))
    if not exchange.chunks:
        return replace(exchange, body=text[:left], transport_error=error)
    return replace(exchange, chunks=_first(exchange.chunks, left), transport_error=error)


def _ended(exchange: Exchange, where: float, tools: frozenset[str] | None) -> Exchange | None:
    """A stream ends in good order, but before its time."""
    if not exchange.chunks:
        return None
    events = _events(exchange)
    return replace(exchange, chunks=tuple(events[: max(1, int(len(events) * (0.2 + 0.6 * where)))]))


def _first(chunks: tuple[Chunk, ...], left: int) -> tuple[Chunk, ...]:
    kept: list[Chunk] = []
    for chunk in chunks:
        if left <= 0:
            break
        kept.append(Chunk(at=chunk.at, text=chunk.text[:left]))
        left -= len(chunk.text)
    return tuple(kept)


def _events(exchange: Exchange) -> list[Chunk]:
    """A stream with one event in each piece, at the time of the piece that completed it."""
    sse = SSE()
    found = [
        Chunk(at=chunk.at, text=f"data: {event.data}\n\n")
        for chunk in exchange.chunks
        for event in sse.feed(chunk.text)
    ]
    return found + [
        Chunk(at=exchange.chunks[-1].at, text=f"data: {event.data}\n\n") for event in sse.finish()
    ]


def _on_call(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """A change of one call of the answer: of its whole `{"id", "name", "arguments"}`."""

    def changed(exchange: Exchange, where: float, tools: frozenset[str] | None) -> Exchange | None:
        parts = _events(exchange) if exchange.chunks else [Chunk(at=0.0, text=exchange.body)]
        bodies = [_loaded(part.text.removeprefix("data: ")) for part in parts]
        calls = _calls(bodies)
        chosen = [key for key, call in calls.items() if tools is None or call["name"] in tools]
        if not chosen:
            return None
        key = chosen[int(where * len(chosen))]
        _put(bodies, key, change(dict(calls[key])))
        texts = [
            part.text if body is None else json.dumps(body, ensure_ascii=False)
            for part, body in zip(parts, bodies, strict=True)
        ]
        if not exchange.chunks:
            return replace(exchange, body=texts[0])
        framed = (
            text if body is None else f"data: {text}\n\n"
            for text, body in zip(texts, bodies, strict=True)
        )
        return replace(
            exchange,
            chunks=tuple(
                Chunk(at=part.at, text=text) for part, text in zip(parts, framed, strict=True)
            ),
        )

    return changed


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _entries(
    bodies: list[dict[str, Any] | None],
) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Every piece of a call, with the index of the call and its `function`."""
    found = []
    for body in bodies:
        for choice in (body or {}).get("choices") or ():
            message = (
                choice.get("delta") or choice.get("message") or {}
                if isinstance(choice, dict)
                else {}
            )
            for at, entry in enumerate(message.get("tool_calls") or ()):
                if isinstance(entry, dict) and isinstance(entry.get("function"), dict):
                    found.append((entry.get("index", at), entry, entry["function"]))
    return found


def _calls(bodies: list[dict[str, Any] | None]) -> dict[int, dict[str, Any]]:
    calls: dict[int, dict[str, Any]] = {}
    for index, entry, function in _entries(bodies):
        call = calls.setdefault(index, {"id": None, "name": "", "arguments": ""})
        call["id"] = call["id"] or entry.get("id")
        call["name"] += function.get("name") or ""
        given = function.get("arguments")
        call["arguments"] += (
            given if isinstance(given, str) else json.dumps(given) if given is not None else ""
        )
    return calls


def _put(bodies: list[dict[str, Any] | None], key: int, call: dict[str, Any]) -> None:
    """Puts the changed call where the old one was; all of it with its first piece."""
    for index, entry, function in _entries(bodies):
        if index != key:
            continue
        entry.pop("id", None)
        if "id" in call:
            entry["id"] = call.pop("id")
        for name in ("name", "arguments"):
            if name in call:
                function[name] = call.pop(name)
            elif name in function:
                function[name] = "" if name == "arguments" else None


def _with(**fields: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda call: {**call, **{name: change(call[name]) for name, change in fields.items()}}


def _python(arguments: str) -> str:
    loaded = _loaded(arguments)
    return repr(loaded) if loaded is not None else arguments


ANSWERS: dict[str, tuple[str, Change]] = {
    "slow": ("the answer takes longer", lambda exchange, where, tools: exchange),
    "stream_truncated": ("the connection breaks inside the answer", _cut),
    "stream_no_finish": ("a stream ends early, in good order", _ended),
    "arguments_truncated": (
        "a call's arguments are cut",
        _on_call(_with(arguments=lambda text: text[: max(1, len(text) * 2 // 3)])),
    ),
    "arguments_invalid_json": (
        "a call's arguments are prose",
        _on_call(_with(arguments=lambda text: f"use {text.strip('{}')} please")),
    ),
    "arguments_python_literal": (
        "a call's arguments are a Python literal",
        _on_call(_with(arguments=_python)),
    ),
    "arguments_double_encoded": (
        "a call's arguments are encoded twice",
        _on_call(_with(arguments=json.dumps)),
    ),
    "arguments_trailing_data": (
        "something follows a call's arguments",
        _on_call(_with(arguments=lambda text: f"{text}</tool_call>")),
    ),
    "arguments_empty": ("a call's arguments are empty", _on_call(_with(arguments=lambda text: ""))),
    "id_missing": (
        "a call has no id",
        _on_call(lambda call: {k: v for k, v in call.items() if k != "id"}),
    ),
    "id_empty": ("a call's id is empty", _on_call(_with(id=lambda id: ""))),
    "id_not_string": ("a call's id is a number", _on_call(_with(id=lambda id: 7))),
    "name_unknown": (
        "a call names a tool that is not there",
        _on_call(_with(name=lambda name: f"{name}_v2")),
    ),
    "name_prefix": (
        "a call's name has a prefix",
        _on_call(_with(name=lambda name: f"functions.{name}")),
    ),
}
"""Faults of an answer that came: what happens to it, and how."""
