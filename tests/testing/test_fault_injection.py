"""Failures on purpose: each goes the way of the real one, strikes the same steps at every run, and
stays on the record.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent import event_loop
from agentkit.errors import NotFound, UsageError
from agentkit.show.notebook.static_view import mimebundle
from agentkit.testing import ScriptedServer, by_turn, calls, says, serve
from agentkit.testing.faults.fault import Fault
from agentkit.testing.injection.client_faults import answer_faults
from agentkit.testing.injection.inject import Injection, inject, injected, injecting, injections
from agentkit.types.steps import Answer, ModelStep
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Chunk
from tests.agent.hermes.loop_cases import answer, call
from tests.files.cassette_samples import double, exactly
from tests.servers.http_stub import Answer as HttpAnswer
from tests.servers.http_stub import Asked, HttpServer, sse
from tests.support.loaded import load_one
from tests.testing.test_reference_faults import TOOLS as TOOLS_OF_SCRIPT
from tests.testing.test_reference_faults import codes_of, sampling_for


def script(messages: list[dict[str, Any]]) -> Any:
    done = sum(m["role"] == "tool" for m in messages)
    return says("done") if done >= 2 else says(None, calls("double", n=done + 1))


def agent(**options: Any) -> ak.Agent:
    return ak.Agent("m", tools=[double], server=ScriptedServer(script), **{"retries": 0, **options})


IN_PLACE = [fault.name for fault in answer_faults().values() if fault.in_place]
"""Faults for which the model is not asked."""
KINDS = {
    "overloaded": "server_error",
    "bad_gateway": "server_error",
    "error_in_200": "server_error",
    "error_shape": "bad_request",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", IN_PLACE)
def test_a_refusal_is_read_as_the_real_one(tmp_path: Path, fault: str) -> None:
    struck = inject(agent(), fault, turn=1, seconds=0)
    dbg = ak.debug(ak.record(struck, tmp_path / "x.jsonl"), "go")
    first = dbg.run()
    assert first.stop_reason == "error"
    assert first.error is not None
    assert first.error.kind == KINDS.get(fault, fault)
    assert first.error.hint == f"{fault} was put in on purpose"
    whole = dbg.run()
    assert (whole.final, [a.turn for a in whole.attempts]) == ("done", [1])
    assert injected(whole) == [(1, None, fault)]
    assert whole.meta["injection"] == [f"{fault} at a rate of 1, seed 0"]
    loaded = load_one(tmp_path / "x.jsonl")
    assert exactly(loaded, whole)
    assert injected(loaded) == injected(whole)
    assert f"{fault} was put in on purpose" in mimebundle(loaded)["text/html"]
    again = ak.debug(ak.replay(tmp_path / "x.jsonl"))
    again.run()
    assert exactly(again.run(), whole)
    assert "faults_injected" in ak.cassette.doctor(tmp_path / "x.jsonl").codes


def test_a_passing_refusal_is_asked_again_as_a_real_one_is() -> None:
    for fault in ("rate_limited", "server_error", "connection_reset", "bad_gateway"):
        began = time.monotonic()
        t = ak.rollout(inject(agent(retries=1), fault, turn=0, seconds=0.01), "go")
        assert (t.final, len(t.attempts)) == ("done", 0)
        assert [error.kind for error in t.turns[0].response.exchange.retries] == [
            KINDS.get(fault, fault)
        ]
        assert [p.code for p in t.turns[0].problems] == ["fault_injected"]
        assert time.monotonic() - began < 5
    failed = ak.rollout(
        inject(agent(retries=1), "rate_limited", turn=0, seconds=0.01, times=2), "go"
    )
    assert failed.stop_reason == "error"
    assert len(failed.attempts[0].exchange.retries) == 1


READ_AS = {
    "arguments_truncated": "arguments_truncated",
    "arguments_invalid_json": "arguments_invalid_json",
    "arguments_python_literal": "arguments_python_literal",
    "arguments_double_encoded": "arguments_double_encoded",
    "arguments_trailing_data": "arguments_trailing_data",
    "arguments_empty": "arguments_empty",
    "id_missing": "id_missing",
    "id_empty": "id_empty",
    "id_not_string": "id_not_string",
    "name_unknown": "name_unknown",
    "name_prefix": "name_prefix",
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("fault", READ_AS)
def test_a_changed_call_is_read_as_the_real_one(fault: str, streamed: bool) -> None:
    def reply(asked: Asked) -> HttpAnswer:
        if asked.json["messages"][-1]["role"] == "tool":
            return HttpAnswer(answer("done"))
        if not streamed:
            return HttpAnswer(answer(None, call("double", {"n": 12345})))
        pieces = (
            {"name": "double", "arguments": ""},
            {"arguments": '{"n"'},
            {"arguments": ": 12"},
            {"arguments": "345}"},
        )
        deltas = [
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {
                            "tool_calls": [
                                {
                                    "index": 0,
                                    **({"id": "c1", "type": "function"} if i == 0 else {}),
                                    "function": f,
                                }
                            ]
                        },
                    }
                ]
            }
            for i, f in enumerate(pieces)
        ]
        return sse(
            *deltas,
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
            "[DONE]",
        )

    with HttpServer(reply) as http:
        t = ak.rollout(
            inject(ak.Agent("m", tools=[double], server=http.url, stream=streamed), fault, turn=0),
            "go",
        )
    assert t.stop_reason == "final"
    codes = [p.code for p in t.turns[0].problems]
    assert "fault_injected" in codes
    assert READ_AS[fault] in codes, codes
    assert len(t.turns[0].tool_calls) == 1


THINKING = by_turn(
    says(
        None,
        calls("get_weather", city="Oslo"),
        calls("clock", zone="CET"),
        reasoning="Both are needed.",
    ),
    says("It is cold, and it is noon.", reasoning="Now I know."),
)
OF_ANSWERS = [fault for fault in answer_faults().values() if not fault.in_place]
BREAKS = ("stream_error_event", "stream_no_finish", "stream_truncated")
"""A call that is cut by one of these is reported too."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "mode"),
    [
        pytest.param(fault, mode, marks=[pytest.mark.slow] if place else [])
        for fault in OF_ANSWERS
        for place, mode in enumerate(fault.modes_in("chat"))
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value,
)
def test_a_changed_answer_is_read_as_that_of_a_server_with_the_fault(
    fault: Fault, mode: str
) -> None:
    turn = 1 if fault.needs == "text" or fault.name in BREAKS else 0
    sampling = {**sampling_for(fault), "logprobs": True, "return_token_ids": True}
    with serve(THINKING, manner="vllm") as server:
        made = ak.Agent(
            "m",
            tools=TOOLS_OF_SCRIPT,
            server=server.url,
            stream=mode == "stream",
            retries=0,
            max_turns=turn + 1,
            sampling=sampling,
        )
        rollout = ak.rollout(inject(made, fault.name, turn=turn, seconds=0), "Weather and time?")
    assert injected(rollout) == [(turn, None, fault.name)]
    assert codes_of(rollout, turn) - {"fault_injected"} == set(fault.codes)
    assert not [p for t in rollout.all_turns[:turn] for p in t.problems]


def test_a_cut_stream_is_read_as_one_and_its_pieces_end_there() -> None:
    events = [
        {"choices": [{"index": 0, "delta": {"content": word}}]} for word in "abcdefghijklmnop"
    ]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    seen: list[Chunk] = []
    for fault, kind in (
        ("stream_truncated", "connection_reset"),
        ("stream_no_finish", "stream_no_finish"),
    ):
        seen.clear()
        with HttpServer(sse(*events, end, "[DONE]")) as http:
            struck = inject(ak.Agent("m", server=http.url, stream=True, retries=0), fault)
            engine = struck.engine(struck.start("go"), emit=seen.append)
            event_loop.run(engine.run())
        t = engine.trajectory
        assert t.error is not None
        assert t.error.kind == kind
        came = t.attempts[0].response
        assert came is not None
        assert 0 < len(came.content or "") < 16
        assert tuple(seen) == t.attempts[0].exchange.chunks


TOOLS = {
    "tool_error": "error",
    "tool_timeout": "timeout",
    "tool_slow": "ok",
    "tool_garbage": "ok",
}


@pytest.mark.parametrize(("fault", "status"), TOOLS.items())
def test_a_tools_fault_is_a_result_like_any_other(tmp_path: Path, fault: str, status: str) -> None:
    t = ak.rollout(
        ak.record(
            inject(agent(), fault, tool="double", turn=1, seconds=0.01), tmp_path / "x.jsonl"
        ),
        "go",
    )
    assert [r.status for turn in t.turns for r in turn.tool_results] == ["ok", status]
    assert injected(t) == [(1, 0, fault)]
    assert exactly(load_one(tmp_path / "x.jsonl"), t)
    assert exactly(ak.rollout(ak.replay(tmp_path / "x.jsonl")), t)
    assert "put in on purpose" in mimebundle(t)["text/html"]
    assert "put in on purpose" in mimebundle(t)["text/plain"]
    assert (
        ak.rollout(inject(agent(), fault, tool="other"), "go").turns[1].tool_results[0].injected
        is None
    )


def test_the_same_steps_are_struck_whatever_runs_beside_them() -> None:
    prompts = [f"p{i}" for i in range(12)]

    def struck(concurrency: int, seed: int) -> list[list[tuple[int, int | None, str]]]:
        faulty = inject(
            inject(agent(), "rate_limited", "body_html", rate=0.3, seed=seed),
            "tool_error",
            "tool_garbage",
            rate=0.4,
            seed=seed,
        )
        return [injected(t) for t in ak.rollouts(faulty, prompts, n=2, concurrency=concurrency)]

    first = struck(1, 0)
    assert struck(24, 0) == first == struck(5, 0)
    assert struck(5, 1) != first
    flat = [entry for rollout in first for entry in rollout]
    assert {fault for *_, fault in flat} == {
        "rate_limited",
        "body_html",
        "tool_error",
        "tool_garbage",
    }
    assert any(a != b for a, b in zip(first[::2], first[1::2], strict=True))  # samples differ


def test_a_rate_is_kept() -> None:
    plan = Injection(faults=("timeout",), rate=0.2, seed=4)
    start = agent().start("go")
    trajectories = [
        Trajectory(spec=start.spec, prompt=start.prompt, meta={"sample": n}) for n in range(4000)
    ]
    assert (
        0.17
        < sum(plan.fault_of(ModelStep(trajectory=t)) is not None for t in trajectories) / 4000
        < 0.23
    )


def test_only_the_chosen_samples_and_turns() -> None:
    done = ak.rollouts(inject(agent(), "server_error", sample=(1, 3), turn=(0, 2)), "go", n=5)
    assert [t.stop_reason for t in done] == ["final", "error", "final", "error", "final"]


def test_what_is_recorded_is_what_happened_in_either_order(tmp_path: Path) -> None:
    orders: list[Any] = [
        lambda p: ak.record(inject(agent(), "tool_error"), p),
        lambda p: inject(ak.record(agent(), p), "tool_error"),
    ]
    for number, made in enumerate(orders):
        path = tmp_path / f"{number}.jsonl"
        happened = ak.rollout(made(path), "go")
        assert happened.turns[0].results[0] is not None
        assert happened.turns[0].results[0].status == "error"
        assert exactly(load_one(path), happened)


def test_wrong_uses_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no fault is named 'fire'") as caught:
        inject(agent(), "fire")
    assert "rate_limited" in caught.value.hint
    with pytest.raises(NotFound):
        inject(agent())
    with pytest.raises(UsageError):
        inject(agent(), "timeout", rate=2)
    ak.rollout(ak.record(agent(), tmp_path / "x.jsonl"), "go")
    with pytest.raises(UsageError, match="a replay plays"):
        inject(ak.replay(tmp_path / "x.jsonl"), "timeout")
    with pytest.raises(NotFound) as caught:
        inject(agent(), "argument_truncated")
    assert "did you mean 'arguments_truncated'" in caught.value.hint
    catalogue = {fault.name for fault in ak.testing.faults()}
    assert set(injections()) == {*catalogue, "slow", "connection_failed", *TOOLS}
    assert ak.testing.inject is inject


async def test_an_answer_that_is_slow_waits_and_says_so() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    made = agent()
    plan = Injection(faults=("slow",), seconds=3.0, sleep=sleep)
    outcome = await injecting(made.perform(made.start("go")), plan)(
        ModelStep(trajectory=made.start("go")), None
    )
    assert isinstance(outcome, Answer)
    assert waited == [3.0]
    assert (outcome.exchange.elapsed or 0) >= 3.0


@pytest.mark.parametrize("mode", ["block", "stream"])
@pytest.mark.parametrize("manner", ["openai", "vllm", "sglang"])
def test_what_a_fault_is_not_about_stays_as_it_came(manner: Any, mode: str) -> None:
    def answered(*faults: str) -> Any:
        sampling = {"logprobs": True, "return_token_ids": True}
        with serve(THINKING, manner=manner) as server:
            made = ak.Agent(
                "m",
                tools=TOOLS_OF_SCRIPT,
                server=server.url,
                stream=mode == "stream",
                max_turns=1,
                sampling=sampling,
            )
            made = inject(made, *faults, tool="clock") if faults else made
            return ak.rollout(made, "Weather and time?").turns[0].response

    sound, faulty = answered(), answered("name_unknown")
    assert [call.name for call in sound.tool_calls] == ["get_weather", "clock"]
    assert [call.name for call in faulty.tool_calls] == ["get_weather", "clock_v2"]
    for name in (
        "content",
        "reasoning",
        "finish_reason",
        "usage",
        "logprobs",
        "token_ids",
        "prompt_token_ids",
        "model",
    ):
        assert getattr(faulty, name) == getattr(sound, name), name
    assert [call.id for call in faulty.tool_calls] == [call.id for call in sound.tool_calls]
    assert faulty.exchange.headers == sound.exchange.headers


def test_a_list_of_faults_is_refused_with_what_to_write() -> None:
    with pytest.raises(UsageError, match="a fault is a list") as caught:
        inject(agent(), ["rate_limited"])  # type: ignore[arg-type]
    assert "inject(agent, 'rate_limited', 'tool_error')" in caught.value.hint
