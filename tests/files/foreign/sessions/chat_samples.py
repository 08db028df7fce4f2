"""Small conversations in the shape of exports of ChatGPT and Claude.ai, sessions of Gemini CLI and
Gemini's own form, all constructed.
"""

from __future__ import annotations

from typing import Any


def node(
    name: str, parent: str | None, role: str, content: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """Make a node of ChatGPT's tree."""
    author = {"role": role, "name": more.pop("author", None), "metadata": {}}
    known: dict[str, Any] = {
        "recipient": "all",
        "end_turn": None,
        "metadata": {},
        "status": "finished_successfully",
    }
    message = {"id": name, "author": author, "content": content, **known, **more}
    return {"id": name, "message": message, "parent": parent, "children": []}


def spoken(*parts: Any) -> dict[str, Any]:
    """Make a content of ChatGPT."""
    return {"content_type": "text", "parts": list(parts)}


_MODEL = {"model_slug": "gpt-x", "finish_details": {"type": "stop"}}
_NODES = [
    {"id": "root", "message": None, "parent": None, "children": ["s"]},
    node("s", "root", "system", spoken("")),
    node("c", "s", "user", {"content_type": "user_editable_context", "user_profile": "A sailor."}),
    node("u", "c", "user", spoken("How high is the tide in Brest?")),
    node("other", "u", "assistant", spoken("No idea."), end_turn=True, metadata=_MODEL),
    node(
        "t",
        "u",
        "assistant",
        {"content_type": "thoughts", "thoughts": [{"summary": "Tide", "content": "I look."}]},
    ),
    node("call", "t", "assistant", spoken('{"port": "Brest"}'), recipient="tide.get"),
    node("code", "call", "assistant", {"content_type": "code", "text": "1+1"}, recipient="python"),
    node("r", "code", "tool", {"content_type": "execution_output", "text": "2"}, author="python"),
    node("g", "r", "tool", spoken("6 m"), author="tide.get"),
    node("more", "g", "tool", spoken({"content_type": "image_asset_pointer"}, "at 14:20")),
    node("last", "more", "assistant", spoken("Six metres."), end_turn=True, metadata=_MODEL),
]
CHATGPT: list[dict[str, Any]] = [
    {
        "title": "Tides",
        "create_time": 1767323045.0,
        "update_time": 1767323050.0,
        "mapping": {one["id"]: one for one in _NODES},
        "current_node": "last",
        "conversation_id": "k-1",
        "default_model_slug": "auto",
    }
]
CLAUDE_AI: list[dict[str, Any]] = [
    {
        "uuid": "k-2",
        "name": "Tides",
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:05:05Z",
        "account": {"uuid": "a"},
        "chat_messages": [
            {
                "uuid": "m1",
                "sender": "human",
                "text": "How high is the tide in Brest?",
                "content": [{"type": "text", "text": "How high is the tide in Brest?"}],
                "attachments": [{"file_name": "a.txt", "extracted_content": "Brest, in France."}],
                "files": [{"file_name": "map.png"}],
            },
            {
                "uuid": "m2",
                "sender": "assistant",
                "text": "",
                "content": [
                    {"type": "thinking", "thinking": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "tide", "input": {"port": "Brest"}},
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "name": "tide",
                        "content": [{"type": "text", "text": "6 m"}],
                        "is_error": False,
                    },
                    {"type": "tool_use", "id": "c2", "name": "tide", "input": {"port": "Bres"}},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "x", "is_error": True},
                    {"type": "text", "text": "Six metres."},
                    {"type": "token_budget", "remaining": 5},
                ],
                "attachments": [],
            },
        ],
    },
    {"uuid": "k-3", "name": "", "chat_messages": []},
]
_ASKED = {"id": "g1", "type": "user", "content": [{"text": "How high is the tide in Brest?"}]}
_CALLED = {
    "id": "g2",
    "type": "gemini",
    "content": "",
    "model": "gemini-x",
    "thoughts": [{"subject": "Tide", "description": "I look."}],
    "tokens": {"input": 9, "output": 3, "cached": 4, "thoughts": 2, "tool": 0, "total": 14},
    "toolCalls": [
        {
            "id": "c1",
            "name": "tide",
            "args": {"port": "Brest"},
            "status": "success",
            "result": [{"functionResponse": {"id": "c1", "response": {"output": "6 m"}}}],
        },
        {
            "id": "c2",
            "name": "tide",
            "args": {"port": "Bres"},
            "status": "error",
            "result": [{"functionResponse": {"id": "c2", "response": {"error": "no port"}}}],
        },
    ],
}
_TOLD = {"id": "g3", "type": "info", "content": "Update available."}
_SIX = {"id": "g4", "type": "gemini", "content": "Six metres.", "model": "gemini-x"}
_HEAD = {
    "sessionId": "k-4",
    "projectHash": "p",
    "startTime": "2026-01-02T03:04:05Z",
    "lastUpdated": "2026-01-02T03:05:05Z",
}
GEMINI_CLI: dict[str, Any] = {**_HEAD, "messages": [_ASKED, _CALLED, _TOLD, _SIX]}
GEMINI_LINES: list[dict[str, Any]] = [
    _HEAD,
    _ASKED,
    {**_CALLED, "toolCalls": []},
    _CALLED,
    {"id": "wrong", "type": "gemini", "content": "Seven."},
    {"$rewindTo": "wrong"},
    {"$set": {"summary": "Tides"}},
    _TOLD,
    _SIX,
]
CONTENTS: list[dict[str, Any]] = [
    {"role": "user", "parts": [{"text": "How high is the tide in Brest?"}]},
    {
        "role": "model",
        "parts": [
            {"text": "I look.", "thought": True},
            {"functionCall": {"name": "tide", "args": {"port": "Brest"}}},
        ],
    },
    {
        "role": "user",
        "parts": [{"functionResponse": {"name": "tide", "response": {"output": "6 m"}}}],
    },
]
ANSWER: dict[str, Any] = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Six metres."}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12},
    "modelVersion": "gemini-x",
    "responseId": "a1",
}
REQUEST: dict[str, Any] = {
    "model": "models/gemini-x",
    "contents": CONTENTS,
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "tide",
                    "parameters": {"type": "OBJECT", "properties": {"port": {"type": "STRING"}}},
                }
            ]
        }
    ],
    "generationConfig": {"temperature": 0.5, "maxOutputTokens": 9},
}
CHATS: dict[str, Any] = {
    "chatgpt": CHATGPT,
    "claude.ai": CLAUDE_AI,
    "gemini cli": [GEMINI_CLI],
    "gemini cli lines": GEMINI_LINES,
    "gemini rows": [{"request": REQUEST, "response": ANSWER, "case": 3}],
    "gemini history": [*CONTENTS, {"role": "model", "parts": [{"text": "Six metres."}]}],
}
