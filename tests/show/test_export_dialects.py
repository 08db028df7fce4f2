"""Exports of rollouts in each dialect, run for real against the reference server: it is asked what
the rollout asked, and what it answers is read as what was recorded. Its answers are constructed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import nbformat
import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.show.export.exported_call import model_call
from agentkit.testing import ReferenceServer, by_turn, calls, says, serve
from agentkit.types.answer import Dialect
from agentkit.types.request import Request
from agentkit.types.wire import Exchange
from tests.servers.http_stub import Answer, HttpServer
from tests.show.export_samples import run_python, run_shell
from tests.show.test_export_offline import run_pytest
from tests.support.dialect_answers import DIALECTS, NATIVE, agent, answer
from tests.support.paths import CORPUS

Manner = Literal["openai", "anthropic", "vllm", "sglang"]
SPOKEN: list[tuple[Manner, Dialect, bool]] = [
    ("vllm", "chat", True),
    ("vllm", "responses", False),
    ("vllm", "responses", True),
    ("openai", "responses", True),
    ("sglang", "responses", False),
    ("vllm", "messages", False),
    ("vllm", "messages", True),
    ("anthropic", "messages", True),
]
each = pytest.mark.parametrize(("manner", "dialect", "stream"), SPOKEN)


def get_weather(city: str) -> dict[str, Any]:
    """Current weather of a city."""
    return {"city": city, "temp_c": -3}


def looks(text: str = "I look.") -> Any:
    first = says(text, calls("get_weather", city="Oslo"), reasoning="Where is that?")
    return by_turn(first, says("It is cold."))


@contextmanager
def served(
    manner: Manner, dialect: Dialect, stream: bool, *faults: str, **more: Any
) -> Iterator[tuple[ReferenceServer, ak.Trajectory]]:
    """A server that is asked, and the rollout of two turns that it answered."""
    with serve(more.pop("script", looks()), manner, faults, **more) as server:
        asks = ak.Agent(
            "m",
            [get_weather],
            server.url,
            dialect=dialect,
            stream=stream,
            max_tokens=300,
            temperature=0.5,
            sampling={"tool_choice": "auto"},
        )
        system = {"role": "system", "content": "Be brief."}
        asked = {"role": "user", "content": "Do I need a coat in Oslo?"}
        yield server, ak.rollout(asks, [system, asked])


def reading(text: str, trajectory: ak.Trajectory, turn: int) -> list[Any]:
    exchange = Exchange(status=200, body=text)
    return [ak.read_response(exchange, turn=turn), trajectory.turns[turn].response]


@each
@pytest.mark.parametrize("turn", [0, 1])
def test_curl_asks_the_same(
    manner: Manner, dialect: Dialect, stream: bool, turn: int, tmp_path: Path
) -> None:
    with served(manner, dialect, stream) as (server, rollout):
        asked = server.asked[turn]
        done = run_shell(ak.export.curl(rollout, turn), tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        again = server.asked[-1]
        assert (again.path, again.json) == (asked.path, asked.json)
        read, was = reading(done.stdout, rollout, turn)
        assert (read.content, read.reasoning, read.finish_reason, read.dialect) == (
            was.content,
            was.reasoning,
            was.finish_reason,
            dialect,
        )
        assert [(c.name, c.arguments) for c in read.tool_calls] == [
            (c.name, c.arguments) for c in was.tool_calls
        ]


@pytest.mark.slow
@each
@pytest.mark.parametrize("turn", [0, 1])
def test_the_script_asks_the_same(
    manner: Manner, dialect: Dialect, stream: bool, turn: int
) -> None:
    with served(manner, dialect, stream) as (server, rollout):
        asked = server.asked[turn]
        script = ak.export.python(rollout, turn)
        printed = run_python(script)
        again = server.asked[-1]
        assert (again.path, again.json) == (asked.path, asked.json)
        package = "anthropic" if dialect == "messages" else "openai"
        assert f"from {package} import" in script
        whole = printed.splitlines() if stream else [printed]
        assert all(isinstance(json.loads(text), dict) for text in whole)
        assert "It is cold" in "".join(printed) if turn and not stream else True


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_keys_go_where_the_servers_look(
    dialect: Dialect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTKIT_API_KEY", "of-the-shell")
    rollout = ak.rollout(agent(dialect, [answer(dialect, 1, "Yes.")]), "go")
    with HttpServer(lambda asked: Answer(answer(dialect, 1, "Yes."))) as server:
        script = ak.export.curl(rollout, server=server.url)
        run_shell(script, tmp_path, AGENTKIT_API_KEY="of-the-shell")
        run_python(ak.export.python(rollout, server=server.url))
        for asked in server.requests:
            assert asked.headers["authorization"] == "Bearer of-the-shell"
            if dialect == "messages":
                assert asked.headers["x-api-key"] == "of-the-shell"
                assert asked.headers["anthropic-version"]


def test_addresses_of_each_dialect() -> None:
    def curl(server: str, dialect: Dialect) -> str:
        request = Request(model="m", messages=({"role": "user", "content": "hi"},), dialect=dialect)
        return ak.export.curl(request, server=server)

    anthropic = curl("https://api.anthropic.com", "messages")
    assert "'https://api.anthropic.com/v1/messages'" in anthropic
    assert '-H "x-api-key: $ANTHROPIC_API_KEY"' in anthropic
    assert "Authorization" not in anthropic
    assert "'https://api.openai.com/v1/responses'" in curl("https://api.openai.com/v1", "responses")
    assert "'http://gpu:8000/v1/messages'" in curl("http://gpu:8000/v1", "messages")
    azure = curl("https://x.openai.azure.com/openai/v1", "responses")
    assert "/openai/v1/responses'" in azure
    assert '"api-key: $AZURE_OPENAI_API_KEY"' in azure


@pytest.mark.parametrize("dialect", NATIVE)
def test_without_an_address_the_environment_says_where(dialect: Dialect, tmp_path: Path) -> None:
    asks = agent(dialect, [answer(dialect, 1, "Yes.")])
    rollout = ak.rollout(asks, "go")
    script = ak.export.curl(rollout)
    name = "ANTHROPIC_BASE_URL" if dialect == "messages" else "OPENAI_BASE_URL"
    assert f"set {name}" in script
    assert f"the address: {name}" in ak.export.python(rollout)
    with serve(["Yes."], manner="vllm") as server:
        base = server.url.removesuffix("/v1") if dialect == "messages" else server.url
        assert "Yes." in run_shell(script, tmp_path, **{name: base}).stdout


def test_the_path_of_a_server_that_has_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anthropic's client adds /v1 itself."""
    with serve(["Yes."], manner="vllm") as server:
        rollout = ak.rollout(ak.Agent("m", server=server.url, dialect="messages"), "go")
        other = server.url.removesuffix("/v1") + "/v2"
        script = ak.export.python(rollout, server=other)
        assert f'client.post("{other}/messages"' in script
        with pytest.raises(Exception, match="404"):
            run_python(script)
        assert server.asked[-1].path == "/v2/messages"


@pytest.mark.slow
def test_exported_tests_pass_offline_and_against_the_server(tmp_path: Path) -> None:
    """The live half asks the server itself: the same answer, in the same dialect."""
    kept = []
    for index, (manner, dialect, stream) in enumerate(SPOKEN):
        with served(manner, dialect, stream) as (_, rollout):
            for turn in (0, 1):
                path = tmp_path / manner / f"test_{index}_{turn}.py"
                path.parent.mkdir(exist_ok=True)
                ak.export.pytest(rollout, turn).save(path)
                kept.append(path)
    assert f"{len(kept)} passed, {len(kept)} skipped" in run_pytest(tmp_path).stdout
    for manner in dict.fromkeys(manner for manner, _, _ in SPOKEN):
        with serve(looks(), manner) as server:
            done = run_pytest(tmp_path / manner, AGENTKIT_LIVE=server.url)
            assert done.returncode == 0, done.stdout[-3000:]
            assert "skipped" not in done.stdout


@pytest.mark.slow
def test_exported_notebooks_pass_as_they_are(tmp_path: Path) -> None:
    for dialect in NATIVE:
        with served("vllm", dialect, True) as (_, rollout):
            path = ak.export.notebook(rollout, 0).save(tmp_path / f"book_{dialect}.ipynb")
        nbformat.validate(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    done = run_pytest(tmp_path, "-p", "nbval.plugin", "--nbval", "--nbval-current-env")
    assert done.returncode == 0, done.stdout[-3000:]


@each
def test_a_report_is_of_its_dialect(manner: Manner, dialect: Dialect, stream: bool) -> None:
    with served(manner, dialect, stream, "markup_leak", turn=1) as (_, rollout):
        report = ak.export.issue(rollout, 1)
        assert "markup_leak" in report
        assert f"dialect: {dialect}" in report
        assert f"{'anthropic' if dialect == 'messages' else 'openai'}: " in report
        assert str(ak.export.curl(rollout, 1)).rstrip() in report


@pytest.mark.parametrize("dialect", NATIVE)
def test_what_was_refused_is_exported_as_what_it_is(dialect: Dialect, tmp_path: Path) -> None:
    with served("vllm", dialect, False, "context_length_exceeded") as (_, rollout):
        assert rollout.error is not None
        assert "context_length_exceeded" in ak.export.issue(rollout)
        assert "context_length_exceeded" in ak.export.pytest(rollout)
        assert "maximum context length" in run_shell(ak.export.curl(rollout), tmp_path).stdout


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_smallest_request_still_shows_it(
    dialect: Dialect, stream: bool, tmp_path: Path
) -> None:
    def leaks(messages: list[dict[str, Any]]) -> Any:
        said = json.dumps(messages)
        if "tool" not in [m["role"] for m in messages]:
            return says("I look.", calls("get_weather", city="Oslo"), reasoning="Where is that?")
        return says("Cold.<|im_end|>" if "Oslo" in said and "temp_c" in said else "fine")

    with served("vllm", dialect, stream, script=leaks) as (server, rollout):
        asked = len(server.asked)
        small = ak.export.shrink(rollout, "markup_leak", limit=2000, progress=None)
        assert len(server.asked) == asked + small.asks
        assert small.size_after < 0.6 * small.size_before
        assert small.request.dialect == dialect
        assert small.response is not None
        assert small.response.dialect == dialect
        body = small.request.body
        assert "tools" not in body
        assert "temperature" not in body
        assert "Be brief." not in json.dumps(body)
        sent = [json.dumps(a.json, sort_keys=True) for a in server.asked[asked:]]
        assert len(set(sent)) == len(sent), "no request is asked twice"
        assert "<|im_end|>" in run_shell(ak.export.curl(small), tmp_path).stdout
        again = dict(server.asked[-1].json)
        again.pop("stream_options", None)
        assert again == body


def test_thoughts_items_and_calls_are_left_out_one_by_one() -> None:
    """A history written item by item: what shows the fault is one of two calls."""
    several = answer("responses", 1, "a long text of many words, none of which matters here", [{}])
    several["output"] += answer("responses", 2, None, [{"n": 2}, {"n": 3}])["output"]
    rollout = ak.rollout(
        agent("responses", [several, answer("responses", 3, "a </think> b")]), "go"
    )

    def ask(request: Request) -> Any:
        shown = "call_21" in json.dumps(request.body) and "sealed-2" in json.dumps(request.body)
        return says("a </think> b" if shown else "fine")

    small = ak.export.shrink(rollout, "orphan_think_close", ask, limit=2000, progress=None)
    items = small.request.body["input"]
    kinds = [item.get("type", item.get("role")) for item in items]
    assert kinds == ["reasoning", "function_call", "function_call_output"]
    assert [item.get("call_id") for item in items] == [None, "call_21", "call_21"]


def test_a_link_of_a_chain_is_exported_as_it_was_sent(tmp_path: Path) -> None:
    with serve(looks(), manner="openai") as server:
        asks = ak.Agent("m", [get_weather], server.url, dialect="responses", chain=True)
        rollout = ak.rollout(asks, "Do I need a coat in Oslo?")
        asked = server.asked[1]
        assert "previous_response_id" in asked.json
        for export in (rollout.turns[1], rollout.request(1)):
            done = run_shell(ak.export.curl(export, server=server.url), tmp_path)
            assert done.returncode == 0
            assert server.asked[-1].json == asked.json
        run_python(ak.export.python(rollout, 1))
        assert server.asked[-1].json == asked.json
        small = ak.export.shrink(rollout, lambda r: "cold" in (r.content or ""), progress=None)
        assert "previous_response_id" in small.request.body


def test_a_server_that_cannot_be_asked_in_the_dialect_is_refused() -> None:
    class Chat:
        async def chat_completion(self, **kwargs: Any) -> Any:
            raise AssertionError(kwargs)

    with served("vllm", "responses", False) as (_, rollout), pytest.raises(UsageError):
        ak.export.shrink(rollout, lambda r: True, Chat(), progress=None)


@pytest.mark.slow
def test_captured_requests_are_asked_again_as_they_were() -> None:
    """Real requests of two dialects, whole and streamed, through the packages' own clients."""
    rollouts = ak.load(CORPUS / "dialects" / "vllm.jsonl", all=True)
    assert {rollout.spec.dialect for rollout in rollouts} == set(NATIVE)

    def answered(asked: Any) -> Answer:
        native: Dialect = "responses" if asked.path.endswith("/responses") else "messages"
        kind = {"Content-Type": "text/event-stream"}
        streamed = asked.json.get("stream")
        return Answer(headers=kind, pieces=[b""]) if streamed else Answer(answer(native, 1, "Yes."))

    with HttpServer(answered) as server:
        for rollout in rollouts:
            call = model_call(rollout, server=server.url)
            run_python(ak.export.python(rollout, server=server.url))
            assert server.requests[-1].json == call.body, rollout.meta["case"]
