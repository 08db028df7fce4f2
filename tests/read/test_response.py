"""Any server's answer as a Response: every case is a file of `corpus/response`; what is not
expected there must not be there.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.read.response import read_response
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import SEVERITIES
from agentkit.types.wire import Exchange
from tests.support.corpus import captured, corpus_rows
from tests.support.growth import assert_linear, assert_within

CASES = corpus_rows("response")


def read_case(row: dict[str, Any], source: Any = None) -> Response:
    """The reading of a case, or of another form of its answer."""
    options = {key: row[key] for key in ("policy", "parser", "turn") if key in row}
    answer = source if source is not None else row["text"] if "text" in row else row["body"]
    return read_response(answer, row.get("tools"), **options)


@pytest.mark.parametrize("row", CASES)
def test_reading(row: dict[str, Any]) -> None:
    expect = {
        "content": None,
        "reasoning": None,
        "refusal": None,
        "finish_reason": None,
        "problems": [],
        "calls": [],
        "recoverable": [],
    } | row["expect"]
    response = read_case(row)
    assert sorted(p.code for p in response.problems) == sorted(expect["problems"])
    for name in ("content", "reasoning", "refusal", "finish_reason", "wire_content", "usable"):
        if name in expect:
            assert getattr(response, name) == expect[name], name
    check_calls(response.tool_calls, expect["calls"])
    check_calls(response.recoverable, expect["recoverable"])
    check_extras(response, expect)


def check_calls(calls: tuple[ToolCall, ...], expected: list[dict[str, Any]]) -> None:
    assert [call.position for call in calls] == list(range(len(expected)))
    for call, wanted in zip(calls, expected, strict=True):
        found = {name: getattr(call, name) for name in wanted if name != "problems"}
        found |= {"problems": [p.code for p in call.problems]} if "problems" in wanted else {}
        assert found == wanted
        assert call.valid == (call.arguments is not None)


def check_extras(response: Response, expect: dict[str, Any]) -> None:
    if "usage" in expect:
        assert (
            response.usage and {name: getattr(response.usage, name) for name in expect["usage"]}
        ) == expect["usage"]
    if "blocks" in expect:
        assert [[b.source, b.kind, b.text] for b in response.reasoning_blocks] == expect["blocks"]
    if "logprobs" in expect:
        assert [
            [p.token, p.logprob, p.token_id, [list(top) for top in p.top]]
            for p in response.logprobs
        ] == expect["logprobs"]
    for name in ("token_ids", "prompt_token_ids"):
        if name in expect:
            assert list(getattr(response, name)) == expect[name]


def test_every_problem_says_what_and_where() -> None:
    for param in CASES:
        check_problems(read_case(param.values[0]))


def check_problems(response: Response) -> None:
    for found in response.all_problems:
        assert found.severity == SEVERITIES[found.code]
        assert found.message
        assert found.message == found.message.strip()
        assert "\n" not in found.message
        assert len(repr(found.before)) < 2000
    whole = response.raw
    for found in (p for p in response.problems if p.pointer and not isinstance(whole, str)):
        assert pointed(whole, found.pointer), found


def pointed(data: Any, pointer: str) -> bool:
    """Whether a JSON pointer leads into the data, or names a field that is missing there."""
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in path:
        data = json.loads(data) if isinstance(data, str) else data
        if isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        elif isinstance(data, dict) and part in data:
            data = data[part]
        else:
            return isinstance(data, dict) and part in ("0", "message")
    return isinstance(data, (dict, str)) or (
        isinstance(data, list) and last.isdigit() and int(last) < len(data)
    )


def test_every_code_of_a_response_or_call_has_a_case() -> None:
    read = [read_case(param.values[0]) for param in CASES]
    seen = {p.code for response in read for p in response.all_problems}
    seen |= {
        code for param in corpus_rows("arguments") for code in param.values[0]["expect"]["problems"]
    }
    elsewhere = (
        *("stream_", "history_", "node", "fault_injected", "file_damaged", "calls_too_many"),
        "secret_redacted",
        "flow_",  # of a tap, not of an answer: tests/tap/test_own_failures.py
    )
    streams = {"index_missing", "index_collision", "identity_repeated", "id_changed"}
    transport = {
        "bad_request",
        "bad_response",
        "rate_limited",
        "quota_exhausted",
        "request_too_large",
        "server_error",
        "server_feature_off",
        "context_length_exceeded",
        "auth_failed",
        "permission_denied",
        "model_not_found",
        "endpoint_not_found",
        "redirect",
        "unknown_field",
        "schema_rejected",
        "template_error",
        "tool_choice_unsupported",
        "tool_use_failed",
        "content_filtered",
        "timeout",
        "connection_failed",
        "connection_reset",
        "content_encoding_bad",
        "body_too_large",
    }
    seen |= {"reasoning_unsigned"}  # told before it is sent: tests/dialects
    missing = (
        {code for code in SEVERITIES if not code.startswith(elsewhere)} - streams - transport - seen
    )
    assert missing == set()


def test_bytes_and_text_and_exchange_read_the_same() -> None:
    body = json.dumps(
        {
            "choices": [
                {"message": {"role": "assistant", "content": "Grüß dich"}, "finish_reason": "stop"}
            ]
        },
        ensure_ascii=False,
    )
    read = [
        read_response(body),
        read_response(body.encode()),
        read_response(bytearray(body.encode())),
        read_response(Exchange(body=body, status=200)),
    ]
    assert all(r == read[0] for r in read)
    assert read[0].content == "Grüß dich"
    assert read_response(read[0]) == read[0]


def test_a_body_that_is_still_compressed_says_so() -> None:
    assert [p.code for p in read_response(b"\x1f\x8b\x08\x00rest").problems] == [
        "content_encoding_bad"
    ]


def test_raw_is_kept_and_fresh() -> None:
    body = {
        "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "extra": [1],
    }
    response = read_response(body)
    response.raw["extra"].append(2)
    assert response.raw == body
    assert response.exchange.body == json.dumps(body, separators=(",", ":"))


def test_the_given_answer_is_not_changed() -> None:
    body = {
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1]}}}],
                },
                "finish_reason": "stop",
            }
        ]
    }
    before = json.dumps(body)
    response = read_response(body)
    assert response.tool_calls[0].arguments is not None
    response.tool_calls[0].arguments["a"].append(2)
    assert json.dumps(body) == before


def test_reading_again_gives_the_same_ids() -> None:
    body = {
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * 3,
                },
                "finish_reason": "stop",
            }
        ]
    }
    first, second = read_response(body, turn=1), read_response(body, turn=1)
    assert (
        [c.id for c in first.tool_calls]
        == [c.id for c in second.tool_calls]
        == ["call_1_0", "call_1_1", "call_1_2"]
    )


def test_what_the_caller_got_wrong_is_raised() -> None:
    with pytest.raises(UsageError, match="policy"):
        read_response({}, policy="lenient")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="nonsense"):
        read_response({"role": "assistant", "content": "Hi"}, parser="nonsense")


@pytest.mark.parametrize(
    "server", ["hermes-qwen3", "hermes-no-reasoning", "wrong-parser", "no-parsers"]
)
def test_captured_answers(server: str) -> None:
    for row in captured(server):
        if row.get("body") and row["status"] == 200 and row["path"].endswith("chat/completions"):
            check_captured(row)


def check_captured(row: dict[str, Any]) -> None:
    response = ak.read_response(row["body"], tools=row["request"].get("tools"))
    message = json.loads(row["body"])["choices"][0]["message"]
    codes = {p.code for p in response.problems}
    assert response.usable
    assert len(response.tool_calls) == len(message.get("tool_calls") or ())
    assert all(
        call.status == "ok" or "arguments_truncated" in {p.code for p in call.problems}
        for call in response.tool_calls
    )
    nothing_else = (
        response.content is None and not response.tool_calls and "finish_length" not in codes
    )
    assert ({"answer_in_reasoning", "empty_response"} <= codes) == (
        nothing_else and bool(response.reasoning)
    )
    assert ("think_in_content" in codes or "unclosed_think" in codes) == (
        "<think>" in (message["content"] or "")
    )
    assert ("finish_stop_with_tool_calls" in codes) == (
        response.finish_reason == "stop" and bool(response.tool_calls)
    )
    assert ("finish_length" in codes) == (response.finish_reason == "length")
    assert response.wire_content == message["content"]


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [
    "choices",
    "message",
    "content",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "type",
    "custom",
    "input",
    "error",
    "finish_reason",
    "usage",
    "logprobs",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "role",
    "refusal",
    "function_call",
    "response",
    "data",
    "output",
    "body",
    "index",
    "text",
    "token_ids",
    "prompt_token_ids",
    "prompt_tokens",
    "detail",
    "errors",
    "base_resp",
    "tool_uses",
    "parameters",
    "top_logprobs",
]
answers = st.recursive(
    json_data
    | st.sampled_from(
        [
            "assistant",
            "stop",
            "length",
            "{}",
            '{"a":1}',
            "<think>",
            "</think>",
            "<tool_call>",
            "```",
            "custom",
            "message",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(answers)
def test_any_data_is_read(data: Any) -> None:
    for source in (
        data,
        {"choices": [{"message": data}]},
        {"choices": [{"message": {"role": "assistant", "tool_calls": data}}]},
    ):
        response = read_response(
            source, [{"function": {"name": "f", "parameters": {"type": "object"}}}]
        )
        check_invariants(response)
        again = read_response(
            response.exchange, [{"function": {"name": "f", "parameters": {"type": "object"}}}]
        )
        assert again == response


@given(st.text() | st.binary())
def test_any_body_is_read(body: Any) -> None:
    check_invariants(read_response(body))


pieces = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "[THINK]",
            "[/THINK]",
            "`",
            "```",
            "\n",
            " ",
            "text",
            "<tool_call>",
            "</tool_call>",
            '{"name": "f", "arguments": {}}',
            "<|im_end|>",
            "[TOOL_CALLS]",
            "<function=f>",
            "</function>",
        ]
    ),
    max_size=12,
).map("".join)


@given(pieces)
def test_content_is_divided_and_nothing_is_invented(content: str) -> None:
    for parser in (None, "hermes"):
        response = read_response({"role": "assistant", "content": content}, parser=parser)
        check_invariants(response)
        assert response.wire_content == content
        kept = iter(content)
        assert all(char in kept for char in response.content or "")
        for call in (*response.tool_calls, *response.recoverable):
            assert call.span is not None
            assert 0 <= call.span[0] < call.span[1] <= len(content)
        if parser is None:
            assert response.tool_calls == ()


def check_invariants(response: Response) -> None:
    """What holds for every reading."""
    ids = [call.id for call in response.tool_calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    for calls in (response.tool_calls, response.recoverable):
        assert [call.position for call in calls] == list(range(len(calls)))
    for call in (*response.tool_calls, *response.recoverable):
        assert call.name or call.status == "invalid"
        assert call.arguments is None or call.status != "invalid"
        assert (call.id == call.raw_id) or call.id_synthetic
    assert all(p.code in SEVERITIES for p in response.all_problems)
    json.dumps(response.raw)


N = 10_000
LONG = {
    "open think": "<think>" * N,
    "closed think": "</think>" * N,
    "blocks": "<think></think>" * N,
    "nested": "<think>" * N + "</think>" * N,
    "ticks": "`" * N,
    "code spans": "`a" * N,
    "code lines": "`a\n" * N,
    "fences": "```\n" * N,
    "ticks of all lengths": " ".join("`" * i for i in range(300)) * 4,
    "tool calls": '<tool_call>{"name": "f", "arguments": {}}</tool_call>' * (N // 20),
    "openings": "<tool_call>" * N,
    "closings": "</tool_call>" * N,
    "openings and braces": "<tool_call>{" * (N // 4),
    "mistral": "[TOOL_CALLS]" * N,
    "function": "<function=f>" * (N // 2),
    "special": "<|im_end|>" * N,
    "brackets": "[" * N,
    "braces": "{" * N,
    "bars": "<|" * N,
    "wide bars": "<｜tool" * N,
    "mixed": "<think>`</think>`" * (N // 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("content", LONG.values(), ids=LONG.keys())
def test_time_is_linear_in_the_content(content: str) -> None:
    def read(said: str) -> None:
        check_invariants(
            read_response(
                {"role": "assistant", "content": said, "reasoning": said}, parser="hermes"
            )
        )

    assert_linear(lambda size: partial(read, content[:size]), len(content) // 4, len(content))


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry",
    [{}, None, {"id": "x", "function": {"name": "f", "arguments": "{}"}}, "x"],
    ids=["empty", "null", "same id", "text"],
)
def test_time_is_linear_in_the_calls(entry: Any) -> None:
    assert_within(
        3,
        lambda: check_invariants(
            read_response({"role": "assistant", "content": None, "tool_calls": [entry] * 5_000})
        ),
    )
