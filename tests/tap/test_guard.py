"""Who is served by a tap's port, and where it leads: the token, the host, the servers, their keys."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import agentkit as ak
from agentkit.tap.watch import Watch
from tests.servers.http_stub import Answer, HttpServer
from tests.tap.tapped import KEY, ask

pytestmark = pytest.mark.slow

OTHER_KEY = "sk-other-9876543210zyxwvut"


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer() as made:
        yield made


@pytest.fixture(scope="module")
def watch(server: HttpServer) -> Iterator[Watch]:
    made = ak.watch(server.url)
    yield made
    made.close()


@pytest.fixture
def http(server: HttpServer) -> HttpServer:
    server.requests.clear()
    server.answers = [Answer({"a": 1})]
    return server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "host.docker.internal"])
def test_this_machine_is_served_by_its_names(http: HttpServer, watch: Watch, host: str) -> None:
    got = ask(watch.url, headers={"Host": f"{host}:{watch.port}"})
    assert got is not None
    assert got.status == "200 OK"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::1]"]
)
def test_a_page_with_another_name_is_not(http: HttpServer, watch: Watch, host: str) -> None:
    before = len(watch.flows)
    got = ask(watch.url, headers={"Host": host})
    assert got is not None
    assert got.status == "404 Not Found"
    assert not http.requests
    assert len(watch.flows) == before


@pytest.mark.parametrize(
    "token", ["", "x", "short", "%2e%2e", "ü", "{token}x", "x{token}", "../{token}"]
)
def test_without_the_token_nothing_is_carried(http: HttpServer, watch: Watch, token: str) -> None:
    url = urlsplit(watch.url)
    known = url.path.split("/")[1]
    base = f"http://127.0.0.1:{watch.port}/{token.format(token=known)}".encode().decode("latin-1")
    got = ask(f"{base}/v1")
    assert got is not None
    assert got.status.startswith(("404", "400"))
    assert not http.requests


def test_what_is_no_path_of_a_server_leads_to_no_other(http: HttpServer, watch: Watch) -> None:
    token = urlsplit(watch.url).path.split("/")[1]
    host = f"127.0.0.1:{watch.port}"
    for target in (
        f"http://evil.example/{token}/v1/x",
        f"/{token}@evil.example/v1/x",
        f"//evil.example/{token}/v1",
    ):
        with socket.create_connection(("127.0.0.1", watch.port), 5) as sock:
            sock.sendall(
                f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            assert sock.recv(100).startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    ask(f"http://{host}/{token}//evil.example/x")
    assert [asked.path for asked in http.requests] == ["//evil.example/x/chat/completions"]


def test_only_this_machine_is_listened_to(watch: Watch) -> None:
    listed = Path("/proc/net/tcp").read_text() if Path("/proc/net/tcp").exists() else ""
    port = f":{watch.port:04X}"
    found = [line.split()[1] for line in listed.splitlines()[1:] if port in line.split()[1]]
    assert all(address.startswith("0100007F") for address in found)
    assert watch.url.startswith("http://127.0.0.1:")


def test_a_server_of_ours_is_asked_with_its_own_key(http: HttpServer) -> None:
    http.answers = [Answer({"echo": OTHER_KEY})]
    server = ak.Server(http.url, OTHER_KEY, headers={"X-Team": "red"}, params={"v": "1"})
    watch = ak.watch(server)
    got = ask(watch.url)
    watch.close()
    sent = http.requests[0]
    assert sent.headers["authorization"] == f"Bearer {OTHER_KEY}"
    assert sent.headers["x-team"] == "red"
    assert sent.path == "/v1/chat/completions?v=1"
    assert got is not None
    assert OTHER_KEY.encode() in got.body  # the agent gets what was sent
    flow = watch.flows[0]
    assert OTHER_KEY not in repr(
        (flow.headers, flow.body, flow.exchange, flow.exchange and flow.exchange.text)
    )
    assert flow.exchange is not None
    assert flow.exchange.redacted


def test_several_servers_have_a_url_each(http: HttpServer) -> None:
    with HttpServer(Answer({"from": "b"})) as other:
        watch = ak.watch({"a": http.url, "b": f"{other.url}"})
        assert list(watch.urls) == ["a", "b"]
        ask(watch.urls["b"])
        ask(watch.url_for("run", server="b"))
        ask(watch.url)
        watch.close()
        assert (len(http.requests), len(other.requests)) == (1, 2)
        assert [flow.label for flow in watch.flows] == ["", "run", ""]
    with pytest.raises(ak.AgentkitError, match="no server is named 'c'"):
        watch.url_for("run", server="c")


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        ("", "/v1/messages", "/v1/messages"),
        ("/v1", "/v1/messages", "/v1/messages"),
        ("/api/v4", "/v4/chat/completions", "/api/v4/chat/completions"),
        ("/anthropic", "/v1/messages", "/anthropic/v1/messages"),
    ],
)
def test_a_base_url_of_any_form_is_stood_for(
    http: HttpServer, base: str, path: str, expected: str
) -> None:
    watch = ak.watch(http.url.removesuffix("/v1") + base)
    ask(watch.env["ANTHROPIC_BASE_URL"], path)
    watch.close()
    assert http.requests[0].path == expected


def test_keys_are_in_no_record(http: HttpServer, tmp_path: Path, monkeypatch: Any) -> None:
    """In the header, in the query, in what the agent says, in what the server says: in pieces too."""
    text = [
        f'data: {{"choices": [{{"index": 0, "delta": {{"content": "{part}"}}}}]}}\n\n'
        for part in (KEY[:9], KEY[9:])
    ]
    http.answers = [
        Answer({"error": f"bad key {KEY}"}, status=401),
        Answer(headers={"Content-Type": "text/event-stream"}, pieces=[*text, "data: [DONE]\n\n"]),
    ]
    record = tmp_path / "session.jsonl"
    watch = ak.watch(http.url, record=record)
    monkeypatch.setenv("LATER_API_KEY", OTHER_KEY)
    with watch:
        ask(watch.url, f"/chat/completions?api_key={KEY}", f'{{"text": "{KEY}"}}'.encode())
        ask(
            watch.url,
            body=f'{{"stream": true, "messages": [{{"content": "{OTHER_KEY}"}}]}}'.encode(),
        )
    watch.close()
    assert KEY.encode() in http.requests[0].body
    assert OTHER_KEY.encode() in http.requests[1].body
    written = record.read_text()
    for piece in (KEY, OTHER_KEY, KEY[9:]):
        assert piece not in written
    assert written.count("[redacted]") >= 4
    shown = "".join(
        f"{flow!r}{flow.headers}{flow.body}{flow.path}{flow.exchange and flow.exchange.text}"
        for flow in watch.flows
    )
    assert KEY not in shown
    assert OTHER_KEY not in shown


def test_a_server_whose_certificate_is_not_trusted_is_not_asked(tmp_path: Path) -> None:
    import ssl
    import threading

    made = subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "k.pem",
            "-out",
            "c.pem",
            "-days",
            "1",
            "-subj",
            "/CN=127.0.0.1",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            connection, _ = plain.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    got.append(secure.recv(100))
            except OSError:
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        watch = ak.watch(f"https://127.0.0.1:{plain.getsockname()[1]}/v1")
        assert ask(watch.url) is None
        watch.close()
        thread.join(5)
    assert got in ([], [b""])
    (flow,) = watch.flows
    assert flow.exchange is not None
    assert flow.exchange.transport_error is not None
    assert "certificate" in flow.exchange.transport_error.message


def test_a_web_socket_is_refused_and_told(http: HttpServer, watch: Watch) -> None:
    got = ask(
        watch.url,
        "/responses",
        b"",
        method="GET",
        headers={"Connection": "Upgrade", "Upgrade": "websocket"},
    )
    assert got is not None
    assert got.status.startswith("501")
    assert b"WebSocket" in got.body
    assert not http.requests
    flow = watch.flows[-1]
    assert flow.exchange is not None
    assert flow.exchange.status == 501
