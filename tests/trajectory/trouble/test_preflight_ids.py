"""Ids of calls in a whole history."""

from __future__ import annotations

from typing import Any

import agentkit as ak


def called(name: str) -> list[dict[str, Any]]:
    call = {"id": name, "type": "function", "function": {"name": "tide", "arguments": "{}"}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": name, "content": "6"},
    ]


def test_a_call_with_the_id_of_an_earlier_answers_call_is_named() -> None:
    asked = {"role": "user", "content": "How high?"}
    history = [asked, *called("a"), *called("b"), *called("a")]
    (found,) = ak.preflight(history)
    assert (found.code, found.pointer) == ("history_id_format", "/5/tool_calls/0/id")
    assert not ak.preflight([asked, *called("a"), *called("b")])
    assert not ak.preflight(history, "openai")
