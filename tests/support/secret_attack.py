"""Ways to give a key and to have it echoed, and all that is made of a rollout: none of it may hold
the key. `tests/agent/test_secrets.py` asserts it, `tests/benchmarks/attack_secrets.py` counts.
"""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import openai
import pytest

import agentkit as ak
from agentkit.show.notebook.live import LiveView
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from tests.servers.http_stub import Answer, HttpServer

KEY = "zq7/W+9&<Kp2=mV4-xT8"
"""It has what JSON, HTML, URLs and base64 write in another way, and looks like nobody's."""
WINDOW = 10
"""A piece of the key of so many characters is a hit."""

Made = tuple[Any, dict[str, Any]]
"""A server, and more for the agent."""


def _server(**given: Any) -> Callable[[str, pytest.MonkeyPatch], Made]:
    return lambda url, patch: (ak.Server(url, **{"key": "EMPTY", **given}), {})


def _client(kind: Any = openai.OpenAI, **given: Any) -> Callable[[str, pytest.MonkeyPatch], Made]:
    return lambda url, patch: (kind(base_url=url, **{"api_key": "EMPTY", **given}), {})


def _azure(**given: Any) -> Callable[[str, pytest.MonkeyPatch], Made]:
    return lambda url, patch: (
        openai.AsyncAzureOpenAI(azure_endpoint=url, api_version="2024-10-21", **given),
        {},
    )


def _environment(name: str, value: str = KEY) -> Callable[[str, pytest.MonkeyPatch], Made]:
    def made(url: str, patch: pytest.MonkeyPatch) -> Made:
        patch.setenv(name, value)
        return ak.Server(url, "EMPTY"), {}

    return made


BASIC = base64.b64encode(f"someone:{KEY}".encode()).decode()

GIVEN: dict[str, Callable[[str, pytest.MonkeyPatch], Made]] = {
    "key": _server(key=KEY),
    "authorization": _server(headers={"Authorization": f"Bearer {KEY}"}),
    "x-api-key": _server(headers={"x-api-key": KEY}),
    "key in messages": _server(key=KEY, dialect="messages"),
    "key in responses": _server(key=KEY, dialect="responses"),
    "basic": _server(headers={"Authorization": f"Basic {BASIC}"}),
    "own header": _server(headers={"X-Tenant": KEY}),
    "cookie": _server(headers={"Cookie": f"theme=dark; session={KEY}"}),
    "params": _server(params={"tenant": KEY}),
    "query of the URL": lambda url, patch: (ak.Server(f"{url}?code={quote(KEY, '')}", "EMPTY"), {}),
    "password of the URL": lambda url, patch: (
        ak.Server(url.replace("://", f"://someone:{quote(KEY, '')}@")),
        {},
    ),
    "environment": _environment("SOME_SERVICE_TOKEN"),
    "URL in the environment": _environment(
        "DATABASE_URL", f"postgres://someone:{quote(KEY, '')}@db.internal/main"
    ),
    "openai client": _client(api_key=KEY),
    "async openai client": _client(openai.AsyncOpenAI, api_key=KEY),
    "default_headers": _client(default_headers={"X-Tenant": KEY}),
    "default_query": _client(default_query={"tenant": KEY}),
    "azure api_key": _azure(api_key=KEY),
    "azure_ad_token": _azure(azure_ad_token=KEY),
    "azure_ad_token_provider": _azure(azure_ad_token_provider=lambda: KEY),
    "extra_body": lambda url, patch: (
        ak.Server(url, "EMPTY"),
        {"extra_body": {"provider": {"api_key": KEY}}},
    ),
}


class Leaky(Exception):
    """What a tool raises with a key in it."""


def leak(what: str = "", how: str = "") -> Any:
    """Give back a key.

    Args:
        what: a text.
        how: the way.
    """
    SEEN.append(what)
    if how == "raise":
        raise Leaky(f"denied for {KEY}")
    if how == "print":
        print(f"token is {KEY}")
        return "printed"
    if how == "data":
        return {"config": {"token": KEY, "list": [f"a {KEY} b"]}, KEY: 1}
    return f"config: {KEY}" if how == "text" else what


SEEN: list[str] = []
"""What the tool was called with."""


def _body(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [choice],
        **more,
    }


def _call(**arguments: Any) -> dict[str, Any]:
    call = {"name": "leak", "arguments": json.dumps(arguments)}
    return {"content": None, "tool_calls": [{"id": "c1", "type": "function", "function": call}]}


def _says(text: str) -> list[Answer]:
    return [Answer(_body({"content": text}))]


def _calls(**arguments: Any) -> list[Answer]:
    return [Answer(_body(_call(**arguments))), Answer(_body({"content": "done"}))]


def _events(deltas: list[dict[str, Any]], finish: str = "stop") -> str:
    found = []
    for delta in [{"role": "assistant"}, *deltas]:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        found.append(json.dumps({"id": "x", "model": "m", "choices": [choice]}))
    ends = {
        "id": "x",
        "model": "m",
        "choices": [{"index": 0, "delta": {}, "finish_reason": finish}],
    }
    return "".join(f"data: {event}\n\n" for event in [*found, json.dumps(ends), "[DONE]"])


def split(text: str, size: int) -> list[str]:
    """Cut a text into pieces of a size."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def _stream(events: str, size: int) -> list[Answer]:
    kind = {"Content-Type": "text/event-stream"}
    return [Answer(headers=kind, pieces=[piece.encode() for piece in split(events, size)])]


def _streamed(field: str, size: int) -> list[Answer]:
    deltas = [{field: piece} for piece in split(f"it is {KEY}, you see", size)]
    return _stream(_events(deltas), 4096)


def _streamed_call(size: int) -> list[Answer]:
    call = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "leak", "arguments": ""},
    }
    pieces = split(json.dumps({"what": KEY}).replace("/", "\\/"), size)
    deltas = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    first = _stream(_events([{"tool_calls": [call]}, *deltas], "tool_calls"), 4096)
    return [*first, *_stream(_events([{"content": "done"}]), 4096)]


ESCAPED = "".join(f"\\u{ord(char):04x}" for char in KEY)

ECHOED: dict[str, tuple[bool, Callable[[], list[Answer]]]] = {
    "body of an error": (
        False,
        lambda: [Answer({"error": {"message": f"bad key {KEY}", "code": KEY}}, status=401)],
    ),
    "page of an error": (
        False,
        lambda: [Answer(f"<p>denied: {html.escape(KEY)}</p>", status=403)],
    ),
    "header of an error": (
        False,
        lambda: [Answer({"error": "no"}, status=429, headers={"X-RateLimit-For": KEY})],
    ),
    "error in a success": (False, lambda: [Answer({"error": {"message": f"bad key {KEY}"}})]),
    "text": (False, lambda: _says(f"the key is {KEY}.")),
    "text in JSON": (False, lambda: _says(json.dumps({"key": f'"{KEY}"'}))),
    "text quoted for URLs": (False, lambda: _says(f"http://host/?key={quote(KEY, '')}&a=b")),
    "text escaped for HTML": (False, lambda: _says(f"<b>{html.escape(KEY)}</b>")),
    "text in base64": (False, lambda: _says(f"Authorization: Basic {BASIC}")),
    "escaped letters": (
        False,
        lambda: [Answer(json.dumps(_body({"content": "it is KEY"})).replace("KEY", ESCAPED))],
    ),
    "parts of a text": (
        False,
        lambda: [Answer(_body({"content": [{"type": "text", "text": p} for p in split(KEY, 3)]}))],
    ),
    "reasoning": (
        False,
        lambda: [Answer(_body({"content": "x", "reasoning_content": f"use {KEY}"}))],
    ),
    "refusal": (False, lambda: [Answer(_body({"content": None, "refusal": f"not {KEY}"}))]),
    "model and id": (False, lambda: [Answer(_body({"content": "x"}, model=KEY, id=KEY))]),
    "tokens": (
        False,
        lambda: [
            Answer(
                json.dumps(_body({"content": f"a {KEY}"})).replace(
                    '"index": 0',
                    '"index": 0, "logprobs": '
                    + json.dumps(
                        {"content": [{"token": p, "logprob": -0.1} for p in ["a ", *split(KEY, 4)]]}
                    ),
                )
            )
        ],
    ),
    "arguments of a call": (False, lambda: _calls(what=KEY)),
    "result of a tool": (False, lambda: _calls(how="text")),
    "data of a tool": (False, lambda: _calls(how="data")),
    "error of a tool": (False, lambda: _calls(how="raise")),
    "output of a tool": (False, lambda: _calls(how="print")),
    **{
        f"stream, {size} a piece": (True, lambda size=size: _streamed("content", size))  # type: ignore[misc]
        for size in (1, 2, 3, 5, 7, 11)
    },
    "stream of reasoning": (True, lambda: _streamed("reasoning", 4)),
    "stream of a refusal": (True, lambda: _streamed("refusal", 6)),
    "stream cut by the network": (
        True,
        lambda: _stream(_events([{"content": f"it is {KEY} there"}]), 9),
    ),
    "stream of arguments, 1 a piece": (True, lambda: _streamed_call(1)),
    "stream of arguments, 4 a piece": (True, lambda: _streamed_call(4)),
    "stream that breaks off": (
        True,
        lambda: _stream(
            _events([{"content": p} for p in split(KEY[:-1], 3)]).split(
                'data: {"id": "x", "model": "m", "choices": [{"index": 0, "delta": {}, '
            )[0],
            4096,
        ),
    ),
    "prompt": (False, lambda: _says("fine")),
}


def ways(count: int | None = None) -> list[tuple[str, str]]:
    """List how the key is given and echoed: every pair, or so many that hold each of the two."""
    pairs = [(given, echoed) for given in GIVEN for echoed in ECHOED]
    if count is None:
        return pairs
    givens, echoes = list(GIVEN), list(ECHOED)
    return [
        (givens[i % len(givens)], echoes[(i + i // len(givens)) % len(echoes)])
        for i in range(count)
    ]


def hits(text: str) -> Iterator[str]:
    """Find pieces of the key in a text, in each form of it."""
    forms = {
        KEY,
        html.escape(KEY),
        quote(KEY, safe=""),
        KEY.replace("/", "\\/"),
        base64.b64encode(KEY.encode()).decode(),
        BASIC,
        ESCAPED,
    }
    for form in forms:
        size = WINDOW if form == KEY else max(WINDOW, len(form) * 2 // 3)
        found = next(
            (p for p in (form[i : i + size] for i in range(len(form) - size + 1)) if p in text),
            None,
        )
        if found:
            at = text.index(found)
            yield text[max(0, at - 60) : at + 60]


class Sent(list[Any]):
    """What a view sends to its pages."""


def _deep(value: Any, seen: set[int]) -> Iterator[str]:
    """Give every text that a record holds."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _deep(pair, seen)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _deep(item, seen)
    elif hasattr(type(value), "__dataclass_fields__"):
        for name in type(value).__dataclass_fields__:
            yield from _deep(getattr(value, name), seen)


def _view(dbg: ak.Debugger) -> str:
    view = DebuggerView(dbg)
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    assert isinstance(view, LiveView)
    view._heard({"type": "ready", "view": "p"})
    view.refresh()
    return repr(sent) + repr(view.get_state())


def _tokens(t: ak.Trajectory) -> str:
    frame = ak.tokens_df([t])
    return "".join(map(str, frame["text"])) + str(frame.to_json())


def outputs(
    t: ak.Trajectory, dbg: ak.Debugger, result: ak.AgentResult, folder: Path
) -> dict[str, Callable[[], str]]:
    """Name all that is made of a rollout, each as a function that makes its text."""

    def saved(name: str) -> Callable[[], str]:
        return lambda: Path(ak.save(t, folder / name)).read_text()

    view = ak.view(t)
    return {
        "repr": lambda: repr(t) + repr(t.all_turns) + repr(t.attempts),
        "str": lambda: str(t) + str(t.problems),
        "text": view.text,
        "html": view.html,
        "mimebundle": lambda: repr(t._repr_mimebundle_()) + repr(dbg._repr_mimebundle_()),
        "messages": lambda: json.dumps(t.messages),
        "request": lambda: json.dumps([t.request(i).body for i in range(len(t.turns) + 1)]),
        "turns_df": lambda: ak.turns_df(t).to_json(),
        "tool_calls_df": lambda: ak.tool_calls_df(t).to_json(),
        "messages_df": lambda: ak.messages_df(t).to_json(),
        "problems_df": lambda: ak.problems_df(t).to_json(),
        "tokens_df": lambda: _tokens(t),
        "pickle": lambda: pickle.dumps(t).decode("latin-1"),
        "deepcopy": lambda: "\n".join(_deep(copy.deepcopy(t), set())),
        "everything in it": lambda: "\n".join(_deep(t, set())),
        "saved jsonl": saved("saved.jsonl"),
        "saved json": saved("saved.json"),
        "saved html": saved("saved.html"),
        "loaded again": lambda: "\n".join(_deep(ak.load(ak.save(t, folder / "l.jsonl")), set())),
        "recorded": lambda: (folder / "recorded.jsonl").read_text(),
        "index": lambda: repr(
            [
                vars(e) if hasattr(e, "__dict__") else e
                for e in ak.cassette.index(folder / "recorded.jsonl")
            ]
        ),
        "doctor": lambda: ak.cassette.doctor(folder / "recorded.jsonl").text(),
        "export.curl": lambda: str(ak.export.curl(t)),
        "export.python": lambda: str(ak.export.python(t)),
        "export.pytest": lambda: str(ak.export.pytest(t)),
        "export.notebook": lambda: str(ak.export.notebook(t)),
        "export.html": lambda: str(ak.export.html(t)),
        "export.issue": lambda: str(ak.export.issue(t)),
        "view": lambda: _view(dbg),
        "debugger": lambda: repr(dbg) + dbg.text() + dbg.html() + repr(dbg.request),
        "diff": lambda: ak.diff(t, dbg.trajectory).text() + ak.diff(t, dbg.trajectory).html(),
        "AgentResult": lambda: (
            repr(result) + result.text() + result.html() + repr(result.tool_errors)
        ),
        "its messages": lambda: repr(result.messages) + repr(pickle.dumps(result)),
    }


def attack(
    given: str, echoed: str, folder: Path, patch: pytest.MonkeyPatch
) -> dict[str, list[str]]:
    """Give the key in one way, have it echoed in another, and find it in what is made of that.

    Returns:
        The hits by output.
    """
    import asyncio

    stream, answers = ECHOED[echoed]
    prompt = f"use {KEY}, please" if echoed == "prompt" else "go on"
    records: list[str] = []
    log = logging.Handler()
    log.emit = lambda record: records.append(record.getMessage() + str(record.exc_info))  # type: ignore[method-assign]
    logging.getLogger().addHandler(log)
    emitted: list[Any] = []
    try:
        with warnings.catch_warnings(record=True) as warned, HttpServer() as http:
            warnings.simplefilter("always")
            server, more = GIVEN[given](http.url, patch)
            agent = ak.Agent(
                "m", [leak], server, stream=stream, retries=0, system="be good", **more
            )

            def again() -> None:
                http.answers[:], http.requests = answers(), []

            again()
            recording = ak.record(agent, folder / "recorded.jsonl")
            t = ak.rollout(recording, prompt, meta={"note": prompt})
            again()
            dbg = ak.debug(agent, prompt)
            dbg.watch(lambda event: emitted.append("".join(_deep(event, set()))))
            dbg.run()
            again()
            loop = ak.AgentLoop(
                server,
                tools=[leak],
                model="m",
                stream=stream,
                retries=0,
                emit=lambda chunk: emitted.append(chunk.text),
                **more,
            )
            result = asyncio.run(loop.run([{"role": "user", "content": prompt}]))
            made = outputs(t, dbg, result, folder)
            texts = {name: make() for name, make in made.items()}
            texts["what streams"] = "\n".join(emitted)
            texts["log"] = "\n".join(records)
            texts["warnings"] = "\n".join(str(w.message) for w in warned)
    finally:
        logging.getLogger().removeHandler(log)
    found = {name: list(hits(text)) for name, text in texts.items()}
    return {name: pieces for name, pieces in found.items() if pieces} | {"": [str(len(texts))]}
