"""The transport of a server: proxies and certificates of the environment, the limit of an answer's
size, layers of compression. The certificate and its key were constructed for these tests.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
import zlib
from itertools import cycle
from random import Random
from typing import Any

import pytest

from agentkit.errors import UsageError
from agentkit.servers.address import AddressError
from agentkit.servers.server import Server
from agentkit.servers.transport.encodings import DamagedError, inflater
from agentkit.servers.transport.proxies import proxy_for
from agentkit.types.wire import Exchange
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.servers.server_stub import (
    CALL,
    HELLO,
    KEY,
    STREAM,
    WAYS,
    ask,
    ask_by,
    closed_port,
    everything,
    kind,
)
from tests.support.growth import assert_linear
from tests.support.paths import ROOT

CERTIFICATES = ROOT / "tests" / "corpus" / "certificates"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with an environment that names none."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# proxies


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("http://models.example/v1", "", False),
        ("http://localhost:8000/v1", "", True),
        ("http://127.0.0.1:8000/v1", "", True),
        ("http://127.1.2.3/v1", "", True),
        ("http://[::1]:8000/v1", "", True),
        ("http://0.0.0.0:8000/v1", "", True),
        ("http://models.example/v1", "*", True),
        ("http://models.example/v1", "other, *", True),
        ("http://models.example/v1", "models.example", True),
        ("http://MODELS.example./v1", "Models.Example", True),
        ("http://a.models.example/v1", "models.example", True),
        ("http://a.models.example/v1", ".models.example", True),
        ("http://a.models.example/v1", "*.models.example", True),
        ("http://mymodels.example/v1", "models.example", False),
        ("http://models.example/v1", "a.models.example", False),
        ("http://models.example:81/v1", "models.example:81", True),
        ("http://models.example:82/v1", "models.example:81", False),
        ("http://models.example/v1", "models.example:80", True),
        ("http://models.example/v1", "https://models.example", False),
        ("http://models.example/v1", "http://models.example", True),
        ("http://10.1.2.3/v1", "10.0.0.0/8", True),
        ("http://11.1.2.3/v1", "10.0.0.0/8", False),
        ("http://10.1.2.3:8000/v1", "10.1.2.3", True),
        ("http://10.1.2.3:8000/v1", "10.1.2.3:8000", True),
        ("http://10.1.2.3:8000/v1", "10.1.2.3:8001", False),
        ("http://[fd00::1]/v1", "fd00::/8", True),
        ("http://[fd00::1]:8000/v1", "[fd00::1]:8000", True),
        ("http://[fd00::1]/v1", "fd00::2", False),
        ("http://models.example/v1", " , ,", False),
        ("http://10.1.2.3/v1", "1.2.3", False),
    ],
)
def test_no_proxy_is_read_as_curl_reads_it(
    monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, direct: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert (proxy_for(url) is None) is direct


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({"HTTP_PROXY": "http://a:1"}, "https://models.example", None),
        ({"HTTPS_PROXY": "http://a:1"}, "https://models.example", "http://a:1"),
        (
            {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"},
            "https://h.example",
            "http://a:1",
        ),
        ({"ALL_PROXY": "a:1"}, "https://models.example", "http://a:1"),
        ({"ALL_PROXY": "http://a"}, "http://models.example", "http://a:80"),
        ({"HTTP_PROXY": "https://[fd00::1]"}, "http://models.example", "https://[fd00::1]:443"),
    ],
)
def test_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found.url if found else None) == proxy


@pytest.mark.parametrize("url", ["socks5://a:1", "http://", "http://a:99999"])
def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ALL_PROXY", url)
    with pytest.raises(AddressError):
        proxy_for("http://models.example/v1")
    error = asyncio.run(Server("http://models.example/v1").chat(CALL)).transport_error
    assert error is not None
    assert (error.kind, error.retryable) == ("connection_failed", False)
    assert "NO_PROXY" in error.hint


def test_a_proxy_gets_its_login_and_nobody_else_sees_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with HttpServer(lambda asked: Answer(dict(asked.headers))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss-w0rd-1@127.0.0.1:{proxy.port}")
        exchange = asyncio.run(Server("http://models.example/v1", key=KEY).chat(CALL))
    asked = proxy.requests[0]
    assert asked.path == "http://models.example/v1/chat/completions"
    assert asked.headers["host"] == "models.example"
    assert asked.headers["proxy-authorization"] == "Basic bWU6cEBzcy13MHJkLTE="
    shown = everything(exchange) + caplog.text
    assert KEY not in shown
    assert "ss-w0rd-1" not in shown
    assert "bWU6cEBzcy13MHJkLTE" not in shown


def test_a_proxy_that_is_not_there_is_named_as_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    for url in ("http://models.example/v1", "https://models.example/v1"):
        error = asyncio.run(Server(url).chat(CALL)).transport_error
        assert error is not None
        assert error.kind == "connection_failed"
        assert "proxy" in error.message
        assert "HTTPS_PROXY" in error.hint


@pytest.mark.parametrize("allowed", [True, False])
def test_a_tunnel_through_a_proxy(monkeypatch: pytest.MonkeyPatch, allowed: bool) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "localhost.pem"))
    heads: list[str] = []

    async def main() -> Exchange:
        async with await _secure_server() as server:
            port = server.sockets[0].getsockname()[1]

            async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                if not allowed:
                    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                    writer.close()
                    return
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                inner, out = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_pipe(reader, out), _pipe(inner, writer))

            async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy:
                address = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
                monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret-of-proxy1@{address}")
                async with Server("https://models.example/v1", key=KEY) as asked:
                    exchange = await asked.chat(CALL)
                await asyncio.sleep(0.1)
                return exchange

    exchange = asyncio.run(main())
    assert heads[0].startswith("CONNECT models.example:443 ")
    assert "Proxy-Authorization: Basic" in heads[0]
    assert KEY not in heads[0]
    if allowed:
        assert (exchange.status, kind(exchange), exchange.body) == (200, None, "{}")
    else:
        error = exchange.transport_error
        assert error is not None
        assert error.kind == "connection_failed"
        assert "407" in error.message
        assert "secret-of-proxy1" not in everything(exchange)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(2**16):
            writer.write(data)
        writer.close()
    except ConnectionError:
        writer.close()


async def _secure_server() -> asyncio.Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem", CERTIFICATES / "localhost.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)


# certificates


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", None])
def test_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, variable: str | None
) -> None:
    # OpenSSL finds a certificate in a directory by the hash of its subject.
    (tmp_path / "ce275665.0").write_bytes((CERTIFICATES / "localhost.pem").read_bytes())
    given = {"SSL_CERT_FILE": CERTIFICATES / "localhost.pem", "SSL_CERT_DIR": tmp_path}
    if variable:
        monkeypatch.setenv(variable, str(given[variable]))

    async def main() -> Exchange:
        async with await _secure_server() as server:
            port = server.sockets[0].getsockname()[1]
            async with Server(f"https://localhost:{port}/v1") as asked:
                exchange = await asked.chat(CALL)
            await asyncio.sleep(0.05)
            return exchange

    exchange = asyncio.run(main())
    if variable:
        assert (exchange.status, kind(exchange)) == (200, None)
        return
    error = exchange.transport_error
    assert error is not None
    assert (error.kind, error.retryable) == ("connection_failed", False)
    assert "certificate is not trusted" in error.message
    assert "self-signed" in error.message or "self signed" in error.message
    assert "SSL_CERT_FILE" in error.hint


# the limit of size


@pytest.mark.parametrize("call", [CALL, STREAM])
def test_an_answer_is_read_up_to_the_limit_of_its_size(call: Any) -> None:
    whole = HELLO * 100
    exchange = ask(call, Answer(pieces=[HELLO] * 100), max_answer_bytes=1000)
    error = exchange.transport_error
    assert error is not None
    assert (error.kind, error.status, error.retryable) == ("body_too_large", 200, False)
    assert "max_answer_bytes" in error.hint
    assert exchange.text == whole[:1000]
    for limit in (len(whole), None):
        exchange = ask(call, Answer(pieces=[HELLO] * 100), max_answer_bytes=limit)
        assert (exchange.text, kind(exchange)) == (whole, None)


def test_an_answer_without_an_end_is_left() -> None:
    pieces: list[bytes | str | float] = ["x" * 100, 0.01]
    exchange = ask(CALL, Answer(pieces=pieces * 10_000), max_answer_bytes=250)
    assert (len(exchange.body), kind(exchange)) == (250, "body_too_large")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_is_not_inflated_beyond_the_limit(way: str, layers: int, status: int) -> None:
    if way != "Server" and status != 200:
        pytest.skip("the openai package reads the bodies of errors itself")
    packed = gzip.compress(b" " * 2**21)
    packed = gzip.compress(packed) if layers == 2 else packed * 40
    encoding = ", ".join(["gzip"] * layers)
    options = {"max_answer_bytes": 2**20} if way == "Server" else {}
    if layers == 2 and way != "Server":
        pytest.skip("two layers of one bomb are under the limit that clients have")
    exchange = ask_by(
        way, CALL, Answer(packed, status=status, headers={"Content-Encoding": encoding}), **options
    )
    assert kind(exchange) == "body_too_large"
    assert len(exchange.body) == (2**20 if way == "Server" else 64 * 2**20)


def test_the_limit_is_positive() -> None:
    with pytest.raises(UsageError, match="max_answer_bytes") as caught:
        Server("http://localhost/v1", max_answer_bytes=0)
    assert "None" in caught.value.hint


# headers, encodings


@pytest.mark.parametrize("name", ["X A", "X\r\nY", "", "X:", "Content-Length", "transfer-encoding"])
def test_a_header_that_cannot_be_sent_is_told(name: str) -> None:
    with pytest.raises(UsageError, match="header") as caught:
        Server("http://localhost/v1", headers={name: "1"})
    assert caught.value.hint


def test_the_callers_headers_take_the_place_of_ours() -> None:
    with HttpServer(Answer(COMPLETION)) as http:
        given = {"user-agent": "mine", "ACCEPT": "x/y", "accept-encoding": "gzip"}
        asyncio.run(Server(http.url, headers=given).chat(CALL))
    headers = http.requests[0].headers
    assert (headers["user-agent"], headers["accept"]) == ("mine", "x/y")
    assert headers["accept-encoding"] == "gzip"


TEXT = bytes(range(256)) * 300


@pytest.mark.parametrize("cut", [1, 2, 3, 100, 5000, 10**6])
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-GZip", gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:])),
        ("gzip", gzip.compress(TEXT) + b"\0" * 7),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
        ("identity", TEXT),
    ],
)
def test_layers_are_inflated_however_they_are_cut(encoding: str, packed: bytes, cut: int) -> None:
    inflate = inflater(encoding)
    assert inflate is not None
    pieces = [packed[at : at + cut] for at in range(0, len(packed), cut)]
    assert b"".join(inflate(piece, 2**40) for piece in pieces) == TEXT
    assert inflate.complete


def test_what_came_before_the_damage_is_kept() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1  # the check sum
    inflate = inflater("gzip")
    assert inflate is not None
    with pytest.raises(DamagedError) as caught:
        inflate(bytes(packed), 2**40)
    assert (caught.value.good, caught.value.plain) == (TEXT, False)
    plain = inflater("gzip")
    assert plain is not None
    plain(b"{", 2**40)
    with pytest.raises(DamagedError) as caught:
        plain(b'"a": 1}', 2**40)
    assert (caught.value.good, caught.value.plain) == (b'{"a": 1}', True)


@pytest.mark.parametrize("encoding", ["x-own", "gzip, x-own", "gzip, gzip, gzip, gzip"])
def test_an_encoding_that_nothing_inflates(encoding: str) -> None:
    assert inflater(encoding) is None


@pytest.mark.slow
def test_a_packed_body_is_unpacked_in_time_linear_in_its_size() -> None:
    def make(size: int) -> Any:
        packed = gzip.compress(Random(size).randbytes(size), 1)
        return lambda: inflater("gzip")(packed, 1 << 40)  # type: ignore[misc]

    assert_linear(make, 4_000_000, 16_000_000, what="gzip")


@pytest.mark.parametrize("pieces", [[1] * 7, [5, 4096, 4097], [1 << 20]])
def test_packed_files_in_a_row_are_unpacked_in_any_pieces(pieces: list[int]) -> None:
    texts = [Random(1).randbytes(9000), b"", b"b" * 9000, b"c"]
    packed = b"".join(map(gzip.compress, texts)) + b"padding"
    unpack, found, at = inflater("gzip"), b"", 0
    assert unpack is not None
    for size in cycle(pieces):
        found += unpack(packed[at : at + size], 1 << 20)
        if (at := at + size) >= len(packed):
            break
    assert found == b"".join(texts)
    assert unpack.complete
