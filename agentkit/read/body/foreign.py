"""Streams of other APIs than Chat Completions: named, with the text that is in them, and never
taken for an answer.

Sources: the API references of Ollama (`/api/chat`, `/api/generate`), Gemini
(`streamGenerateContent`), Cohere (v1, v2), Bedrock (ConverseStream and its binary event stream),
Anthropic, OpenAI (Responses), llama.cpp (`/completion`), TGI and SGLang (`/generate`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class ForeignPiece(NamedTuple):
    """What one event of another API holds."""

    dialect: str
    """The API's name, with its article."""
    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    """The API's word for why it stopped."""
    whole: bool = False
    """Whether `text` is all that has come so far, not what was added."""


def foreign_piece(data: dict[str, Any]) -> ForeignPiece | None:
    """Read an event of another API; None where it is none that is known."""
    if "choices" in data:
        return None
    return next((piece for read in _READERS if (piece := read(data)) is not None), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _inner(data: Any, *path: str) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _ollama(data: dict[str, Any]) -> ForeignPiece | None:
    if "done" not in data:
        return None
    finish = _word(data.get("done_reason"))
    if isinstance(data.get("message"), dict):
        text, thought = (_text(data["message"].get(key)) for key in ("content", "thinking"))
        return ForeignPiece("an Ollama /api/chat stream", text, thought, finish)
    if not isinstance(data.get("response"), str):
        return None
    name = "an Ollama /api/generate stream"
    return ForeignPiece(name, data["response"], _text(data.get("thinking")), finish)


def _gemini(data: dict[str, Any]) -> ForeignPiece | None:
    candidates = data.get("candidates")
    name = "a Gemini generateContent stream"
    if not isinstance(candidates, list):
        known = "usageMetadata" in data or "promptFeedback" in data
        return ForeignPiece(name) if known else None
    first = next((c for c in candidates if isinstance(c, dict)), {})
    parts = _inner(first, "content", "parts")
    listed = [p for p in parts if isinstance(p, dict)] if isinstance(parts, list) else []
    return ForeignPiece(
        name,
        "".join(_text(p.get("text")) for p in listed if not p.get("thought")),
        "".join(_text(p.get("text")) for p in listed if p.get("thought")),
        _word(first.get("finishReason")),
    )


def _cohere(data: dict[str, Any]) -> ForeignPiece | None:
    name = "a Cohere stream"
    if isinstance(data.get("event_type"), str):
        text = _text(data.get("text")) if data["event_type"] == "text-generation" else ""
        return ForeignPiece(name, text, finish=_word(data.get("finish_reason")))
    kind = _text(data.get("type"))
    if not kind.startswith(("message-", "content-", "tool-call-", "tool-plan-", "citation-")):
        return None
    content = _inner(data, "delta", "message", "content")
    return ForeignPiece(
        name,
        _text(_inner(content, "text")),
        _text(_inner(content, "thinking")),
        _word(_inner(data, "delta", "finish_reason")),
    )


_BEDROCK = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop")


def _bedrock(data: dict[str, Any]) -> ForeignPiece | None:
    if "contentBlockIndex" in data and isinstance(data.get("delta"), dict):
        data = {"contentBlockDelta": data}
    if not any(key in data for key in (*_BEDROCK, "messageStop")):
        return None
    delta = _inner(data, "contentBlockDelta", "delta")
    return ForeignPiece(
        "a Bedrock ConverseStream",
        _text(_inner(delta, "text")),
        _text(_inner(delta, "reasoningContent", "text")),
        _word(_inner(data, "messageStop", "stopReason")),
    )


def _anthropic(data: dict[str, Any]) -> ForeignPiece | None:
    if not _text(data.get("type")).startswith(("message_", "content_block_")):
        return None
    return ForeignPiece("an Anthropic Messages stream")


def _responses(data: dict[str, Any]) -> ForeignPiece | None:
    if not _text(data.get("type")).startswith("response."):
        return None
    return ForeignPiece("an OpenAI Responses stream")


def _raw_generation(data: dict[str, Any]) -> ForeignPiece | None:
    token, meta = data.get("token"), data.get("meta_info")
    if isinstance(token, dict) and "text" in token:
        shown = "" if token.get("special") else _text(token["text"])
        finish = _word(_inner(data, "details", "finish_reason"))
        return ForeignPiece("a TGI generate stream", shown, finish=finish)
    if isinstance(meta, dict) and isinstance(data.get("text"), str):
        finish = _word(_inner(meta, "finish_reason", "type"))
        return ForeignPiece("an SGLang generate stream", data["text"], "", finish, whole=True)
    if isinstance(data.get("content"), str) and isinstance(data.get("stop"), bool):
        finish = "stop" if data["stop"] else None
        return ForeignPiece("a llama.cpp completion stream", data["content"], finish=finish)
    return None


_READERS: tuple[Callable[[dict[str, Any]], ForeignPiece | None], ...] = (
    _ollama,
    _gemini,
    _cohere,
    _bedrock,
    _anthropic,
    _responses,
    _raw_generation,
)

_FRAME = re.compile(r":(event|exception)-type[^A-Za-z]{1,8}([A-Za-z]+)")
_OBJECT = re.compile(r'\{(?=\s*["}])')
_DECODER = json.JSONDecoder()
_MOST_MISSES = 64
"""Places in a binary stream at which no object begins after all, before the search is given up."""


def is_binary_stream(text: str) -> bool:
    """Return whether a text is AWS's binary event stream, whatever decoding it made of it."""
    return ":message-type" in text and _FRAME.search(text[:4000]) is not None


def binary_events(text: str) -> Iterator[dict[str, Any]]:
    """Find the events of AWS's binary event stream in its text: each under its name."""
    at, misses = 0, 0
    while misses < _MOST_MISSES and (frame := _FRAME.search(text, at)):
        at = frame.end()
        begin = _OBJECT.search(text, at)
        if begin is None:
            return
        try:
            payload, at = _DECODER.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            misses += 1
            continue
        yield _named(frame.group(2), payload)


def _named(name: str, payload: dict[str, Any]) -> dict[str, Any]:
    inner = payload.get("bytes") if name == "chunk" else None
    if isinstance(inner, str):
        try:
            data = json.loads(base64.b64decode(inner))
        except (ValueError, RecursionError):
            data = None
        return data if isinstance(data, dict) else {"contentBlockStart": {}}
    return {name: payload}
