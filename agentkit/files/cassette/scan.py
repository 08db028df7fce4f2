"""Where each rollout of a file is and what became of it, found in one pass over the lines: only
their first bytes and the short ones are read.

The lines `agentkit.files.cassette.codec` writes begin alike, so a step's line is known by a prefix;
one written by other hands is parsed whole.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from agentkit.errors import CassetteError
from agentkit.files.cassette.codec import STRAY, refusal
from agentkit.files.cassette.line.line_text import (
    Numbering,
    Unread,
    checked_version,
    decoded,
    is_cut_head,
    is_line,
    parts,
)
from agentkit.files.cassette.lines import NOTES, VERSION
from agentkit.trajectory.loop import FAILED
from agentkit.types.trajectory import StopReason

_STEP = re.compile(rb'\{"step":"(model|tool|open|close)","sample":(\d+),"turn":(\d+)')
_HEAD = re.compile(rb'\{"agentkit":(\d+),"kind":"rollout","sample":(\d+),"spec":')
_PLAIN_END = re.compile(rb'"started":[\d.e+-]{1,30},"elapsed":[\d.e+-]{1,30}\}\}\n$')
"""How a line of an answer ends that came at the first try; `retries` stand behind both."""
_TAIL = 100
_DECODER = json.JSONDecoder()


@dataclass(slots=True)
class Found:
    """One rollout as the scan finds it."""

    sample: int
    spans: array[int] = field(default_factory=lambda: array("q"))
    """Offset and size of each run of neighbouring lines, in bytes, one after the other."""
    spec: Any = None
    prompt: list[Any] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    model: Any = None
    turns: int = 0
    stop_reason: StopReason | None = None
    totals: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Any] | None = None
    """Columns of a table that its last line holds; None where it holds none."""
    doubtful: bool = False
    """Whether a tool or a request failed, which the totals of older versions do not count."""
    ended: bool = False
    """Whether its last line is an `end`."""
    odd: bool = False
    """Whether its lines must be read to see how far they fit."""
    lost: bool = False
    """Whether its first line cannot be read."""
    owner: str | None = None
    """The run that wrote to it last, by its name; None where the file does not say."""
    parsed: int = 0
    """Lines of it that were read whole."""

    @property
    def complete(self) -> bool:
        """Whether its first and its last line say all that a table asks for: an answer that comes
        before the user's first words is read for them.
        """
        spoken = any(isinstance(wire, dict) and wire.get("role") == "user" for wire in self.prompt)
        return self.ended and not self.odd and spoken

    def add(self, offset: int, size: int) -> None:
        """Take in the place of a line."""
        spans = self.spans
        if spans and spans[-2] + spans[-1] == offset:
            spans[-1] += size
        else:
            spans.extend((offset, size))

    def is_begun_by(self, line: dict[str, Any]) -> bool:
        """Tell whether this is the first line of it once more, with nothing in between."""
        given = (line.get("spec"), line.get("prompt"), _dict(line.get("meta")), line.get("owner"))
        own = (self.spec, self.prompt, self.meta, self.owner)
        return self.parsed == 1 and not self.lost and own == given

    def note(self, line: dict[str, Any]) -> None:
        """Take in what a line holds about the whole rollout."""
        kind = line.get("step")
        if kind == "meta":
            self.meta = {**self.meta, **_dict(line.get("meta"))}
            return
        if kind in NOTES:
            self.owner = line["owner"] if isinstance(line.get("owner"), str) else self.owner
            self.odd = self.odd or kind != "owner"
            return
        self.ended = kind == "end"
        if kind == "end":
            reason, totals = line.get("stop_reason"), _dict(line.get("totals"))
            known = reason is None or isinstance(reason, str)
            self.stop_reason = reason if known else None
            self.totals = {name: n for name, n in totals.items() if type(n) is int}
            self.columns = _plain_columns(line.get("columns"))
            turns = self.totals.get("turns", 0) if "totals" in line else self.turns
            self.odd = self.odd or not known or turns > self.turns
            self.doubtful |= turns != self.turns or self.stop_reason in FAILED
            self.turns = turns
        self.doubtful |= kind in ("model", "tool")  # written by other hands
        if kind == "model":
            turn = line.get("turn")
            self.model_step(turn if type(turn) is int else -1)

    def model_step(self, turn: int) -> None:
        """Take in the line of a model's answer; one that failed is followed by another of its
        turn.
        """
        self.odd = self.odd or not self.turns - 1 <= turn <= self.turns
        self.doubtful |= turn != self.turns
        self.turns = max(self.turns, turn + 1)


@dataclass(slots=True)
class Scan:
    """What a file holds, by sample."""

    rollouts: dict[int, Found] = field(default_factory=dict)
    torn: list[int] = field(default_factory=list)
    """Numbers of lines that are none of ours, from 1."""
    orphans: list[int] = field(default_factory=list)
    """Numbers of lines of a rollout whose first line is not there."""
    strays: dict[int, Found] = field(default_factory=dict)
    """What there is of these rollouts, by sample."""
    begun: list[int] = field(default_factory=list)
    """The indices of all rollouts with a first line, in the order these came."""
    lost: dict[int, None] = field(default_factory=dict)
    """The indices of those whose first line cannot be read."""
    end: int = 0
    """Offset behind the last whole line."""
    numbers: Numbering = field(default_factory=Numbering)
    refused: CassetteError | None = None
    """The first reason why a line could not be used."""
    revived: set[int] = field(default_factory=set)
    """The indices of rollouts that were taken and have lines again."""
    _spec: tuple[bytes, Any] = (b"", None)
    _last: int | None = None
    _highest: int = -1
    """The highest index of a rollout without its first line."""
    _loose: tuple[int, int] | None = None

    def read(self, file: BinaryIO) -> Scan:
        """Go on with the file from where the scan ended.

        Raises:
            CassetteError: there is something in it, and nothing of ours.
        """
        offset = file.seek(self.end)
        number = 0 if offset == 0 else 1  # only of a whole file the numbers are right
        for line in file:
            number += 1
            self.take_line(line, offset, number)
            offset += len(line)
            if line.endswith(b"\n"):
                self.end = offset
        if self.refused is not None and not self.begun and not self._is_cut_head(file):
            raise self.refused
        return self

    def take_line(self, line: bytes, offset: int, number: int = 0) -> None:
        """Take in a line, whatever it is."""
        step = _STEP.match(line)
        if step is not None and line.endswith(b"}\n"):
            self._step(step, line, offset, number)
        elif line.strip():
            self._other(line, offset, number)

    def _is_cut_head(self, file: BinaryIO) -> bool:
        """Tell whether the file is nothing but what a crash left of its first line."""
        file.seek(0)
        return self.end == 0 and is_cut_head(file.read(64))

    def whole(self) -> dict[int, Found]:
        """Give every rollout there is anything of, also those that have lost their first line.

        Raises:
            CassetteError: no rollout can be read.
        """
        lost = {
            sample: found
            for sample, found in self.strays.items()
            if found.parsed >= STRAY and sample not in self.rollouts
        }
        rollouts = {**self.rollouts, **lost}
        if self.refused is not None and all(found.lost for found in rollouts.values()):
            raise self.refused
        return rollouts

    def places(self) -> list[array[int]]:
        """List the spans of each rollout, in order of the sample indices; none where something in
        the file belongs to none, or two have one index.
        """
        lost = (self.torn, self.orphans, self.strays, self.lost, self.refused)
        if any(lost) or self.numbers.joined:
            return []
        return [self.rollouts[index].spans for index in sorted(self.rollouts)]

    def take(self) -> dict[int, Found]:
        """Give the rollouts that have ended, and forget them but for their indices."""
        ended = {index: found for index, found in self.rollouts.items() if found.ended}
        for index in ended:
            del self.rollouts[index]
        return ended

    def _known(self, place: int) -> Found:
        """Find a rollout by its index; one that was taken begins again, and must be read."""
        found = self.rollouts.get(place)
        if found is None:
            self.revived.add(place)
            found = self.rollouts[place] = Found(place, odd=True)
        return found

    @property
    def next_sample(self) -> int:
        """The index of the next rollout."""
        return max(self.numbers.next, 1 + self._highest)

    @property
    def vacant(self) -> int | None:
        """The index of a rollout whose first line is lost, which a new one can take."""
        lost = (*self.strays, *self.lost)
        return next((i for i in lost if self.numbers.of(i) in (None, i)), None)

    def _step(self, step: re.Match[bytes], line: bytes, offset: int, number: int) -> None:
        """Take in a step's line that is written as ours are, without parsing it."""
        kind, given, turn = step.groups()
        sample = int(given)
        place = self.numbers.of(sample)
        if place is None or self._loose is not None:
            found = self._of(sample, offset, len(line), number)
            if found is None:
                return
        else:
            found = self._known(place)
            found.add(offset, len(line))
            found.parsed += 1
            self._last = place
        found.ended = False
        if kind == b"model":
            at = int(turn)
            if at == found.turns:
                found.turns = at + 1
            else:
                found.model_step(at)
            if not found.doubtful and not _PLAIN_END.search(line, max(0, len(line) - _TAIL)):
                found.doubtful = b'"retries":[{' in line
        elif kind == b"tool" and b'"status":"ok"' not in line:
            found.doubtful = True

    def _other(self, line: bytes, offset: int, number: int) -> None:
        """Take in a first line, an end, or a line by other hands."""
        head = _HEAD.match(line)
        data = self._head(line, head) if head and int(head[1]) == VERSION else None
        data = data or decoded(line)
        joined = parts(line) if data is None else []
        for part in joined:
            self._other(part, offset, number)
            offset += len(part)
        if joined:
            return
        if data is None or not is_line(data):
            self.torn.append(number)
            self._unread(line, offset, number)
        else:
            self._parsed_line(data, offset, len(line), number)

    def _unread(self, line: bytes, offset: int, number: int) -> None:
        """Take in a line that cannot be read: it belongs to the rollout that its beginning names,
        or to the one that both its neighbours belong to.
        """
        unread = Unread(number, line.decode("utf-8", "replace"))
        self._refuse(refusal(unread))
        place = None if unread.sample is None else self.numbers.of(unread.sample)
        if place is not None:
            found = self._known(place)
            found.add(offset, len(line))
            found.odd = True
        elif unread.is_head and unread.sample is not None:
            index = self.numbers.begin(unread.sample)
            self.rollouts[index] = Found(index, lost=True)
            self.rollouts[index].add(offset, len(line))
            self.lost[index] = None
        else:
            self._loose = (offset, len(line))

    def _parsed_line(self, data: dict[str, Any], offset: int, size: int, number: int) -> None:
        sample = data.get("sample", 0)
        if "agentkit" in data:
            self._begin(data, sample, number)
        found = self._of(sample, offset, size, number)
        if found is not None:
            found.note(data)

    def _begin(self, data: dict[str, Any], sample: Any, number: int) -> None:
        place = self.numbers.of(sample)
        before = self.rollouts.get(place) if place is not None else None
        if before is not None and before.is_begun_by(data):
            before.odd = True
            return
        lost = before is not None and before.lost
        index = place if lost and place is not None else self.numbers.begin(sample)
        spec, prompt, meta = data.get("spec"), data.get("prompt"), data.get("meta")
        model = _dict(spec).get("model")
        self.rollouts[index] = found = Found(
            index,
            spec=spec,
            prompt=prompt if isinstance(prompt, list) else [],
            meta=_dict(meta),
            model=model if isinstance(model, str) else None,
            owner=data["owner"] if isinstance(data.get("owner"), str) else None,
        )
        self.begun.append(index)
        self.strays.pop(index, None)
        self.lost.pop(index, None)
        found.odd = not isinstance(spec, dict) or not isinstance(prompt, list)
        try:
            checked_version(data)
        except CassetteError as exc:
            self._refuse(exc)
            found.lost = True
            self.lost[index] = None

    def _of(self, sample: Any, offset: int, size: int, number: int) -> Found | None:
        """Find the rollout a line belongs to, and give it the line."""
        place = self.numbers.of(sample)
        if place is None:
            self.orphans.append(number)
            self._refuse(refusal({"step": "", "sample": sample}))
            if type(sample) is int and sample >= 0:
                self._highest = max(self._highest, sample)
                stray = self.strays.setdefault(sample, Found(sample, lost=True))
                stray.add(offset, size)
                stray.parsed += 1
            return None
        found = self._known(place)
        if self._loose is not None:
            if place == self._last:
                found.add(*self._loose)
                found.odd = True
            self._loose = None
        found.add(offset, size)
        found.parsed += 1
        self._last = place
        return found

    def _refuse(self, reason: CassetteError) -> None:
        self.refused = self.refused or reason

    def _head(self, line: bytes, head: re.Match[bytes]) -> dict[str, Any] | None:
        """Parse a first line; the spec, the same for all rollouts of a batch, is parsed once."""
        raw, spec = self._spec
        if not raw or not line.startswith(raw, head.end()):
            try:
                text = line[head.end() :].decode("utf-8", "replace")
                spec, length = _DECODER.raw_decode(text)
            except (ValueError, RecursionError):
                return None
            raw = text[:length].encode("utf-8", "surrogatepass")
            self._spec = (raw, spec) if line.startswith(raw, head.end()) else (b"", None)
        rest = line[head.end() + len(raw) :].lstrip()
        data = decoded(b"{" + rest[1:]) if rest[:1] == b"," else None
        return (
            None
            if data is None
            else {"agentkit": int(head[1]), "sample": int(head[2]), "spec": spec, **data}
        )


def lines_at(file: BinaryIO, spans: Sequence[int]) -> Iterator[bytes]:
    """Read the lines at some places of a file: offset and size of each run, one after the other."""
    for offset, size in zip(spans[::2], spans[1::2], strict=True):
        file.seek(offset)
        yield from (text + b"\n" for text in file.read(size).split(b"\n") if text)


def _plain_columns(value: Any) -> dict[str, Any] | None:
    """Read the columns of a last line; of other hands' only what a table can hold."""
    if not isinstance(value, dict):
        return None
    plain = (str, int, float, type(None))
    return {name: one for name, one in value.items() if isinstance(one, plain)}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
