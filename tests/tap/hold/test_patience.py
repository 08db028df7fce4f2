"""How long clients wait, by what they say (headers as they were recorded), and what keeps them."""

from __future__ import annotations

import json

import pytest

import agentkit as ak
from agentkit.tap.hold.patience import patience_of
from agentkit.tap.hold.pending_flow import PendingFlow, PendingFlows
from agentkit.trajectory.breakpoints import Stop
from agentkit.types.wire import Flow

OPENAI = {"user-agent": "OpenAI/Python 3.57.0", "x-stainless-lang": "python"}


@pytest.mark.parametrize(
    ("headers", "limit", "known", "beat"),
    [
        (OPENAI | {"x-stainless-read-timeout": "2.5"}, 2.5, True, "processing"),
        (OPENAI | {"x-stainless-read-timeout": "600"}, 600.0, True, "processing"),
        (OPENAI, None, True, "processing"),
        ({"user-agent": "langchain-anthropic/1.7"}, None, False, "processing"),
        ({"user-agent": "python-requests/2.32"}, 600.0, False, "continue"),
        ({"user-agent": "lm15/stdlib"}, 600.0, False, "blanks"),
        ({"user-agent": "Go-http-client/1.1"}, 600.0, False, "none"),
        ({"user-agent": "aiohttp/3.14"}, 600.0, False, "processing"),
        ({}, 600.0, False, "processing"),
    ],
)
def test_limits_and_beats(
    headers: dict[str, str], limit: float | None, known: bool, beat: str
) -> None:
    patience = patience_of(headers.items())
    assert (patience.limit, patience.known, patience.beat) == (limit, known, beat)
    assert patience.every is None or patience.every < (limit or 0.0)
    assert (patience.every is None) == (limit is None or beat == "none")


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        ("OpenAI/Python 3.57.0", "its client is kept waiting"),
        ("Go-http-client/1.1", "its client gives up in 5 min 0 s"),
    ],
)
def test_what_waits_is_a_line_that_says_for_how_long(agent: str, client: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Pay\nthe bill."}]}
    flow = Flow(
        number=3,
        label="run-7",
        path="/v1/chat/completions",
        headers=(("user-agent", agent),),
        body=json.dumps(body),
        started=100.0,
    )
    stop = Stop(text="stopped", breakpoint=ak.break_on.request(), turn=2)
    now = iter([100.0])
    waits = PendingFlow(flow, "request", stop, lambda decision: True, lambda: next(now, 400.0))
    assert waits.line() == (
        "request 3 · m · turn 2 · run-7 · Pay the bill. · by request() · waits 5 min 0 s, " + client
    )
    assert repr(PendingFlows((waits,))).splitlines()[1] == f"  0: {waits.line()}"
    assert "w.pending[0].send()" in repr(PendingFlows((waits,)))
    assert len(PendingFlows((waits,))[0:1]) == 1
