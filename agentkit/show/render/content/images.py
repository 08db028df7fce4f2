"""Images that were sent or returned: small pictures from their own bytes; of any other image its
address, as words.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from agentkit.show.html import Html, el, picture

_ADDRESS = re.compile(r"data:(image/[a-z+.-]+);base64,", re.IGNORECASE)
_MOST = 20_000_000
"""Pixels of an image that is shown: a few bytes can stand for more than a browser can bear."""


def image_of(part: Any) -> Html | None:
    """Draw an image: the address that holds its bytes, or a part of a content as any of the servers
    writes it; None where it is no image.
    """
    if isinstance(part, str):
        return _of_address(part) if part[:11].lower() == "data:image/" else None
    if not isinstance(part, Mapping) or "image" not in str(part.get("type", "")):
        return None
    for holder in (part, part.get("source"), part.get("image_url")):
        if isinstance(holder, Mapping):
            kind = holder.get("media_type") or holder.get("mimeType") or holder.get("mime_type")
            if isinstance(kind, str) and isinstance(data := holder.get("data"), str):
                return _picture(kind, data)
            if isinstance(address := holder.get("url"), str):
                return _of_address(address)
    address = part.get("image_url")
    return _of_address(address) if isinstance(address, str) else None


def _of_address(address: str) -> Html:
    found = _ADDRESS.match(address)
    if found:
        return _picture(found[1].lower(), address[found.end() :])
    shown = address if len(address) <= 300 else f"{address[:300]}…"
    return el("p", "image ", el("code", shown), " ", el("small", "is not loaded"))


def _picture(kind: str, encoded: str) -> Html:
    """Draw the picture and what is known of it, or say why there is none."""
    encoded = "".join(encoded.split())
    size = len(encoded) * 3 // 4
    words = [kind[:40], f"{size / 1000:,.1f} kB" if size >= 1000 else f"{size} bytes"]
    area = _area(kind, encoded)
    if area:
        words.insert(1, f"{area[0]:,} × {area[1]:,}")
    shown = picture(kind, encoded, words[0]) if area and area[0] * area[1] <= _MOST else None
    why = "as it was sent" if shown else "not shown"
    about = el("small", ", ".join([*words, why]))
    return el("p", shown, about, class_="ak-image") if shown else el("p", about)


def _area(kind: str, encoded: str) -> tuple[int, int] | None:
    """Read the width and the height from the bytes; None where they are not an image of the
    kind.
    """
    try:
        start = b64decode(encoded[:40_000])
    except ValueError:
        return None
    number = int.from_bytes
    match kind:
        case "image/png" if start[12:16] == b"IHDR":
            return number(start[16:20]), number(start[20:24])
        case "image/gif" if len(start) > 10:
            return number(start[6:8], "little"), number(start[8:10], "little")
        case "image/webp" if start[12:16] == b"VP8X":
            return number(start[24:27], "little") + 1, number(start[27:30], "little") + 1
        case "image/webp" if start[12:16] == b"VP8L":
            bits = number(start[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case "image/webp" if start[12:16] == b"VP8 ":
            return number(start[26:28], "little") & 0x3FFF, number(start[28:30], "little") & 0x3FFF
        case "image/jpeg":
            return _area_of_jpeg(start)
    return None


def _area_of_jpeg(start: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(start) and start[at] == 0xFF:
        mark = start[at + 1]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = start[at + 5 : at + 7], start[at + 7 : at + 9]
            return int.from_bytes(width), int.from_bytes(height)
        at += 2 + int.from_bytes(start[at + 2 : at + 4])
    return None
