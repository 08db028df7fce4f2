"""Any rollout, whatever is done to it and whatever goes wrong: what was recorded loads as it
happened, and is played as it happened.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.agent.engine import Engine
from agentkit.agent.event_loop import run
from agentkit.testing import says
from agentkit.testing.injection.inject import inject, injections
from agentkit.trajectory.loop import apply, resume, rewrite, say
from agentkit.types.steps import Result
from agentkit.types.trajectory import Message, OpenTurn, ToolResult, Trajectory
from agentkit.types.wire import ApiError, Chunk, Exchange
from tests.files.cassette_samples import agent, exactly, recorded
from tests.support.examples import examples
from tests.support.loaded import load_one

texts = st.text(max_size=8) | st.sampled_from(
    ["", "\ud800", "a\u2028b", "<think>x</think>y", "\x00"]
)
wire_calls = st.builds(
    lambda name, arguments, id: {
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **id,
    },
    st.sampled_from(["double", "double", "nope"]),
    st.sampled_from(['{"n": 1}', '{"n": 2}', "{}", '{"n": 1', "[1]"]),
    st.sampled_from([{}, {"id": "a"}, {"id": ""}]),
)
blocks = st.builds(
    lambda text, made: says(text, *made), st.none() | texts, st.lists(wire_calls, max_size=3)
)


def streamed(words: list[str], calls: list[dict[str, Any]], cut: int, broken: bool) -> Exchange:
    """A streamed answer in pieces of odd lengths; broken off where it is to be."""
    deltas: list[dict[str, Any]] = [{"content": word} for word in words]
    deltas += [{"tool_calls": [{"index": i, **call}]} for i, call in enumerate(calls)]
    events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append(
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}]}
    )
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    pieces = [text[i : i + cut] for i in range(0, len(text), cut)]
    error = ApiError(kind="connection_reset", message="gone", retryable=True) if broken else None
    kept = pieces[: len(pieces) // 2] if broken else pieces
    chunks = tuple(Chunk(at=0.01 * (i + 1), text=piece) for i, piece in enumerate(kept))
    return Exchange(status=200, chunks=chunks, transport_error=error, started=1.0, elapsed=0.5)


streams = st.builds(
    streamed,
    st.lists(texts.filter(str.isprintable), max_size=4),
    st.lists(wire_calls, max_size=2),
    st.integers(5, 60),
    st.booleans(),
)
failures = st.sampled_from(
    [
        ConnectionError("gone"),
        ApiError(kind="timeout", message="slow"),
        (500, "broken"),
        (429, '{"error": {"message": "rate limit"}}'),
        (200, "<html>"),
        (200, ""),
    ]
)
scripts = st.lists(st.one_of(blocks, streams, failures), min_size=1, max_size=6)
operations = st.lists(
    st.one_of(
        st.sampled_from([("step",), ("step",), ("turn",), ("run",)]),
        st.tuples(st.just("say"), texts.filter(str.strip)),
        st.tuples(st.just("keep"), st.integers(0, 3), texts.filter(str.strip)),
        st.tuples(st.just("answer"), texts),
        st.tuples(st.just("sample"), st.floats(0, 2)),
    ),
    min_size=1,
    max_size=9,
)


def done(engine: Engine, operations: list[Any]) -> Trajectory:
    """The trajectory after these, each of them something a person can do between two steps."""
    for operation in [*operations, ("step",), ("run",)]:
        t = engine.trajectory
        match operation:
            case ("step",):
                run(engine.step())
            case ("turn",):
                run(engine.next())
            case ("run",):
                run(engine.run())
            case ("say", text):
                engine.trajectory = say(t, text)
            case ("keep", count, text) if not t.pending:
                engine.trajectory = rewrite(
                    t, count, (Message(wire={"role": "user", "content": text}),)
                )
            case ("answer", text) if t.pending:
                call = t.pending[0]
                result = ToolResult(call_id=call.id, name=call.name, status="edited", content=text)
                engine.trajectory = apply(t, Result(position=call.position, result=result))
            case ("sample", temperature) if not t.pending and t.stop_reason in (None, "error"):
                engine.trajectory = replace(
                    resume(t),
                    open=replace(t.open or OpenTurn(), sampling={"temperature": temperature}),
                )
    return engine.trajectory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(
    scripts, operations, st.booleans(), st.sampled_from([None, *injections()]), st.integers(0, 3)
)
def test_any_rollout_is_loaded_and_replayed_to_the_last_piece(
    folder: Path,
    script: list[Any],
    operations: list[Any],
    parallel: bool,
    fault: str | None,
    seed: int,
) -> None:
    path = folder / "x.jsonl"
    path.unlink(missing_ok=True)
    made = agent(*script, parallel_tools=parallel, retries=0, max_turns=8)
    if fault is not None:
        made = inject(made, fault, rate=0.5, seed=seed, seconds=0)
    recording = ak.record(made, path)
    happened = done(recording.engine(recording.start("go")), operations)
    loaded = load_one(path)
    assert exactly(loaded, happened)
    assert loaded == happened
    heard: list[Chunk] = []
    playing = ak.replay(path)
    again = done(playing.engine(playing.start(), emit=heard.append), operations)
    assert exactly(again, happened)
    assert again == happened
    turns = [
        [a.exchange for a in happened.attempts if a.turn == index]
        for index in range(len(happened.all_turns) + 1)
    ]
    for turn in happened.all_turns:
        turns[turn.index].append(turn.response.exchange)
    assert heard == [chunk for asked in turns for exchange in asked for chunk in exchange.chunks]
    (entry,) = ak.cassette.index(path)
    assert (entry.turns, entry.stop_reason) == (len(happened.all_turns), happened.stop_reason)
    assert "request_key_differs" not in ak.cassette.doctor(path).codes
    assert not {"lines_do_not_fit", "line_torn", "step_unknown"} & set(
        ak.cassette.doctor(path).codes
    )


@given(scripts, st.lists(st.sampled_from(["step", "turn", "back", "edit"]), min_size=2, max_size=9))
def test_a_past_that_is_edited_begins_a_rollout_of_its_own(
    folder: Path, script: list[Any], doings: list[str]
) -> None:
    path = folder / "y.jsonl"
    path.unlink(missing_ok=True)
    recording = ak.record(agent(*script, retries=0, max_turns=8), path)
    engine = recording.engine(recording.start("go"))
    for doing in [*doings, "step"]:
        t = engine.trajectory
        if doing == "back" and t.turns:
            kept = t.turns[:-1]
            engine.trajectory = replace(
                t,
                turns=kept,
                open=None,
                stop_reason=None,
                error=None,
                attempts=tuple(a for a in t.attempts if a.turn <= len(kept)),
            )
        elif doing == "edit" and t.turns and t.turns[-1].tool_results:
            turn = t.turns[-1]
            results = tuple(
                r and replace(r, content="changed", status="edited") for r in turn.results
            )
            engine.trajectory = replace(
                t, turns=(*t.turns[:-1], replace(turn, results=results)), stop_reason=None
            )
        elif doing == "turn":
            run(engine.next())
        else:
            run(engine.step())
    if (
        engine.trajectory.stop_reason is None
        and engine.trajectory.turns == ()
        and not path.exists()
    ):
        return
    run(engine.run())
    rollouts = list(ak.cassette.open(path))
    assert any(exactly(t, engine.trajectory) for t in rollouts), [t.summary() for t in rollouts]
    assert ak.cassette.doctor(path).codes.count("lines_do_not_fit") == 0


# times


async def test_a_replay_takes_the_recorded_time_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    happened = recorded(
        path,
        streamed(
            ["a", "b"],
            [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "double", "arguments": '{"n": 1}'},
                }
            ],
            30,
            False,
        ),
        says("done"),
    )
    loop = asyncio.get_running_loop()
    for speed, least, most in ((None, 0.0, 0.5), (20.0, 0.02, 1.0), (1.0, 0.5, 3.0)):
        playing = ak.replay(path, speed=speed)
        times: list[float] = []
        began = loop.time()

        def note(chunk: ak.Chunk, times: list[float] = times, began: float = began) -> None:
            times.append(loop.time() - began)

        engine = playing.engine(playing.start("go"), emit=note)
        await engine.run()
        assert exactly(engine.trajectory, happened)
        assert least <= loop.time() - began < most, speed
        assert len(times) == len(happened.turns[0].response.exchange.chunks)
        if speed == 1.0:
            assert all(
                got >= chunk.at - 0.005
                for got, chunk in zip(
                    times, happened.turns[0].response.exchange.chunks, strict=True
                )
            )
    with pytest.raises(ak.AgentkitError):
        ak.replay(path, speed=0)


def test_a_call_out_of_its_order_is_a_miss_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recorded(
        path,
        says(
            None,
            *(
                {
                    "type": "function",
                    "function": {"name": "double", "arguments": json.dumps({"n": n})},
                }
                for n in (1, 2)
            ),
        ),
        says("done"),
    )
    other = says(
        None,
        *(
            {"type": "function", "function": {"name": "double", "arguments": json.dumps({"n": n})}}
            for n in (2, 1)
        ),
    )
    swapped = agent(other, says("done"))
    begun = ak.debug(swapped, "go")
    begun.step()
    engine = ak.replay(path).engine(begun.trajectory)
    with pytest.raises(
        ak.AgentkitError, match=r"recorded as call 1 of turn 0, so the order differs"
    ):
        run(engine.step())


def test_a_prompt_that_is_nearly_the_same_is_shown_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recorded(path, says("done"), prompt="Do I need a coat in Oslo?")
    with pytest.raises(ak.AgentkitError) as caught:
        ak.rollout(ak.replay(path), "Do I need a coat in Rome?")
    error_text = str(caught.value)
    assert '-  "content": "Do I need a coat in Oslo?"' in error_text
    assert '+  "content": "Do I need a coat in Rome?"' in error_text
    both = ak.replay(agent(temperature=0.3, tools=()), path)
    with pytest.raises(ak.AgentkitError, match="with other tools and sampling than were recorded"):
        ak.rollout(both, "Do I need a coat in Oslo?")
