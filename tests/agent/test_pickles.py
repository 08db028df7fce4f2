"""Agents, servers and debuggers in a pickle: with functions by value, and without a key."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer, calls, says, serve
from tests.files.cassette_samples import double
from tests.support.paths import ROOT

KEY = "sk-proj-0123456789abcdefghij"
HERE = "http://localhost:1/v1"


def through(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def closure() -> Callable[..., Any]:
    added = 3

    def add(n: int) -> int:
        """Add three."""
        return n + added

    return add


def agent(server: Any = None, tools: Any = (double,), **options: Any) -> ak.Agent:
    return ak.Agent("m", tools=tools, server=server or ak.Server(HERE), **options)


def test_an_agent_does_the_same_with_closures_and_lambdas_too() -> None:
    lookup = ak.tool(lambda city: f"{city}: cold", name="lookup", description="Look up.")
    script = [says("", calls("add", n=1)), says("", calls("lookup", city="Oslo")), says("done")]
    made = agent(
        ScriptedServer(script),
        [closure(), lookup],
        system="Be short.",
        max_turns=5,
        approve=lambda call: True,
    )
    again = through(made)
    assert (repr(again), again.spec, again.system) == (repr(made), made.spec, made.system)
    rollout = ak.rollout(again, "go")
    assert [r.content for t in rollout.turns for r in t.tool_results] == ["4", "Oslo: cold"]
    assert rollout == ak.rollout(made, "go")


def test_a_pickle_is_opened_by_a_process_that_knows_no_function_of_it(tmp_path: Path) -> None:
    with serve([says("", calls("add", n=4)), says("done")]) as server:
        path = tmp_path / "agent.pickle"
        path.write_bytes(pickle.dumps(agent(server.url, [closure()])))
        code = f"import pickle, agentkit as ak; t = ak.rollout(pickle.load(open({str(path)!r}, 'rb')), 'go'); print(t.turns[0].tool_results[0].content, t.final)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["7", "done"]


def test_a_key_of_the_environment_is_read_again_where_the_pickle_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENTKIT_API_KEY", KEY)
    monkeypatch.setenv("MY_KEY", f"{KEY}-of-mine")
    by_default, chosen = agent(), agent(ak.Server(HERE, f"{KEY}-of-mine"))
    data = [pickle.dumps(by_default), pickle.dumps(chosen)]
    assert not any(KEY.encode() in one for one in data)
    monkeypatch.setenv("AGENTKIT_API_KEY", "sk-another-0123456789abcdef")
    with serve(["yes"], key="sk-another-0123456789abcdef") as server:
        asked = through(agent(server.url))
        assert ak.rollout(asked, "go").final == "yes"
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(UsageError, match="MY_KEY, which is not set here"):
        pickle.loads(data[1])


@pytest.mark.parametrize(
    ("server", "about"),
    [
        (lambda: ak.Server(HERE, KEY), "key of"),
        (lambda: ak.Server(HERE, headers={"Authorization": f"Bearer {KEY}"}), "headers"),
        (lambda: ak.Server(HERE, headers={"X-Mine": KEY}), "headers"),
        (lambda: ak.Server(HERE, params={"api_key": KEY}), "URL"),
        (lambda: ak.Server(f"http://me:{KEY}@localhost:1/v1"), "URL"),
        (lambda: openai.AsyncOpenAI(api_key=KEY), "AsyncOpenAI"),
    ],
)
def test_a_key_that_was_given_goes_along_on_purpose_only(
    server: Callable[[], Any], about: str
) -> None:
    given = server()
    with pytest.raises(UsageError, match=about) as caught:
        pickle.dumps(agent(given))
    assert KEY not in str(caught.value)
    assert caught.value.hint
    if isinstance(given, ak.Server):
        with pytest.raises(UsageError, match=about):
            pickle.dumps(given)


def test_a_key_goes_along_on_purpose() -> None:
    with serve(["yes"], key=KEY) as server:
        again = through(agent(ak.Server(server.url, KEY, pickle_key=True)))
        assert ak.rollout(again, "go").final == "yes"
        assert again.server.pickle_key


def test_a_secret_in_what_a_tool_or_a_request_holds_is_found() -> None:
    ak.Server(HERE, KEY)

    def search(text: str, key: str = KEY) -> str:
        """Search."""
        return text

    with pytest.raises(UsageError, match="the tool 'search' holds a secret"):
        pickle.dumps(agent(tools=[double, search]))
    with pytest.raises(UsageError, match="extra_body"):
        pickle.dumps(agent(extra_body={"api_key": KEY}))


def test_what_cannot_go_is_named(tmp_path: Path) -> None:
    lock = threading.Lock()

    def waits(n: int) -> int:
        """Wait."""
        with lock:
            return n

    with pytest.raises(UsageError, match="the tool 'waits'") as caught:
        pickle.dumps(agent(tools=[double, waits]))
    assert "inside the function" in caught.value.hint
    with pytest.raises(UsageError, match=r"records to 'x\.jsonl'"):
        pickle.dumps(ak.record(agent(), tmp_path / "x.jsonl"))
    with pytest.raises(UsageError, match="approve="):
        pickle.dumps(agent(approve=lambda call: lock.locked()))


def test_settings_of_a_server_stay_as_they_were() -> None:
    made = ak.Server(HERE, profile="vllm", dialect="responses", timeout=3.0, connections=7)
    for again in (through(made), copy.copy(made), copy.deepcopy(made)):
        assert repr(again) == repr(made)
        assert (again.dialect, again.timeout, again.connections) == ("responses", 3.0, 7)
    hidden = copy.copy(ak.Server(HERE, KEY))
    assert hidden.redact(KEY) == "[redacted]"


def test_a_debugger_goes_on_where_it_was() -> None:
    dbg = ak.debug(ak.demo(), meta={"task": 1})
    dbg.step()
    dbg.step()
    dbg.breakpoints.add(ak.break_on.turn(2))
    dbg.breakpoints.add(lambda context: False)
    dbg.breakpoints.turn_off(dbg.breakpoints[1])
    dbg.fork(turn=0)
    dbg.back()
    again = through(dbg)
    assert (repr(again), again.tree, again.replays) == (repr(dbg), dbg.tree, True)
    assert [again.breakpoints.is_on(point) for point in again.breakpoints] == [True, False]
    assert (again.run(), again.stop_at) == (dbg.run(), dbg.stop_at)
    assert again.run() == dbg.run() == ak.rollout(ak.demo(), meta={"task": 1})


@pytest.mark.parametrize("base", [None, ak.demo()])
def test_a_replay_plays_the_same(base: ak.Agent | None) -> None:
    recorded = ak.rollout(ak.demo())
    replay = ak.replay(recorded) if base is None else ak.replay(base, recorded)
    again = through(replay)
    assert ak.rollout(again, None if base is None else recorded.messages[0]["content"]) == recorded
    assert json.dumps(again.rollouts[0].messages) == json.dumps(recorded.messages)
