"""What a cassette holds: a line for each rollout, found by one pass over the file; each rollout
read when it is looked at; or all of them, read at once.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from agentkit.errors import NotFound, checked_keywords
from agentkit.files.cassette.codec import (
    in_order,
    load_lines,
    load_samples,
    prompt_key,
    sample_of,
)
from agentkit.files.cassette.line.line_text import (
    Unread,
    decode_lines,
    decoded,
    is_cut_head,
    is_line,
)
from agentkit.files.cassette.lines import Line, end
from agentkit.files.cassette.scan import Found, Scan
from agentkit.files.columns import PROMPT, asked_of, end_columns, first_words
from agentkit.files.gate import all_opened, opened
from agentkit.files.path import is_packed, to_open, to_read
from agentkit.trajectory.trouble.points import problem_count
from agentkit.trajectory.trouble.sent_problems import sent_problems
from agentkit.types.record import Drawn, Record, clip, record
from agentkit.types.request import Spec
from agentkit.types.sequences.place import at_place
from agentkit.types.trajectory import Message, StopReason, Trajectory
from agentkit.types.words import count, file_line

_log = logging.getLogger("agentkit")
_LOOKED_AT = 1000
"""Lines of a file that are looked at to tell what it is."""
_REMEMBERED = 10_000
"""Lines that were told of and are not told of again."""
_TOTALS = {"turns": 0, "calls": 0, "input_tokens": None, "output_tokens": None}
"""What a last line sums up, and what it means by a sum that is not there."""
_FLOWS = b'"flows"'
"""What the first line of a tap's log calls itself, which is no cassette."""
_KEPT = 16
"""Rollouts that stay in memory, those looked at last."""


@record
class Entry(Record):
    """One rollout of a file, without its steps."""

    place: int
    """Its position in the file's order, which is that of the sample indices."""
    sample: int
    """Its sample index, as its lines carry it."""
    spans: tuple[tuple[int, int], ...]
    """Offset and size in bytes of each run of its lines; several where rollouts were recorded side
    by side.
    """
    prompt_digest: str
    """Equal for rollouts of the same prompt (`group_key`)."""
    prompt: str
    """The start of what the user asked."""
    model: str | None = None
    dialect: str = "chat"
    """The API that is spoken, by the name it is kept under."""
    turns: int = 0
    calls: int = 0
    problems: int | None = None
    """As `ak.problems_df` counts them; None where the rollout must be read for it, as of a file of
    an older version, which counted no failed tools and requests.
    """
    input_tokens: int | None = None
    """None where no answer says it."""
    output_tokens: int | None = None
    stop_reason: StopReason | None = None
    """Why it ended; None where it can go on."""
    columns: dict[str, Any] | None = None
    """What else its last line holds for a table (`files.columns.ENDS`); None where the rollout must
    be read for it, as of a file of an older version.
    """
    meta: dict[str, Any]
    """Task, reward, labels: the caller's own."""

    @property
    def offset(self) -> int:
        """Where its first line begins, in bytes."""
        return self.spans[0][0]

    @property
    def size(self) -> int:
        """Bytes of all its lines."""
        return sum(size for _, size in self.spans)

    def summary(self) -> str:
        return (
            f"{self.sample}: {clip(self.prompt)!r}, {count(self.turns, 'turn')},"
            f" {self.stop_reason or 'open'}"
        )


@checked_keywords
class Index(Drawn, Sequence[Entry]):
    """The rollouts of a file by sample, each with its place, size and ending."""

    def __init__(self, path: Path, entries: Sequence[Entry], torn: Sequence[int] = ()) -> None:
        self.path = path.absolute()  # stays the same wherever the process goes
        self.entries = tuple(entries)
        self._places: dict[int, Entry] | None = None
        self.torn = tuple(torn)
        """Numbers of lines that a crash has cut, from 1; they are passed over."""

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Index: ...
    def __getitem__(self, index: int | slice) -> Entry | Index:
        return (
            Index(self.path, self.entries[index], self.torn)
            if isinstance(index, slice)
            else at_place(self.entries, index, "rollout")
        )

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def of_sample(self, sample: int) -> Entry:
        """Find the entry of a sample index.

        Raises:
            NotFound: the file holds no such sample.
        """
        if self._places is None:
            self._places = {entry.sample: entry for entry in reversed(self.entries)}
        found = self._places.get(sample)
        if found is None:
            raise NotFound(f"{self.path.name!r} holds no sample {sample}")
        return found

    def lines(self, entry: Entry) -> Iterator[bytes]:
        """Read the lines of one rollout."""
        with self.path.open("rb") as file:
            for offset, size in entry.spans:
                file.seek(offset)
                yield from file.read(size).split(b"\n")

    def load(self, entry: Entry) -> Trajectory:
        """Read one rollout whole; what of it cannot be read is its `damage`."""
        return opened(sample_of(decode_lines(line + b"\n" for line in self.lines(entry))))

    def __repr__(self) -> str:
        return f"<Index {self.heading()}>"

    def heading(self) -> str:
        """Name the file and how many rollouts it holds."""
        torn = f", {count(len(self.torn), 'torn line')}" if self.torn else ""
        return f"{self.path.name}: {count(len(self), 'rollout')}{torn}"


@checked_keywords
class Cassette(Drawn, Sequence[Trajectory]):
    """The rollouts of a file, by sample; each is read from it when it is asked for."""

    def __init__(self, entries: Index) -> None:
        self.entries = entries
        """Place, size, prompt and ending of each, without reading them."""
        self._kept: OrderedDict[int, Trajectory] = OrderedDict()

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> Cassette: ...
    def __getitem__(self, index: int | slice) -> Trajectory | Cassette:
        if isinstance(index, slice):
            return Cassette(self.entries[index])
        entry = self.entries[index]
        if entry.sample not in self._kept:
            self._kept[entry.sample] = self.entries.load(entry)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(entry.sample)
        return self._kept[entry.sample]

    def __iter__(self) -> Iterator[Trajectory]:
        return (self.entries.load(entry) for entry in self.entries)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """All its rollouts, read; what is saved of it."""
        return tuple(self)

    def __repr__(self) -> str:
        return f"<Cassette {self.entries.path.name}: {len(self)} rollout(s)>"


@checked_keywords
def index(path: Any) -> Index:
    """List the rollouts of a file with their places and endings, in one pass and without reading
    their answers.

    A rollout whose last line is not its end, as a crash leaves it, is read to see how far it came.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: it is not a cassette.
    """
    target = to_read(path)
    with target.open("rb") as file:
        scan = Scan().read(file)
    rollouts, prompts = scan.whole(), PromptWords()
    found = Index(
        target,
        [
            entry_of(place, rollouts[sample], prompts)
            for place, sample in enumerate(sorted(rollouts))
        ],
        scan.torn,
    )
    known = {sample for sample, entry in rollouts.items() if entry.complete}
    whole = [entry if entry.sample in known else _looked_at(found, entry) for entry in found]
    return Index(target, whole, scan.torn)


@checked_keywords
def open(path: Any) -> Cassette:
    """Open a file of rollouts; each is read when it is looked at.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: it is not a cassette.
    """
    return Cassette(index(path))


def load_all(path: Any) -> list[Trajectory]:
    """Read the rollouts of a file, in the order of their sample index.

    Raises:
        CassetteError: no rollout in it can be read.
    """
    return load_lines(_lines(to_read(path)))


def load_all_for_rows(path: Any) -> list[Trajectory]:
    """Read the rollouts of a file for the rows of a table, in the order of their sample index.

    Raises:
        CassetteError: no rollout in it can be read.
    """
    return in_order(load_samples(_lines(to_read(path)), for_rows=True))


def load_by_sample(path: Any) -> dict[int, Trajectory]:
    """Read the rollouts of a file by sample index; none where there is no file.

    Raises:
        CassetteError: there is something in it, and no rollout that can be read.
    """
    if not Path(path).exists():
        return {}
    target = to_read(path)
    with target.open("rb") as file:
        first = file.readline()
        alone = not first.endswith(b"\n")
    if alone and decoded(first) is None and is_cut_head(first):
        return {}  # what a crash left of the first line of all
    found = load_samples(_lines(target))
    return dict(zip(found, all_opened(found.values()), strict=True))


def _lines(path: Path) -> Iterator[Line | Unread]:
    with path.open("rb") as file:
        yield from decode_lines(file, lambda message: _warn(path, message))


_warned: OrderedDict[tuple[Path, str], None] = OrderedDict()


def _warn(path: Path, message: str) -> None:
    """Tell of a line once, and not whenever its file is read."""
    key = path.resolve(), message
    if key in _warned:
        return
    _warned[key] = None
    if len(_warned) > _REMEMBERED:
        _warned.popitem(last=False)
    _log.warning("%s", file_line(path.name, message))


def is_cassette(path: Any) -> bool:
    """Tell whether a file is a cassette: by its first line that can be read, so that damage to
    another costs nothing. A folder or a packed file is none: its lines have no places.
    """
    target = to_open(path)
    if target.is_dir() or is_packed(target):
        return False
    with target.open("rb") as file:
        for number, line in enumerate(file):
            if number >= _LOOKED_AT:
                return False
            if not line.strip():
                continue
            if line.startswith(b'{"agentkit":') and _FLOWS not in line[:24]:
                return True
            data = decoded(line)
            if data is not None and ("agentkit" in data or not is_line(data)):
                return "agentkit" in data and data["agentkit"] != "flows"
    return False


class PromptWords:
    """Digest, first words of each prompt and whether a server would refuse it, made once for all
    its samples.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str, bool]] = {}

    def __call__(self, prompt: list[Any], spec: Any) -> tuple[str, str, bool]:
        profile = spec.get("profile") if isinstance(spec, dict) else None
        written = json.dumps([prompt, profile], ensure_ascii=False)
        if written not in self._known:
            wires = [wire for wire in prompt if isinstance(wire, dict)]
            run = Spec(profile=profile) if isinstance(profile, str) else Spec()
            asked = Trajectory(spec=run, prompt=tuple(Message(wire=wire) for wire in wires))
            refused = any(True for _ in sent_problems(asked, 0))
            self._known[written] = prompt_key(wires), first_words(asked, PROMPT), refused
        return self._known[written]


def group_key(trajectory: Trajectory) -> str:
    """Make a short digest, equal for rollouts that were asked the same; "" where nothing tells."""
    asked = asked_of(trajectory)
    return prompt_key(asked) if asked else ""


def entry_of(place: int, found: Found, prompts: PromptWords) -> Entry:
    digest, words, refused = prompts(found.prompt, found.spec)
    totals: dict[str, Any] = {
        name: found.totals.get(name, least) for name, least in _TOTALS.items() if name != "turns"
    }
    return Entry(
        place=place,
        sample=found.sample,
        spans=tuple(zip(found.spans[::2], found.spans[1::2], strict=True)),
        prompt_digest=digest,
        prompt=words,
        model=found.model,
        dialect=_dialect(found.spec),
        turns=found.turns,
        stop_reason=found.stop_reason,
        meta=found.meta,
        columns=found.columns,
        problems=_problems(found, refused),
        **totals,
    )


def _dialect(spec: Any) -> str:
    named = spec.get("dialect") if isinstance(spec, dict) else None
    return named if isinstance(named, str) else "chat"


def _looked_at(index: Index, entry: Entry) -> Entry:
    """Read the lines of an entry, and add what they come to."""
    trajectory = index.load(entry)
    came = end(trajectory)["totals"]
    totals = {name: came.get(name, least) for name, least in _TOTALS.items()}
    problems = problem_count(trajectory)
    return replace(
        entry,
        prompt_digest=group_key(trajectory),
        prompt=first_words(trajectory, PROMPT),
        stop_reason=trajectory.stop_reason,
        problems=problems,
        columns=end_columns(trajectory),
        **totals,
    )


def _problems(found: Found, refused: bool) -> int | None:
    """Read the number of problems from the totals, where it surely counts all of them."""
    known: int = found.totals.get("problems", 0)
    beside: int | None = found.totals.get("trouble")
    return None if beside is None and (found.doubtful or refused) else known + (beside or 0)
