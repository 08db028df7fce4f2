"""What verifiers and prime-rl write, constructed in the shape of their versions."""

from __future__ import annotations

import copy
import json
from typing import Any

_CALL = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
RESULTS: list[Any] = [
    {
        "example_id": 4,
        "prompt": [
            {"role": "system", "content": "You know the sea."},
            {"role": "user", "content": "When?"},
            {"role": "assistant", "content": "An example."},
            {"role": "user", "content": "And now?"},
        ],
        "completion": [
            {"role": "assistant", "content": "", "tool_calls": [json.dumps(_CALL)]},
            {"role": "tool", "content": "14:20", "tool_calls": None, "tool_call_id": "c1"},
            {"role": "assistant", "content": "At 14:20.", "tool_calls": None},
        ],
        "task": "tides",
        "reward": 1.0,
        "error": None,
        "generation_ms": 1500,
        "answer": "14:20",
        "turns": 2.0,
    },
    {
        "example_id": 5,
        "prompt": [{"role": "user", "content": "When?"}],
        "completion": [
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "hm",
                "tool_calls": [{"id": "c1", "name": "tide", "arguments": "{}"}],
            }
        ],
        "reward": 0.0,
        "metrics": {"pace": 0.5},
        "pace": 0.5,
        "error": {"error": "ToolError", "message": "boom"},
        "timing": {"start_time": 1767225600.0, "total": 2.5},
        "is_completed": True,
        "is_truncated": False,
        "stop_condition": "has_error",
        "tool_defs": [{"name": "tide", "description": "d", "parameters": {"type": "object"}}],
        "trajectory": [
            {
                "prompt": [{"role": "user", "content": "When?"}],
                "completion": [],
                "response": {
                    "id": "r1",
                    "model": "tide-1",
                    "usage": {"prompt_tokens": 2, "completion_tokens": 2},
                    "message": {"role": "assistant", "finish_reason": "tool_calls"},
                },
                "tokens": {
                    "prompt_ids": [1, 2],
                    "prompt_mask": [0, 0],
                    "completion_ids": [3, 4],
                    "completion_mask": [1, 1],
                    "completion_logprobs": [-0.1, -0.2],
                },
                "advantage": 0.25,
            }
        ],
    },
]
TRACE: dict[str, Any] = {
    "version": 1,
    "id": "t1",
    "task": {"type": "Tides", "data": {"idx": 3}, "key": "brest"},
    "agent": {"name": "solver", "config": {"model": "tide-1"}},
    "tools": [{"name": "tide", "description": "d", "parameters": {"type": "object"}}],
    "nodes": [
        {"message": {"role": "user", "content": "When?"}, "token_ids": [1, 2],
         "mask": [False, False]},
        {"parent": 0, "sampled": True, "token_ids": [3, 4, 5], "mask": [False, True, True],
         "logprobs": [-0.1, -0.2], "advantages": [0.5, 0.5],
         "message": {"role": "assistant", "content": "I look.", "reasoning_content": "hm",
                     "tool_calls": [{"id": "c1", "name": "tide", "arguments": "{}"}],
                     "provider_state": [{"type": "x"}]}},
        {"parent": 1, "message": {"role": "tool", "tool_call_id": "c1", "content": "14:20"},
         "token_ids": [6], "mask": [False]},
        {"parent": 2, "sampled": True, "message": {"role": "assistant", "content": "At 14:20."},
         "token_ids": [7, 8], "mask": [False, True], "logprobs": [-0.3]},
        {"parent": 0, "message": {"role": "assistant", "content": "put in"}},
        {"parent": 4, "message": {"role": "user", "content": "Summary."}},
        {"parent": 5, "sampled": True, "message": {"role": "assistant", "content": "Again."}},
    ],
    "calls": [
        {"node": 1, "model": "tide-1", "sampling": {"temperature": 0.5, "top_p": None},
         "finish_reason": "tool_calls", "time": {"start": 1767225600.0, "end": 1767225602.0},
         "usage": {"prompt_tokens": 2, "completion_tokens": 2, "cached_input_tokens": 1}},
        {"model": "tide-1", "time": {"start": 1767225603.0, "end": 1767225604.0},
         "error": {"type": "RateLimitError", "message": "busy", "status_code": 429}},
        {"node": 3, "model": "tide-1", "finish_reason": "stop"},
    ],
    "rewards": {"found": {"score": 1.0, "weight": 2.0}, "unscored": None},
    "metrics": {"pace": 0.5},
    "is_completed": True,
    "ok": True,
    "stop_condition": "agent_completed",
    "timing": {"start": 1767225600.0, "agent": {"start": 1767225600.0, "end": 1767225606.0}},
    "colour": "blue",
}  # fmt: skip
EPISODE: dict[str, Any] = {
    "id": "e1",
    "env": {"id": "tides"},
    "task": TRACE["task"],
    "group": {"id": "g1"},
    "run": {"type": "train", "id": "r", "work": {"type": "train", "step": 7, "policy": None}},
    "ok": True,
    "errors": [],
    "traces": [TRACE],
}
FAILED_EPISODE = {**copy.deepcopy(EPISODE), "traces": [], "errors": [{"message": "no box"}]}
CASES: dict[str, Any] = {
    "verifiers results": RESULTS,
    "verifiers episodes": [EPISODE, FAILED_EPISODE],
    "verifiers trace": TRACE,
}
