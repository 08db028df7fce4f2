"""Which breakpoints stop which request or answer of an agent, in each dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.tap.hold.moments import conversation_of, moments, sides_of, stop_for
from agentkit.trajectory.breakpoints import breakpoint_of
from agentkit.types.wire import Exchange, Flow
from tests.support.dialect_answers import DIALECTS, answer
from tests.tap.hold.agent_requests import HISTORY, PATHS, body

on = ak.break_on
CALLED = [{"value": 1}, {"value": 200}]


def flow(dialect: Any, calls: Any = (), text: str | None = None) -> Flow:
    """Give the request of the second turn, and an answer to it."""
    exchange = Exchange(body=json.dumps(answer(dialect, 1, text, calls)), status=200)
    path = PATHS[dialect]
    return Flow(number=4, label="run-7", path=path, body=body(dialect), exchange=exchange)


REQUESTS = [
    (on.request(), True),
    (on.request("m"), True),
    (on.request("other"), False),
    (on.request(where="temperature > 0.5 and len(messages) > 1"), True),
    (on.request("m", where="temperature > 1"), False),
    (on.request(where=lambda request: request.tools[0]["function"]["name"] == "pay"), True),
    (on.turn(1), True),
    (on.turn(0), False),
    (on.tool("pay"), False),
    (on.tool("pay").after(), True),
    (on.tool_error(), False),
    (breakpoint_of(lambda moment: moment.trajectory.meta["label"] == "run-7").before(), True),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("point", "stops"), REQUESTS, ids=[p.text for p, _ in REQUESTS])
def test_a_request_is_stopped(dialect: Any, point: Any, stops: bool) -> None:
    assert (stop_for(flow(dialect), "request", [point]) is not None) == stops


ANSWERS = [
    (on.tool("double"), True),
    (on.tool("pay"), False),
    (on.tool("double", where="value > 100"), True),
    (on.tool("double", where="value > 1000"), False),
    (on.call(lambda call: (call.arguments or {})["value"] == 200), True),
    (on.text("Said"), True),
    (on.text("nothing"), False),
    (on.finish("length"), False),
    (on.request(), False),
    (breakpoint_of(lambda moment: moment.response.tool_calls), True),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("point", "stops"), ANSWERS, ids=[p.text for p, _ in ANSWERS])
def test_an_answer_is_stopped(dialect: Any, point: Any, stops: bool) -> None:
    assert (stop_for(flow(dialect, CALLED, "Said."), "answer", [point]) is not None) == stops


def test_a_result_that_the_agent_calls_an_error_stops_its_request() -> None:
    listed = json.loads(json.dumps(HISTORY["messages"]["messages"]))
    listed[-1]["content"][0]["is_error"] = True
    failed = replace(flow("messages"), body=body("messages", messages=listed))
    stop = stop_for(failed, "request", [on.tool_error("pay")])
    assert stop is not None
    assert "pay" in stop.text


def test_a_failed_answer_stops_where_its_problem_is_waited_for() -> None:
    refused = Exchange(body='{"error": {"message": "slow down"}}', status=429)
    limited = replace(flow("chat"), exchange=refused)
    assert stop_for(limited, "answer", [on.problem("rate_limited")]) is not None
    assert stop_for(limited, "answer", [on.tool("double")]) is None


def test_a_predicate_that_raises_stops_and_says_why() -> None:
    stop = stop_for(flow("chat"), "request", [on(lambda moment: 1 / 0).before()])
    assert stop is not None
    assert "ZeroDivisionError" in (stop.error or "")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/models", ""),
        ("/v1/embeddings", '{"model": "m", "input": "x"}'),
        ("/v1/chat/completions", "no JSON"),
        ("/v1/chat/completions", '{"messages": [5, {"role": null}]}'),
        ("/v1/chat/completions", '{"messages": 5}'),
        ("/v1/messages", '{"messages": [[]], "tools": 7}'),
        ("/v1/responses", '{"input": [{"type": {}}], "tools": [null]}'),
    ],
)
def test_what_is_not_understood_passes(path: str, text: str) -> None:
    strange = Flow(number=0, path=path, body=text, exchange=Exchange(body="{", status=200))
    for side in ("request", "answer"):
        assert stop_for(strange, side, [on.tool("pay"), on.problem("stream_truncated")]) is None


@pytest.mark.parametrize(
    ("point", "sides"),
    [
        (on.request(), {"request"}),
        (on.turn(2), {"request"}),
        (on.tool("pay"), {"answer"}),
        (on.text("x"), {"answer"}),
        (on.tool_error(), {"request"}),
        (on.tool("pay") | on.request(), {"request", "answer"}),
        (on(lambda moment: True), {"request", "answer"}),
    ],
)
def test_only_what_a_breakpoint_needs_is_asked_about(point: Any, sides: set[str]) -> None:
    assert sides_of([point]) == sides


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_conversation_is_read_with_what_it_was_asked_with(dialect: Any) -> None:
    talk = conversation_of(flow(dialect))
    assert talk is not None
    assert (talk.spec.model, talk.spec.sampling["temperature"], talk.spec.dialect) == (
        *("m", 1.0),
        dialect,
    )
    assert [call.name for turn in talk.turns for call in turn.tool_calls] == ["pay"]
    assert [moment.when for moment in moments(flow(dialect), "request")] == ["after", "before"]
