"""Each profile against what its kind of server really refuses: found before it is sent, and read as
the same fault when the server says it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from agentkit import preflight, read_error
from agentkit.read.failure.profile_hints import profiles_named
from agentkit.read.response import read_response
from agentkit.trajectory.history import (
    PROFILES,
    assistant_message,
    get_profile,
    profile_for,
    tool_message,
)
from agentkit.trajectory.profiles import _HOSTS, _MODELS, _PORTS
from agentkit.types.request import Profile
from agentkit.types.trajectory import ToolResult
from tests.support.corpus import corpus_rows

ROWS = corpus_rows("profiles")
SAME = {"template_error": "history_bad_arguments"}
"""What a chat template says of a fault that is found by its cause."""


REFUSED = {
    "openai": ["unknown_field"],
    "mistral": ["unknown_field", "history_id_format", "history_id_format"],
    "cerebras": ["unknown_field"],
    "groq": ["unknown_field"],
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


def refuses_as_any(chosen: Profile) -> bool:
    """Whether a profile refuses what every server does, and differs only in what goes back."""
    generic = get_profile("generic")
    same = ("name", "reasoning_field", "reasoning_details", "extra_content", "media_roles")
    return replace(chosen, **{name: getattr(generic, name) for name in same}) == generic


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_a_case_and_takes_what_it_makes(profile: str) -> None:
    chosen = get_profile(profile)
    assert profile in {param.values[0]["profile"] for param in ROWS} or refuses_as_any(chosen)
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
        ("https://api.groq.com/openai/v1", "llama-4", "groq"),
        ("https://openrouter.ai/api/v1", "moonshotai/kimi-k2", "openrouter"),
        ("https://api.mistral.ai/v1", "mistral-large", "mistral"),
        ("https://api.moonshot.ai/v1", "kimi-k2-thinking", "kimi"),
        ("https://api.deepseek.com", "deepseek-chat", "deepseek"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-3-pro", "gemini"),
        ("http://localhost:8000/v1", "moonshotai/Kimi-K2-Thinking", "kimi"),
        ("http://localhost:8000/v1", "Qwen/Qwen3-8B", "generic"),
        ("https://api.cerebras.ai/v1", "gpt-oss-120b", "cerebras"),
        ("https://api.fireworks.ai/inference/v1", None, "fireworks"),
        ("https://api.together.xyz/v1", None, "together"),
        ("https://api.z.ai/api/paas/v4", "glm-4.7", "zai"),
        ("https://open.bigmodel.cn/api/paas/v4", "glm-4.7", "zai"),
        ("https://api.minimax.io/v1", "MiniMax-M2", "minimax"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "qwen3-max", "dashscope"),
        ("https://api.x.ai/v1", "grok-4", "xai"),
        ("https://api.anthropic.com", "claude-sonnet-4-5", "anthropic"),
        ("https://api.anthropic.com/v1", None, "anthropic"),
        ("https://integrate.api.nvidia.com/v1", "mistralai/x", "nvidia"),
        ("https://router.huggingface.co/v1", "moonshotai/kimi-k2", "huggingface"),
        ("http://localhost:11434/v1", "qwen3", "ollama"),
        ("http://127.0.0.1:1234/v1", "qwen3", "lmstudio"),
        ("http://127.0.0.1:4000", "qwen3", "litellm"),
        ("http://localhost:11434/v1", "mistral-small", "mistral"),
        ("localhost:11434", None, "ollama"),
        ("http://api.cerebras.ai.evil.example/v1", None, "generic"),
        ("http://localhost:99999/v1", None, "generic"),
        (None, None, "generic"),
    ],
)
def test_the_profile_is_chosen_by_server_and_model(
    url: str | None, model: str | None, name: str
) -> None:
    assert profile_for(url, model) == name


@pytest.mark.parametrize("row", [r for r in ROWS if r.values[0]["code"] == "unknown_field"])
def test_the_hint_of_a_refusal_names_a_profile_that_helps(row: dict[str, Any]) -> None:
    at = ["body", "messages", 1, "assistant", "reasoning_content"]
    detail = [{"type": "extra_forbidden", "loc": at, "msg": row["wording"]}]
    body = {"detail": detail} if row["profile"] == "mistral" else {"message": row["wording"]}
    read = read_error(row["status"], {}, json.dumps(body))
    named = re.findall(r"profile='(\w+)'", read.hint)
    assert named, read
    for name in named:
        answer = read_response({"role": "assistant", "content": "Hi", "reasoning_content": "hm"})
        sent = [{"role": "user", "content": "hi"}, assistant_message(answer, get_profile(name))]
        assert not preflight([*sent, {"role": "user", "content": "go on"}], row["profile"])


def test_hints_name_profiles_that_there_are() -> None:
    assert profiles_named() <= PROFILES.keys()
    told = read_error(400, {}, '{"error": {"message": "Unknown parameter: \'foo\'"}}').hint
    assert "profile='" not in told


def test_every_host_and_family_has_a_profile() -> None:
    assert {*_HOSTS.values(), *_MODELS.values(), *_PORTS.values()} <= PROFILES.keys()
