"""Every fault of the reference server, over real HTTP: the reader says exactly what is wrong, in every manner, in block and in streams."""

from __future__ import annotations

import pytest

import agentkit as ak
from agentkit.testing import Fault, by_turn, calls, faults, says, serve
from agentkit.testing.catalogue import find_faults
from agentkit.types.problem import SEVERITIES

MANNERS = ("openai", "vllm", "sglang")
NOT_OF_A_SERVER = {"connection_failed"}
EMPTIED = {"arguments_empty", "arguments_null", "arguments_null_string"}


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
CASES = [(fault, manner, mode) for fault in faults() for manner in MANNERS for mode in fault.modes]


def turn_of(fault: Fault) -> int:
    """The turn of the script that the fault strikes: the first one calls, the second one answers."""
    return 1 if fault.needs in ("text", "history") else 0


def sampling_for(fault: Fault, manner: str) -> dict[str, object]:
    asked = {"forced": {"tool_choice": "required"}}.get(fault.needs, {})
    return {**asked, **({"logprobs": True} if fault.name == "logprobs" else {})}


def codes_of(trajectory: ak.Trajectory, turn: int) -> set[str]:
    """What was read of that turn's answer, or how its request failed."""
    failed = {attempt.error.kind for attempt in trajectory.attempts if attempt.turn == turn}
    if trajectory.error is not None and not failed:
        failed = {trajectory.error.kind}
    read = {p.code for t in trajectory.all_turns if t.index == turn for p in t.problems}
    read |= {p.code for a in trajectory.attempts if a.turn == turn and a.response for p in a.response.all_problems}
    return read or failed


@pytest.mark.parametrize(("fault", "manner", "mode"), CASES, ids=lambda v: v.name if isinstance(v, Fault) else v)
def test_a_fault_is_read_as_what_it_is(fault: Fault, manner: str, mode: str) -> None:
    turn = turn_of(fault)
    with serve(SCRIPT, manner=manner, faults=[fault.name], turn=turn) as server:  # type: ignore[arg-type]
        reached = ak.Server(server.url, timeout=0.2 if fault.name == "timeout" else 20)
        agent = ak.Agent("m", tools=[get_weather, clock], server=reached, stream=mode == "stream", retries=0, sampling=sampling_for(fault, manner))
        rollout = ak.rollout(agent, "Weather and time?")
    assert codes_of(rollout, turn) == set(fault.codes)
    others = {i for i in range(turn)}
    assert not [p for t in rollout.all_turns if t.index in others for p in t.problems]
