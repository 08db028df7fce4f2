"""Runs of the tau benchmarks, constructed in their shape."""

from __future__ import annotations

from typing import Any

_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "tide", "arguments": '{"port": "Brest"}'},
}
TAU: list[Any] = [
    {
        "task_id": 3,
        "reward": 1.0,
        "info": {"reward_info": {"reward": 1.0}, "user_cost": 0.01},
        "traj": [
            {"role": "system", "content": "# Policy"},
            {"role": "user", "content": "When is high tide in Brest?"},
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "name": "tide", "content": "14:20"},
            {"role": "assistant", "content": "At 14:20."},
            {"role": "user", "content": "###STOP###"},
        ],
        "trial": 2,
    },
    {
        "task_id": 4,
        "reward": 0.0,
        "info": {"error": "RateLimitError", "traceback": "Traceback …"},
        "traj": [],
        "trial": 0,
    },
]
FEW_SHOT: list[Any] = [
    {
        "messages_display": "user: When is\nhigh tide?\nassistant: None\ntool: 14:20\n"
        "assistant: At 14:20."
    }
]
TAU2: dict[str, Any] = {
    "timestamp": "2026-01-01T00:00:00",
    "info": {
        "git_commit": "abc",
        "agent_info": {"implementation": "llm_agent", "llm": "tide-1", "llm_args": {"top_p": 1}},
        "environment_info": {"domain_name": "harbour", "policy": "# Policy"},
    },
    "tasks": [{"id": "7"}],
    "simulations": [
        {
            "id": "s0",
            "task_id": "7",
            "timestamp": "2026-01-01T00:00:00",
            "start_time": "2026-01-01T00:00:00",
            "end_time": "2026-01-01T00:00:09",
            "duration": 9.5,
            "termination_reason": "max_steps",
            "agent_cost": 0.2,
            "reward_info": {"reward": 0.5, "db_check": {"db_match": True}},
            "trial": 1,
            "seed": 300,
            "messages": [
                {"role": "assistant", "content": "Hi!", "tool_calls": None, "turn_idx": 0},
                {"role": "user", "content": "Switch it on.", "turn_idx": 1},
                {
                    "role": "user",
                    "content": None,
                    "tool_calls": [
                        {"id": "u1", "name": "press", "arguments": {}, "requestor": "user"}
                    ],
                    "turn_idx": 2,
                },
                {"id": "u1", "role": "tool", "content": "on", "requestor": "user", "turn_idx": 3},
                {"role": "user", "content": "It is on.", "turn_idx": 4},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "name": "tide", "arguments": {"port": "Brest"}},
                        {"id": "c2", "name": "tide", "arguments": {"port": "?"}},
                    ],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
                    "generation_time_seconds": 1.5,
                    "turn_idx": 5,
                },
                {
                    "role": "tool",
                    "tool_messages": [
                        {"id": "c1", "role": "tool", "content": "14:20", "error": False},
                        {"id": "c2", "role": "tool", "content": "Error: no port", "error": True},
                    ],
                },
                {
                    "role": "assistant",
                    "content": "At 14:20.",
                    "turn_idx": 7,
                    "audio_path": "a.wav",
                    "raw_data": {
                        "id": "chatcmpl-1",
                        "model": "tide-1",
                        "choices": [
                            {
                                "index": 0,
                                "finish_reason": "stop",
                                "message": {"role": "assistant", "content": "At 14:20."},
                            }
                        ],
                        "usage": {"prompt_tokens": 20, "completion_tokens": 5},
                    },
                },
            ],
        }
    ],
}
GYM: list[Any] = [
    {
        "responses_create_params": {
            "input": [
                {"role": "system", "content": "You know tides."},
                {"role": "user", "content": "Low tide?"},
                {"role": "assistant", "content": "At 08:05."},
                {"role": "user", "content": [{"type": "input_text", "text": "High tide?"}]},
            ],
            "tools": [{"type": "function", "name": "tide", "parameters": {"type": "object"}}],
            "temperature": 0.5,
            "top_logprobs": None,
        },
        "response": {
            "id": "resp_1",
            "model": "tide-1",
            "object": "response",
            "output": [
                {
                    "type": "reasoning",
                    "id": "r",
                    "summary": [{"type": "summary_text", "text": "?"}],
                },
                {
                    "type": "function_call",
                    "call_id": "c1",
                    "name": "tide",
                    "arguments": '{"port": "Brest"}',
                },
                {"type": "function_call_output", "call_id": "c1", "output": "14:20"},
                {
                    "type": "message",
                    "id": "m",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "At 14:20.", "annotations": []}],
                },
            ],
            "usage": {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14},
        },
        "reward": 1.0,
        "expected_answer": "14:20",
        "_ng_task_index": 3,
        "_ng_rollout_index": 2,
    }
]
CASES: dict[str, Any] = {"tau": TAU, "tau few-shot": FEW_SHOT, "tau2": TAU2, "gym": GYM}
