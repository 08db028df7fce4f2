"""Images from their own bytes, and nothing else as one."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from agentkit.show.html import picture
from agentkit.show.render.content.images import image_of
from tests.show.test_html import ANY_TEXT, read


def png(width: int, height: int) -> str:
    def part(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    head = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = part(b"IDAT", zlib.compress((b"\0" + b"\x80" * 4) * 4))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + pixels + part(b"IEND", b"")).decode()


SENT: dict[str, Callable[[str, str], Any]] = {
    "a server of Chat Completions": lambda kind, data: {
        "type": "image_url",
        "image_url": {"url": f"data:{kind};base64,{data}"},
    },
    "Responses": lambda kind, data: {
        "type": "input_image",
        "image_url": f"data:{kind};base64,{data}",
    },
    "Messages": lambda kind, data: {
        "type": "image",
        "source": {"type": "base64", "media_type": kind, "data": data},
    },
    "a tool": lambda kind, data: {"type": "image", "mimeType": kind, "data": data},
    "an address": lambda kind, data: f"data:{kind};base64,{data}",
}


@pytest.mark.parametrize("form", SENT)
def test_an_image_is_shown_from_its_own_bytes(form: str) -> None:
    shown = image_of(SENT[form]("image/png", png(4, 4)))
    assert shown is not None
    assert f'src="data:image/png;base64,{png(4, 4)}">' in shown
    assert "image/png, 4 × 4, " in shown


@pytest.mark.parametrize("form", SENT)
@pytest.mark.parametrize(
    ("kind", "encoded"),
    [
        ("image/svg+xml", base64.b64encode(b"<svg onload='x()'/>").decode()),
        ("image/png", base64.b64encode(b"<svg onload='x()'/>").decode()),
        ("image/jpeg", png(4, 4)),
        ("image/png", png(60_000, 60_000)),
        ("image/png", png(4, 4) + '"onerror="x()'),
        ("image/png", ""),
        ('image/png" onerror="x()', png(4, 4)),
    ],
)
def test_nothing_else_is_an_image(form: str, kind: str, encoded: str) -> None:
    shown = image_of(SENT[form](kind, encoded))
    assert shown is not None
    assert {tag for tag, _ in read(shown).tags} <= {"p", "small", "code"}


def test_a_remote_image_is_its_address() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.invalid/x.png"}}
    shown = read(image_of(part) or "")
    assert "img" not in {tag for tag, _ in shown.tags}
    assert "https://example.invalid/x.png" in shown.text


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_a_picture_is_only_made_of_bytes(kind: str, encoded: str, words: str) -> None:
    assert picture(kind, encoded, words) is None
