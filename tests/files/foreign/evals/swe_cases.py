"""Trajectories of agents that write software, constructed in the shape of each format's age."""

from __future__ import annotations

from typing import Any

PROMPT = (
    "Your response must contain exactly ONE bash code block with ONE command.\n"
    "```mswea_bash_command\nyour_command_here\n```"
)
MINI_LIST: list[Any] = [
    {"role": "system", "content": PROMPT},
    {"role": "user", "content": "Count the tides."},
    {"role": "assistant", "content": "I look.\n\n```mswea_bash_command\nls tides\n```"},
    {"role": "user", "content": "<returncode>0</returncode>\n<output>\nbrest\n</output>"},
    {"role": "assistant", "content": "No fence here."},
    {"role": "user", "content": "Please always provide EXACTLY ONE action, found 0 actions."},
    {"role": "assistant", "content": "```mswea_bash_command\necho DONE\n```"},
    {"role": "user", "content": ""},
]
MINI_V1: dict[str, Any] = {
    "info": {
        "exit_status": "LimitsExceeded",
        "submission": "",
        "model_stats": {"instance_cost": 0.5, "api_calls": 1},
        "mini_version": "1.9.0",
        "config": {"model": {"model_name": "acme/tide-1", "model_kwargs": {"temperature": 0.0}}},
    },
    "messages": [
        {"role": "system", "content": "Write ```bash blocks."},
        {"role": "user", "content": "Count."},
        {"role": "assistant", "content": "```bash\nls\n```"},
        {"role": "user", "content": "<returncode>0</returncode>"},
    ],
    "trajectory_format": "mini-swe-agent-1",
}
_RAW: dict[str, Any] = {
    "id": "chatcmpl-1",
    "model": "tide-2",
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "bash", "arguments": '{"command": "ls"}'},
                    }
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}
MINI_V2: dict[str, Any] = {
    "info": {
        "exit_status": "TimeoutError",
        "submission": "",
        "mini_version": "2.1.0",
        "config": {"agent": {"step_limit": 3}, "model": {"model_name": "acme/tide-2"}},
    },
    "messages": [
        {"role": "system", "content": "You have bash."},
        {"role": "user", "content": "Count."},
        {
            **_RAW["choices"][0]["message"],
            "extra": {"actions": [{"command": "ls", "tool_call_id": "call_1"}], "response": _RAW},
        },
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": "<exception>it took too long</exception>",
            "extra": {"raw_output": "", "returncode": -1, "exception_info": "it took too long"},
        },
        {
            "role": "exit",
            "content": "boom",
            "extra": {
                "exit_status": "TimeoutError",
                "submission": "",
                "exception_str": "boom",
                "traceback": "Traceback …",
            },
        },
    ],
    "trajectory_format": "mini-swe-agent-1.1",
}
MINI_RESPONSES: dict[str, Any] = {
    "info": {"mini_version": "2.2.0", "exit_status": "Submitted", "submission": "diff"},
    "messages": [
        {"role": "system", "content": "You have bash."},
        {"role": "user", "content": "Count."},
        {
            "id": "resp_1",
            "object": "response",
            "model": "tide-3",
            "status": "completed",
            "output": [
                {
                    "type": "function_call",
                    "id": "fc_1",
                    "call_id": "call_1",
                    "name": "bash",
                    "arguments": '{"command": "ls"}',
                    "status": "completed",
                }
            ],
            "extra": {"actions": [{"command": "ls", "tool_call_id": "call_1"}]},
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "brest", "extra": {}},
    ],
    "trajectory_format": "mini-swe-agent-1.1",
}
SWE_OLD: dict[str, Any] = {
    "environment": "swe_main",
    "trajectory": [
        {
            "action": "ls -F\n",
            "observation": "tides/\n",
            "response": "I look.\n```\nls -F\n```",
            "state": '{"open_file": "n/a", "working_dir": "/t"}\n',
            "thought": "I look.\n",
        },
        {"action": "", "observation": "no action", "response": "Hm.", "state": "", "thought": ""},
        {
            "action": "submit\n",
            "observation": "diff --git",
            "response": "Done.\n```\nsubmit\n```",
            "state": "{}",
            "thought": "Done.\n",
        },
    ],
    "history": [
        {"role": "system", "content": "SETTING: a shell.", "agent": "primary"},
        {"role": "user", "content": "Here is a demonstration.", "agent": "p", "is_demo": True},
        {"role": "assistant", "content": "shown", "agent": "p", "action": "x", "is_demo": True},
        {"role": "user", "content": "Count the tides.", "agent": "primary"},
        {
            "role": "assistant",
            "content": "I look.\n```\nls -F\n```",
            "thought": "I look.\n",
            "action": "ls -F\n",
            "agent": "primary",
        },
        {"role": "user", "content": "tides/\nbash-$", "agent": "primary"},
        {
            "role": "assistant",
            "content": "Done.\n```\nsubmit\n```",
            "thought": "Done.\n",
            "action": "submit\n",
            "agent": "primary",
        },
    ],
    "info": {"exit_status": "submitted", "submission": "diff --git", "model_stats": {}},
}
SWE_CALLS: dict[str, Any] = {
    "environment": "main",
    "trajectory": [
        {
            "action": "find_file tides",
            "observation": "Found 1 match",
            "response": "I look.",
            "thought": "I look.",
            "execution_time": 0.25,
            "state": {"open_file": "n/a"},
            "query": [{"role": "system", "content": "SETTING"}],
            "extra_info": {},
        }
    ],
    "history": [
        {"role": "system", "content": "SETTING", "agent": "main", "message_type": "system_prompt"},
        {"role": "user", "content": "Count.", "agent": "main", "message_type": "observation"},
        {
            "role": "assistant",
            "content": "I look.",
            "thought": "I look.",
            "action": "find_file tides",
            "agent": "main",
            "tool_calls": [
                {
                    "function": {"arguments": '{"file_name":"tides"}', "name": "find_file"},
                    "id": "call_1",
                    "type": "function",
                }
            ],
            "thinking_blocks": [{"type": "thinking", "thinking": "where?", "signature": "s"}],
            "message_type": "action",
        },
        {
            "role": "tool",
            "content": "Found 1 match\nbash-$",
            "agent": "main",
            "message_type": "observation",
            "tool_call_ids": ["call_1"],
        },
    ],
    "info": {"exit_status": "exit_cost", "model_stats": {"instance_cost": 3.0}},
    "replay_config": '{"agent": {"model": {"name": "tide-1", "temperature": 0.0}},'
    ' "problem_statement": {"id": "tides-1"}}',
}
SWE_STEPS: dict[str, Any] = {
    "environment": "main",
    "trajectory": [
        {
            "query": [{"role": "user", "content": "Count."}],
            "action": "ls",
            "observation": "tides",
            "response": "I look.",
            "execution_time": 0.5,
        }
    ],
    "info": {"exit_status": "early_exit"},
    "attempts": [{"trajectory": []}],
}
CASES: dict[str, Any] = {
    "mini list": MINI_LIST,
    "mini 1": MINI_V1,
    "mini 1.1": MINI_V2,
    "mini responses": MINI_RESPONSES,
    "swe old": SWE_OLD,
    "swe calls": SWE_CALLS,
    "swe steps": SWE_STEPS,
}
