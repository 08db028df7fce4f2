"""A failed request, classified: the wordings servers use, a file of cases a server, and what holds
for any body.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.read.failure.error import read_error
from agentkit.read.failure.error_codes import BY_STATUS
from agentkit.read.failure.error_rules import HINTS, RETRYABLE, rules
from agentkit.types.problem import SEVERITIES
from tests.support.corpus import captured, corpus_rows
from tests.support.growth import assert_within

TRANSPORT = {"connection_failed", "connection_reset", "body_empty"}


@pytest.mark.parametrize("row", corpus_rows("error"))
def test_wordings(row: dict[str, Any]) -> None:
    error = read_error(row["status"], row.get("headers"), row.get("body", row.get("text")))
    assert {name: getattr(error, name) for name in row["expect"]} == row["expect"]
    assert error.status == row["expect"].get("status", row["status"])
    assert error.message


def test_the_form_of_a_body_makes_no_difference() -> None:
    for param in corpus_rows("error"):
        check_forms(param.values[0])


def check_forms(row: dict[str, Any]) -> None:
    body = row.get("body", row.get("text"))
    text = body if isinstance(body, str) else json.dumps(body)
    pairs = list((row.get("headers") or {}).items())
    forms = [
        read_error(row["status"], row.get("headers"), text),
        read_error(row["status"], pairs, text.encode()),
        read_error(
            row["status"],
            [(k.upper(), v) for k, v in pairs],
            bytearray(f"\ufeff {text}\n".encode()),
        ),
    ]
    assert all(form == forms[0] for form in forms)
    if "body" in row:
        assert read_error(row["status"], row.get("headers"), body) == forms[0]


def test_every_kind_that_a_body_can_tell_has_a_case() -> None:
    seen = {param.values[0]["expect"]["kind"] for param in corpus_rows("error")}
    told = {kind for kind, _ in rules()} | set(BY_STATUS.values()) | {"redirect", "bad_response"}
    assert told - {"connection_reset", "tool_choice_unsupported"} <= seen


def test_every_kind_is_of_the_vocabulary() -> None:
    kinds = {kind for kind, _ in rules()} | set(BY_STATUS.values()) | set(RETRYABLE) | set(HINTS)
    assert {kind for kind in kinds if SEVERITIES.get(kind) != "error"} == set()


def test_every_status_with_nothing_but_itself() -> None:
    for status in range(100, 600):
        error = read_error(status, {}, "")
        assert error.kind in SEVERITIES
        assert error.retryable == (error.kind in RETRYABLE and status not in (501, 505))
        assert str(status) in error.message


def test_tool_choice_that_a_server_does_not_take() -> None:
    for said in (
        "tool_choice 'required' is not supported",
        "Tool choice must be auto",
        "This model does not support tool_choice",
    ):
        assert (
            read_error(
                400, {}, {"error": {"message": said.replace("Tool choice", "tool_choice")}}
            ).kind
            == "tool_choice_unsupported"
        )


def test_what_the_model_wrote_does_not_classify() -> None:
    body = {
        "error": {
            "message": "Failed to call a function.",
            "code": "tool_use_failed",
            "failed_generation": "rate limit, insufficient_quota, context_length_exceeded",
        }
    }
    assert read_error(400, {}, body).kind == "tool_use_failed"


@pytest.mark.parametrize(
    "name", ["hermes-qwen3", "hermes-no-reasoning", "wrong-parser", "no-parsers"]
)
def test_captured_errors(name: str) -> None:
    kinds = {
        "err-unknown-model": "model_not_found",
        "err-max-tokens-huge": "context_length_exceeded",
        "hist-args-object": "history_bad_arguments",
        "hist-tool-content-null": "history_bad_content",
        "err-no-v1": "endpoint_not_found",
        "messages": "server_feature_off",
        "choice-required": "server_feature_off",
        "choice-named": "server_feature_off",
        "parallel": "server_feature_off",
    }
    rows = [row for row in captured(name) if row["status"] >= 400]
    for row in rows:
        error = read_error(row["status"], row["headers"], row["body"])
        assert not error.retryable
        assert error.kind == kinds.get(
            row["case"].removesuffix("/stream"),
            "server_feature_off" if "requires --" in row["body"] else "bad_request",
        )
    assert rows or name != "no-parsers"


@pytest.mark.parametrize(
    ("given_headers", "wait"),
    [
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e99"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ([("Retry-After", "4")], 4.0),
        (None, None),
        ("nonsense", None),
        ([1, 2], None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after_headers(given_headers: Any, wait: float | None) -> None:
    assert read_error(429, given_headers, "").retry_after == wait


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("Please try again in 20s.", 20.0),
        ("try again in 1h2m3s", 3723.0),
        ("Please retry in 34.5 seconds", 34.5),
        ("retry after 2 minutes", 120.0),
        ("try again in 6ms", 0.006),
        ("try again in 250 milliseconds", 0.25),
        ("please try again later", None),
        ("try again", None),
        ("retry your request", None),
        ("I will try again 3 times", None),
    ],
)
def test_retry_after_in_words(said: str, wait: float | None) -> None:
    found = read_error(429, {}, {"error": {"message": said}}).retry_after
    assert found == pytest.approx(wait) if wait is not None else found is None


data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "errors",
                    "message",
                    "detail",
                    "metadata",
                    "raw",
                    "code",
                    "type",
                    "status",
                    "param",
                    "msg",
                    "loc",
                    "base_resp",
                    "retryDelay",
                    "retry_after",
                    "provider_name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    st.none() | st.integers(0, 999),
    data | st.text() | st.binary(),
    st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5)),
)
def test_any_body_is_classified(status: int | None, body: Any, headers: Any) -> None:
    error = read_error(status, headers, body)
    assert SEVERITIES[error.kind] == "error"
    assert isinstance(error.message, str)
    assert len(error.message) <= 2000
    assert error.retry_after is None or error.retry_after >= 0


def words(*more: str) -> Iterable[str]:
    return (
        "retry 1",
        "1s ",
        "request ",
        "model ",
        "{",
        "[{",
        "messages.",
        "tool_calls",
        '"',
        "\\",
        "context ",
        "exceed ",
        "data: {\n",
        "<title",
        "must ",
        *more,
    )


@pytest.mark.slow
@pytest.mark.parametrize("word", words("'", "retry ", "1", ".", "reasoning_content ", "arguments "))
def test_time_is_linear(word: str) -> None:
    for body in (word * 100_000, {"error": {"message": word * 100_000}}, f"<html>{word * 100_000}"):
        assert_within(0.7, partial(read_error, 500, {}, body))
