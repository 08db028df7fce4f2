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

from agentkit.codec import VERSION, checked_line
from agentkit.types import StopReason

_STEP = re.compile(rb'\{"step":"(\w+)","sample":(\d+),(?:"turn":(\d+))?')
_HEAD = re.compile(rb'\{"agentkit":(\d+),"kind":"rollout","sample":(\d+),"spec":')
_DECODER = json.JSONDecoder()
_SHORT = {"end", "meta"}
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


@dataclass(slots=True)
class Scan:
    """What a file holds, by sample."""

    rollouts: dict[int, Found] = field(default_factory=dict)
    torn: list[int] = field(default_factory=list)
    """Numbers of lines that are no JSON, from 1."""
    orphans: int = 0
    """Lines of a rollout whose first line is not there."""
    end: int = 0
    """Offset behind the last whole line."""
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
        data: dict[str, Any] | None
        if step is not None and number > 1 and _closes(line):
            kind, sample = step[1].decode(), int(step[2])
            data = _parsed(line) if kind in _SHORT else {"turn": int(step[3] or 0)}
        else:
            head = _HEAD.match(line)
            data = (self._head(line, head) if head and int(head[1]) == VERSION else None) or _parsed(line)
            if number == 1 or data is not None:
                checked_line(data, number)
            kind, sample = (data or {}).get("step", ""), (data or {}).get("sample", 0)
        if data is None:
            return False
        if "agentkit" in data:
            spec, prompt, meta = data.get("spec") or {}, data.get("prompt") or [], data.get("meta") or {}
            self.rollouts[sample] = Found(sample, prompt=prompt, meta=meta, model=spec.get("model"))
        elif sample not in self.rollouts:
            self.orphans += 1
            return True
        _note(self.rollouts[sample], kind, data)
        self.rollouts[sample].add(offset, len(line))
        return True

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


def _note(found: Found, kind: str, data: dict[str, Any]) -> None:
    if kind == "meta":
        found.meta = {**found.meta, **(data.get("meta") or {})}
        return
    found.ended = kind == "end"
    if kind == "end":
        found.stop_reason, found.totals = data.get("stop_reason"), data.get("totals") or {}
        found.turns = found.totals.get("turns", found.turns)
    elif kind == "model":
        found.turns = max(found.turns, data.get("turn", 0) + 1)


def _closes(line: bytes) -> bool:
    """Whether a step's line seems to be whole: torn ones have no closing brace, or no line break behind it."""
    return line.endswith(b"}\n") or (line.rstrip().endswith(b"}") and _parsed(line) is not None)


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
