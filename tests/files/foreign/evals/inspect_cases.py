"""Logs of Inspect, constructed in the shape of its versions: with ids and pools, without, with an
agent in a tool, with a handoff, a limit, failed requests.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import zstandard

_TOOL = {
    "name": "tide",
    "description": "High tide.",
    "parameters": {"type": "object", "properties": {"port": {"type": "string"}}},
}
_RAW = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "tide-1",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "tide", "arguments": '{"port": "Brest"}'},
                    },
                    {
                        "id": "c2",
                        "type": "function",
                        "function": {"name": "sailor", "arguments": '{"input": "When?"}'},
                    },
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
}
LOOK = {
    "id": "m3",
    "role": "assistant",
    "content": "I look.",
    "source": "generate",
    "tool_calls": [
        {"id": "c1", "function": "tide", "arguments": {"port": "Brest"}, "type": "function"},
        {"id": "c2", "function": "sailor", "arguments": {"input": "When?"}, "type": "function"},
    ],
}
_SUBMIT = {
    "id": "m9",
    "role": "assistant",
    "content": [{"type": "reasoning", "reasoning": "so"}, {"type": "text", "text": "Done."}],
    "source": "generate",
    "tool_calls": [
        {"id": "c9", "function": "submit", "arguments": {"answer": "14:20"}, "type": "function"}
    ],
}
_SAILOR = {"id": "m7", "role": "assistant", "content": "At sea: 14:20.", "source": "generate"}


def model(number: int, answer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Make a model event."""
    return {
        "event": "model",
        "uuid": f"e{number}",
        "timestamp": f"2026-01-01T00:00:{number:02}+00:00",
        "completed": f"2026-01-01T00:00:{number + 1:02}+00:00",
        "model": "openai/tide-1",
        "tools": [_TOOL],
        "config": {"temperature": 0.5, "max_connections": 10},
        "input": [],
        "output": {
            "model": "tide-1",
            "choices": [{"message": answer, "stop_reason": "stop"}],
            "usage": {"input_tokens": 5, "output_tokens": 2, "input_tokens_cache_read": 3},
        },
        **fields,
    }


def span(name: str, parent: str, kind: str, span_id: str) -> dict[str, Any]:
    """Make the event that opens a span."""
    return {
        "event": "span_begin",
        "id": span_id,
        "parent_id": parent,
        "type": kind,
        "name": name,
        "span_id": span_id,
    }


POOLED: dict[str, Any] = {
    "id": "brest",
    "epoch": 2,
    "input": "When is high tide?",
    "target": "14:20",
    "messages": [
        {"id": "m1", "role": "system", "content": "attachment://long"},
        {"id": "m2", "role": "user", "content": "When is high tide?", "source": "input"},
        LOOK,
        {"id": "m4", "role": "tool", "tool_call_id": "c1", "function": "tide", "content": "",
         "error": {"type": "timeout", "message": "too slow"}},
        {"id": "m5", "role": "tool", "tool_call_id": "c2", "function": "sailor",
         "content": "At sea: 14:20."},
        {**_SUBMIT, "content": "Done. 14:20", "tool_calls": []},
    ],
    "output": {"model": "tide-1", "choices": []},
    "scores": {"includes": {"value": "C", "answer": "14:20", "explanation": "found"}},
    "metadata": {"level": 3},
    "store": {"x": 1},
    "uuid": "u1",
    "total_time": 9.5,
    "started_at": "2026-01-01T00:00:00+00:00",
    "attachments": {"long": "You know the sea."},
    "events_data": {
        "messages": [
            {"id": "m1", "role": "system", "content": "attachment://long"},
            {"id": "m2", "role": "user", "content": "When is high tide?", "source": "input"},
            {"id": "m6", "role": "user", "content": "When?"},
        ],
        "calls": [{"role": "system", "content": "attachment://long"}],
    },
    "events": [
        {"event": "sample_init", "span_id": "root"},
        span("react", "", "agent", "s1"),
        model(0, {}, span_id="s1", error="Error code: 429 - slow down", input_refs=[[0, 2]]),
        model(
            2,
            LOOK,
            span_id="s1",
            input_refs=[[0, 2]],
            call={
                "request": {"model": "tide-1", "temperature": 0.5, "tool_choice": None},
                "response": {**_RAW},
                "call_refs": [[0, 1]],
                "call_key": "messages",
                "time": 0.75,
            },
        ),
        span("tide", "s1", "tool", "s2"),
        {"event": "tool", "span_id": "s1", "id": "c1", "function": "tide",
         "arguments": {"port": "Brest"}, "result": "",
         "error": {"type": "timeout", "message": "too slow"},
         "timestamp": "2026-01-01T00:00:04+00:00", "completed": "2026-01-01T00:00:06+00:00"},
        span("sailor", "s1", "tool", "s3"),
        {"event": "tool", "span_id": "s1", "id": "c2", "function": "sailor",
         "arguments": {}, "result": "At sea: 14:20.", "agent_span_id": "s4",
         "timestamp": "2026-01-01T00:00:06+00:00", "completed": "2026-01-01T00:00:08+00:00"},
        span("sailor", "s3", "agent", "s4"),
        model(6, _SAILOR, span_id="s4", input_refs=[[2, 3]]),
        model(8, _SUBMIT, span_id="s1", input_refs=[[0, 2]]),
        {"event": "tool", "span_id": "s1", "id": "c9", "function": "submit", "result": "14:20",
         "timestamp": "2026-01-01T00:00:09+00:00", "completed": "2026-01-01T00:00:09.5+00:00"},
        span("grader", "", "scorer", "s8"),
        model(9, {"id": "g", "role": "assistant", "content": "GRADE: C"}, span_id="s8"),
        {"event": "compaction", "type": "summary"},
    ],
}  # fmt: skip
HANDOFF: dict[str, Any] = {
    "id": 1,
    "epoch": 1,
    "input": "When?",
    "target": "14:20",
    "messages": [
        {"id": "m2", "role": "user", "content": "When?", "source": "input"},
        {"id": "m3", "role": "assistant", "content": "", "source": "generate",
         "tool_calls": [{"id": "c1", "function": "transfer_to_sailor", "arguments": {}}]},
        {"id": "m4", "role": "tool", "tool_call_id": "c1", "content": "Transferred."},
        {"id": "m7", "role": "assistant", "content": "[sailor] At sea: 14:20."},
        {"id": "m8", "role": "user", "content": "The sailor agent has completed its work."},
        {"id": "m9", "role": "assistant", "content": "At 14:20.", "source": "generate"},
    ],
    "scores": {"a": {"value": 0.5}, "b": {"value": "I"}},
    "limit": {"type": "message", "limit": 6},
    "events": [
        model(1, {"id": "m3", "role": "assistant", "content": "",
                  "tool_calls": [{"id": "c1", "function": "transfer_to_sailor", "arguments": {}}]},
              span_id="s1"),
        span("sailor", "s1", "handoff", "s2"),
        span("transfer_to_sailor", "s2", "tool", "s3"),
        {"event": "tool", "span_id": "s1", "id": "c1", "function": "transfer_to_sailor",
         "agent": "sailor", "result": "Transferred."},
        span("sailor", "s3", "agent", "s4"),
        model(4, _SAILOR, span_id="s4",
              input=[{"id": "m2", "role": "user", "content": "When?", "source": "input"}]),
        model(6, {"id": "m9", "role": "assistant", "content": "At 14:20."}, span_id="s1"),
    ],
}  # fmt: skip
OLD: dict[str, Any] = {
    "id": 7,
    "epoch": 1,
    "input": "Yes or no?",
    "target": "yes",
    "messages": [
        {"role": "user", "content": "Yes or no?", "source": "input"},
        {"role": "assistant", "content": "Yes", "source": "generate"},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "Yes", "source": "generate"},
    ],
    "output": {"model": "tide-0", "choices": []},
    "score": {"value": "I", "answer": "Yes"},
    "transcript": {
        "events": [
            model(1, {"role": "assistant", "content": "tc://yes"}),
            model(5, {"role": "assistant", "content": "tc://yes"}),
        ],
        "content": {"yes": "Yes"},
    },
    "error": {"message": "RuntimeError('boom')", "traceback": "Traceback …"},
}
LOG: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "tides", "run_id": "r1", "model": "openai/tide-1"},
    "plan": {"name": "plan", "steps": []},
    "samples": [POOLED, HANDOFF, OLD],
}
HEAD = {key: value for key, value in LOG.items() if key != "samples"}


def archive(members: dict[str, Any], zstd: bool = False) -> bytes:
    """Write an archive, its members packed as Inspect packs them today, or as it did."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name, value in members.items():
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            out.writestr(name, data)
    return with_zstd(made.getvalue()) if zstd else made.getvalue()


def with_zstd(data: bytes) -> bytes:
    """Pack the members of an archive anew with zstd, which Python 3.11 cannot write."""
    old, made = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    sizes: list[tuple[zipfile.ZipInfo, int]] = []
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as out:
        for info in old.infolist():
            plain = old.read(info)
            out.writestr(info.filename, zstandard.ZstdCompressor().compress(plain))
            sizes.append((out.infolist()[-1], len(plain)))
    whole = bytearray(made.getvalue())
    for at in _headers(whole):
        whole[at : at + 2] = (93).to_bytes(2, "little")
    return bytes(whole)


def _headers(whole: bytearray) -> list[int]:
    """Find where the headers of an archive name the method."""
    found: list[int] = []
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = whole.find(mark)
        while at >= 0:
            found.append(at + offset)
            at = whole.find(mark, at + 4)
    return found


CASES: dict[str, Any] = {"inspect": LOG}
