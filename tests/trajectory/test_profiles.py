"""Each profile against what its kind of server really refuses: found before it is sent, and read as
the same fault when the server says it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit import preflight, read_error
from agentkit.read.response import read_response
from agentkit.trajectory.history import (
    PROFILES,
    assistant_message,
    get_profile,
    profile_for,
    tool_message,
)
from agentkit.trajectory.profiles import _HOSTS, _MODELS
from agentkit.types.trajectory import ToolResult
from tests.support.corpus import corpus_rows

ROWS = corpus_rows("profiles")
SAME = {"template_error": "history_bad_arguments"}
"""What a chat template says of a fault that is found by its cause."""


REFUSED = {
    "openai": ["unknown_field"],
    "mistral": ["unknown_field", "history_id_format", "history_id_format"],
}
"""What each profile refuses of Kimi's history, by code; nothing where it is not named."""


@pytest.mark.parametrize("row", ROWS)
def test_a_refusal_is_found_before_it_is_sent(row: dict[str, Any]) -> None:
    assert SAME.get(row["code"], row["code"]) in [
        p.code for p in preflight(row["history"], row["profile"])
    ]
    assert row["source"]


@pytest.mark.parametrize("row", ROWS)
def test_the_servers_own_words_are_read_as_the_same_fault(row: dict[str, Any]) -> None:
    read = read_error(
        row["status"],
        {},
        json.dumps({"error": {"message": row["wording"], "type": "invalid_request_error"}}),
    )
    assert (read.kind, read.retryable) == (row["code"], False)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_a_case_and_takes_what_it_makes(profile: str) -> None:
    assert profile in {param.values[0]["profile"] for param in ROWS}
    chosen = get_profile(profile)
    calls = [
        {
            "id": f"id {i} " + "x" * 60,
            "type": "function",
            "function": {"name": "my.tool", "arguments": "{'a': 1}"},
        }
        for i in range(2)
    ]
    answer = read_response(
        {"role": "assistant", "content": "On it.", "reasoning": "hm", "tool_calls": calls},
        policy="repair",
    )
    results = [
        tool_message(c, ToolResult(call_id=c.id, name=c.name, status="ok", content="1"), chosen)
        for c in answer.tool_calls
    ]
    assert (
        preflight(
            [{"role": "user", "content": "hi"}, assistant_message(answer, chosen), *results], chosen
        )
        == ()
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_what_one_server_refuses_another_takes(profile: str) -> None:
    kimi = [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "hm",
            "tool_calls": [
                {
                    "id": "functions.get_weather:0",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "functions.get_weather:0", "content": "rain"},
    ]
    found = sorted(p.code for p in preflight(kimi, profile))
    expected = sorted(REFUSED.get(profile, []))
    assert found == expected, f"{profile} refuses {found}: if that is right, write it into REFUSED"


@pytest.mark.parametrize(
    ("url", "model", "name"),
    [
        ("https://api.openai.com/v1", "gpt-5", "openai"),
        ("https://x.openai.azure.com/openai/deployments/a", None, "openai"),
        ("https://api.groq.com/openai/v1", "llama-4", "openai"),
        ("https://openrouter.ai/api/v1", "moonshotai/kimi-k2", "openrouter"),
        ("https://api.mistral.ai/v1", "mistral-large", "mistral"),
        ("https://api.moonshot.ai/v1", "kimi-k2-thinking", "kimi"),
        ("https://api.deepseek.com", "deepseek-chat", "deepseek"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-3-pro", "gemini"),
        ("http://localhost:8000/v1", "moonshotai/Kimi-K2-Thinking", "kimi"),
        ("http://localhost:8000/v1", "Qwen/Qwen3-8B", "generic"),
        (None, None, "generic"),
    ],
)
def test_the_profile_is_chosen_by_server_and_model(
    url: str | None, model: str | None, name: str
) -> None:
    assert profile_for(url, model) == name


def test_every_host_and_family_has_a_profile() -> None:
    assert {*_HOSTS.values(), *_MODELS.values()} <= PROFILES.keys()
