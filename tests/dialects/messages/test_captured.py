"""What vLLM 0.32 sent, captured: the same answers as blocks and as streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit.dialects.messages.answer_out import items
from agentkit.dialects.messages.preflight import request_problems, signature_problems
from agentkit.dialects.messages.request import encode
from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import read_stream
from agentkit.trajectory.profiles import get_profile
from agentkit.types.answer import Response
from tests.support.paths import CORPUS

LINES = (CORPUS / "messages" / "vllm.jsonl").read_text(encoding="utf-8").splitlines()
CAPTURED: dict[str, Any] = {line["case"]: line for line in map(json.loads, LINES)}


def read(case: str) -> Response:
    text = CAPTURED[case]["text"]
    return read_stream(text) if case.endswith("/stream") else read_response(text)


def codes(response: Response) -> set[str]:
    return {found.code for found in response.all_problems}


@pytest.mark.parametrize("case", ["rollout-00/turn0", "rollout-02/turn0", "stop-sequence"])
def test_a_stream_is_the_block_but_for_an_empty_text(case: str) -> None:
    block, stream = read(case), read(f"{case}/stream")
    assert stream.reasoning == block.reasoning
    assert (stream.usage, stream.finish_reason) == (block.usage, block.finish_reason)
    calls = [[(c.name, c.arguments) for c in r.tool_calls] for r in (block, stream)]
    assert calls[0] == calls[1]
    assert (stream.content or "").strip() == (block.content or "").strip()
    assert codes(stream) == codes(block)


def test_the_empty_text_of_the_stream_does_not_go_back() -> None:
    response = read("rollout-00/turn0/stream")
    assert [block["type"] for block in items(response)] == ["thinking", "text", "tool_use"]
    sent = json.loads(encode({"role": "assistant", "content": None, "items": items(response)}))
    assert [block["type"] for block in sent["content"]] == ["thinking", "tool_use"]


def test_a_call_that_was_cut_before_its_arguments_is_not_run() -> None:
    [call] = read("max-32/stream").tool_calls
    assert (call.name, call.arguments, call.raw_arguments) == ("get_weather", None, "")
    assert codes(read("max-32/stream")) == {"finish_length", "arguments_truncated"}


def test_an_answer_cut_at_once_is_empty_in_both() -> None:
    for case in ("max-1", "max-1/stream"):
        assert (read(case).content or "", read(case).finish_reason) == ("", "max_tokens")
        assert "finish_length" in codes(read(case))


@pytest.mark.parametrize("case", CAPTURED)
def test_what_vllm_took_is_no_problem(case: str) -> None:
    request = dict(CAPTURED[case]["request"])
    messages = request.pop("messages")
    assert list(request_problems(messages, request, get_profile("vllm"))) == []


def test_the_signatures_of_vllm_mean_nothing() -> None:
    found = list(signature_problems(read("rollout-00/turn0")))
    assert [problem.code for problem in found] == ["reasoning_unsigned"]
