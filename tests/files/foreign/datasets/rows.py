"""Rows of data sets, constructed in the shape of each format."""

from __future__ import annotations

import json
from typing import Any

START, END = "<|im_start|>", "<|im_end|>"
CALL = '<tool_call>\n{"name": "tide", "arguments": {"port": "Brest"}}\n</tool_call>'
TOOL = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}
ASKS_TIDE = {
    "id": "c1",
    "type": "function",
    "function": {"name": "tide", "arguments": '{"port": "Brest"}'},
}

GLAIVE: dict[str, Any] = {
    "id": 4,
    "conversations": [
        {"from": "human", "value": "How high is the tide in Brest?"},
        {"from": "function_call", "value": '{"name": "tide", "arguments": {"port": "Brest"}}'},
        {"from": "observation", "value": '{"metres": 6}'},
        {"from": "gpt", "value": "Six metres.", "weight": 0},
    ],
    "system": "Be brief.",
    "tools": json.dumps([TOOL["function"]]),
}
HERMES: dict[str, Any] = {
    "conversations": [
        {"from": "system", "value": f"You may call <tools>{json.dumps([TOOL])}</tools>"},
        {"from": "human", "value": "How high is the tide in Brest?"},
        {"from": "gpt", "value": f"<think>\nI look.\n</think>\n{CALL}"},
        {
            "from": "tool",
            "value": '<tool_response>\n{"tool_call_id": "c1", "name": "tide", "content": "6"}\n'
            "</tool_response>",
        },
        {"from": "gpt", "value": "Six metres."},
    ],
    "model": "hermes-4",
    "completed": True,
}
GLAIVE_CHAT: dict[str, Any] = {
    "system": 'SYSTEM: You have functions. Use them -\n{\n  "name": "tide",\n  "parameters": {}\n}\n',
    "chat": "USER: How high is the tide in Brest?\n\n\nASSISTANT: <functioncall> "
    '{"name": "tide", "arguments": \'{"port": "Brest"}\'} <|endoftext|>\n\n\n'
    'FUNCTION RESPONSE: {"metres": 6}\n\n\nASSISTANT: Six metres. <|endoftext|>\n\n\n',
}
PARTS: dict[str, Any] = {
    "messages": [
        {
            "role": "user",
            "content": [{"type": "text", "value": "How high is the tide in Brest?"}],
            "loss_weight": 0.0,
        },
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "value": "I look."},
                {"type": "tool_call", "value": '{"name": "tide", "arguments": {"port": "Brest"}}'},
            ],
            "loss_weight": 1.0,
        },
        {"role": "tool", "content": [{"type": "text", "value": '{"metres": 6}'}]},
        {"role": "assistant", "content": [{"type": "text", "value": "Six metres."}]},
    ],
    "tools": json.dumps([TOOL]),
}
ATROPOS: dict[str, Any] = {
    "tokens": [[1, 2, 3, 4, 5, 6], [1, 2, 7]],
    "masks": [[-100, -100, 3, -100, 5, 6], [-100, -100, 7]],
    "scores": [1.0, -1.0],
    "inference_logprobs": [[1.0, 1.0, -0.1, 1.0, -0.2, -0.3], [1.0, 1.0, -0.4]],
    "messages": [
        [
            {"role": "user", "content": "How high is the tide in Brest?"},
            {"role": "assistant", "content": CALL},
            {"role": "tool", "content": '<tool_response>\n{"metres": 6}\n</tool_response>'},
            {"role": "assistant", "content": "Six metres."},
        ],
        [
            {"role": "user", "content": "How high is the tide in Brest?"},
            {"role": "assistant", "content": "No idea."},
        ],
    ],
    "overrides": None,
    "group_overrides": {},
}
SLIME: dict[str, Any] = {
    "group_index": 0,
    "index": 3,
    "prompt": f"{START}system\nBe brief.{END}\n{START}user\nHow high is the tide in Brest?{END}\n"
    f"{START}assistant\n",
    "tokens": list(range(12)),
    "response": f"{CALL}{END}\n{START}user\n<tool_response>\n6\n</tool_response>{END}\n"
    f"{START}assistant\nSix metres.{END}\n",
    "response_length": 8,
    "label": "6",
    "reward": 1.0,
    "loss_mask": [1, 1, 1, 0, 0, 1, 1, 1],
    "rollout_log_probs": [-0.1, -0.2, -0.3, 0.0, 0.0, -0.4, -0.5, -0.6],
    "status": "completed",
    "metadata": {"source": "made up"},
}
VERL: dict[str, Any] = {
    "input": SLIME["prompt"],
    "output": SLIME["response"],
    "gts": "6",
    "score": 1.0,
    "step": 7,
    "acc": True,
}


def _bare(text: str) -> str:
    """A rendered text as a tokenizer gives it without its special tokens."""
    return text.replace(START, "").replace(END, "")


BARE: dict[str, Any] = {**VERL, "input": _bare(VERL["input"]), "output": _bare(VERL["output"])}
"""As verl writes it: its texts are decoded with `skip_special_tokens=True`."""
ART: dict[str, Any] = {
    "trajectories": [
        {
            "reward": 0.5,
            "metrics": {"right": 1},
            "metadata": {"model": "small"},
            "messages_and_choices": [
                {"role": "user", "content": "How high is the tide in Brest?"},
                {
                    "index": 0,
                    "finish_reason": "tool_calls",
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [ASKS_TIDE],
                    },
                },
                {"role": "tool", "tool_call_id": "c1", "content": '{"metres": 6}'},
                {"role": "assistant", "content": "Six metres."},
            ],
            "tools": [TOOL],
            "logs": [],
        }
    ]
}
ASKED = {"role": "user", "content": "How high is the tide in Brest?"}
WENT_ON: list[dict[str, Any]] = [
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [ASKS_TIDE],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "6"},
    {"role": "assistant", "content": "Six metres."},
]
COMPLETION: dict[str, Any] = {"prompt": [ASKED], "completion": WENT_ON, "tools": [TOOL]}
PAIR: dict[str, Any] = {
    "prompt": [ASKED],
    "chosen": WENT_ON,
    "rejected": [{"role": "assistant", "content": "No idea."}],
    "score_chosen": 9.0,
    "score_rejected": 2.0,
    "tools": [TOOL],
}
SWIFT: dict[str, Any] = {
    "messages": [
        ASKED,
        {"role": "assistant", "content": "<think>\nI look.\n</think>\n"},
        {"role": "tool_call", "content": '{"name": "tide", "arguments": {"port": "Brest"}}'},
        {"role": "tool_response", "content": "6"},
        {"role": "assistant", "content": "Six metres.", "loss": False},
    ],
    "tools": json.dumps([TOOL]),
}
ROWS = {
    "prompt and completion": COMPLETION,
    "pair of answers": PAIR,
    "messages with calls of their own": SWIFT,
    "ShareGPT": GLAIVE,
    "Hermes": HERMES,
    "glaive chat": GLAIVE_CHAT,
    "LLaMA-Factory messages": PARTS,
    "Atropos": ATROPOS,
    "slime samples": SLIME,
    "verl generations": VERL,
    "verl generations without markers": BARE,
    "ART": ART,
}
