"""Text that is another at every run, and text that must not be kept: found by its form, whatever it
is in.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from agentkit.servers.redaction.key_shapes import jwts

_EPOCH_KNOWN = 1e9
"""A recorded time below this comes from a scripted clock and tells no day."""
_DAY = 86_400.0

_STAMP = re.compile(r"\b(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d(?::\d\d)?")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_UNIX = re.compile(r"(?<![\w.])1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?(?![\w])")
_UUID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
)
_TEMP = re.compile(
    r"(?:/private)?(?:/tmp|/var/tmp|/var/folders|/dev/shm)/[\w.+-][\w./+-]*"
    r"|/tmp[a-z0-9_]{8}(?!\w)[\w./+-]*"  # Python's tempfile, in whatever folder a cluster gives it
    r"|[A-Z]:\\\\?Users\\\\?[^\\\s]+\\\\?AppData\\\\?Local\\\\?Temp\\\\?[\w.\\-]*"
)
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{8,16}\b", re.IGNORECASE)
_WRITTEN_DATE = "%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d %b %Y", "%A, %B %d"
_SCAN = 200_000
"""Characters of one text that are looked at."""

_SECRETS = re.compile(
    r"\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bhf_[A-Za-z0-9]{20,}|\bnvapi-[\w-]{20,}"
    r"|\bgsk_[A-Za-z0-9]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\b[Bb]earer +(?!\[redacted\])[\w.~+/-]{12,}=*"
    r"|://[^/\s:@\"\\]+:(?!\[redacted\])[^/\s:@\"\\]{3,}@"
)
_SECRET_SIGNS = (
    "sk-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "AIza",
    "hf_",
    "nvapi-",
    "gsk_",
    "eyJ",
    "-----BEGIN",
    "earer ",
    "@",
)
_NAME_SIGNS = ("api_key", "api-key", "apikey", "secret", "passw", "access", "auth")
"""What every match holds: a look for these is many times cheaper than the pattern."""
_NAMED_SECRET = re.compile(
    r"(?:api[_-]?key|secret|passw(?:or)?d|access[_-]?token|auth[_-]?token|authorization)[\"\\']*"
    r"\s*[:=]\s*[\"\\']*(?!\[redacted\]|EMPTY|null|None|true|false)"
    r"([^\s\"'\\,;&}]{8,})",
    re.IGNORECASE,
)


class Volatile(NamedTuple):
    """A piece of text that will be another at the next run."""

    kind: str
    """`time`, `date`, `uuid`, `temp_path` or `address`."""
    text: str


def volatile(text: str, at: float | None) -> Iterator[Volatile]:
    """Find what in a text looks made by the run it was recorded in, one of each kind.

    Args:
        at: Unix time of the recording, where it is known: a date is only taken for today's, and a
            time for now's, if it is near.
    """
    text = text[:_SCAN]
    known = at if at is not None and at > _EPOCH_KNOWN else None
    stamp = next((m for m in _STAMP.finditer(text) if known is None or _near(m[1], known)), None)
    unix = next(
        (
            m
            for m in _UNIX.finditer(text)
            if known is not None and abs(_seconds(m[0]) - known) < 2 * _DAY
        ),
        None,
    )
    if stamp or unix:
        yield Volatile("time", (stamp or unix)[0])  # type: ignore[index]
    elif known is not None and (today := _today(text, known)):
        yield Volatile("date", today)
    for kind, pattern in (("uuid", _UUID), ("temp_path", _TEMP), ("address", _ADDRESS)):
        if found := pattern.search(text):
            yield Volatile(kind, found[0])


def _seconds(text: str) -> float:
    number = float(text)
    return number / 1000 if number > 1e12 else number


def _near(date: str, at: float) -> bool:
    try:
        day = datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return False
    return -2 * _DAY < at - day < 2 * _DAY


def _today(text: str, at: float) -> str | None:
    """Find the day of the recording, where the text names it in one of the usual ways."""
    iso = next((m[0] for m in _DATE.finditer(text) if _near(m[0], at)), None)
    if iso:
        return iso
    day = datetime.datetime.fromtimestamp(at, datetime.UTC)
    written = {day.strftime(form) for form in _WRITTEN_DATE}
    return next(
        (
            name
            for name in sorted(written | {name.replace(" 0", " ") for name in written})
            if name in text
        ),
        None,
    )


def secrets(text: str) -> Iterator[str]:
    """Find what looks like a key or a password, and show its first letters alone."""
    if any(map(text.__contains__, _SECRET_SIGNS)):
        for found in chain(_SECRETS.finditer(text), jwts(text)):
            yield _hint(found[0])
    lower = text.lower()
    if any(map(lower.__contains__, _NAME_SIGNS)):
        for found in _NAMED_SECRET.finditer(text):
            yield _hint(found[1])


def _hint(secret: str) -> str:
    return f"{secret[:4]}… ({len(secret)} characters)"
