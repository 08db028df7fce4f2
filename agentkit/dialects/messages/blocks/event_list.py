"""A Messages body as the events of its stream, in the order and the pieces of Anthropic's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.dialects.messages.blocks.growing_block import USES
from agentkit.dialects.messages.blocks.known_blocks import LENGTH, StreamedInput, input_text

_PIECE = 24
"""Characters of a text in one delta, about what Anthropic sends."""


def event_list(body: dict[str, Any], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Write a body as events; without a word for its end it is a stream that was cut.

    Args:
        body: the body.
        texts: the arguments of calls as they were written, by id.
    """
    usage = body.get("usage")
    start = {**body, "content": [], "stop_reason": None, "stop_sequence": None}
    start.pop("stop_details", None)
    cut = body.get("stop_reason") is None
    if usage is not None and not cut:
        begun = {name: value for name, value in usage.items() if name not in _LATE}
        start["usage"] = {**begun, **({"output_tokens": 1} if "output_tokens" in usage else {})}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(body["content"]):
        last = index == len(body["content"]) - 1
        open_end = last and (cut or body["stop_reason"] in LENGTH)
        events += _block(index, block, texts, open_end)
    if cut:
        return events
    names = ("stop_reason", "stop_sequence", "stop_details")
    ending = {name: body[name] for name in names if name in body}
    counts = {"usage": usage} if usage is not None else {}
    events.append({"type": "message_delta", "delta": ending, **counts})
    events.append({"type": "message_stop"})
    return events


_LATE = ("output_tokens_details", "server_tool_use", "iterations")
"""Counts that are known at the end only."""


def _block(
    index: int, block: dict[str, Any], texts: Mapping[str, str], open_end: bool
) -> Iterator[dict[str, Any]]:
    """Yield the events of one block.

    Args:
        index: its index.
        block: the block.
        texts: the arguments of calls as they were written, by id.
        open_end: whether the answer was cut, and this is its last block: then `{}` is written out,
            which else is what no text stands for.
    """
    begun, deltas = _parted(block, texts, open_end)
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _parted(
    block: dict[str, Any], texts: Mapping[str, str], open_end: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Part a block into its start and its deltas; one that has none comes whole at its start."""
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        cited = block.get("citations")
        begun = {**block, "text": "", **({"citations": []} if isinstance(cited, list) else {})}
        deltas = [{"type": "citations_delta", "citation": one} for one in cited or ()]
        return begun, [*deltas, *_pieces("text_delta", "text", block["text"])]
    if kind == "thinking" and isinstance(block.get("thinking"), str):
        signature = block.get("signature")
        begun = {**block, "thinking": "", **({"signature": ""} if signature else {})}
        deltas = [{"type": "signature_delta", "signature": signature}] if signature else []
        return begun, [*_pieces("thinking_delta", "thinking", block["thinking"]), *deltas]
    if kind in USES:
        pieces = _pieces("input_json_delta", "partial_json", _json_of(block, texts, open_end))
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": ""}, *pieces]
    return block, []


def _json_of(block: dict[str, Any], texts: Mapping[str, str], open_end: bool) -> str:
    """Choose the text of an input: as it was written where that is known, and "" for `{}`."""
    given, own = block.get("input"), texts.get(str(block.get("id")))
    if given in ({}, None) and not isinstance(given, StreamedInput):
        return "{}" if open_end and given == {} else ""
    if own and isinstance(given, dict) and not isinstance(given, StreamedInput):
        try:
            return own if json.loads(own) == given else input_text(given) or ""
        except (ValueError, RecursionError):
            pass
    return input_text(given) or ""


def _pieces(kind: str, name: str, text: str) -> list[dict[str, Any]]:
    parts = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return [{"type": kind, name: part} for part in parts]
