"""Small sessions of other tools, constructed in the shape that each of them writes."""

from __future__ import annotations

import json
from typing import Any

_AT = "2026-01-02T03:04:{:02d}.000Z"


def claude_line(
    kind: str, uuid: str, parent: str | None, content: Any, **more: Any
) -> dict[str, Any]:
    """Make a line of a Claude Code session; the uuid ends with its second."""
    message: dict[str, Any] = {"role": kind, "content": content}
    if kind == "assistant":
        name = more.pop("message_id", f"msg_{uuid}")
        message |= {"id": name, "type": "message", "model": "claude-x", "stop_reason": None}
        message["usage"] = {"input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": 3}
    at = _AT.format(int("".join(c for c in uuid if c.isdigit()) or 0))
    base = {"type": kind, "uuid": uuid, "parentUuid": parent, "timestamp": at, "sessionId": "s-1"}
    return {
        **base,
        "isSidechain": False,
        "cwd": "/work",
        "version": "2.0.1",
        "message": message,
        **more,
    }


def tool_use(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    """Make a call's block."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def tool_result(call_id: str, content: Any, failed: bool = False) -> list[dict[str, Any]]:
    """Make the content of a line with a result."""
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": failed}
    return [block]


CLAUDE = [
    {"type": "file-history-snapshot", "messageId": "x", "snapshot": {}},
    {"type": "summary", "summary": "Tides of Brest", "leafUuid": "a7"},
    claude_line("user", "u0", None, "How high is the tide?"),
    claude_line(
        "assistant",
        "a1",
        "u0",
        [{"type": "thinking", "thinking": "Look.", "signature": "c2ln"}],
        message_id="m1",
    ),
    claude_line("assistant", "a2", "a1", [{"type": "text", "text": "I look."}], message_id="m1"),
    claude_line(
        "assistant", "a3", "a2", [tool_use("t1", "Read", path="tide.txt")], message_id="m1"
    ),
    claude_line("user", "r5", "a3", tool_result("t1", "7 m"), toolUseResult={"durationMs": 250}),
    claude_line("assistant", "a4", "a3", [tool_use("t2", "Bash", command="date")], message_id="m1"),
    claude_line(
        "user", "r6", "a4", tool_result("t2", "no", failed=True), toolUseResult="Error: no"
    ),
    claude_line("assistant", "a7", "r6", [{"type": "text", "text": "Seven metres."}]),
]
"""One answer in four lines, with two calls whose results lie on two branches."""

FORKED = [
    claude_line("user", "u0", None, "Count."),
    claude_line("assistant", "a1", "u0", [{"type": "text", "text": "One."}]),
    claude_line("user", "u2", "a1", "On."),
    claude_line("assistant", "a3", "u2", [{"type": "text", "text": "Two."}]),
    claude_line("user", "u4", "a1", "Backwards."),
    claude_line("assistant", "a5", "u4", [{"type": "text", "text": "Zero."}]),
    claude_line("user", "u6", "a3", "Never answered."),
]

COMPACTED = [
    claude_line("user", "u0", None, "Begin."),
    claude_line("assistant", "a1", "u0", [{"type": "text", "text": "Begun."}]),
    {
        "type": "system",
        "subtype": "compact_boundary",
        "uuid": "b2",
        "parentUuid": None,
        "logicalParentUuid": "a1",
        "sessionId": "s-1",
        "timestamp": _AT.format(2),
    },
    claude_line("user", "u3", "b2", "It was begun.", isCompactSummary=True),
    claude_line("user", "u4", "u3", "Go on."),
    claude_line("assistant", "a5", "u4", [{"type": "text", "text": "Gone on."}]),
]

_SIDE = {"isSidechain": True, "agentId": "ag1"}
SIDECHAIN = [
    claude_line("user", "u0", None, "Ask somebody."),
    claude_line("assistant", "a1", "u0", [tool_use("t1", "Task", prompt="Look it up.")]),
    claude_line("user", "r6", "a1", tool_result("t1", "Found."), toolUseResult={"agentId": "ag1"}),
    claude_line("assistant", "a7", "r6", [{"type": "text", "text": "They found it."}]),
    claude_line("user", "x2", None, "Look it up.", **_SIDE),
    claude_line("assistant", "x3", "x2", [tool_use("t9", "Read", path="a")], **_SIDE),
    claude_line("user", "x4", "x3", tool_result("t9", "b"), **_SIDE),
    claude_line("assistant", "x5", "x4", [{"type": "text", "text": "Found."}], **_SIDE),
]

STREAMED = [
    {
        "type": "system",
        "subtype": "init",
        "session_id": "q",
        "model": "claude-x",
        "tools": ["Bash"],
    },
    {"type": "user", "session_id": "q", "message": {"role": "user", "content": "Date?"}},
    {
        "type": "assistant",
        "session_id": "q",
        "parent_tool_use_id": None,
        "message": claude_line("assistant", "a1", None, [tool_use("t1", "Bash", command="date")])[
            "message"
        ],
    },
    {
        "type": "user",
        "session_id": "q",
        "message": {"role": "user", "content": tool_result("t1", "May")},
    },
    {
        "type": "assistant",
        "session_id": "q",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "May."}]},
    },
    {
        "type": "result",
        "subtype": "success",
        "session_id": "q",
        "total_cost_usd": 0.1,
        "num_turns": 2,
    },
]


def codex(kind: str, second: int, **payload: Any) -> dict[str, Any]:
    """Make a line of a Codex rollout."""
    return {"timestamp": _AT.format(second), "type": kind, "payload": payload}


def codex_message(second: int, role: str, text: str) -> dict[str, Any]:
    """Make the line of a message."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return codex("response_item", second, type="message", role=role, content=content)


_COUNTED = {
    "input_tokens": 9,
    "cached_input_tokens": 4,
    "output_tokens": 2,
    "reasoning_output_tokens": 1,
}
CODEX = [
    codex(
        "session_meta",
        0,
        id="c-1",
        cwd="/work",
        cli_version="0.9",
        base_instructions={"text": "Be short."},
    ),
    codex("turn_context", 0, model="gpt-x", effort="low", cwd="/work"),
    codex_message(1, "user", "Which files?"),
    codex("event_msg", 1, type="user_message", message="Which files?"),
    codex(
        "response_item",
        2,
        type="reasoning",
        summary=[{"type": "summary_text", "text": "Look."}],
        encrypted_content="e",
    ),
    codex(
        "response_item",
        3,
        type="function_call",
        name="shell",
        arguments='{"command":["ls"]}',
        call_id="c1",
    ),
    codex(
        "response_item",
        3,
        type="custom_tool_call",
        name="apply_patch",
        input="*** Begin",
        call_id="c2",
    ),
    codex("event_msg", 3, type="token_count", info={"last_token_usage": _COUNTED}),
    codex(
        "response_item",
        4,
        type="function_call_output",
        call_id="c1",
        output='{"output":"a","metadata":{"duration_seconds":0.5}}',
    ),
    codex("response_item", 5, type="custom_tool_call_output", call_id="c2", output="Done"),
    codex_message(6, "assistant", "One file: a."),
    codex(
        "compacted",
        7,
        message="",
        replacement_history=[
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "So far: one file."}],
            }
        ],
    ),
    codex_message(8, "user", "And now?"),
    codex_message(9, "assistant", "Still one."),
]
CODEX_OLD = [
    {"id": "c-0", "timestamp": _AT.format(0), "instructions": None},
    {"record_type": "state"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    {
        "type": "local_shell_call",
        "call_id": "c1",
        "status": "completed",
        "action": {"type": "exec", "command": ["ls"]},
    },
    {
        "type": "function_call_output",
        "call_id": "c1",
        "output": {"content": "no", "success": False},
    },
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "None."}]},
]

HERMES: dict[str, Any] = {
    "session_id": "h-1",
    "model": "hermes-x",
    "platform": "cli",
    "session_start": "2026-01-01T00:00:00",
    "system_prompt": "Be brief.",
    "tools": [
        {"type": "function", "function": {"name": "terminal", "parameters": {"type": "object"}}}
    ],
    "messages": [
        {"role": "user", "content": "ls?"},
        {
            "role": "assistant",
            "content": "",
            "reasoning": "Run it.",
            "finish_reason": "tool_calls",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "terminal", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "content": "a", "tool_call_id": "c1", "mood": "calm"},
        {"role": "assistant", "content": "a", "finish_reason": "stop"},
    ],
}
SMOLAGENTS = [
    {"system_prompt": "You write code."},
    {"task": "Add.", "task_images": None},
    {
        "step_number": 1,
        "timing": {"start_time": 100.0, "end_time": 103.0, "duration": 3.0},
        "model_output": "Thought: add.",
        "model_input_messages": [{"role": "user", "content": [{"type": "text", "text": "Add."}]}],
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "python_interpreter", "arguments": "1 + 1"},
            }
        ],
        "error": {"type": "AgentExecutionError", "message": "no"},
        "token_usage": {"input_tokens": 7, "output_tokens": 2},
    },
    {
        "step_number": 2,
        "model_output": "Done.",
        "tool_calls": [
            {
                "id": "call_2",
                "type": "function",
                "function": {"name": "final_answer", "arguments": {"answer": 2}},
            }
        ],
        "observations": "2",
        "action_output": 2,
        "is_final_answer": True,
        "error": None,
    },
]

PYDANTIC: list[dict[str, Any]] = [
    {
        "kind": "request",
        "instructions": "Be brief.",
        "parts": [
            {
                "part_kind": "user-prompt",
                "content": ["Weather?", {"kind": "image-url", "url": "http://x/y.png"}],
                "timestamp": "2026-01-01T00:00:00Z",
            }
        ],
    },
    {
        "kind": "response",
        "model_name": "gpt-x",
        "timestamp": "2026-01-01T00:00:02Z",
        "usage": {"input_tokens": 9, "output_tokens": 3, "details": {"reasoning_tokens": 1}},
        "finish_reason": "tool_call",
        "provider_response_id": "resp-1",
        "parts": [
            {"part_kind": "thinking", "content": "Ask."},
            {
                "part_kind": "tool-call",
                "tool_name": "weather",
                "args": {"city": "Oslo"},
                "tool_call_id": "c1",
            },
            {"part_kind": "tool-call", "tool_name": "weather", "args": "{}", "tool_call_id": "c2"},
        ],
    },
    {
        "kind": "request",
        "parts": [
            {
                "part_kind": "tool-return",
                "tool_name": "weather",
                "content": {"low": -3},
                "tool_call_id": "c1",
            },
            {
                "part_kind": "retry-prompt",
                "tool_name": "weather",
                "content": [{"type": "missing"}],
                "tool_call_id": "c2",
            },
        ],
    },
    {
        "kind": "response",
        "parts": [{"part_kind": "text", "content": "Cold."}, {"part_kind": "file"}],
    },
]
_USED = {
    "input_tokens": 4,
    "output_tokens": 2,
    "total_tokens": 6,
    "input_token_details": {"cache_read": 1},
}
LANGCHAIN: list[dict[str, Any]] = [
    {"type": "system", "content": "Be brief."},
    {"type": "human", "content": [{"type": "text", "text": "Weather?"}]},
    {
        "type": "ai",
        "id": "run-1",
        "usage_metadata": _USED,
        "content": [
            {"type": "thinking", "thinking": "Ask."},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {}},
        ],
        "response_metadata": {"model_name": "claude-x", "stop_reason": "tool_use"},
        "tool_calls": [
            {"name": "weather", "args": {"city": "Oslo"}, "id": "c1", "type": "tool_call"}
        ],
        "invalid_tool_calls": [{"name": "weather", "args": "{", "id": "c2", "error": "no JSON"}],
    },
    {"type": "tool", "content": "-3", "tool_call_id": "c1", "status": "success"},
    {"type": "tool", "content": "bad", "tool_call_id": "c2", "status": "error"},
    {"type": "ai", "content": "Cold.", "colour": "blue"},
]


def written(value: Any) -> Any:
    """Write a message of LangChain as `dumpd` does."""
    name = {
        "human": "HumanMessage",
        "ai": "AIMessage",
        "tool": "ToolMessage",
        "system": "SystemMessage",
    }
    path = ["langchain", "schema", "messages", name[value["type"]]]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": dict(value)}


def as_lines(rows: list[Any]) -> str:
    """Write rows as JSON Lines."""
    return "\n".join(json.dumps(row) for row in rows)


SESSIONS: dict[str, Any] = {
    "claude": CLAUDE,
    "claude forked": FORKED,
    "claude compacted": COMPACTED,
    "claude sidechain": SIDECHAIN,
    "claude streamed": STREAMED,
    "codex": CODEX,
    "codex old": CODEX_OLD,
    "hermes": [HERMES],
    "smolagents": SMOLAGENTS,
    "pydantic": PYDANTIC,
    "langchain": LANGCHAIN,
    "langchain dumped": [written(one) for one in LANGCHAIN],
    "langgraph": [{"values": {"messages": LANGCHAIN}, "thread_id": "t"}],
}
