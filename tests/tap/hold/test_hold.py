"""Requests and answers of real clients, held through `ak.watch`, changed, answered and failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from tests.support.dialect_answers import DIALECTS
from tests.tap.hold.agents import QUESTION, Asking, Tapped, asks, tapped, until

pytestmark = pytest.mark.slow

PAYS = ak.testing.says("I pay.", ak.testing.calls("pay", amount=5))
CLIENTS = [
    pytest.param(
        {"dialect": dialect, "streams": streams, "is_async": is_async},
        id=f"{dialect}-{'stream' if streams else 'block'}-{'async' if is_async else 'sync'}",
    )
    for dialect, streams, is_async in product(DIALECTS, (False, True), (False, True))
]


@pytest.fixture(scope="module")
def tap() -> Iterator[Tapped]:
    with tapped() as made:
        yield made


def first(w: ak.Watch) -> Any:
    """Wait for the flow that waits."""
    return until(lambda: w.pending)[0]


@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_waits_is_changed_and_goes_on(tap: Tapped, client: dict[str, Any]) -> None:
    w = tap.play(PAYS)
    w.hold(ak.break_on.tool("pay", where="amount > 1"))
    asked = asks(w, **client)
    held = first(w)
    assert held.side == "answer"
    assert [(c.name, c.arguments) for c in held.tool_calls] == [("pay", {"amount": 5})]
    assert not asked.text
    held.change(arguments={"amount": 7}).change(text="I pay less.")
    assert [call.arguments for call in held.tool_calls] == [{"amount": 7}]
    held.send()
    assert asked.answer() == ("I pay less.", [("pay", {"amount": 7})])
    assert held.fate == "changed"
    assert not w.pending


@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_waits_is_changed_and_leaves(tap: Tapped, client: dict[str, Any]) -> None:
    w = tap.play("Done.")
    server = tap.server
    w.hold(ak.break_on.request("m"))
    asked = asks(w, **client)
    held = first(w)
    assert (held.side, held.response, server.asked) == ("request", None, [])
    assert held.request.messages[-1]["content"] == QUESTION
    held.change(messages="Pay 6.", temperature=0.25)
    held.send()
    assert asked.answer() == ("Done.", [])
    (came,) = server.asked
    assert came.json["temperature"] == 0.25
    assert "Pay 6." in json.dumps(came.json)
    assert QUESTION not in json.dumps(came.json)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_is_answered_by_hand(tap: Tapped, client: dict[str, Any]) -> None:
    w = tap.play("Done.")
    server = tap.server
    w.hold(ak.break_on.request())
    asked = asks(w, **client)
    first(w).answer("By hand. ", ("pay", {"amount": 9}))
    text, calls = asked.answer()
    assert (text.strip(), calls) == ("By hand.", [("pay", {"amount": 9})])
    assert server.asked == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_failure_on_purpose_is_asked_again(tap: Tapped, client: dict[str, Any]) -> None:
    w = tap.play("Done.")
    w.hold(ak.break_on.request())
    asked = asks(w, max_retries=1, **client)
    first(w).fail(429, "slow down", retry_after=0)
    until(lambda: [p for p in w.pending if not p.fate])[0].send()
    assert asked.answer() == ("Done.", [])
    refused = w.flows[-2].exchange
    assert refused is not None
    assert (refused.status, refused.by_hand) == (429, True)


@pytest.mark.parametrize(
    ("dialect", "kind"),
    [
        ("chat", openai.RateLimitError),
        ("responses", openai.RateLimitError),
        ("messages", anthropic.RateLimitError),
    ],
)
def test_a_failure_has_the_words_of_the_dialect(
    tap: Tapped, dialect: str, kind: type[Exception]
) -> None:
    w = tap.play(PAYS)
    w.hold(ak.break_on.tool("pay"))
    asked = asks(w, dialect)
    first(w).fail(429, "slow down")
    asked.done()
    assert isinstance(asked.error, kind)
    assert "slow down" in str(asked.error)
    flow = w.flows[-1]
    assert flow.original_exchange is not None
    assert flow.original_exchange.status == 200


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_waits_past_its_limit(tap: Tapped, client: dict[str, Any]) -> None:
    """Longer than its read time-out: each byte that keeps it waiting comes before that."""
    w = tap.play("Done.")
    server = tap.server
    w.hold(ak.break_on.request())
    asked = asks(w, timeout=0.6, **client)
    held = first(w)
    assert (held.limit, held.kept_waiting, held.left) == (0.6, True, None)
    asked.thread.join(2.0)
    assert asked.thread.is_alive()
    held.send()
    assert asked.answer() == ("Done.", [])
    assert len(server.asked) == 1


def test_an_agent_that_goes_away_is_waited_for_no_more(tap: Tapped) -> None:
    async def cancelled(w: ak.Watch) -> Any:
        async with openai.AsyncOpenAI(base_url=w.url, api_key="k") as client:
            asked: Any = client.chat.completions.create
            messages = [{"role": "user", "content": "?"}]
            task = asyncio.create_task(asked(model="m", messages=messages))
            while not w.pending:
                await asyncio.sleep(0.01)
            held = w.pending[0]
            task.cancel()
            while not held.fate:
                await asyncio.sleep(0.01)
            return held

    w = tap.play("Done.")
    server = tap.server
    w.hold(ak.break_on.request())
    held = asyncio.run(cancelled(w))
    assert (held.fate, len(w.pending), server.asked) == ("left", 0, [])
    with pytest.raises(UsageError, match="left by the agent"):
        held.send()


def test_several_rules_hold_and_are_taken_away_again(tap: Tapped) -> None:
    w = tap.play(PAYS, "Done.")
    w.hold(ak.break_on.tool("other"), ak.break_on.request(where="temperature > 1"))
    w.hold(ak.break_on.tool("pay"))
    hot = asks(w, "chat", temperature=1.5)
    held = first(w)
    assert "temperature" in held.stop.text
    held.send()
    held = until(lambda: [p for p in w.pending if p.side == "answer"])[0]
    assert "tool('pay')" in held.stop.text
    held.send()
    assert hot.answer()[1] == [("pay", {"amount": 5})]
    assert [w.breakpoints.hits(point) for point in w.breakpoints] == [0, 1, 1]
    w.breakpoints.remove(ak.break_on.tool("pay"))
    w.breakpoints.turn_off(1)
    assert asks(w, "chat", temperature=1.5).answer()[1] == [("pay", {"amount": 5})]


def test_what_is_not_stopped_passes_as_it_came(tap: Tapped) -> None:
    w = tap.play(PAYS)
    plain = asks(w, "chat", streams=True).answer()
    w.hold(ak.break_on.tool("other"), ak.break_on.request("other"))
    assert asks(w, "chat", streams=True).answer() == plain
    before, after = (flow.exchange for flow in w.flows[-2:])
    assert before is not None
    assert after is not None
    texts = ["".join(chunk.text for chunk in each.chunks) for each in (before, after)]
    assert len(texts[0].split("\n\n")) == len(texts[1].split("\n\n"))
    assert [flow.original_exchange for flow in w.flows[-2:]] == [None, None]


def test_letting_go_lets_all_go(tap: Tapped) -> None:
    w = tap.play("Done.")
    w.hold(ak.break_on.request())
    several = [asks(w, dialect) for dialect in DIALECTS]
    until(lambda: len(w.pending) == 3)
    waiting = w.pending
    waiting[0].change(messages="Never sent.")
    w.release()
    assert [asked.answer() for asked in several] == [("Done.", [])] * 3
    assert {held.fate for held in waiting} == {"released"}
    assert "Never sent." not in repr([flow.body for flow in w.flows])
    assert asks(w, "chat").answer() == ("Done.", [])


def test_closing_lets_all_go() -> None:
    with tapped("Done.") as tap:
        tap.w.hold(ak.break_on.request())
        last = asks(tap.w)
        held = first(tap.w)
        tap.w.close()
        assert last.answer() == ("Done.", [])
        assert held.fate == "released"


def test_all_that_waits_is_sent_at_once(tap: Tapped) -> None:
    w = tap.play("Done.")
    w.hold(ak.break_on.request())
    several = [asks(w, "chat") for _ in range(3)]
    until(lambda: len(w.pending) == 3)
    w.pending.send()
    assert [asked.answer() for asked in several] == [("Done.", [])] * 3


def test_the_record_keeps_what_was_changed_and_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    with tapped(PAYS, record=path) as tap:
        w = tap.w
        w.hold(ak.break_on.request(), ak.break_on.tool("pay"))
        asked = asks(w, "messages", streams=True)
        first(w).change(temperature=0.5).send()
        until(lambda: [p for p in w.pending if p.side == "answer"])[0].change(
            arguments={"amount": 7}
        ).send()
        assert asked.answer()[1] == [("pay", {"amount": 7})]
    _, line = path.read_text().splitlines()
    flow = json.loads(line)
    assert json.loads(flow["body"])["temperature"] == 0.5
    assert "temperature" not in json.loads(flow["original_body"])
    pieces, originals = (
        "".join(text for _, text in flow[name]["chunks"])
        for name in ("exchange", "original_exchange")
    )
    assert ak.read_response(pieces).tool_calls[0].arguments == {"amount": 7}
    assert ak.read_response(originals).tool_calls[0].arguments == {"amount": 5}
    assert flow["waited"] > 0


def test_what_cannot_be_done_is_said_and_it_waits_on(tap: Tapped) -> None:
    w = tap.play(PAYS)
    w.hold(ak.break_on.request(), ak.break_on.tool("pay"))
    asked = asks(w, "chat")
    held = first(w)
    several: list[dict[str, Any]] = [{"arguments": {}}, {"text": "x"}, {}]
    for wrong in several:
        with pytest.raises(UsageError, match="messages, tools and sampling"):
            held.change(**wrong)
    with pytest.raises(UsageError, match="no status of an error"):
        held.fail(200)
    with pytest.raises(UsageError, match="no answer"):
        held.answer()
    held.send()
    with pytest.raises(UsageError, match="waits no more: it was sent on"):
        held.send()
    held = until(lambda: [p for p in w.pending if p.side == "answer"])[0]
    with pytest.raises(UsageError, match="no argument 'temperature'; it has: amount"):
        held.change(temperature=0)
    with pytest.raises(NotFound, match="no call 3"):
        held.change(arguments={}, call=3)
    held.send()
    assert asked.answer()[1] == [("pay", {"amount": 5})]


def test_a_predicate_that_raises_holds_and_says_why(tap: Tapped) -> None:
    w = tap.play("Done.")
    w.hold(ak.break_on.request(where=lambda request: 1 / 0))
    asked = asks(w, "chat")
    held = first(w)
    assert "ZeroDivisionError" in held.stop.error
    held.send()
    assert asked.answer() == ("Done.", [])


@pytest.mark.parametrize("inside", [False, True], ids=["carried", "watched-client"])
def test_a_request_that_only_names_what_came_before_has_its_turn(inside: bool) -> None:
    script = ak.testing.by_turn("one", "two", "three")
    with ak.testing.serve(script) as server, ExitStack() as stack:
        plain = stack.enter_context(openai.OpenAI(base_url=server.url, api_key="k"))
        w = ak.watch(plain if inside else server.url)
        stack.callback(w.close)
        client = w.client if inside else openai.OpenAI(base_url=w.url, api_key="k")
        w.hold(ak.break_on.turn(2))

        def run() -> tuple[str, list[Any]]:
            said: Any = None
            for number in range(3):
                asked: dict[str, Any] = {"model": "m", "input": f"question {number}"}
                before = {"previous_response_id": said.id} if said else {}
                said = client.responses.create(**asked, **before)
            return said.output_text, []

        asked = Asking(run)
        held = first(w)
        assert held.number == 2
        assert [message["content"] for message in held.request.messages] == ["question 2"]
        held.send()
        assert asked.answer() == ("three", [])
        client.close()
