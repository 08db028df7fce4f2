"""Recording writes a line a step while it happens; a replay is the same rollout again without a
server, a tool or a doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.agent.record.player import replaying
from agentkit.agent.record.recorder import Recorder
from agentkit.errors import ReplayMiss
from agentkit.files.cassette.writer import cassette
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError
from tests.agent.hermes.loop_cases import ECHO, USER, Stub, answer, call
from tests.files.cassette_samples import agent, double, exactly, lines, ran, recorded, steps
from tests.servers.http_stub import COMPLETION, Answer, Asked, HttpServer, sse
from tests.support.loaded import load_one

pytestmark = pytest.mark.usefixtures("spoken")


def test_the_file_grows_by_a_line_a_step(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    dbg = ak.debug(ak.record(agent(), path), "go")
    seen = [steps(path)]
    for _ in range(6):
        dbg.step()
        seen.append(steps(path))
    grown = ["rollout", "model", "tool", "tool", "model", "end", "model", "end"]
    assert seen == [[], *[grown[:n] for n in (2, 3, 4, 6, 8, 8)]]
    head, first = lines(path)[:2]
    assert (head["agentkit"], head["sample"], head["prompt"]) == (
        1,
        0,
        [{"role": "user", "content": "go"}],
    )
    assert head["spec"]["tools"][0]["function"]["name"] == "double"
    assert len(first["request_key"]) == 16
    assert ak.read_response(first["exchange"]["body"]).content == "first"


def test_a_recording_loads_as_what_happened(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    happened = recorded(path)
    loaded = load_one(path)
    assert loaded == happened
    assert exactly(loaded, happened)
    assert (loaded.final, len(loaded.attempts)) == ("done", 1)


@pytest.mark.parametrize("base", [True, False])
def test_a_replay_is_the_same_to_the_last_timestamp_and_runs_no_tool(
    tmp_path: Path, base: bool
) -> None:
    path = tmp_path / "x.jsonl"
    happened = recorded(path)
    before = len(ran)
    playing = ak.replay(agent("never asked"), path) if base else ak.replay(path)
    dbg = ak.debug(playing, "go")
    outcomes = []
    while (outcome := dbg.step()) or dbg.error is not None:
        outcomes.append(type(outcome).__name__)
    assert outcomes == ["Response", "ToolResult", "ToolResult", "Stopped", "Response"]
    assert dbg.trajectory == happened
    assert exactly(dbg.trajectory, happened)
    assert len(ran) == before
    assert ak.debug(playing).run().stop_reason == "error"
    assert ak.debug(playing).trajectory.prompt == happened.prompt


def test_a_replay_needs_no_server(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    tool_call = {
        "id": "c",
        "type": "function",
        "function": {"name": "double", "arguments": '{"n": 4}'},
    }
    message = {"role": "assistant", "content": None, "tool_calls": [tool_call]}
    asks = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    with HttpServer(Answer(asks), Answer(COMPLETION)) as http:
        real = ak.Agent("m", tools=[double], server=http.url, temperature=0.5)
        happened = ak.rollout(ak.record(real, path), "go")
    assert happened.final == "four"
    assert exactly(ak.rollout(ak.replay(real, path), "go"), happened)
    assert exactly(ak.rollout(ak.replay(path)), happened)


def test_no_key_reaches_the_file(tmp_path: Path) -> None:
    path, key = tmp_path / "x.jsonl", "sk-proj-0123456789abcdefghij"

    def echo(asked: Asked) -> Answer:
        body = {
            "error": {
                "message": f"bad key {asked.headers['authorization']}",
                "headers": asked.headers,
            }
        }
        return Answer(body, status=401, headers={"Set-Cookie": f"key={key}", "X-Echo": key})

    with HttpServer(echo) as http:
        failed = ak.rollout(
            ak.record(
                ak.Agent(
                    "m",
                    server=ak.Server(http.url, key, headers={"X-Api-Key": "secret-of-the-header"}),
                ),
                path,
            ),
            "go",
        )
        assert http.requests[0].headers["authorization"] == f"Bearer {key}"
    assert failed.error is not None
    assert failed.error.kind == "auth_failed"
    ak.save(failed, tmp_path / "y.jsonl")
    ak.save(failed, tmp_path / "y.html")
    for file in tmp_path.iterdir():
        text = file.read_text()
        assert len(text) > 100
        assert key not in text
        assert "secret-of-the-header" not in text
        assert "authorization" not in text.lower() or key not in text


def test_streams_are_played_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("fo", "ur")]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    with HttpServer(sse(*events, end, "[DONE]")) as http:
        happened = ak.rollout(ak.record(ak.Agent("m", server=http.url, stream=True), path), "go")
    assert happened.final == "four"
    assert len(happened.turns[0].response.exchange.chunks) >= 2
    assert exactly(ak.rollout(ak.replay(path)), happened)
    pieces = [chunk.text for chunk in load_one(path).turns[0].response.exchange.chunks]
    assert "".join(pieces).count("data:") == 4


# what a replay refuses


def changed_prompt(path: Path) -> Any:
    return ak.rollout(ak.replay(path), "something else")


def changed_tools(path: Path) -> Any:
    return ak.rollout(ak.replay(agent(tools=[double, changed_prompt]), path), "go")


def changed_sampling(path: Path) -> Any:
    return ak.rollout(ak.replay(agent(temperature=0.7), path), "go")


def changed_model(path: Path) -> Any:
    return ak.rollout(
        ak.replay(ak.Agent("other", tools=[double], server=ScriptedServer([])), path), "go"
    )


def changed_history(path: Path) -> Any:
    dbg = ak.debug(ak.replay(path), "go")
    dbg.next()
    dbg.say("one more thing").run()  # plays the request that failed, whatever it was
    return dbg.run()


def gone_on(path: Path) -> Any:
    dbg = ak.debug(ak.replay(path), "go")
    dbg.next()
    while not dbg.trajectory.final:
        dbg.step()
    return dbg.say("and now?").step()


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (changed_prompt, ["no rollout of this prompt", "'go'"]),
        (changed_tools, ["turn 0", "tools", "changed_prompt"]),
        (changed_sampling, ["turn 0", "sampling", "0.7"]),
        (changed_model, ["turn 0", "model", "other"]),
        (changed_history, ["turn 1", "messages", "one more thing"]),
        (gone_on, ["ends before turn 2"]),
    ],
)
def test_a_miss_says_what_differs(
    tmp_path: Path, attempt: Callable[[Path], Any], words: list[str]
) -> None:
    path = tmp_path / "x.jsonl"
    recorded(path)
    before = len(ran)
    with pytest.raises(ReplayMiss) as caught:
        attempt(path)
    assert [word for word in words if word not in str(caught.value)] == []
    assert isinstance(caught.value, LookupError)
    assert len(ran) == before


def test_a_miss_costs_its_step_only(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    recorded(path, says("done"))
    dbg = ak.debug(ak.replay(path), "go")
    dbg.run()
    with pytest.raises(ReplayMiss):
        dbg.say("more").step()
    assert [m["content"] for m in dbg.messages] == ["go", "done", "more"]


# what happens between steps


def test_what_was_said_between_turns_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    dbg = ak.debug(
        ak.record(
            agent(
                says("one"), says(None, calls("double", n=1), calls("double", n=2)), says("three")
            ),
            path,
        ),
        "go",
    )
    dbg.run()
    dbg.say("more").step()
    dbg.step()
    dbg.say("stop that").run()
    loaded = load_one(path)
    assert exactly(loaded, dbg.trajectory)
    assert [r.status for r in loaded.turns[1].tool_results] == ["ok", "cancelled"]
    again = ak.debug(ak.replay(path), "go")
    again.run()
    again.say("more").step()
    again.step()
    again.say("stop that").run()
    assert exactly(again.trajectory, dbg.trajectory)


async def test_a_loop_can_be_recorded_and_replayed_with_its_budget(tmp_path: Path) -> None:
    writer = cassette(tmp_path / "x.jsonl")
    budget = {"default_result_size": 50, "preview_size": 10}

    def loop(wrap: Any) -> ak.AgentLoop:
        server = Stub(answer(None, call("echo")), answer("done"))
        return ak.AgentLoop(
            server,
            [ECHO],
            {"echo"},
            budget_config=budget,
            dispatch=lambda *a, **k: "x" * 80,
            task_id="t",
            wrap=wrap,
        )

    happened = (await loop(lambda perform: Recorder(perform, writer)).run(list(USER))).trajectory
    loaded = load_one(tmp_path / "x.jsonl")
    assert exactly(loaded, happened)
    again = await loop(lambda perform: replaying(loaded)).run(list(USER))
    assert exactly(again.trajectory, happened)
    assert again.messages == happened.messages


# any rollout

texts = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "\ud800",
        "line\u2028break",
        "<think>x</think>y",
        '<tool_call>{"name": "double"}</tool_call>',
    ]
)
wire_calls = st.builds(
    lambda name, arguments, id: {
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **id,
    },
    st.sampled_from(["double", "nope", "", None]),
    st.sampled_from(['{"n": 1}', '{"n": "x"}', "{}", "", None, '{"n": 1', "[1]", "null"])
    | st.dictionaries(st.just("n"), st.integers(-3, 3)),
    st.sampled_from([{}, {"id": "a"}, {"id": None}, {"id": ""}]),
)
replies = st.one_of(
    texts.map(says),
    st.builds(
        lambda text, made, why: says(text, *made, reasoning=why),
        st.none() | texts,
        st.lists(wire_calls, max_size=3),
        st.none() | texts,
    ),
    st.sampled_from(
        [
            ConnectionError("gone"),
            ApiError(kind="timeout", message="slow"),
            (500, "broken"),
            (200, "<html>"),
            (200, ""),
        ]
    ),
)
doings = st.lists(st.sampled_from(["step", "step", "step", "next", "say"]), min_size=1, max_size=12)


def do(dbg: ak.Debugger, doings: list[str]) -> Trajectory:
    for doing in doings:
        if doing == "say":
            dbg.say("go on")
        else:
            getattr(dbg, doing)()
    return dbg.trajectory


@given(st.lists(replies, min_size=1, max_size=6), doings, st.booleans())
def test_any_rollout_loads_and_replays_as_it_happened(
    tmp_path_factory: pytest.TempPathFactory, script: list[Any], doings: list[str], parallel: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.jsonl"
    happened = do(
        ak.debug(ak.record(agent(*script, parallel_tools=parallel), path), "go"), [*doings, "next"]
    )
    loaded = load_one(path)
    assert exactly(loaded, happened)
    assert loaded == happened
    assert exactly(do(ak.debug(ak.replay(path)), [*doings, "next"]), happened)
    ak.save(happened, path)
    assert exactly(load_one(path), happened)


def test_a_text_finds_what_was_recorded_behind_a_system_message(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    agent = ak.Agent("m", server=ScriptedServer([says("hello")]), system="Be brief.")
    ak.rollout(ak.record(agent, path), "hi")
    again = ak.rollout(ak.replay(path), "hi")
    assert again.final == "hello"
    assert [message.role for message in again.prompt] == ["system", "user"]
