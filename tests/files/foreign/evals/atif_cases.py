"""ATIF trajectories, constructed in the shape of its versions."""

from __future__ import annotations

from typing import Any

SAILOR: dict[str, Any] = {
    "schema_version": "ATIF-v1.8",
    "trajectory_id": "sub-1",
    "agent": {"name": "sailor", "version": "1", "model_name": "tide-0"},
    "steps": [
        {"step_id": 1, "source": "user", "message": "When?"},
        {"step_id": 2, "source": "agent", "message": "At 14:20."},
    ],
}
NEW: dict[str, Any] = {
    "schema_version": "ATIF-v1.8",
    "session_id": "s1",
    "trajectory_id": "t1",
    "agent": {
        "name": "terminus-2",
        "version": "2.0",
        "model_name": "tide-1",
        "tool_definitions": [{"type": "function", "function": {"name": "sailor"}}],
    },
    "steps": [
        {"step_id": 1, "source": "system", "message": "You know the sea."},
        {
            "step_id": 2,
            "source": "user",
            "timestamp": "2026-01-01T00:00:00Z",
            "message": [
                {"type": "text", "text": "When is high tide?"},
                {"type": "image", "source": {"media_type": "image/png", "path": "a.png"}},
            ],
        },
        {
            "step_id": 3,
            "source": "agent",
            "message": "I ask.",
            "reasoning_content": "hm",
            "reasoning_effort": "low",
            "tool_calls": [
                {"tool_call_id": "c1", "function_name": "sailor", "arguments": {"q": "?"}},
                {"tool_call_id": "c2", "function_name": "tide", "arguments": {}},
            ],
            "observation": {
                "results": [
                    {
                        "source_call_id": "c1",
                        "content": "At 14:20.",
                        "subagent_trajectory_ref": [{"trajectory_id": "sub-1"}],
                    },
                    {"source_call_id": "c2", "content": "14:20"},
                ]
            },
            "metrics": {
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "cached_tokens": 1,
                "cost_usd": 0.1,
                "prompt_token_ids": [1, 2, 3],
                "completion_token_ids": [4, 5],
                "logprobs": [-0.1, -0.2],
            },
        },
        {
            "step_id": 4,
            "source": "agent",
            "message": "A step that no model gave.",
            "llm_call_count": 0,
        },
        {
            "step_id": 5,
            "source": "agent",
            "message": "ls",
            "observation": {"results": [{"content": "tides"}]},
            "colour": "blue",
        },
    ],
    "final_metrics": {"total_prompt_tokens": 3},
    "continued_trajectory_ref": "trajectory.cont-1.json",
    "subagent_trajectories": [SAILOR],
}
FURTHER: dict[str, Any] = {
    "schema_version": "ATIF-v1.6",
    "session_id": "s1",
    "agent": {"name": "terminus-2", "version": "2.0"},
    "steps": [
        {"step_id": 1, "source": "user", "message": "A summary.", "is_copied_context": True},
        {"step_id": 2, "source": "agent", "message": "Copied.", "is_copied_context": True},
        {"step_id": 3, "source": "user", "message": "Go on."},
        {
            "step_id": 4,
            "source": "agent",
            "message": "It is 14:20.",
            "tool_calls": [{"tool_call_id": "c3", "function_name": "sailor", "arguments": {}}],
            "observation": {
                "results": [
                    {
                        "source_call_id": "c3",
                        "content": "yes",
                        "subagent_trajectory_ref": [
                            {"session_id": "x", "trajectory_path": "agent/trajectory.sub.json"}
                        ],
                    }
                ]
            },
        },
    ],
}
CASES: dict[str, Any] = {"atif": NEW, "atif 1.6": FURTHER}
