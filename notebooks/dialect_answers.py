"""Constructed answers in the manner of OpenAI Responses and Anthropic Messages: each kind of item
and block that the views show, for the states of gallery.py.
"""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]
_QUOTE = "The night train leaves Oslo S at 23:25."


def _response(number: int, *output: Item, **more: Any) -> Item:
    used = {"input_tokens": 310 + 420 * number, "output_tokens": 140}
    details = {"output_tokens_details": {"reasoning_tokens": 64}}
    return {
        "object": "response",
        "id": f"resp_{number}",
        "status": "completed",
        "model": "travel-8b",
        "output": list(output),
        "usage": {**used, "total_tokens": sum(used.values()), **details},
        **more,
    }


def _item(kind: str, number: int, **fields: Any) -> Item:
    return {"type": kind, "id": f"{kind[:4]}_{number}", "status": "completed", **fields}


def _thought(number: int, summary: str = "", sealed: int = 0) -> Item:
    """Reasoning: what may be read of it, and so many characters that only the server can."""
    listed = [{"type": "summary_text", "text": summary}] if summary else []
    return {
        "type": "reasoning",
        "id": f"rs_{number}",
        "summary": listed,
        **({"encrypted_content": "gAAAAAB" * (sealed // 7)} if sealed else {}),
    }


def _said(number: int, text: str, *cites: Item, phase: str = "final_answer") -> Item:
    part = {"type": "output_text", "text": text, "annotations": list(cites)}
    return _item("message", number, role="assistant", phase=phase, content=[part])


def _called(number: int, name: str, arguments: str) -> Item:
    given = {"call_id": f"call_{number}", "name": name, "arguments": arguments}
    return _item("function_call", number, **given)


_SITE = {"url": "https://trains.example/oslo-bergen", "title": "Oslo to Bergen: timetable"}
_TEXT = "Two trains go on Friday evening. I compare their prices."
RESPONSES = [
    _response(
        0,
        _thought(0, "The traveller wants the cheapest; I look up who runs trains.", 1_274),
        _item("web_search_call", 0, action={"type": "search", "query": "trains Oslo Bergen"}),
        _thought(1, "The timetable has two. The tools know the prices."),
        _said(
            0,
            _TEXT,
            {"type": "url_citation", "start_index": 0, "end_index": 33, **_SITE},
            {"type": "file_citation", "file_id": "file-9", "filename": "prices.pdf", "index": 33},
            phase="commentary",
        ),
        _called(0, "find_trains", '{"start": "Oslo", "end": "Bergen", "day": "Friday"}'),
        _called(1, "find_trains", '{"start": "Oslo", "end": "Bergen", "day": "Saturday"}'),
    ),
    _response(
        1,
        {
            "type": "mcp_list_tools",
            "id": "mcpl_0",
            "server_label": "bank",
            "tools": [{"name": "balance", "input_schema": {"type": "object"}}],
        },
        _item(
            "mcp_call",
            0,
            name="balance",
            server_label="bank",
            arguments='{"account": "travel"}',
            output=None,
            error={"type": "mcp_tool_execution_error", "content": "the bank is closed"},
        )
        | {"status": "failed"},
        _item(
            "code_interpreter_call",
            0,
            code="print(min(549, 899, 749, 399))",
            outputs=[{"type": "logs", "logs": "399\n"}],
        ),
        {
            "type": "mcp_approval_request",
            "id": "mcpr_0",
            "server_label": "bank",
            "name": "reserve",
            "arguments": '{"amount": 399}',
        },
        _called(2, "pay", '{"amount": 399}'),
    ),
    _response(
        2,
        _item("compaction", 0, encrypted_content="gAAAAAB" * 90),
        _item("weather_call", 0, city="Bergen"),
        _item(
            "message",
            2,
            role="assistant",
            content=[
                {"type": "output_text", "text": "R23 at 23:25 is paid.", "annotations": []},
                {"type": "refusal", "refusal": "I cannot mail it: no address is known."},
            ],
        ),
    ),
]
"""Reasoning in summary and encrypted, steps of the server, citations, an approval, an item that
nobody knows, a refusal.
"""


def _message(number: int, *content: Item, stop: str) -> Item:
    return {
        "type": "message",
        "id": f"msg_{number}",
        "role": "assistant",
        "model": "travel-8b",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 380 + 390 * number, "output_tokens": 160},
    }


def _thinking(text: str, signature: str | None) -> Item:
    signed = {} if signature is None else {"signature": signature}
    return {"type": "thinking", "thinking": text, **signed}


def _used(number: int, name: str, given: Item, kind: str = "tool_use") -> Item:
    mark = "srvtoolu" if kind == "server_tool_use" else "toolu"
    return {"type": kind, "id": f"{mark}_{number}", "name": name, "input": given}


_FOUND = {"type": "web_search_result", "encrypted_content": "EqgfCioI" * 40, "page_age": None}
_CITED = {"type": "web_search_result_location", "cited_text": _QUOTE, "encrypted_index": "Eo8B"}
MESSAGES = [
    _message(
        0,
        _thinking("The cheapest train is asked for: who runs trains there?", "EqQBCkYIC" * 40),
        {"type": "text", "text": "I look up the timetable."},
        _used(0, "web_search", {"query": "trains Oslo Bergen Friday"}, "server_tool_use"),
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_0",
            "content": [{**_FOUND, **_SITE}],
        },
        {"type": "text", "text": "There is a night train", "citations": [{**_CITED, **_SITE}]},
        {"type": "text", "text": "; I compare two days."},
        _used(1, "find_trains", {"start": "Oslo", "end": "Bergen", "day": "Friday"}),
        _used(2, "find_trains", {"start": "Oslo", "end": "Bergen", "day": "Saturday"}),
        stop="tool_use",
    ),
    _message(
        1,
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3" * 60},
        _thinking("399 is below the limit, so I pay.", None),
        _used(3, "code_execution", {"code": "min(549, 899, 399"}, "server_tool_use"),
        {
            "type": "code_execution_tool_result",
            "tool_use_id": "srvtoolu_3",
            "content": {
                "type": "code_execution_tool_result_error",
                "error_code": "execution_time_exceeded",
            },
        },
        _used(4, "pay", {"amount": 399}),
        stop="tool_use",
    ),
    _message(2, {"type": "text", "text": "R23 at 23:25 is paid: **399 NOK**."}, stop="end_turn"),
]
"""Thinking that is signed, is not, is redacted; a search and code that the server ran; sources."""
