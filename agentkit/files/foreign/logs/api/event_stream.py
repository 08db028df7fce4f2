"""Answers that were saved as they came: server-sent events (`curl -N`), with or without the head of
the answer (`curl -i`), and their decoded chunks, a line each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.files.foreign.format import ForeignFormat, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.raw_answer import exchange_of, rollout_of_exchange
from agentkit.types.trajectory import Trajectory

_EVENT = re.compile(r"(?:data|event|id|retry):|:")
_HEAD = re.compile(r"HTTP/[\d.]+ (\d{3})")
_BREAK = re.compile(r"\r?\n\r?\n")
_DONE = re.compile(r"^data:\s*\[DONE\][^\n]*(?:\n|\Z)", re.MULTILINE)


def _fits(source: FileSet) -> bool:
    if source.given is not None:
        return _is_chunk(first_object(flat(source)))
    text = source.text[:200].lstrip()
    if _EVENT.match(text):
        return "data:" in source.text
    return bool(_HEAD.match(text)) or _is_chunk(first_object(flat(source)))


def _is_chunk(value: Any) -> bool:
    """Tell whether it is one decoded event of a stream, in any of the three dialects."""
    if not isinstance(value, Mapping):
        return False
    kind = value.get("type")
    named = isinstance(kind, str) and (kind == "message_start" or kind.startswith("response."))
    return named or value.get("object") == "chat.completion.chunk"


def _read(source: FileSet) -> list[Trajectory]:
    if _is_chunk(first_object(flat(source))):
        pieces = (value for value in flat(source) if isinstance(value, Mapping))
        text = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces)
        return [rollout_of_exchange(exchange_of(text))]

    found = _answers(source.text)
    return [rollout_of_exchange(exchange_of(body, status)) for status, body in found]


def _answers(text: str) -> Iterator[tuple[int | None, str]]:
    """Divide what was saved into its answers: at heads, and behind each `[DONE]`."""
    status: int | None = None
    while head := _HEAD.match(text.lstrip()):
        status = int(head[1])
        parts = _BREAK.split(text.lstrip(), maxsplit=1)
        text = parts[1] if len(parts) > 1 else ""
    if not _EVENT.match(text.lstrip()):
        yield status, text
        return
    start = 0
    for done in _DONE.finditer(text):
        yield status, text[start : done.end()]
        start = done.end()
    if text[start:].strip():
        yield status, text[start:]


EVENT_STREAM = ForeignFormat("a saved stream", _fits, _read)
