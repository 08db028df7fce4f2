"""Events of OpenHands' two generations, constructed in their shape."""

from __future__ import annotations

from typing import Any


def _raw(*ids: str) -> dict[str, Any]:
    return {
        "id": "resp-1",
        "model": "tide-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "I look.",
                    "tool_calls": [
                        {
                            "id": one,
                            "type": "function",
                            "function": {
                                "name": "execute_bash",
                                "arguments": '{"command": "ls"}',
                            },
                        }
                        for one in ids
                    ],
                },
            }
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }


def _known(call: str) -> dict[str, Any]:
    return {
        "function_name": "execute_bash",
        "tool_call_id": call,
        "total_calls_in_response": 2,
        "model_response": _raw("c1", "c2"),
    }


EVENTS: list[Any] = [
    {"id": 0, "source": "agent", "action": "system",
     "args": {"content": "You have a shell.",
              "tools": [{"type": "function", "function": {"name": "execute_bash"}}]}},
    {"id": 1, "source": "user", "action": "message",
     "args": {"content": "Count.", "image_urls": ["data:image/png;base64,AA=="]}},
    {"id": 2, "source": "environment", "observation": "agent_state_changed", "content": "",
     "extras": {"agent_state": "running"}},
    {"id": 3, "source": "user", "action": "recall", "args": {"query": "Count."}},
    {"id": 4, "timestamp": "2026-01-01T00:00:01", "source": "agent", "action": "run",
     "args": {"command": "ls", "thought": "I look."}, "tool_call_metadata": _known("c1")},
    {"id": 5, "timestamp": "2026-01-01T00:00:03", "source": "agent", "cause": 4,
     "observation": "run", "content": "tides", "extras": {"metadata": {"exit_code": 0}},
     "tool_call_metadata": _known("c1")},
    {"id": 6, "timestamp": "2026-01-01T00:00:03", "source": "agent", "action": "run",
     "args": {"command": "ls"}, "tool_call_metadata": _known("c2")},
    {"id": 7, "timestamp": "2026-01-01T00:00:04", "source": "agent", "cause": 6,
     "observation": "error", "content": "no such file", "extras": {},
     "tool_call_metadata": _known("c2")},
    {"id": 8, "source": "agent", "action": "run_ipython",
     "args": {"code": "1+1", "thought": "Now this.", "confirmation_state": "confirmed"}},
    {"id": 9, "source": "agent", "cause": 8, "observation": "run_ipython", "content": "2",
     "extras": {"code": "1+1"}},
    {"id": 10, "source": "agent", "action": "condensation", "args": {"forgotten_event_ids": [1]}},
    {"id": 11, "source": "agent", "action": "finish", "args": {"final_thought": "There are two."}},
]  # fmt: skip
ROW: dict[str, Any] = {
    "instance_id": "tides-1",
    "instruction": "Count.",
    "metadata": {"llm_config": {"model": "acme/tide-1"}},
    "metrics": {"accumulated_cost": 0.5},
    "error": None,
    "test_result": {"git_patch": "diff", "report": {"resolved": True}},
    "history": [[EVENTS[1], EVENTS[2]], [EVENTS[8], EVENTS[9]], [EVENTS[11], None]],
}
SDK: list[Any] = [
    {"kind": "SystemPromptEvent", "id": "a", "source": "agent",
     "system_prompt": {"type": "text", "text": "You have a shell."},
     "tools": [{"type": "function", "function": {"name": "terminal"}}]},
    {"kind": "MessageEvent", "id": "b", "source": "user",
     "llm_message": {"role": "user", "content": [{"type": "text", "text": "Count."}]}},
    {"kind": "ActionEvent", "id": "c", "source": "agent", "timestamp": "2026-01-01T00:00:01",
     "thought": [{"type": "text", "text": "I look."}], "reasoning_content": "hm",
     "action": {"kind": "ExecuteBashAction", "command": "ls"}, "tool_name": "terminal",
     "tool_call_id": "c1", "llm_response_id": "r1",
     "tool_call": {"id": "c1", "name": "terminal", "arguments": '{"command": "ls"}'}},
    {"kind": "ActionEvent", "id": "d", "source": "agent", "timestamp": "2026-01-01T00:00:01",
     "thought": [], "action": {"kind": "ThinkAction", "thought": "so"}, "tool_name": "think",
     "tool_call_id": "c2", "llm_response_id": "r1"},
    {"kind": "ObservationEvent", "id": "e", "source": "environment",
     "timestamp": "2026-01-01T00:00:03", "tool_name": "terminal", "tool_call_id": "c1",
     "action_id": "c", "observation": {"kind": "ExecuteBashObservation",
                                       "content": [{"type": "text", "text": "tides"}]}},
    {"kind": "AgentErrorEvent", "id": "f", "source": "agent", "error": "no such tool",
     "tool_name": "think", "tool_call_id": "c2"},
    {"kind": "Condensation", "id": "g", "source": "environment", "summary": "x"},
    {"kind": "ConversationStateUpdateEvent", "id": "h", "source": "environment", "key": "k"},
    {"kind": "MessageEvent", "id": "i", "source": "agent",
     "llm_message": {"role": "assistant", "content": [{"type": "text", "text": "Two."}]}},
]  # fmt: skip
RESOLVED: dict[str, Any] = {
    "issue": {"owner": "o", "repo": "r", "number": 7, "title": "It fails.", "body": "See above."},
    "issue_type": "issue",
    "instruction": "Mend it.",
    "base_commit": "abc",
    "git_patch": "diff --git a b",
    "history": EVENTS,
    "metrics": {"accumulated_cost": 0.5},
    "success": False,
    "comment_success": None,
    "result_explanation": "The test still fails.",
    "error": None,
}
CASES: dict[str, Any] = {
    "openhands": EVENTS,
    "openhands row": [ROW],
    "openhands resolver": [RESOLVED],
    "openhands sdk": SDK,
}
