"""The lines of our files as text: written, read one by one, and told from what is none of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from agentkit.errors import CassetteError
from agentkit.files.cassette.lines import VERSION, Line
from agentkit.read.plain import compact_json
from agentkit.types.record import clip

RESTORE = "restore the file; lines are missing or changed"
NO_LINE = "a chat JSONL is read with ak.view(path)"
_CUT = "open the file again where it is still being written; ak.rollouts(…, resume=path) goes on"
_HEAD = b'{"agentkit":'
_BEGINNING = re.compile(rb'\{"(?:agentkit":\d|step":")')
_scan: Callable[[str, int], tuple[Any, int]]
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_TRIES = 4
"""Places in a line, from its end, at which another may begin."""
_PLACE = re.compile(r'\{[^{}\[\]]{0,80}?"sample": ?(\d{1,15})[,}]')
_STEP = re.compile(r'\{"step": ?"(\w+)", ?"sample": ?\d+, ?"turn": ?(\d+)')


def encode_line(line: Line) -> str:
    """Write a line as text with its newline; text that UTF-8 cannot carry is escaped."""
    return compact_json(line) + "\n"


class Unread(NamedTuple):
    """A line that is no JSON object: torn by a crash, damaged, or of other hands."""

    number: int
    """Its number in the file, from 1."""
    text: str

    def refusal(self) -> CassetteError:
        """Make the error of a file in which it stands before any rollout."""
        ours = _BEGINNING.match(self.text.encode("utf-8", "replace"))
        if ours and not self.text.rstrip().endswith("}"):
            return CassetteError(f"line {self.number} is cut before its end", hint=_CUT)
        return CassetteError(f"line {self.number} is not a line of an agentkit file", hint=NO_LINE)

    @property
    def sample(self) -> int | None:
        """The rollout that its beginning names; None where that cannot be seen."""
        found = _PLACE.match(self.text)
        return int(found[1]) if found else None

    @property
    def is_head(self) -> bool:
        """Whether it was the first line of a rollout, and is not just what a crash cut off."""
        return self.text.startswith('{"agentkit"') and self.text.endswith("\n")

    def became(self, line: Line) -> bool:
        """Tell whether this line is the same step, which a later run has taken again."""
        step = _STEP.match(self.text)
        return step is not None and (step[1], step[2]) == (line.get("step"), str(line.get("turn")))


def decode_lines(
    text: Iterable[str | bytes], torn: Callable[[str], None] = lambda message: None
) -> Iterator[Line | Unread]:
    """Read the lines of a file; one that is no JSON object is given as it is.

    Args:
        text: the file, or its lines; as bytes, they have to be UTF-8.
        torn: called with a sentence about each line that cannot be read.
    """
    for number, raw in enumerate(text, 1):
        line = decoded(raw)
        if line is not None and is_line(line):
            yield line
            continue
        if not raw.strip():
            continue
        joined = parts(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
        if joined:
            torn(f"line {number} is two lines in one")
            yield from decode_lines(joined, torn)
            continue
        what = "torn" if line is None else "none of ours"
        torn(f"line {number} is {what} and is ignored")
        yield Unread(number, raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))


def decoded(raw: str | bytes) -> Line | None:
    """Read one line; None where it is no JSON object, or no UTF-8."""
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        if text.startswith("{"):
            line, end = _scan(text, 0)
            if len(text) - end < 3 and text[end:] in ("\n", "\r\n", ""):
                found: Line = line
                return found
        line = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, StopIteration, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def parts(raw: bytes) -> list[bytes]:
    """Take apart a line that lost the end of the one before it; empty where it is a single one."""
    starts = [found.start() for found in _BEGINNING.finditer(raw, 1)]
    for start in reversed(starts[-_TRIES:]):
        if decoded(raw[start:]) is not None:
            return [raw[:start], raw[start:]]
    return []


def is_cut_head(start: bytes) -> bool:
    """Tell by its first bytes whether a file without a line end is what a crash left of a first
    line.
    """
    return _HEAD.startswith(start[: len(_HEAD)])


def checked_version(line: Line) -> None:
    """Make sure that the rollout of this first line can be read.

    Raises:
        CassetteError: it has no version, or that of a newer agentkit.
    """
    version = line["agentkit"]
    if type(version) is int and 0 < version <= VERSION:
        return
    newer = type(version) is int and version > VERSION
    raise CassetteError(
        f"the file has version {clip(repr(version))}; this agentkit reads up to {VERSION}",
        hint="upgrade agentkit" if newer else RESTORE,
    )


def is_line(line: Line) -> bool:
    """Tell whether a JSON object can be a line of ours."""
    return "agentkit" in line or isinstance(line.get("step"), str)


def described(line: Line) -> str:
    """Name a line in a message: by its step and its turn."""
    return (
        f"the {clip(str(line.get('step', 'first')))} line of turn {clip(str(line.get('turn', 0)))}"
    )


class Numbering:
    """Sample indices, made unique where files that each count from 0 were joined into one."""

    def __init__(self) -> None:
        self._now: dict[Any, int] = {}
        self._used: set[int] = set()
        self.next = 0
        """The lowest index above all that are used."""
        self.joined = False
        """Whether an index came twice."""

    def begin(self, sample: Any) -> int:
        """Give a rollout its index; the one its first line carries, where that is free."""
        sample = sample if type(sample) is int else repr(sample)
        index = sample if type(sample) is int and sample >= 0 else self.next
        if index in self._used:
            self.joined, index = True, self.next
        self.next = max(self.next, index + 1)
        self._used.add(index)
        self._now[sample] = index
        return index

    def of(self, sample: Any) -> int | None:
        """Find the rollout that a later line with this index belongs to."""
        return self._now.get(sample if type(sample) is int else repr(sample))
