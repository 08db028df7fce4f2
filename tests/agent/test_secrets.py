"""No key gets out: however it was given, wherever it is echoed, in nothing that is made of a
rollout. And nothing else is taken out.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.servers.redaction import known_secrets
from agentkit.servers.redaction.passage import Passage
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.request import Spec
from agentkit.types.wire import Chunk, Exchange
from tests.support.secret_attack import ECHOED, KEY, SEEN, attack, hits, leak, split, ways

WAYS = ways(90)


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put the key into the environment."""
    monkeypatch.setattr(known_secrets, "_met", set())
    monkeypatch.setattr(known_secrets, "_kept", set())
    monkeypatch.setenv("SOME_SERVICE_TOKEN", KEY)
    return KEY


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        pytest.param(*way, marks=[] if i < len(ECHOED) else [pytest.mark.slow], id=" / ".join(way))
        for i, way in enumerate(WAYS)
    ],
)
def test_no_output_holds_a_key(
    given: str, echoed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SEEN.clear()
    found = attack(given, echoed, tmp_path, monkeypatch)
    assert int(found.pop("")[0]) > 25
    assert found == {}
    if "arguments" in echoed:
        assert set(SEEN) == {KEY}  # the tool ran with what the model wrote


def test_a_step_says_once_that_a_secret_was_taken_out(variable: str) -> None:
    server = ScriptedServer([says(f"a {KEY} b {KEY}", calls("leak", how="data")), "done"])
    ran = ak.rollout(ak.Agent("m", [leak], server), "go")
    assert [p.code for p in ran.problems] == ["secret_redacted", "secret_redacted"]
    assert {p.severity for p in ran.problems} == {"info"}
    assert ran.turns[0].tool_results[0].value == {
        "config": {"token": "[redacted]", "list": ["a [redacted] b"]},
        "[redacted]": 1,
    }


def test_the_problem_is_there_again_when_the_file_is_read(variable: str, tmp_path: Path) -> None:
    server = ScriptedServer([says(f"a {KEY}", calls("leak", how="text")), "done"])
    ran = ak.rollout(ak.Agent("m", [leak], server), "go")
    again = ak.load(ak.save(ran, tmp_path / "x.jsonl"))
    assert again == ran
    assert [p.code for p in again.problems] == ["secret_redacted", "secret_redacted"]


def test_what_is_sent_back_is_what_is_shown(variable: str) -> None:
    server = ScriptedServer([says(None, calls("leak", what=KEY)), "done"])
    messages: list[Any] = [{"role": "user", "content": f"use {KEY}"}]
    SEEN.clear()
    loop = ak.AgentLoop(server, tools=[leak], model="m")
    result = asyncio.run(loop.run(messages))
    assert SEEN == [KEY]
    assert result.messages is messages
    assert messages[0] == {"role": "user", "content": "use [redacted]"}
    assert list(hits(json.dumps(messages))) == []
    assert list(server.calls[-1].messages) == messages[:-1]


def test_a_variable_can_be_left_alone(variable: str) -> None:
    server = ScriptedServer([f"it is {KEY}"])
    agent = ak.Agent("m", [leak], server, keep_secrets=["SOME_SERVICE_TOKEN"])
    ran = ak.rollout(agent, f"use {KEY}")
    assert ran.final == f"it is {KEY}"
    assert ran.problems == ()
    for names in ("SOME_SERVICE_TOKEN", 5, [5]):
        with pytest.raises(UsageError, match="keep_secrets"):
            ak.Agent("m", [], server, keep_secrets=names)  # type: ignore[arg-type]


def test_fields_of_the_request_are_sent_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_SERVICE_TOKEN", raising=False)
    server = ScriptedServer(["one", "two"])
    body = {"provider": {"api_key": KEY, "region": "eu"}, "extra_headers": {"X-Tenant": KEY}}
    agent = ak.Agent("m", [], server, extra_body=body)
    dbg = ak.debug(agent, "go")
    dbg.run()
    assert server.calls[0].extra_body == body
    shown = {"provider": {"api_key": "[redacted]", "region": "eu"}}
    assert dbg.trajectory.spec.sampling["extra_body"]["provider"] == shown["provider"]
    dbg.edit(turn=0, sampling={"user": "me", "extra_body": {"api_key": KEY}})
    dbg.run()
    assert server.calls[1].extra_body == {"api_key": KEY}
    assert list(hits(repr(dbg.trajectory.request(0).body))) == []


def test_what_a_person_does_is_clean_and_a_tool_gets_what_was_typed(variable: str) -> None:
    script = [says(None, calls("leak", what="a"), calls("leak", what="b")), "one", "two"]
    dbg = ak.debug(ak.Agent("m", [leak], ScriptedServer(script), system=KEY), f"use {KEY}")
    dbg.step()
    SEEN.clear()
    dbg.pending.change(0, {"what": KEY, "how": "text"})
    dbg.pending.run(0)
    assert SEEN == [KEY]
    dbg.pending.answer(0, {"token": KEY})
    dbg.run()
    dbg.say(f"and {KEY}")
    dbg.run()
    dbg.edit(turn=0, message=f"I say {KEY}")
    texts = [repr(branch.trajectory.messages) for branch in dbg.tree.branches]
    assert [list(hits(text)) for text in texts] == [[]] * len(texts)
    assert all("[redacted]" in text for text in texts)


@given(
    secret=st.text(min_size=16, max_size=24).filter(lambda s: len(s.strip()) > 15),
    around=st.text(max_size=8),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
@settings(max_examples=60)
def test_an_answer_stays_json_and_says_the_same_around_a_secret(
    secret: str, around: str, sizes: list[int]
) -> None:
    redact = Redactor([secret])
    if not redact or redact.spans(around + around) or redact.spans("[redacted]"):
        return
    secrecy = Secrecy()
    secrecy._redact, secrecy._met = redact, -1
    secrecy.renewed = lambda: redact  # type: ignore[method-assign]
    text = around + secret + around
    pieces: list[str] = []
    while text:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[:size])
        text = text[size:]
    events = [json.dumps({"choices": [{"delta": {"content": piece}}]}) for piece in pieces]
    whole = "".join(f"data: {event}\n\n" for event in events)
    for size in (7, len(whole)):
        chunks = tuple(Chunk(at=0.0, text=part) for part in split(whole, size))
        read = secrecy.answer(Spec(), Exchange(status=200, chunks=chunks), 0)
        said = read.response.wire_content if read.response else None
        assert said is not None
        assert secret not in said
        for line in read.exchange.text.split("\n\n")[:-1]:
            json.loads(line.removeprefix("data: "))


def test_a_stream_is_shown_without_the_key_and_with_all_else(variable: str) -> None:
    redact = Redactor([KEY])
    for size in range(1, len(KEY) + 3):
        shown: list[Chunk] = []
        passage = Passage(lambda: redact, shown.append)
        for piece in split(f"it is {KEY}, and {KEY[:5]} is none.", size):
            event = json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]})
            passage(Chunk(at=0.0, text=f"data: {event}\n\n"))
        passage.close()
        text = "".join(chunk.text for chunk in shown)
        said = [json.loads(line[6:]) for line in text.split("\n\n") if line]
        content = "".join(event["choices"][0]["delta"]["content"] for event in said)
        assert list(hits(content)) == []
        assert content.endswith(f"[redacted], and {KEY[:5]} is none.")
        assert content.startswith("it is ")


def test_a_killed_process_leaves_no_key_behind(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, sys, time
        import agentkit as ak
        from tests.servers.http_stub import Answer, HttpServer
        from tests.support.secret_attack import KEY, _events, split

        events = _events([{"content": piece} for piece in split("it is " + KEY + ", see", 3)])
        pieces = [piece for part in split(events, 200) for piece in (part.encode(), 0.05)]
        kind = {"Content-Type": "text/event-stream"}
        with HttpServer(Answer(headers=kind, pieces=[*pieces, 30.0, b"x"])) as http:
            agent = ak.Agent("m", [], ak.Server(http.url, KEY), stream=True)
            ak.rollout(ak.record(agent, sys.argv[1]), "use " + KEY)
        """
    )
    path = tmp_path / "x.jsonl"
    here = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": here}
    )
    try:
        for _ in range(1800):  # a busy machine needs its time to begin
            if path.exists() and path.stat().st_size:
                break
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        process.kill()
        process.wait()
    text = path.read_text()
    assert "use [redacted]" in text
    assert list(hits(text)) == []


def test_a_reward_and_a_command_in_the_log_hold_no_key(
    variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(t: ak.Trajectory) -> float:
        raise ValueError(f"no {KEY}")

    agent = ak.Agent("m", [], ScriptedServer(["one"]))
    (ran,) = ak.rollouts(agent, ["go"], reward=denied, progress=False)
    assert "[redacted]" in ran.meta["reward_exception"]
    assert list(hits(repr(ran.meta))) == []
    schema = {"type": "function", "function": {"name": "terminal", "parameters": {}}}
    caplog.set_level("INFO")
    server = ScriptedServer([says(None, calls("terminal", command=f"login {KEY}")), "done"])
    commands: list[str] = []

    def dispatch(name: str, arguments: dict[str, str]) -> str:
        commands.append(arguments["command"])
        return "in"

    loop = ak.AgentLoop(server, [schema], dispatch=dispatch, model="m")
    asyncio.run(loop.run([{"role": "user", "content": "go"}]))
    assert commands == [f"login {KEY}"]
    assert "$ login [redacted]" in caplog.text
    assert list(hits(caplog.text)) == []


class Login(NamedTuple):
    """What a tool may return."""

    token: str


@dataclass
class Config:
    """What a tool may return within something else."""

    token: str


@pytest.mark.parametrize(
    "make", [Login, lambda key: {"a": [Config(key)]}, lambda key: [Login(key)]]
)
def test_objects_in_what_a_tool_returned_hold_no_key(variable: str, make: Any) -> None:
    def config() -> Any:
        """Give it."""
        return make(KEY)

    server = ScriptedServer([says(None, calls("config")), says("done")])
    t = ak.rollout(ak.Agent("m", tools=[config], server=server), "go")
    (result,) = t.turns[0].results
    assert result is not None
    assert "[redacted]" in result.content
    assert not list(hits(repr(result.value)))
    assert not list(hits(pickle.dumps(t).decode("latin-1")))
