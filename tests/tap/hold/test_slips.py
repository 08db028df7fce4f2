"""What a person gets wrong while an agent is held: it is said, and nothing passes silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from tests.support.dialect_answers import DIALECTS
from tests.tap.hold.agents import Tapped, asks, tapped, until

pytestmark = pytest.mark.slow
PAYS = ak.testing.says("I pay.", ak.testing.calls("pay", amount=5))


@pytest.fixture(scope="module")
def tap() -> Iterator[Tapped]:
    with tapped() as made:
        yield made


def held_answer(tap: Tapped, dialect: str = "chat") -> tuple[Any, Any]:
    w = tap.play(PAYS)
    w.hold(ak.break_on.tool("pay"))
    asked = asks(w, dialect)
    return until(lambda: w.pending)[0], asked


@pytest.mark.parametrize("dialect", DIALECTS)
def test_arguments_that_the_tool_does_not_take_are_refused(tap: Tapped, dialect: str) -> None:
    held, asked = held_answer(tap, dialect)
    with pytest.raises(UsageError, match=r"lacks 'amount'.*replaces all.*force=True"):
        held.change(arguments={})
    with pytest.raises(UsageError, match=r"no argument 'amout'.*did you mean 'amount'"):
        held.change(arguments={"amout": 7})
    with pytest.raises(UsageError, match=r"no argument 'amout'.*did you mean 'amount'"):
        held.change(0, amout=7)
    with pytest.raises(UsageError, match="do not fit the tool 'pay'"):
        held.change(arguments={"amount": "much"})
    with pytest.raises(NotFound, match="no call 3"):
        held.change(3, amount=7)
    assert held.changed == ""
    held.change(0, amount=7).change(amount=8).send()
    assert asked.answer()[1] == [("pay", {"amount": 8})]


def test_force_has_arguments_as_they_are_written(tap: Tapped) -> None:
    held, asked = held_answer(tap)
    held.change(arguments={"amout": "much"}, force=True).send()
    assert asked.answer()[1] == [("pay", {"amout": "much"})]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_of_a_tool_that_is_not_offered_is_refused(tap: Tapped, dialect: str) -> None:
    held, asked = held_answer(tap, dialect)
    with pytest.raises(NotFound, match=r"no tool 'pya'.*did you mean 'pay'"):
        held.answer(("pya", {"amount": 7}))
    with pytest.raises(UsageError, match="no argument 'amout'"):
        held.answer("I pay.", ("pay", {"amout": 7}))
    held.answer(("pya", {"amount": 7}), force=True)
    assert asked.answer()[1] == [("pya", {"amount": 7})]


def test_what_was_changed_is_said_where_it_waits(tap: Tapped) -> None:
    held, asked = held_answer(tap)
    held.change(amount=7)
    for text in (repr(held), repr(tap.w.pending)):
        assert "7" in text
        assert 'changed, was pay({"amount": 5})' in text.replace('{"amount":5}', '{"amount": 5}')
    held.send()
    asked.answer()
    w = tap.play("Done.")
    w.hold(ak.break_on.request())
    asked = asks(w)
    held = until(lambda: w.pending)[0]
    held.change(temperature=0)
    assert "changed: temperature" in repr(held)
    assert "changed: temperature" in repr(w.pending)
    held.send()
    asked.answer()


def test_changes_that_are_let_go_are_said(tap: Tapped, caplog: pytest.LogCaptureFixture) -> None:
    held, asked = held_answer(tap)
    held.change(amount=7)
    tap.w.release()
    assert asked.answer()[1] == [("pay", {"amount": 5})]
    assert "1 changed flow went on as it came" in tap.w.failures[-1]
    assert "1 changed flow went on as it came" in caplog.text


def test_a_condition_that_raises_says_so(tap: Tapped) -> None:
    w = tap.play(PAYS)
    w.hold(ak.break_on.tool("pay", where="amount > 'much'"))
    asked = asks(w)
    until(lambda: w.pending)
    assert "its condition raised TypeError" in repr(w.pending)
    assert "TypeError" in w.failures[-1]
    w.pending.send()
    asked.answer()


@pytest.mark.parametrize("where", [None, "amout > 1"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_hold_that_never_holds_is_said_once(
    caplog: pytest.LogCaptureFixture, dialect: str, where: str | None
) -> None:
    name, meant = ("pya", "'pay'") if where is None else ("pay", "'amount'")
    with tapped(PAYS) as tap:
        w = tap.w
        w.hold(ak.break_on.tool(name, where=where))
        assert w.failures == []
        for _ in range(2):
            asks(w, dialect).answer()
        (failure,) = w.failures
        assert f"did you mean {meant}?" in failure
        assert caplog.text.count("did you mean") == 1
        w.release()
        w.hold(ak.break_on.tool("payy"))
        assert "'payy'" in w.failures[-1]


def test_a_slip_in_a_field_is_said_at_once_and_in_a_model_when_one_was_asked(
    tap: Tapped, caplog: pytest.LogCaptureFixture
) -> None:
    with tapped("Hi.") as tap:
        w = tap.w
        w.hold(ak.break_on.request(where="temprature > 1"))
        assert "did you mean 'temperature'?" in w.failures[-1]
        w.hold(ak.break_on.request("n"), ak.break_on.request(where="quite_another > 1"))
        assert len(w.failures) == 1
        for _ in range(2):
            asks(w).answer()
        told = " ".join(w.failures)
        assert "no request has had a field 'quite_another' so far" in told
        assert len(w.failures) == caplog.text.count("WARNING") == 2


def test_a_condition_that_raises_names_the_flow(tap: Tapped) -> None:
    with tapped("Hi.") as tap:
        w = tap.w
        asks(w).answer()
        w.hold(ak.break_on.request(where=lambda request: request.messages[9]))
        asked = asks(w)
        (held,) = until(lambda: w.pending)
        assert held.number == 1
        assert w.failures[-1].startswith("flow 1 is held: ")
        assert repr(w).endswith(f", 1 in flight, 1 held, {len(w.failures)} in w.failures>")
        held.send()
        asked.answer()
