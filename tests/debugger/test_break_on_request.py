"""Breakpoints on a request, in a debugger of our own agent."""

from __future__ import annotations

from typing import Any

import pytest

import agentkit as ak
from agentkit.debugger.debugger import Debugger
from agentkit.errors import NotFound, UsageError
from agentkit.testing import ScriptedServer, by_turn, calls, says
from agentkit.trajectory.breakpoints import Breakpoint

on = ak.break_on


def get(city: str) -> str:
    """Get."""
    return city


def debugger() -> Debugger:
    script = by_turn(says(None, calls("get", city="Oslo")), "done")
    return ak.debug(ak.Agent("m", [get], ScriptedServer(script), temperature=0.5), "Go.")


@pytest.mark.parametrize(
    ("point", "turn"),
    [
        (on.request(), 0),
        (on.request("m", where="len(messages) > 1"), 1),
        (on.request(where="messages[0].content == 'Go.' and temperature < 1"), 0),
        (on.request(where=lambda request: len(request.messages) == 3), 1),
        (on.request("m").after(), 0),
    ],
)
def test_a_run_stops_at_a_request(point: Breakpoint, turn: int) -> None:
    dbg = debugger()
    dbg.run(until=point)
    assert dbg.stop_at is not None
    assert dbg.stop_at.turn == turn


@pytest.mark.parametrize(
    "point",
    [on.request("other"), on.request(where="temperature > 1"), on.request(where="top_p > 0")],
)
def test_other_requests_are_run_past(point: Breakpoint) -> None:
    dbg = debugger()
    dbg.run(until=point)
    assert dbg.trajectory.stop_reason == "final"


def test_a_form_asks_for_it_by_texts() -> None:
    named = on.named("request", "m, n", "temperature > 1")
    assert named == on.request("m", "n", where="temperature > 1")
    assert named != on.request("m", "n")
    assert named.text == "request('m', 'n', where='temperature > 1')"
    with pytest.raises(UsageError, match="cannot be read"):
        on.named("request", "", "temperature >")


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        ("temprature > 1", "'temperature'"),
        ("max_token > 9 or temperature > 1", "'max_tokens'"),
        ("'x' in system", "messages[0].content"),
        ("len(input) > 3", "messages"),
    ],
)
def test_a_slip_in_the_name_of_a_field_is_refused(where: str, meant: str) -> None:
    with pytest.raises(NotFound, match="would never stop") as caught:
        debugger().breakpoints.add(on.request(where=where))
    assert meant in caught.value.hint


def test_fields_that_only_a_server_knows_are_no_slips() -> None:
    agent = ak.Agent("m", [], ScriptedServer("done"), extra_body={"temprature": 2})
    dbg = ak.debug(agent, "Go.")
    dbg.breakpoints.add(on.request(where="temprature > 1"))
    debugger().breakpoints.add(on.request(where="my_own > 1 or min_p > 0"))


@pytest.mark.parametrize(
    "where", ["model > 1", "temperature > '1'", "len(max_tokens) > 1", "lower(messages) == 'a'"]
)
def test_a_condition_that_fails_on_every_request_is_refused(where: str) -> None:
    with pytest.raises(UsageError, match="fails on every request: TypeError"):
        on.request(where=where)


@pytest.mark.parametrize("number", [-1, "2", True, 1.5])
def test_what_is_no_turn_is_refused(number: Any) -> None:
    with pytest.raises(UsageError, match="is no turn"):
        on.turn(number)
