"""How a tap begins and ends: with the kernel, after what is in flight, on the port it had; and what
becomes of requests when an agent, a server or the kernel goes away.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from tests.servers.http_stub import Answer, HttpServer
from tests.tap.tapped import ask

pytestmark = pytest.mark.slow

STREAM = {"Content-Type": "text/event-stream"}
HELLO = 'data: {"choices": [{"index": 0, "delta": {"content": "hello"}}]}\n\n'
SLOW = Answer(headers=STREAM, pieces=[HELLO, 1.5, HELLO, "data: [DONE]\n\n"])
AGAIN: list[Any] = [0.05, HELLO]
ENDLESS = Answer(headers=STREAM, pieces=[HELLO, *(AGAIN * 2000)])
KERNEL = """
import sys, time, urllib.request as u
import agentkit as ak
watch = ak.watch(sys.argv[1], record=sys.argv[2])
print(watch.url, flush=True)
time.sleep(600)
"""


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.02)
    assert found
    return found


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def kernel(http: HttpServer, record: Path) -> tuple[subprocess.Popen[bytes], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", KERNEL, http.url, str(record)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def test_a_kernel_that_is_killed_leaves_a_whole_record(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    process, url = kernel(http, record)
    for _ in range(5):
        assert ask(url) is not None
    http.answers = [*http.answers, SLOW]
    http.requests.extend(http.requests[:1])
    http.answers = [SLOW]
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(ask(url, body=b'{"stream": true}')))
    thread.start()
    until(lambda: len(http.requests) == 7)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    thread.join(20)
    assert got[0] is not None
    assert got[0].whole  # the agent in the terminal has its answer
    until(lambda: len(lines(record)) == 7)
    last = lines(record)[-1]
    assert [line.get("number") for line in lines(record)] == [None, *range(6)]
    assert "transport_error" not in last["exchange"]
    assert until(lambda: refused(url))


def test_what_an_agent_of_a_killed_kernel_left_is_recorded_as_broken(
    http: HttpServer, tmp_path: Path
) -> None:
    record = tmp_path / "session.jsonl"
    http.answers = [ENDLESS]
    code = KERNEL.replace(
        "time.sleep(600)",
        "u.urlopen(u.Request(watch.url + '/chat/completions', b'{\"stream\": true}')).read()",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, http.url, str(record)], stdout=subprocess.PIPE
    )
    until(lambda: http.requests)
    time.sleep(0.3)
    process.kill()
    process.communicate()
    until(lambda: len(lines(record)) == 2)
    exchange = lines(record)[1]["exchange"]
    assert exchange["chunks"]
    assert "closed its connection" in exchange["transport_error"]["message"]


def refused(url: str) -> bool:
    try:
        return ask(url) is None
    except ConnectionError:
        return True


def test_an_agent_that_leaves_frees_its_server(http: HttpServer) -> None:
    http.answers = [ENDLESS]
    watch = ak.watch(http.url)
    with socket.create_connection(("127.0.0.1", watch.port)) as sock:
        path = watch.url.partition(str(watch.port))[2]
        sock.sendall(
            f"POST {path}/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        )
        assert b"hello" in sock.recv(4096) + sock.recv(4096)
        assert until(lambda: watch.flows)[0].exchange is None
        assert "1 in flight" in repr(watch)
    until(lambda: not http._writers)
    (flow,) = watch.flows
    assert flow.exchange is not None
    assert flow.exchange.transport_error is not None
    assert flow.exchange.transport_error.kind == "connection_reset"
    watch.close()


def test_a_server_that_is_not_there_is_not_there_for_the_agent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    watch = ak.watch(f"http://127.0.0.1:{port}/v1")
    assert ask(watch.url) is None
    (flow,) = watch.flows
    assert flow.exchange is not None
    assert flow.exchange.transport_error is not None
    assert flow.exchange.transport_error.kind == "connection_failed"
    watch.close()


def test_closing_refuses_what_comes_and_keeps_what_was(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    watch = ak.watch(http.url, record=record)
    url = watch.url
    ask(url)
    watch.close()
    watch.close()
    assert refused(url)
    assert len(watch.flows) == 1
    assert len(lines(record)) == 2


def test_the_same_port_again_at_once(http: HttpServer) -> None:
    token = "a-token-of-mine-1234"
    first = ak.watch(http.url, token=token)
    ask(first.url)
    second = ak.watch(http.url, port=first.port, token=token)  # a cell that is run again
    assert "closed" in repr(first)
    assert second.url == first.url
    assert ask(first.url) is not None
    second.close()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="port"):
        ak.watch(http.url, port=taken.getsockname()[1])
    with pytest.raises(UsageError, match="token"):
        ak.watch(http.url, token="short")


def test_a_record_is_gone_on_with(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    for _ in range(2):
        watch = ak.watch(http.url, record=record)
        ask(watch.url)
        watch.close()
    assert [line.get("number") for line in lines(record)] == [None, 0, None, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_forked_child_leaves_the_tap_alone(http: HttpServer) -> None:
    code = (
        "import os, sys, time\n"
        "import agentkit as ak\n"
        "from tests.tap.tapped import ask\n"
        "watch = ak.watch(sys.argv[1])\n"
        "ask(watch.url)\n"
        "watch.flows\n"
        "if not (child := os.fork()):\n"
        "    assert len(watch.flows) == 1 and 'closed' in repr(watch)\n"
        "    watch.close()\n"
        "    time.sleep(2)\n"
        "    os._exit(0)\n"
        "time.sleep(0.5)\n"
        "assert ask(watch.url) is not None\n"
        "assert len(watch.flows) == 2\n"
        "begun = time.monotonic()\n"
        "watch.close()\n"
        "assert 'closed' in repr(watch) and time.monotonic() - begun < 1.5\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, http.url], check=True, timeout=60)


def test_an_interrupt_of_the_kernel_is_none_of_the_agents(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    heard = "except KeyboardInterrupt:\n    print(watch.url, flush=True)\n    time.sleep(600)\n"
    begun = "try:\n    print(watch.url, flush=True)\n    time.sleep(600)\n"
    code = f"{KERNEL.partition('print')[0]}{begun}{heard}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, http.url, str(record)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline().decode().strip() == url
    assert ask(url) is not None
    process.kill()
    process.communicate()


def test_a_connection_that_grew_old_is_no_fault_of_a_request() -> None:
    """A server that closes each connection just as it is used again (constructed)."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(2)
        asked.append(head.split(b" ")[0] + body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readexactly(1)  # of the next request
        writer.close()

    async def main() -> list[Any]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        watch = await asyncio.to_thread(ak.watch, url)
        got = [await asyncio.to_thread(ask, watch.url, body=b"{}") for _ in range(3)]
        await asyncio.to_thread(watch.close)
        server.close()
        return got

    got = asyncio.run(main())
    assert [one and one.body for one in got] == [b"{}"] * 3
    assert asked == [b"POST{}"] * 3


def test_a_stream_whose_framing_breaks_between_pieces_says_so() -> None:
    """Constructed: the first chunk is whole; the next one comes later, and is none."""
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        for piece in (f"{len(HELLO):x}\r\n{HELLO}\r\n", "zz\r\nno"):
            writer.write(piece.encode())
            await asyncio.sleep(0.3)
        writer.close()
        served.set()

    async def main() -> tuple[Any, Any]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        watch = await asyncio.to_thread(ak.watch, url)
        got = await asyncio.to_thread(ask, watch.url, body=b"{}")
        await asyncio.to_thread(watch.close)
        await served.wait()
        server.close()
        return got, watch.flows[0].exchange

    got, exchange = asyncio.run(main())
    assert (got.body.decode(), got.whole) == (HELLO, False)
    assert exchange.transport_error.kind == "bad_response"


def test_pieces_are_told_only_while_somebody_follows(http: HttpServer) -> None:
    http.answers = [Answer(headers=STREAM, pieces=[HELLO, 0.3, HELLO, 0.3, "data: [DONE]\n\n"])]
    watch = ak.watch(http.url)
    ask(watch.url, body=b'{"stream": true}')
    assert len(watch.flows) == 1
    heard: list[tuple[str, int]] = []
    texts: list[str] = []

    def follow(kind: str, number: int) -> None:
        heard.append((kind, number))
        if kind == "piece":
            texts.append("".join(chunk.text for chunk in watch.coming(number)))

    stop = watch.follow(follow)
    ask(watch.url, body=b'{"stream": true}')
    until(lambda: ("ended", 1) in heard)
    assert heard[0] == ("began", 1)
    assert texts[0] == HELLO
    assert texts[-1].startswith(HELLO * 2)
    assert watch.coming(1) == ()
    stop()
    before = len(texts)
    ask(watch.url, body=b'{"stream": true}')
    assert len(watch.flows) == 3
    assert len(texts) == before
    watch.close()


@pytest.mark.parametrize(
    "answer",
    [Answer(b"x" * 200_000_000), Answer(headers=STREAM, pieces=["x" * 1_000_000] * 200)],
    ids=["block", "stream"],
)
def test_a_body_of_any_size_is_passed_on_as_it_is_read(http: HttpServer, answer: Answer) -> None:
    """An agent that does not read stops its server: neither is the answer heaped up between."""
    http.answers = [answer]
    watch = ak.watch(http.url)
    before = memory(watch)
    with socket.create_connection(("127.0.0.1", watch.port)) as sock:
        path = watch.url.partition(str(watch.port))[2]
        sock.sendall(
            f"GET {path}/big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        time.sleep(1.0)
        assert memory(watch) - before < 60_000_000
        size = 0
        while piece := sock.recv(1 << 20):
            size += len(piece)
    assert size > 200_000_000
    flow = until(lambda: [flow for flow in watch.flows if flow.exchange])[0]
    assert flow.exchange.transport_error is not None
    assert flow.exchange.transport_error.kind == "body_too_large"
    watch.close()


def memory(watch: Any) -> int:
    """Bytes of memory of the carrier."""
    status = Path(f"/proc/{watch._channel._process.pid}/statm").read_text()
    return int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE")
