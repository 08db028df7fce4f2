"""Secrets in what no rollout of ours brought: files, answers that are read alone, calls that were
read back, texts that were cut.
"""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.tools import call_output, console
from agentkit.servers.model_call import Call
from agentkit.servers.redaction import known_secrets
from agentkit.servers.redaction.passage import Passage
from agentkit.servers.redaction.redactor import Redactor
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.testing import ScriptedServer, calls, says
from agentkit.trajectory.edit import edit
from agentkit.types.wire import Chunk
from tests.servers.http_stub import Answer, HttpServer
from tests.support.secret_attack import KEY, hits, split

SEEN: list[Any] = []


@pytest.fixture(params=["environment", "server"])
def secret(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the key known: in the environment, or as what a server of the process was given."""
    monkeypatch.setattr(known_secrets, "_met", set())
    monkeypatch.setattr(known_secrets, "_kept", set())
    SEEN.clear()
    if request.param == "environment":
        monkeypatch.setenv("SOME_SERVICE_TOKEN", KEY)
    else:
        ak.Server("http://127.0.0.1:9", KEY)
    return KEY


def use(what: str) -> str:
    """Use a key."""
    SEEN.append(what)
    return "used"


def _saved(folder: Path) -> tuple[ak.Agent, Path]:
    agent = ak.Agent("m", [use], ScriptedServer([says(None, calls("use", what=KEY)), "done"]))
    dbg = ak.debug(agent, "go")
    dbg.step()
    path = Path(ak.save(dbg, folder / "x.jsonl"))
    dbg.run()
    assert SEEN == [KEY]  # in memory the original runs
    SEEN.clear()
    return agent, path


def _loaded(path: Path) -> ak.Trajectory:
    (found,) = ak.load(path, all=True)
    return found


def _later() -> ak.Agent:
    return ak.Agent("m", [use], ScriptedServer(["done", "done", "done"]))


def _run(start: ak.Trajectory) -> ak.Trajectory:
    engine = _later().engine(start)
    asyncio.run(engine.run())
    return engine.trajectory


def _check_refused(ran: ak.Trajectory) -> None:
    (result,) = ran.turns[0].tool_results
    assert result.status == "invalid_call"
    assert "call the tool again" in result.content
    assert "dbg.pending.change" in str(result.error)
    assert SEEN == []


def test_a_call_whose_secret_was_not_kept_is_refused(secret: str, tmp_path: Path) -> None:
    _, path = _saved(tmp_path)
    _check_refused(_run(_loaded(path)))
    stopped = replace(_loaded(path), stop_reason="stopped", meta={"sample": 0})
    (ran,) = ak.rollouts(_later(), ["go"], resume=[stopped], progress=False)
    _check_refused(ran)


def test_a_pickle_keeps_no_original_either(secret: str) -> None:
    agent = ak.Agent("m", [use], ScriptedServer([says(None, calls("use", what=KEY)), "done"]))
    dbg = ak.debug(agent, "go")
    dbg.step()
    _check_refused(_run(pickle.loads(pickle.dumps(dbg.trajectory))))


def test_a_person_may_give_the_arguments_again(secret: str, tmp_path: Path) -> None:
    _, path = _saved(tmp_path)
    loaded = _loaded(path)
    for what in ("another", KEY):
        edited = edit(loaded, 0, 0, arguments={"what": what})
        _run(Secrecy().changed(edited, loaded))
    assert SEEN == ["another", KEY]


def test_what_a_model_wrote_itself_runs(secret: str) -> None:
    script = [says(f"it is {KEY}", calls("use", what="[redacted]")), "done"]
    ak.rollout(ak.Agent("m", [use], ScriptedServer(script)), "go")
    assert SEEN == ["[redacted]"]


def _body(content: str = KEY, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop", **more}]}


def _events(size: int) -> str:
    events = [{"choices": [{"index": 0, "delta": {"content": p}}]} for p in split(KEY, size)]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


FOREIGN: dict[str, Callable[[], Any]] = {
    "an answer": lambda: ak.read_response(_body(f"it is {KEY}")),
    "a stream": lambda: ak.read_stream(_events(3)),
    "an exchange": lambda: ak.Exchange(body=json.dumps(_body(f"it is {KEY}"))),
    "an exchange in pieces": lambda: ak.Exchange(chunks=(Chunk(at=0.0, text=_events(2)),)),
    "messages": lambda: ak.load(
        [{"role": "user", "content": f"use {KEY}"}, {"role": "assistant", "content": KEY}]
    ),
    "a raw body": lambda: ak.load(_body(f"it is {KEY}")),
    "a message": lambda: ak.Message(wire={"role": "user", "content": KEY}),
    "an error": lambda: ak.read_error(401, {}, json.dumps({"error": {"message": f"bad {KEY}"}})),
    "an attempt": lambda: ak.load(json.dumps({"error": {"message": f"bad {KEY}"}})),
}


@pytest.mark.parametrize("kind", list(FOREIGN))
def test_what_comes_from_elsewhere_is_shown_clean(secret: str, kind: str) -> None:
    thing = FOREIGN[kind]()
    texts = [repr(thing._repr_mimebundle_())]
    if kind not in ("a message", "an error"):
        view = ak.view(thing)
        frames = [frame(thing) for frame in (ak.turns_df, ak.messages_df, ak.problems_df)]
        texts += [view.text(), view.html(), *(frame.to_json() for frame in frames)]
    if kind in ("an answer", "a stream", "messages", "a raw body", "an error", "an attempt"):
        texts += [repr(thing), pickle.dumps(thing).decode("latin-1")]
    assert [list(hits(text)) for text in texts] == [[]] * len(texts)
    assert any("redacted" in text for text in texts)


def test_an_old_file_is_read_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "_met", set())
    ran = ak.rollout(ak.Agent("m", [], ScriptedServer([f"it is {KEY}"])), f"use {KEY}")
    path = ak.save(ran, tmp_path / "old.jsonl")
    assert KEY.split("&")[0] in path.read_text()
    plain = _loaded(path)
    monkeypatch.setenv("SOME_SERVICE_TOKEN", KEY)
    clean = _loaded(path)
    assert clean.final == "it is [redacted]"
    assert list(hits(pickle.dumps(clean).decode("latin-1"))) == []
    assert list(hits(ak.view(plain).html() + ak.turns_df(plain).to_json())) == []
    json.loads(clean.turns[0].response.exchange.text)


def test_what_has_no_secret_is_the_same_object(secret: str) -> None:
    ran = ak.rollout(ak.Agent("m", [], ScriptedServer(["one"])), "go")
    assert ak.load(ran) is ran
    body = json.dumps(_body("é and [ü]"))
    assert ak.read_response(body).exchange.body == body


def _tokens(pieces: list[str]) -> dict[str, Any]:
    def entry(piece: str) -> dict[str, Any]:
        return {"token": piece, "logprob": -0.1, "bytes": list(piece.encode())}

    listed = [{**entry(piece), "top_logprobs": [entry(piece), entry("other")]} for piece in pieces]
    return {"content": listed}


def _spelled(data: Any) -> str:
    """Put together what the tokens of an answer spell, by their text and by their bytes."""
    if isinstance(data, dict):
        own = [chr(n) for n in data.get("bytes") or ()] + [str(data.get("token", ""))]
        return "".join(own) + "".join(_spelled(v) for k, v in data.items() if k != "token")
    return "".join(map(_spelled, data)) if isinstance(data, list) else ""


def test_bytes_and_alternatives_of_tokens_spell_no_key(secret: str) -> None:
    pieces = ["it ", *split(KEY, 4), " there"]
    body = _body("".join(pieces), logprobs=_tokens(pieces))
    read = ak.read_response(body)
    entries = json.loads(read.exchange.body)["choices"][0]["logprobs"]["content"]
    assert entries[0]["bytes"] == list(b"it ")
    assert entries[-1]["top_logprobs"][1]["token"] == "other"
    assert [entry["bytes"] for entry in entries[1:-1]] == [None] * len(split(KEY, 4))
    assert all(not entry["top_logprobs"] for entry in entries[1:-1])
    assert all(not entry.top for entry in read.logprobs[1:-1])
    got: list[Chunk] = []
    passage = Passage(lambda: Redactor([KEY]), got.append)
    for piece in pieces:
        choice = {"index": 0, "delta": {"content": piece}, "logprobs": _tokens([piece])}
        passage(Chunk(at=0.0, text=f"data: {json.dumps({'choices': [choice]})}\n\n"))
    passage.close()
    lines = [line[6:] for chunk in got for line in chunk.text.split("\n\n") if line]
    assert list(hits("".join(_spelled(json.loads(line)) for line in lines))) == []
    assert len(lines) == len(pieces)


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_is_asked_itself_gives_a_clean_answer(stream: bool) -> None:
    events = _events(2)
    answer = (
        Answer(headers={"Content-Type": "text/event-stream"}, pieces=[events.encode()])
        if stream
        else Answer(_body([{"type": "text", "text": p} for p in split(KEY, 3)]))  # type: ignore[arg-type]
    )
    got: list[Chunk] = []
    with HttpServer(answer) as http:
        server = ak.Server(http.url, KEY)
        call = Call(messages=[{"role": "user", "content": "go"}], stream=stream)
        exchange = asyncio.run(server.chat(call, got.append))
    read = ak.read_response(exchange)
    assert "[redacted]" in str(read.content)
    assert list(hits("".join(chunk.text for chunk in got))) == []


def test_no_limit_leaves_the_half_of_a_key(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    half = KEY[:12]

    def loud() -> str:
        print("x" * (console.KEPT_CHARACTERS - len(half)) + KEY)
        return "ok"

    def fails() -> str:
        raise ValueError(KEY + "y" * (call_output._TRACE - len(half)))

    script = [says(None, calls("loud"), calls("fails")), "done"]
    ran = ak.rollout(ak.Agent("m", [loud, fails], ScriptedServer(script)), "go")
    printed, failed = ran.turns[0].tool_results
    assert "[redacted]\n[" in printed.printed
    assert list(hits(printed.printed + str(failed.traceback) + str(failed.error))) == []
    assert KEY[12:] not in str(failed.traceback)
    error = ak.read_error(500, {}, "z" * (2000 - len(half)) + KEY)
    assert error.message.endswith("z[redacted]")


@pytest.mark.parametrize("number", [200])
def test_many_results_with_a_secret_are_each_marked(secret: str, number: int) -> None:
    def echo(i: int) -> str:
        return f"{i} {KEY}"

    script = [says(None, *(calls("echo", i=i) for i in range(number))), "done"]
    ran = ak.rollout(ak.Agent("m", [echo], ScriptedServer(script)), "go")
    marked = [[p.code for p in call.problems] for call in ran.turns[0].tool_calls]
    assert marked == [["secret_redacted"]] * number
    assert isinstance(ran.turns[0].tool_calls, tuple)
