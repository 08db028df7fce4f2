"""Where each rollout of a file is and what became of it, found in one pass over the lines: only their first bytes and the short ones are read.

The lines `agentkit.codec` writes begin alike, so a step's line is told by a prefix; one written by other hands is parsed whole.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from agentkit.codec import VERSION, Numbering, checked_line
from agentkit.types import StopReason

_STEP = re.compile(rb'\{"step":"(\w+)","sample":(\d+),(?:"turn":(\d+))?')
_HEAD = re.compile(rb'\{"agentkit":(\d+),"kind":"rollout","sample":(\d+),"spec":')
_DECODER = json.JSONDecoder()
_SHORT = {b"end", b"meta"}
"""Steps whose lines say something about the whole rollout."""


@dataclass(slots=True)
class Found:
    """One rollout as the scan finds it."""

    sample: int
    spans: array[int] = field(default_factory=lambda: array("q"))
    """Offset and size of each run of neighbouring lines, in bytes, one after the other."""
    prompt: list[Any] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    model: Any = None
    turns: int = 0
    stop_reason: StopReason | None = None
    totals: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    """Whether its last line is an `end`."""

    def add(self, offset: int, size: int) -> None:
        """Takes in the place of a line."""
        spans = self.spans
        if spans and spans[-2] + spans[-1] == offset:
            spans[-1] += size
        else:
            spans.extend((offset, size))

    def note(self, line: dict[str, Any]) -> None:
        """Takes in what a line says about the whole rollout."""
        kind = line.get("step")
        if kind == "meta":
            self.meta = {**self.meta, **(line.get("meta") or {})}
            return
        self.ended = kind == "end"
        if kind == "end":
            self.stop_reason, self.totals = line.get("stop_reason"), line.get("totals") or {}
            self.turns = self.totals.get("turns", 0) if "totals" in line else self.turns
        elif kind == "model":
            self.turns = max(self.turns, line.get("turn", 0) + 1)


@dataclass(slots=True)
class Scan:
    """What a file holds, by sample."""

    rollouts: dict[int, Found] = field(default_factory=dict)
    torn: list[int] = field(default_factory=list)
    """Numbers of lines that are no JSON, from 1."""
    orphans: list[int] = field(default_factory=list)
    """Numbers of lines of a rollout whose first line is not there."""
    end: int = 0
    """Offset behind the last whole line."""
    numbers: Numbering = field(default_factory=Numbering)
    _spec: tuple[bytes, Any] = (b"", None)

    def read(self, file: BinaryIO) -> Scan:
        """This scan, with what stands in the file behind where it ended.

        Raises:
            CassetteError: the first line is none of ours, or of a newer version.
        """
        for number, offset, line in _lines(file, self.end):
            if not line.strip():
                continue
            whole = line.endswith(b"\n")
            if not self._take(line, offset, number):
                self.torn.append(number)
            if whole:
                self.end = offset + len(line)
        return self

    def _take(self, line: bytes, offset: int, number: int) -> bool:
        """Whether it is a line that can be used."""
        step = _STEP.match(line)
        if step is not None and step[1] not in _SHORT and number > 1 and line.endswith(b"}\n"):
            found = self._of(int(step[2]), number)
            if found is not None:
                found.add(offset, len(line))
                found.ended = False
                if step[1] == b"model":
                    found.turns = max(found.turns, int(step[3] or 0) + 1)
            return True
        head = _HEAD.match(line)
        data = (self._head(line, head) if head and int(head[1]) == VERSION else None) or _parsed(line)
        if number == 1 or data is not None:
            checked_line(data, number)
        if data is not None:
            self._parsed_line(data, offset, len(line), number)
        return data is not None

    def _parsed_line(self, data: dict[str, Any], offset: int, size: int, number: int) -> None:
        sample = data.get("sample", 0)
        if "agentkit" in data:
            index = self.numbers.begin(sample)
            spec, prompt, meta = data.get("spec") or {}, data.get("prompt") or [], data.get("meta") or {}
            self.rollouts[index] = Found(index, prompt=prompt, meta=meta, model=spec.get("model"))
        found = self._of(sample, number)
        if found is not None:
            found.note(data)
            found.add(offset, size)

    def _of(self, sample: int, number: int) -> Found | None:
        """The rollout a line belongs to."""
        place = self.numbers.of(sample)
        if place is None:
            self.orphans.append(number)
            return None
        return self.rollouts[place]

    def _head(self, line: bytes, head: re.Match[bytes]) -> dict[str, Any] | None:
        """A first line; the spec, which is the same for all rollouts of a batch, is parsed once."""
        raw, spec = self._spec
        if not raw or not line.startswith(raw, head.end()):
            try:
                text = line[head.end() :].decode("utf-8", "replace")
                spec, length = _DECODER.raw_decode(text)
            except (ValueError, RecursionError):
                return None
            raw = text[:length].encode()
            self._spec = (raw, spec) if line.startswith(raw, head.end()) else (b"", None)
        rest = line[head.end() + len(raw) :].lstrip()
        data = _parsed(b"{" + rest[1:]) if rest[:1] == b"," else None
        return None if data is None else {"agentkit": int(head[1]), "sample": int(head[2]), "spec": spec, **data}


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _lines(file: BinaryIO, begin: int) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and bytes of each line from there on; numbers count from 1 only where the whole file is read."""
    offset = file.seek(begin)
    for number, line in enumerate(file, 1 if begin == 0 else 2):
        yield number, offset, line
        offset += len(line)
