"""A font of boxes, so that a page is laid out the same wherever it is: every character is a box of
one width. Real fonts differ between machines.
"""

from __future__ import annotations

import base64
import struct
from functools import cache

_EM, _ASCENT, _DESCENT = 1000, 800, 200
_LAST = 0x10FFFF


@cache
def box_font(width: float) -> str:
    """A TrueType font as a data URL.

    Args:
        width: of every character, as a part of its size; Arial takes about 0.5, DejaVu Sans 0.58.
    """
    advance = round(width * _EM)
    empty, box = b"", _box(advance)
    tables = {
        b"OS/2": _os2(advance),
        b"cmap": _cmap(),
        b"glyf": empty + box,
        b"head": _head(advance),
        b"hhea": struct.pack(
            ">IhhhHhhhhhhhhhhhH",
            0x10000,
            _ASCENT,
            -_DESCENT,
            0,
            advance,
            0,
            0,
            advance,
            1,
            *[0] * 7,
            2,
        ),
        b"hmtx": struct.pack(">HhHh", advance, 0, advance, 0),
        b"loca": struct.pack(">III", 0, 0, len(box)),
        b"maxp": struct.pack(">IHHHHHHHHHHHHHH", 0x10000, 2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
        b"name": _name(),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, -100, 50, 0, 0, 0, 0, 0),
    }
    return "data:font/ttf;base64," + base64.b64encode(_file(tables)).decode()


def _box(advance: int) -> bytes:
    right, top = advance - 60, 600
    head = struct.pack(">hhhhh", 1, 60, 0, right, top)
    ends = struct.pack(">HH", 3, 0)  # the last point, and no instructions
    points = struct.pack(">4B4h4h", 1, 1, 1, 1, 60, right - 60, 0, 60 - right, 0, 0, top, 0)
    return head + ends + points + b"\0" * (-len(head + ends + points) % 4)


def _cmap() -> bytes:
    group = struct.pack(">III", 0x20, _LAST, 1)
    many = struct.pack(">HHIII", 13, 0, 16 + len(group), 0, 1) + group
    basic = _format_4()
    head = struct.pack(">HHHHIHHI", 0, 2, 3, 1, 20, 3, 10, 20 + len(basic))
    return head + basic + many


def _format_4() -> bytes:
    """Every character of the basic plane up to U+3000 is glyph 1."""
    first, last = 0x20, 0x3000
    number = last - first + 1
    body = struct.pack(">HH", last, 0xFFFF) + b"\0\0" + struct.pack(">HH", first, 0xFFFF)
    body += struct.pack(">hh", 0, 1) + struct.pack(">HH", 4, 0) + b"\0\1" * number
    return struct.pack(">HHHHHHH", 4, 14 + len(body), 0, 4, 4, 1, 0) + body


def _head(advance: int) -> bytes:
    return struct.pack(
        ">IIIIHHqqhhhhHHhhh",
        *(0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _EM, 0, 0),
        *(0, -_DESCENT, advance, _ASCENT, 0, 8, 2, 1, 0),
    )


def _os2(advance: int) -> bytes:
    return struct.pack(
        ">HhHHHhhhhhhhhhhh10sIIII4sHHHhhhHHII",
        *(3, advance, 400, 5, 0, 650, 600, 0, 75, 650, 600, 0, 350, 50, 250, 0),
        *(b"\0" * 10, 1, 0, 0, 0, b"test", 0x40, 0x20, 0xFFFF),
        *(_ASCENT, -_DESCENT, 0, _ASCENT, _DESCENT, 1, 0),
    )  # fmt: skip


def _name() -> bytes:
    text = "Boxes".encode("utf-16-be")
    ids = (1, 2, 4, 6)
    records = b"".join(struct.pack(">HHHHHH", 3, 1, 0x409, i, len(text), 0) for i in ids)
    return struct.pack(">HHH", 0, len(ids), 6 + len(records)) + records + text


def _file(tables: dict[bytes, bytes]) -> bytes:
    number = len(tables)
    power = 1 << (number.bit_length() - 1)
    start = 12 + 16 * number
    head = struct.pack(
        ">IHHHH", 0x10000, number, power * 16, power.bit_length() - 1, (number - power) * 16
    )
    records, bodies = b"", b""
    for tag, data in sorted(tables.items()):
        padded = data + b"\0" * (-len(data) % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        records += struct.pack(">4sIII", tag, total, start + len(bodies), len(data))
        bodies += padded
    return head + records + bodies
