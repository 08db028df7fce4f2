"""Where each rollout of a file is and what became of it, found in one pass over the lines: only
their first bytes and the short ones are read.

The lines `agentkit.files.cassette.codec` writes begin alike, so a step's line is known by a prefix;
one written by other hands is parsed whole.
"""

from __future__ import annotations

import json
import re
from array import array
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from agentkit.files.cassette.codec import Numbering, checked_line
from agentkit.files.cassette.lines import VERSION
from agentkit.types.trajectory import StopReason

_STEP = re.compile(rb'\{"step":"(model|tool|open|close)","sample":(\d+),"turn":(\d+)')
_HEAD = re.compile(rb'\{"agentkit":(\d+),"kind":"rollout","sample":(\d+),"spec":')
_DECODER = json.JSONDecoder()


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
        """Take in the place of a line."""
        spans = self.spans
        if spans and spans[-2] + spans[-1] == offset:
            spans[-1] += size
        else:
            spans.extend((offset, size))

    def note(self, line: dict[str, Any]) -> None:
        """Take in what a line holds about the whole rollout."""
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
        """Go on with the file from where the scan ended.

        Raises:
            CassetteError: the first line is none of ours, or of a newer version.
        """
        offset = file.seek(self.end)
        number = (
            0 if offset == 0 else 1
        )  # the first line of the file has to be one of ours, and is only seen from its start
        match = _STEP.match
        for line in file:
            number += 1
            size = len(line)
            step = match(line)
            if step is not None and number > 1 and line.endswith(b"}\n"):
                self._step(step, offset, size, number)
            elif line.strip() and not self._other(line, offset, number):
                self.torn.append(number)
            offset += size
            if line.endswith(b"\n"):
                self.end = offset
        return self

    def _step(self, step: re.Match[bytes], offset: int, size: int, number: int) -> None:
        """Take in a step's line that is written as ours are, without parsing it."""
        kind, sample, turn = step.groups()
        found = self._of(int(sample), number)
        if found is not None:
            found.add(offset, size)
            found.ended = False
            if kind == b"model":
                found.turns = max(found.turns, int(turn) + 1)

    def _other(self, line: bytes, offset: int, number: int) -> bool:
        """Take in a first line, an end, or a line by other hands; False where it cannot be used."""
        head = _HEAD.match(line)
        data = (self._head(line, head) if head and int(head[1]) == VERSION else None) or _parsed(
            line
        )
        if number == 1 or data is not None:
            checked_line(data, number)
        if data is not None:
            self._parsed_line(data, offset, len(line), number)
        return data is not None

    def _parsed_line(self, data: dict[str, Any], offset: int, size: int, number: int) -> None:
        sample = data.get("sample", 0)
        if "agentkit" in data:
            index = self.numbers.begin(sample)
            spec, prompt, meta = (
                data.get("spec") or {},
                data.get("prompt") or [],
                data.get("meta") or {},
            )
            self.rollouts[index] = Found(index, prompt=prompt, meta=meta, model=spec.get("model"))
        found = self._of(sample, number)
        if found is not None:
            found.note(data)
            found.add(offset, size)

    def _of(self, sample: int, number: int) -> Found | None:
        """Find the rollout a line belongs to."""
        place = self.numbers.of(sample)
        if place is None:
            self.orphans.append(number)
            return None
        return self.rollouts[place]

    def _head(self, line: bytes, head: re.Match[bytes]) -> dict[str, Any] | None:
        """Parse a first line; the spec, the same for all rollouts of a batch, is parsed once."""
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
        return (
            None
            if data is None
            else {"agentkit": int(head[1]), "sample": int(head[2]), "spec": spec, **data}
        )


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
