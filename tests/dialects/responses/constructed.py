"""Constructed Responses answers: bodies of every kind of item, and the events of their streams."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from agentkit.dialects.responses import events_out

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="<[{`~◁"), max_size=12)
_WORD = st.text("abcdefg_-", min_size=1, max_size=8)


def body(*items: Any, **more: Any) -> dict[str, Any]:
    """Make a body as OpenAI's, with these output items and fields."""
    head = {"id": "resp_1", "object": "response", "status": "completed", "model": "m"}
    return {**head, "output": list(items), **more}


def text(*texts: str, label: str = "msg_1") -> dict[str, Any]:
    """Make a message of these texts."""
    parts = [{"type": "output_text", "text": t, "annotations": [], "logprobs": []} for t in texts]
    head = {"type": "message", "id": label, "status": "completed", "role": "assistant"}
    return {**head, "content": parts}


def call(name: str = "add", arguments: str = '{"a": 1}', number: int = 1) -> dict[str, Any]:
    """Make a call of a function."""
    ids = {"id": f"fc_{number}", "call_id": f"call_{number}"}
    named = {"name": name, "arguments": arguments, "status": "completed"}
    return {"type": "function_call", **ids, **named}


def stream(events: Iterable[dict[str, Any]]) -> str:
    """Write events as a server sends them."""
    return "".join(f"event: {e.get('type')}\ndata: {json.dumps(e)}\n\n" for e in events)


def events_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Write a body as the events of its stream."""
    return [*events_out.numbered(events_out.body_events(data))]


def _message(number: int, texts: list[str], refusal: str | None, phase: Any) -> dict[str, Any]:
    item = text(*texts, label=f"msg_{number}")
    if refusal is not None:
        item["content"].append({"type": "refusal", "refusal": refusal})
    return {**item, **({"phase": phase} if phase else {})}


def _reasoning(number: int, short: list[str], long: list[str], sealed: Any) -> dict[str, Any]:
    return {
        "type": "reasoning",
        "id": f"rs_{number}",
        "summary": [{"type": "summary_text", "text": t} for t in short],
        **({"content": [{"type": "reasoning_text", "text": t} for t in long]} if long else {}),
        **({"encrypted_content": sealed} if sealed else {}),
    }


def _custom(number: int, name: str, given: str) -> dict[str, Any]:
    ids = {"id": f"ctc_{number}", "call_id": f"call_{number}"}
    return {"type": "custom_tool_call", **ids, "name": name, "input": given}


def _step(number: int, kind: str, given: str) -> dict[str, Any]:
    more: dict[str, dict[str, Any]] = {
        "code_interpreter_call": {"code": given, "outputs": [], "status": "completed"},
        "mcp_call": {"name": "ask", "arguments": given, "output": "42", "error": None},
        "web_search_call": {"action": {"type": "search", "query": given}, "status": "completed"},
    }
    return {"type": kind, "id": f"x_{number}", **more.get(kind, {"status": "completed"})}


_STEPS = st.sampled_from(["web_search_call", "mcp_call", "code_interpreter_call", "compaction"])
_ITEM = st.one_of(
    st.tuples(
        st.just(_message),
        st.lists(_TEXT, max_size=2),
        st.none() | _TEXT,
        st.sampled_from([None, "commentary", "final_answer"]),
    ),
    st.tuples(
        st.just(_reasoning),
        st.lists(_TEXT, max_size=2),
        st.lists(_TEXT, max_size=2),
        st.sampled_from([None, "gAAAA"]),
    ),
    st.tuples(st.just(_custom), _WORD, _TEXT),
    st.tuples(st.just(_step), _STEPS, _TEXT),
    st.tuples(
        st.just(lambda number, name, args: call(name, json.dumps(args), number)),
        _WORD,
        st.dictionaries(_WORD, _TEXT | st.integers(), max_size=2),
    ),
)
ENDS: list[dict[str, Any]] = [
    {"status": "completed"},
    {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
    {"status": "failed", "error": {"code": "server_error", "message": "it broke"}},
]
BODIES = st.builds(
    lambda made, end: body(
        *(make(number, *rest) for number, (make, *rest) in enumerate(made)),
        usage={"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 9},
        **end,
    ),
    st.lists(_ITEM, max_size=4),
    st.sampled_from(ENDS),
)
"""Bodies of any items, with any end."""
