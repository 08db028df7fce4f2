"""The faults of the reference server in Responses and Messages: over real HTTP, in every manner, in
block and in streams, the reader says exactly what is wrong.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.testing import Fault, by_turn, calls, says, serve
from agentkit.testing.faults.catalogue import faults, find_faults
from agentkit.testing.faults.messages_faults import MESSAGES_FAULTS
from agentkit.testing.faults.responses_faults import RESPONSES_FAULTS
from agentkit.testing.injection.client_faults import answer_faults
from tests.testing.test_reference_faults import SCRIPT, TOOLS, codes_of, sampling_for, turn_of

SPOKEN = (
    ("openai", "responses"),
    ("vllm", "responses"),
    ("sglang", "responses"),
    ("anthropic", "messages"),
    ("vllm", "messages"),
    ("sglang", "messages"),
)
THINKING = by_turn(
    says(
        None,
        calls("get_weather", city="Oslo"),
        calls("clock", zone="CET"),
        reasoning="I need both.",
    ),
    says("It is cold, and it is noon."),
)
THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
CASES = [
    (fault, manner, dialect, mode)
    for fault in faults()
    for manner, dialect in SPOKEN
    for mode in fault.modes_in(dialect)  # type: ignore[arg-type]
]
NEW = {fault.name for fault in (*RESPONSES_FAULTS, *MESSAGES_FAULTS)}
OWN = [case for case in CASES if case[0].name in NEW and case[1] in ("openai", "anthropic")]


def rollout_with(fault: Fault, manner: Any, dialect: Any, mode: str) -> ak.Trajectory:
    turn = turn_of(fault)
    script = THINKING if fault.needs == "reasoning" else SCRIPT
    with serve(script, manner=manner, faults=[fault.name], turn=turn) as server:
        agent = ak.Agent(
            "m",
            tools=TOOLS,
            server=ak.Server(server.url, timeout=0.2 if fault.name == "timeout" else 20),
            stream=mode == "stream",
            retries=0,
            max_turns=turn + 1,
            dialect=dialect,
            sampling={**sampling_for(fault), **(THINK if dialect == "messages" else {})},
        )
        return ak.rollout(agent, "Weather and time?")


def check(fault: Fault, manner: str, dialect: str, mode: Any) -> None:
    rollout = rollout_with(fault, manner, dialect, mode)
    turn = turn_of(fault)
    assert codes_of(rollout, turn) == set(fault.codes_in(mode))
    assert not [p for t in rollout.all_turns[:turn] for p in t.problems]


def injected_codes(fault: Fault, dialect: Any, mode: str) -> set[str]:
    """What an answer is read as that `inject` puts the fault into."""
    turn = turn_of(fault)
    manner: Any = "openai" if dialect == "responses" else "anthropic"
    with serve(THINKING if fault.needs == "reasoning" else SCRIPT, manner=manner) as server:
        agent = ak.Agent(
            "m",
            tools=TOOLS,
            server=server.url,
            stream=mode == "stream",
            retries=0,
            max_turns=turn + 1,
            dialect=dialect,
            sampling={**sampling_for(fault), **(THINK if dialect == "messages" else {})},
        )
        faulty = ak.testing.inject(agent, fault.name, turn=turn, seconds=0)
        return codes_of(ak.rollout(faulty, "Weather and time?"), turn) - {"fault_injected"}


INJECTED = [
    (fault, dialect, mode)
    for fault in faults()
    for dialect in ("responses", "messages")
    for mode in fault.modes_in(dialect)
    if not fault.lost and fault is answer_faults()[fault.name]
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "dialect", "mode"), INJECTED, ids=lambda v: named(v))
def test_a_fault_that_is_put_in_is_read_as_what_it_is(
    fault: Fault, dialect: str, mode: Any
) -> None:
    assert injected_codes(fault, dialect, mode) == set(fault.codes_in(mode))


@pytest.mark.parametrize(
    ("name", "dialect", "mode"),
    [
        ("ids_differ", "responses", "stream"),
        ("arguments_truncated", "responses", "block"),
        ("arguments_truncated", "messages", "stream"),
        ("signature_missing", "messages", "block"),
        ("rate_limited", "messages", "block"),
        ("refused_in_block_alone", "messages", "block"),
    ],
)
def test_a_fault_is_put_into_each_dialect(name: str, dialect: str, mode: Any) -> None:
    (fault,) = find_faults([name])
    assert injected_codes(fault, dialect, mode) == set(fault.codes_in(mode))


def named(value: Any) -> Any:
    return value.name if isinstance(value, Fault) else value


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "manner", "dialect", "mode"), CASES, ids=named)
def test_a_fault_is_read_as_what_it_is(fault: Fault, manner: str, dialect: str, mode: str) -> None:
    check(fault, manner, dialect, mode)


@pytest.mark.parametrize(("fault", "manner", "dialect", "mode"), OWN, ids=named)
def test_a_fault_of_a_dialect_is_read(fault: Fault, manner: str, dialect: str, mode: str) -> None:
    check(fault, manner, dialect, mode)


def test_every_dialect_has_the_faults_of_refused_requests_and_of_connections() -> None:
    everywhere = {f.name for f in faults() if set(f.dialects) == {"chat", "responses", "messages"}}
    assert {"rate_limited", "server_error", "connection_reset", "timeout"} <= everywhere
    assert {"stream_no_finish", "stream_error_event", "body_html", "redirect"} <= everywhere


def test_what_is_no_fault_of_a_dialect_is_not_put_into_it() -> None:
    (fault,) = find_faults(["tool_call_flat"])
    rollout = rollout_with(fault, "vllm", "responses", "block")
    assert not rollout.problems
    assert fault.modes_in("responses") == ()


CUSTOM = says(None, {"type": "custom", "custom": {"name": "run", "input": "print(1)"}})
RUN = {"type": "custom", "custom": {"name": "run"}}


def test_calls_of_custom_tools_are_dropped() -> None:
    def kinds(*names: str) -> list[str]:
        with serve([CUSTOM], faults=names) as server:
            agent = ak.Agent("m", server=server.url, dialect="responses", max_turns=1)
            rollout = ak.rollout(agent, "Run it.")
        return [item["type"] for item in rollout.turns[0].response.items]

    assert kinds() == ["custom_tool_call"]
    assert kinds("custom_tools_dropped") == []


WITHOUT_CODES = [
    (fault, manner, dialect, mode)
    for fault, manner, dialect, mode in OWN
    if not fault.codes and not fault.lost and fault.needs != "custom"
]


@pytest.mark.parametrize(("fault", "manner", "dialect", "mode"), WITHOUT_CODES, ids=named)
def test_a_fault_without_a_problem_shows_on_the_wire(
    fault: Fault, manner: Any, dialect: Any, mode: str
) -> None:
    """What a comparison has to find: the same request, answered with the fault and without."""
    sound = replace(fault, name="sound", body=None, chunks=None, message=None, reply=None)
    bodies = []
    for on in (fault, sound):
        script = THINKING if fault.needs == "reasoning" else SCRIPT
        with serve(script, manner=manner, faults=[fault.name]) as server:
            server.faults = (on,)
            agent = ak.Agent(
                "m",
                tools=TOOLS,
                server=server.url,
                stream=mode == "stream",
                max_turns=1,
                dialect=dialect,
                sampling=THINK if dialect == "messages" else {},
            )
            bodies.append(ak.rollout(agent, "Weather and time?").turns[0].response.exchange.text)
    assert bodies[0] != bodies[1]


@pytest.mark.parametrize(
    ("manner", "store", "faults", "tokens"),
    [
        ("openai", None, (), "all"),
        ("openai", None, ("previous_calls_lost",), "refused"),
        ("openai", None, ("store_ignored",), "refused"),
        ("vllm", None, (), "refused"),
        ("vllm", True, (), "fewer"),
        ("sglang", None, (), "fewer"),
    ],
)
def test_what_goes_on_from_an_answer_finds_what_the_server_kept(
    manner: Any, store: bool | None, faults: tuple[str, ...], tokens: str
) -> None:
    script = by_turn(says(None, calls("get_weather", city="Oslo")), "It is cold.")
    asked: Any = {"role": "user", "content": "Oslo?"}
    sizes: list[int] = []
    with (
        serve(script, manner=manner, store=store, faults=faults) as server,
        openai.OpenAI(base_url=server.url, api_key="x", max_retries=0) as client,
    ):
        first = client.responses.create(model="m", input="Oslo?")
        call: Any = next(item for item in first.output if item.type == "function_call")
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "cold"}
        whole = client.responses.create(
            model="m", input=[asked, call.model_dump(exclude_none=True), result]
        )
        with contextlib.suppress(openai.BadRequestError, openai.NotFoundError):
            chained = client.responses.create(
                model="m", previous_response_id=first.id, input=[result]
            )
            assert chained.usage is not None
            assert whole.usage is not None
            sizes = [chained.usage.input_tokens, whole.usage.input_tokens]
    if tokens == "refused":
        assert sizes == []
    elif tokens == "all":
        assert sizes[0] == sizes[1]
    else:
        assert sizes[0] < sizes[1]
