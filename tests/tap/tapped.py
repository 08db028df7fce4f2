"""What the tests of the tap share: one request by a bare socket, straight and through a tap."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

KEY = "sk-proj-0123456789abcdefghij"
FRAMING = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Got:
    """An answer as it came."""

    status: str
    headers: list[tuple[str, str]]
    """As they are written, in order, without those that frame it."""
    body: bytes
    """Without the marks between chunks."""
    whole: bool
    """Whether it came to its end, as it was framed."""
    length: str | None
    """Its Content-Length."""


def ask(
    base: str,
    path: str = "/chat/completions",
    body: bytes = b'{"model": "m"}',
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Got | None:
    """Send a request; None where the connection ended without an answer.

    Args:
        base: a base URL.
        path: the path below it.
        body: the request's body.
        method: its method.
        headers: more headers, or others in place of those that are sent.
    """
    url = urlsplit(base + path)
    fields = {
        "Host": url.netloc,
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **(headers or {}),
    }
    if "Transfer-Encoding" in fields:
        del fields["Content-Length"]
    target = url.path + (f"?{url.query}" if url.query else "")
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection((url.hostname or "", url.port or 80), 20) as sock:
        sock.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        raw = b""
        try:
            while piece := sock.recv(65536):
                raw += piece
        except ConnectionResetError:
            pass
    return parsed(raw, method) if raw else None


def parsed(raw: bytes, method: str) -> Got:
    """Take an answer apart."""
    while True:
        head, _, rest = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        if not first.split(" ")[1].startswith("1"):
            break
        raw = rest
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = {name.lower(): value for name, value in pairs}
    whole = True
    if named.get("transfer-encoding", "").lower() == "chunked":
        rest, whole = unchunked(rest)
    elif "content-length" in named and method != "HEAD" and "304" not in first:
        whole = len(rest) == int(named["content-length"])
    kept = [(name, value) for name, value in pairs if name.lower() not in FRAMING]
    return Got(first.partition(" ")[2], kept, rest, whole, named.get("content-length"))


def unchunked(raw: bytes) -> tuple[bytes, bool]:
    """Give the body, and whether its last chunk came."""
    body = b""
    while raw:
        size, _, rest = raw.partition(b"\r\n")
        try:
            count = int(size.split(b";")[0], 16)
        except ValueError:
            return body, False
        if not count:
            return body, True
        body, raw = body + rest[:count], rest[count + 2 :]
    return body, False
