"""Tools of a real MCP server, over pipes and over HTTP, in rollouts of every kind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.tools.mcp.server_tools import McpTools
from agentkit.errors import NotFound, Unreachable, UsageError
from agentkit.testing import ScriptedServer, by_turn, calls, says

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, str(Path(__file__).with_name("weather_server.py"))]
ODD = "weather.get/now:v1 ü"
KEY = "zq8Lm27PwXy41RtBnV0c"


class WebServer:
    """The server of these tests, behind a port."""

    def __init__(self, *options: str) -> None:
        command = [*PROGRAM, "http", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def piped() -> Iterator[McpTools]:
    with ak.mcp(PROGRAM) as tools:
        yield tools


@pytest.fixture(params=["pipes", "http"])
def tools(request: pytest.FixtureRequest) -> Iterator[McpTools]:
    """The tools of a server of the test's own."""
    if request.param == "pipes":
        with ak.mcp(PROGRAM) as made:
            yield made
        return
    server = request.getfixturevalue("web")
    with ak.mcp(server.url) as made:
        yield made


def agent(tools: Any, *asked: dict[str, Any], **options: Any) -> ak.Agent:
    """An agent whose model makes these calls, and then ends well."""
    script = by_turn(says(None, *asked), says("done"))
    return ak.Agent("m", tools=[*tools], server=ScriptedServer(script), **options)


def result(tools: Any, name: str, /, **arguments: Any) -> ak.ToolResult:
    """What comes of one call in a rollout."""
    (turn, *_) = ak.rollout(agent(tools, calls(name, **arguments)), "go").turns
    return turn.tool_results[0]


def until(reached: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for what comes by itself."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_debugger_steps_through_calls(tools: McpTools) -> None:
    dbg = ak.debug(agent([*tools], calls("add", a=1, b=2), calls("add", a=3, b=4)), "go")
    dbg.step()
    dbg.step()
    assert dbg.trajectory.pending
    dbg.run()
    found = dbg.trajectory.turns[0].tool_results
    assert [(r.status, r.content) for r in found] == [("ok", "3"), ("ok", "7")]


async def test_a_synchronous_run_works_where_a_loop_is_running(piped: McpTools) -> None:
    dbg = ak.debug(agent(piped, calls("add", a=1, b=2)), "go")
    dbg.run()
    assert dbg.trajectory.turns[0].tool_results[0].content == "3"
    assert await piped["add"](a=2, b=2) == "4"


async def test_many_rollouts_share_a_session(tools: McpTools) -> None:
    made = agent(tools, *(calls("add", a=n, b=1) for n in range(4)))
    found = await ak.rollouts_async(made, ["go"], n=16, concurrency=16)
    contents = [[r.content for r in t.turns[0].tool_results] for t in found]
    assert contents == [["1", "2", "3", "4"]] * 16


def test_names_and_schemas_are_taken_over(piped: McpTools) -> None:
    sent = piped[ODD]
    assert sent.name == "weather_get_now_v1___2"  # the shorter one is another tool's own
    assert sent.schema["function"]["description"] == "Give the weather of a city."
    assert sent.parameters["required"] == ["city"]
    assert result(piped, sent.name, city="Oslo").value == {"city": "Oslo", "temp_c": -3, "days": 1}
    assert result(piped, "weather_get_now_v1__").content == "the other one"
    with pytest.raises(NotFound, match="no tool"):
        piped["ad"]
    assert piped[2].name == "add"
    assert [tool.name for tool in piped[2:3]] == ["add"]


def test_structured_content_is_the_value(piped: McpTools) -> None:
    found = result(piped, piped[ODD].name, city="Oslo")
    assert json.loads(found.content) == found.value
    assert found.conversion == "json"
    plain = result(piped, "add", a=1, b=1)
    assert (plain.content, plain.value) == ("2", None)


def test_an_error_of_the_tool_is_an_error_result(piped: McpTools) -> None:
    found = result(piped, "refuse", reason="closed")
    assert (found.status, found.error) == ("error", "no: closed")
    assert "no: closed" in found.content
    assert found.printed == "refusing: closed\n"
    assert "refusing: closed" in piped.stderr["weather_server.py"]
    wrong = result(piped, "add", a="one", b=1)
    assert wrong.status in ("error", "invalid_call")


def test_what_a_server_prints_among_its_messages_harms_nothing(piped: McpTools) -> None:
    assert result(piped, "loud").content == "printed"


def test_a_call_that_takes_too_long_is_given_up(tools: McpTools) -> None:
    made = agent(tools, calls("wait", seconds=60), tool_timeout=0.3)
    (found,) = ak.rollout(made, "go").turns[0].tool_results
    assert found.status == "timeout"
    assert result(tools, "add", a=1, b=1).content == "2"


def test_a_session_has_a_time_out_of_its_own() -> None:
    with ak.mcp(PROGRAM, timeout=30) as tools:
        tools["wait"].function.server.connection.seconds = 0.3  # type: ignore[attr-defined]
        found = result(tools, "wait", seconds=60)
        assert (found.status, "did not answer in 0.3 s" in str(found.error)) == ("timeout", True)
        assert result(tools, "add", a=1, b=1).content == "2"


def test_a_changed_list_is_noticed(tools: McpTools, caplog: pytest.LogCaptureFixture) -> None:
    old = agent(tools, calls("loud"))
    assert result(tools, "change").content == "changed"
    until(lambda: tools.changes)
    assert list(tools.changes.values()) == [("+ late, - loud",)]
    assert "+ late, - loud" in caplog.text
    names = [tool.name for tool in tools]
    assert ("late" in names, "loud" in names) == (True, False)
    assert result(tools, "late", x=2).content == "late 2"
    (gone,) = ak.rollout(old, "go").turns[0].tool_results
    assert gone.status == "error"
    assert "other tools" in str(gone.error)


@pytest.mark.parametrize("manner", ["pipes", "http"])
def test_a_server_of_the_protocol_of_2026(manner: str) -> None:
    server = WebServer("new") if manner == "http" else None
    try:
        with ak.mcp(server.url if server else [*PROGRAM, "new"]) as tools:
            assert result(tools, "add", a=1, b=1).content == "2"
            assert result(tools, "change").content == "changed"
            until(lambda: tools.changes)
            assert result(tools, "late", x=2).content == "late 2"
    finally:
        if server:
            server.close()


def test_a_program_that_dies_is_an_error_at_once_and_each_time(piped: McpTools) -> None:
    with ak.mcp(PROGRAM) as tools:
        died = result(tools, "die")
        assert died.status == "error"
        assert "is not reached" in str(died.error)
        assert "about to die" in died.printed
        for _ in range(3):
            again = result(tools, "add", a=1, b=1)
            assert (again.status, again.traceback) == ("error", None)
        assert result(piped, "add", a=1, b=1).content == "2"  # another session is not touched
        tools.restart()
        assert result(tools, "add", a=1, b=1).content == "2"


def test_a_web_server_that_dies_is_an_error_until_it_is_back(web: WebServer) -> None:
    with ak.mcp(web.url, timeout=20) as tools:
        assert result(tools, "die").status == "error"
        web.process.wait()
        for _ in range(3):
            assert "is not reached" in str(result(tools, "add", a=1, b=1).error)
        back = WebServer(str(web.port))
        try:
            assert result(tools, "add", a=1, b=1).content == "2"
        finally:
            back.close()


def test_a_web_server_that_was_started_anew_gets_a_new_session(web: WebServer) -> None:
    with ak.mcp(web.url, timeout=20) as tools:
        assert result(tools, "add", a=1, b=1).content == "2"
        web.process.kill()
        web.process.wait()
        back = WebServer(str(web.port))
        try:
            made = agent(tools, *(calls("add", a=n, b=1) for n in range(4)))
            found = ak.rollout(made, "go").turns[0].tool_results
            assert [r.content for r in found] == ["1", "2", "3", "4"]
        finally:
            back.close()


class Refusing(BaseHTTPRequestHandler):
    """Answers each request with what the path names: a status."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(int(self.path[1:4]))
        self.send_header("content-type", "text/html")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("status", "hint"), [(401, "Bearer"), (404, "URL"), (200, "URL")])
def test_a_web_server_that_refuses_says_what_to_do(status: int, hint: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            with pytest.raises(Unreachable) as raised:
                ak.mcp(f"http://127.0.0.1:{server.server_port}/{status}?api_key={KEY}")
        finally:
            server.shutdown()
            serving.join()
    assert hint in raised.value.hint
    assert KEY not in str(raised.value)


def test_a_web_server_that_falls_silent_runs_into_the_time_out(web: WebServer) -> None:
    with ak.mcp(web.url, timeout=20) as tools:
        tools["add"].function.server.connection.seconds = 0.5  # type: ignore[attr-defined]
        os.kill(web.process.pid, signal.SIGSTOP)
        try:
            assert [result(tools, "add", a=1, b=1).status for _ in range(2)] == ["timeout"] * 2
        finally:
            os.kill(web.process.pid, signal.SIGCONT)
        tools["add"].function.server.connection.seconds = 20  # type: ignore[attr-defined]
        assert result(tools, "add", a=1, b=1).content == "2"


def test_what_does_not_start_says_why() -> None:
    with pytest.raises(Unreachable, match="there is no program 'no-such-program'") as raised:
        ak.mcp("no-such-program --x")
    assert raised.value.hint
    with pytest.raises(Unreachable, match="the port is taken"):
        ak.mcp([sys.executable, "-c", "import sys; sys.exit('the port is taken')"])
    with pytest.raises(Unreachable, match="did not answer in"):
        ak.mcp([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="is not reached") as raised:
            ak.mcp(f"http://127.0.0.1:{taken.getsockname()[1]}/mcp")
        assert "URL" in raised.value.hint


def test_a_configuration_gives_the_tools_of_all_its_servers(
    tmp_path: Path, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    program = {"command": PROGRAM[0], "args": PROGRAM[1:], "env": {"WEATHER": "${MY_KEY}"}}
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"mcpServers": {"here": program, "there": {"url": web.url}}}))
    with ak.mcp(path) as tools:
        names = [tool.name for tool in tools]
        assert {"add", "add_2", "variable", "variable_2"} <= set(names)
        assert len(names) == len(set(names))
        assert result(tools, "add_2", a=1, b=1).content == "2"
        record = tmp_path / "x.jsonl"
        made = ak.record(agent(tools, calls("variable", name="WEATHER")), record)
        (found,) = ak.rollout(made, "go").turns[0].tool_results
        assert (found.content, found.redacted) == ("[redacted]", True)
        assert KEY not in record.read_text()
    path.write_text(json.dumps({"servers": {"here": program, "broken": {"command": "no-such"}}}))
    before = threading.active_count()
    with pytest.raises(Unreachable, match="'broken'"):
        ak.mcp(str(path))
    assert threading.active_count() <= before


def test_a_replay_needs_no_server(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with ak.mcp(PROGRAM) as tools:
        asked = [calls("drawn"), calls("add", a=1, b=2), calls("refuse", reason="no")]
        recorded = ak.rollout(ak.record(agent(tools, *asked), path), "go")
    replayed = ak.rollout(ak.replay(path), "go")
    assert replayed == recorded
    assert [r.status for r in replayed.turns[0].tool_results] == ["ok", "ok", "error"]
    assert replayed.turns[0].tool_results[0].value == recorded.turns[0].tool_results[0].value


def test_a_session_ends_with_its_block_and_with_its_last_tool() -> None:
    threads = threading.active_count()
    with ak.mcp(PROGRAM) as tools:
        add = tools["add"]
        pid = int(result(tools, "variable", name="PID_OF_SERVER").content)
    assert threading.active_count() == threads
    until(lambda: not Path(f"/proc/{pid}").exists())
    closed = result([add], "add", a=1, b=1)
    assert (closed.status, "is closed" in str(closed.error)) == ("error", True)
    tools = ak.mcp(PROGRAM)
    made = agent(tools, calls("add", a=1, b=1))
    del tools, add
    gc.collect()
    assert ak.rollout(made, "go").turns[0].tool_results[0].content == "2"
    del made
    gc.collect()
    until(lambda: threading.active_count() == threads)


def test_a_process_that_ends_leaves_no_program_behind() -> None:
    code = f"""
import agentkit as ak, asyncio
tools = ak.mcp({PROGRAM!r})
print(asyncio.run(tools["variable"](name="PID_OF_SERVER")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    until(lambda: not Path(f"/proc/{int(done.stdout)}").exists())


def test_a_tool_says_why_it_does_not_pickle(piped: McpTools) -> None:
    for one in (piped, piped["add"]):
        with pytest.raises(UsageError, match="cannot be pickled"):
            pickle.dumps(one)
    happened = ak.rollout(agent(piped, calls("add", a=1, b=2)), "go")
    assert pickle.loads(pickle.dumps(happened)) == happened


async def test_a_call_that_is_cancelled_leaves_the_session_usable(piped: McpTools) -> None:
    waiting = asyncio.create_task(piped["wait"](seconds=60))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await piped["add"](a=1, b=1) == "2"
    with pytest.raises(UsageError, match="no: shut"):
        await piped["refuse"](reason="shut")
