"""What a server answers reaches the agent byte for byte, and the same of what an agent sends, however
odd it is.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

import agentkit as ak
from agentkit.tap.watch import Watch
from agentkit.types.wire import Flow
from tests.servers.http_stub import COMPLETION, Answer, HttpServer, sse
from tests.tap.tapped import KEY, ask

pytestmark = pytest.mark.slow

DELTA = {"choices": [{"index": 0, "delta": {"content": "hé"}}]}
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
TEXT = json.dumps(COMPLETION).encode()


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


ANSWERS: dict[str, Answer] = {
    "block": Answer(COMPLETION),
    "stream": sse(DELTA, DELTA, "[DONE]"),
    "stream in odd pieces": Answer(
        headers=STREAM, pieces=[b'data: {"a"', b": \xc3", b"\xa9", b"\n\n"]
    ),
    "gzip": Answer(gzip.compress(TEXT), headers={"Content-Encoding": "gzip"}),
    "gzip stream": Answer(
        headers={**STREAM, "Content-Encoding": "gzip"},
        pieces=[gzip.compress(b"data: [DONE]\n\n")[:9], gzip.compress(b"data: [DONE]\n\n")[9:]],
    ),
    "not what its encoding says": Answer(TEXT, headers={"Content-Encoding": "br"}),
    "no UTF-8": Answer(bytes(range(256))),
    "nothing": Answer(b""),
    "429": Answer({"error": {"message": "slow"}}, status=429, headers={"Retry-After": "7"}),
    "500": Answer("<html>oops</html>", status=500, headers={"Content-Type": "text/html"}),
    "redirect": Answer(b"", status=307, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
    "names and cases": Answer(
        raw=head(
            "X-odd-CASE: a", "Set-Cookie: a=1", "Set-Cookie: b=2", "x-empty: ", "Content-Length: 2"
        )
        + b"{}"
    ),
    "another word": Answer(raw=head("Content-Length: 2", status="200 Fine By Me") + b"{}"),
    "no word": Answer(raw=head("Content-Length: 2", status="299 ") + b"{}"),
    "no headers": Answer(raw=head() + b"until it closes"),
    "204": Answer(raw=head(status="204 No Content")),
    "304": Answer(raw=head("ETag: x", status="304 Not Modified")),
    "a large one": Answer(b"x" * 3_000_000),
}
"""What a server may answer; constructed."""

BROKEN: dict[str, Answer] = {
    "closed before an answer": Answer(raw=b""),
    "no HTTP": Answer(raw=b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "half a head": Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Le"),
    "shorter than it says": Answer(raw=head("Content-Length: 100") + b"{"),
    "reset in a stream": Answer(headers=STREAM, pieces=["data: {}\n\n", 0.05], cut=True),
    "cut in a stream": Answer(
        raw=head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        + b"a\r\ndata: {}\n\n\r\n"
    ),
    "broken chunks": Answer(
        raw=head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        + b"a\r\ndata: {}\n\n\r\nZZZ\r\noops"
    ),
}
"""What breaks off; constructed."""


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as http:
        yield http


@pytest.fixture(scope="module")
def watch(server: HttpServer) -> Iterator[Watch]:
    made = ak.watch(server.url)
    yield made
    made.close()


def both(server: HttpServer, watch: Watch, answer: Answer, **named: Any) -> tuple[Any, Any, Flow]:
    """What comes direct, and through the tap, with the flow."""
    server.answers, server.requests[:] = [answer], []
    direct, tapped = ask(server.url, **named), ask(watch.url, **named)
    return direct, tapped, watch.flows[-1]


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_answer_comes_as_it_was_sent(
    name: str, method: str, server: HttpServer, watch: Watch
) -> None:
    direct, tapped, flow = both(server, watch, ANSWERS[name], method=method)
    assert direct is not None
    assert tapped == direct
    assert flow.exchange is not None
    assert flow.exchange.status == int(direct.status[:3])
    if method == "POST" and "Content-Encoding" not in dict(direct.headers):
        assert flow.exchange.text.encode("utf-8", "surrogateescape") == direct.body
    assert not watch.failures


def test_the_head_of_an_answer_comes_alone(server: HttpServer, watch: Watch) -> None:
    direct, tapped, _ = both(server, watch, Answer(raw=head("Content-Length: 500")), method="HEAD")
    assert tapped == direct
    assert tapped.length == "500"


def test_what_is_of_a_connection_stays_there(server: HttpServer, watch: Watch) -> None:
    lines = ("Connection: close, X-Hop", "X-Hop: 1", "X-Kept: 2", "Content-Length: 2")
    _, tapped, _ = both(
        server,
        watch,
        Answer(raw=head(*lines) + b"{}"),
        headers={"Connection": "close, X-Mine", "X-Mine": "1", "TE": "trailers", "X-Kept": "3"},
    )
    assert tapped.headers == [("X-Kept", "2")]
    sent = server.requests[-1].headers
    assert "x-mine" not in sent
    assert "te" not in sent
    assert sent["x-kept"] == "3"


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_off_breaks_off_for_the_agent(
    name: str, server: HttpServer, watch: Watch
) -> None:
    server.answers, server.requests[:] = [BROKEN[name]], []
    tapped = ask(watch.url)
    flow = watch.flows[-1]
    assert flow.exchange is not None
    assert flow.exchange.transport_error is not None
    assert len(server.requests) == 1
    if flow.exchange.status == 200:
        direct = ask(server.url)
        assert tapped == direct
        assert tapped is not None
        assert not tapped.whole
    else:
        assert tapped is None
    assert not watch.failures


SENT: dict[str, dict[str, Any]] = {
    "bytes that are no text": {"body": bytes(range(256))},
    "gzip": {"body": gzip.compress(TEXT), "headers": {"Content-Encoding": "gzip"}},
    "a long one": {"body": b"x" * 5_000_000},
    "nothing": {"body": b""},
    "a query with a slash": {"path": "/files?path=a%2Fb&x=%20&y=1+2"},
    "a path that is not known": {"path": "/v2/some%2Fthing/else;a=b", "method": "PUT"},
    "DELETE": {"path": "/responses/r1", "method": "DELETE"},
    "long headers": {"headers": {"X-Long": "y" * 20_000}},
    "headers of its own": {
        "headers": {"X-Odd-cASE": "1", "anthropic-beta": "a,b", "User-Agent": ""}
    },
    "chunks": {
        "body": b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        "headers": {"Transfer-Encoding": "chunked"},
    },
    "Expect": {"headers": {"Expect": "100-continue"}},
}
"""What an agent may send; constructed."""


@pytest.mark.parametrize("name", SENT)
def test_a_request_leaves_as_it_came(name: str, server: HttpServer, watch: Watch) -> None:
    _, tapped, flow = both(server, watch, Answer(COMPLETION), **SENT[name])
    assert tapped is not None
    assert tapped.status == "200 OK"
    direct, sent = server.requests
    assert (sent.method, sent.path, sent.body) == (direct.method, direct.path, direct.body)
    assert headers_of(sent) == headers_of(direct)
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(flow.headers)
    assert "authorization" not in dict(flow.headers)
    assert not watch.failures


def headers_of(asked: Any) -> dict[str, str]:
    hops = ("connection", "host", "content-length", "transfer-encoding", "expect")
    return {name: value for name, value in asked.headers.items() if name not in hops}
