"""Every fault of the reference server, over real HTTP: the reader says exactly what is wrong, in
every manner, in block and in streams.
"""

from __future__ import annotations

import pytest

import agentkit as ak
from agentkit.testing import Fault, by_turn, calls, says, serve
from agentkit.testing.faults.catalogue import faults

MANNERS = ("openai", "vllm", "sglang")
CUTS = {"stream_error_event", "stream_truncated"}
"""A call that one of these cuts is reported too."""


def get_weather(city: str = "Oslo", note: str = "") -> str:
    """Weather."""
    return f"{city}: cold"


def clock(zone: str = "UTC") -> str:
    """Time."""
    return f"12:00 in {zone}"


SCRIPT = by_turn(
    says(None, calls("get_weather", city="Oslo"), calls("clock", zone="CET")),
    says("It is cold, and it is noon."),
)
TOOLS = [ak.tool(get_weather), ak.tool(clock)]
CASES = [
    (fault, manner, mode)
    for fault in faults()
    for manner in MANNERS
    for mode in fault.modes_in("chat")
]


def turn_of(fault: Fault) -> int:
    """The turn of the script that the fault strikes: the first one calls, the second one
    answers.
    """
    return 1 if fault.needs in ("text", "history") or fault.name in CUTS else 0


def sampling_for(fault: Fault) -> dict[str, object]:
    return {"tool_choice": "required"} if fault.needs == "forced" else {}


def codes_of(rollout: ak.Trajectory, turn: int) -> set[str]:
    """What was read of that turn's answer; where its request failed, the kind of the failure."""
    for attempt in rollout.attempts:
        exchange = attempt.exchange
        if attempt.turn == turn and (exchange.transport_error or exchange.status != 200):
            return {attempt.error.kind}
        if attempt.turn == turn:
            return {p.code for p in ak.read_response(exchange, TOOLS).all_problems}
    return {p.code for t in rollout.all_turns if t.index == turn for p in t.problems}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "manner", "mode"), CASES, ids=lambda v: v.name if isinstance(v, Fault) else v
)
def test_a_fault_is_read_as_what_it_is(fault: Fault, manner: str, mode: str) -> None:
    turn = turn_of(fault)
    with serve(SCRIPT, manner=manner, faults=[fault.name], turn=turn) as server:  # type: ignore[call-overload]
        reached = ak.Server(server.url, timeout=0.2 if fault.name == "timeout" else 20)
        agent = ak.Agent(
            "m",
            tools=TOOLS,
            server=reached,
            stream=mode == "stream",
            retries=0,
            max_turns=turn + 1,
            sampling=sampling_for(fault),
        )
        rollout = ak.rollout(agent, "Weather and time?")
    assert codes_of(rollout, turn) == set(fault.codes)
    assert not [p for t in rollout.all_turns[:turn] for p in t.problems]
