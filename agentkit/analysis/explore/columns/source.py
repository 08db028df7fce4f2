"""The rollouts behind a table, in memory or in a file: a value is only worked out when a column, a
row or a text is asked for.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.analysis.explore.columns.distinct import Distinct, alike, distinct_of, group_rows
from agentkit.analysis.explore.columns.index_column import is_known, sort_key
from agentkit.analysis.explore.columns.rollout_texts import has_every_text, has_text
from agentkit.analysis.explore.query import Condition
from agentkit.errors import NotFound, suggest
from agentkit.files.cassette.codec import prompt_key
from agentkit.files.cassette.index import Cassette, group_key
from agentkit.files.cassette.index import open as open_cassette
from agentkit.files.columns import (
    ENDS,
    UNREAD,
    Column,
    columns_of,
    kinds_of,
    names_in,
    problem_values,
)
from agentkit.files.gate import file_of
from agentkit.files.index.index_rows import IndexRows, rows_of
from agentkit.files.index.plain_lines import rows_of_lines
from agentkit.files.index.rollout_tables import RolloutTables
from agentkit.trajectory.person.notes import KEY, Remark, remarks_in
from agentkit.types.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 200
"""Rollouts whose columns come first, in their order."""
_OF_PROBLEMS = frozenset({"problems", "ended", "codes"})
_PLAIN = frozenset(map(chr, range(32, 127))) - frozenset('"\\/')
"""Characters that a file contains unchanged, however often the text around them was encoded."""

_TO_ASCII = "ßİŉſǰẖẗẘẙẚẞ\u212aﬀﬁﬂﬃﬄﬅﬆ"
"""Every other letter that has a plain one in it when its case is folded."""
_FOLDING = re.compile(
    b"|".join(map(str.encode, _TO_ASCII))
    + rb"|\\+u(%s)" % b"|".join(b"%04x" % ord(letter) for letter in _TO_ASCII)
)


class Source:
    """A sequence of rollouts, by column."""

    holds_columns = False
    """Whether every column is there as a whole, and none has to be worked out."""

    def __init__(
        self, rollouts: Sequence[Trajectory], samples: Sequence[int] | None = None
    ) -> None:
        self.rollouts = rollouts
        self._samples = samples
        self.entries = rollouts.entries if isinstance(rollouts, Cassette) else None
        """The index of the file they are in; None if they are in memory."""
        self._values: dict[str, list[Any]] = {}
        self._distinct: dict[str, Distinct] = {}
        self._unread: dict[str, bool] = {}
        self._matched: dict[tuple[Condition, int], bool] = {}
        if self.entries is not None:
            first: Iterable[Any] = self.entries[:LOOKED_AT]
            spoken = [item.dialect for item in first]
        else:
            first = rollouts[:LOOKED_AT]
            spoken = [item.spec.dialect for item in first]
        files = self.entries is None and any(map(file_of, rollouts))
        every: Iterable[Any] = rollouts if self.entries is None else self.entries
        names = names_in(item.meta for item in first)
        self._noted = kinds_of((item.meta for item in every), names)
        self.columns, self.shown = columns_of(self._noted, spoken, files)

    def __repr__(self) -> str:
        return f"<Source of {len(self)} rollouts>"

    def __len__(self) -> int:
        return len(self.rollouts)

    def sample(self, place: int) -> int:
        """Return the sample index by which a rollout is known in its file; its position if it is in
        none.
        """
        if self.entries is not None:
            return self.entries[place].sample
        return self._samples[place] if self._samples is not None else place

    def value(self, name: str, place: int) -> Any:
        """Return one value of a column."""
        if name in self._values:
            return self._values[name][place]
        if name not in self.columns:
            raise NotFound(
                f"no column is named {name!r}",
                hint=suggest(name, self.columns, f"the columns are {', '.join(self.columns)}"),
            )
        return self._one(self.columns[name], place)

    def values(self, name: str) -> list[Any]:
        """Return a whole column; it is computed once."""
        if name not in self._values:
            if self.entries is not None:
                self._index(name)
            elif name in _OF_PROBLEMS:
                found = [problem_values(trajectory) for trajectory in self.rollouts]
                self._values |= {each: [one[each] for one in found] for each in _OF_PROBLEMS}
            else:
                of = self.columns[name].of
                self._values[name] = [of(trajectory) for trajectory in self.rollouts]
        return self._values[name]

    def _index(self, name: str) -> None:
        """Take a column from the index of the file. The rollouts whose entry does not hold it are
        read once, for this column and for the others that they do not hold.
        """
        names = {name, *ENDS, *_OF_PROBLEMS} - self._values.keys()
        columns = {each: self._indexed(each) for each in names}
        for place in [place for place, v in enumerate(columns[name]) if v is UNREAD]:
            trajectory = self.rollouts[place]
            unread = [each for each, values in columns.items() if values[place] is UNREAD]
            found = {} if _OF_PROBLEMS.isdisjoint(unread) else problem_values(trajectory)
            for each in unread:
                known = each in found
                columns[each][place] = found[each] if known else self.columns[each].of(trajectory)
        for each, values in columns.items():
            if UNREAD not in values:
                self._values[each] = values

    def _indexed(self, name: str) -> list[Any]:
        """Take from the index what it holds of a column."""
        indexed = self.columns[name].indexed
        entries = self.entries or ()
        return [indexed(entry) for entry in entries] if indexed else [UNREAD] * len(self)

    def _one(self, column: Column, place: int) -> Any:
        if self.entries is not None and column.indexed is not None:
            value = column.indexed(self.entries[place])
            if value is not UNREAD:
                return value
        return column.of(self.rollouts[place])

    def remarks(self, place: int) -> tuple[Remark, ...]:
        """List the labels and notes that a rollout has in its meta."""
        item = self.entries[place] if self.entries is not None else self.rollouts[place]
        found = item.meta.get(KEY)
        return tuple(remarks_in(found)) if found else ()

    @cached_property
    def remarked(self) -> tuple[int, ...]:
        """The places of the rollouts that have labels or notes in their meta."""
        items: Iterable[Any] = self.entries if self.entries is not None else self.rollouts
        return tuple(place for place, item in enumerate(items) if item.meta.get(KEY))

    def reads(self, name: str) -> bool:
        """Tell whether all rollouts of a file would have to be read for a column."""
        if name in self._values or self.entries is None:
            return False
        if name not in self._unread:
            indexed = self.columns[name].indexed
            self._unread[name] = indexed is None or any(
                indexed(entry) is UNREAD for entry in self.entries
            )
        return self._unread[name]

    def distinct(self, name: str) -> Distinct:
        """Return a whole column as its distinct values; it is computed once."""
        if name not in self._distinct:
            self._distinct[name] = distinct_of(alike(self.values(name)))
        return self._distinct[name]

    def where(self, condition: Condition) -> Any:
        """Tell which rollouts fulfil a condition on a column."""
        return self.distinct(condition.column).where(condition.holds)

    def numbers(self, name: str) -> Any:
        """Return a column as numbers, NaN for what is none."""
        import numpy as np

        values = self.values(name)
        numbers = (v if isinstance(v, (int, float)) and isfinite(v) else nan for v in values)
        return np.fromiter(numbers, np.float64, len(values))

    def order(self, name: str, places: Sequence[int], descending: bool) -> Sequence[int]:
        """Sort by a column; what is not known comes last."""
        values = self.values(name)
        valued = [(place, values[place]) for place in places]
        known = sorted(
            (item for item in valued if is_known(item[1])),
            key=lambda item: sort_key(item[1]),
            reverse=descending,
        )
        rest = [place for place, value in valued if not is_known(value)]
        return [*(place for place, _ in known), *rest]

    def objects(self, name: str, places: Sequence[int]) -> list[Any]:
        """List the values of a column for some rollouts."""
        values = self.prompts() if name == "prompt_digest" else self.values(name)
        return [values[place] for place in places]

    def is_constant(self, name: str, places: Sequence[int]) -> bool:
        """Tell whether a column is the same in all these rollouts."""
        values = self.values(name)
        first = values[places[0]]
        return all(values[place] == first for place in places)

    def places_of(self, keys: Sequence[int]) -> list[int]:
        """Find the rollouts that are known by these samples."""
        wanted = set(keys)
        return [place for place in range(len(self)) if self.sample(place) in wanted]

    def prompts(self) -> Sequence[Any]:
        """List a digest of each rollout's prompt."""
        if "\0prompt" not in self._values:  # no column of a user has such a name
            if self.entries is not None:
                digests = [entry.prompt_digest for entry in self.entries]
            else:
                digests = list(map(_Digests(), self.rollouts))
            self._values["\0prompt"] = digests
        return self._values["\0prompt"]

    def sql(self, query: str, places: Sequence[int]) -> pd.DataFrame:
        """Ask in SQL about some rollouts, which are read for it."""
        rows = (
            (place, self.sample(place), self._rows(place), self._file(place)) for place in places
        )
        return RolloutTables(rows, self._noted).sql(query)

    def _file(self, place: int) -> str | None:
        """Name the file that a rollout is in."""
        return file_of(self.rollouts[place]) if self.entries is None else self.entries.path.name

    def renewed(self) -> Source:
        """Take in what a file has more by now."""
        if self.entries is None:
            return self
        return Source(open_cassette(self.entries.path))

    def prompt_digest(self, place: int) -> str:
        """Return the digest of a rollout's prompt."""
        return str(self.prompts()[place])

    def prompt_numbers(self) -> Any:
        """Number each rollout's prompt in an array: the same for the same, and one of its own for
        each rollout of which nothing tells what was asked.
        """
        return group_rows(distinct_of(self.prompts()))

    def holding(self, words: Sequence[str], places: Sequence[int]) -> Sequence[int]:
        """List those of the places whose rollouts contain every one of these words in their texts,
        in any case.
        """
        wanted = [word.casefold() for word in words]
        return [
            place
            for place in self._candidates(wanted, places)
            if has_every_text(self._rows(place), words)
        ]

    def matching(self, condition: Condition, places: Sequence[int]) -> Sequence[int]:
        """List those of the places in whose texts of a kind one of some texts stands."""
        wanted = [text.casefold() for text in condition.values]
        plain = [text for text in wanted if text and set(text) <= _PLAIN | {" "}]
        if len(plain) < len(wanted):
            candidates: Iterable[int] = places
        else:
            each = [set(self._candidates(text.split(), places)) for text in plain]
            candidates = [place for place in places if any(place in one for one in each)]
        return [place for place in candidates if self._matches(condition, place)]

    def _matches(self, condition: Condition, place: int) -> bool:
        key = condition, place
        if key not in self._matched:
            self._matched[key] = has_text(self._rows(place), condition.column, condition.values)
        return self._matched[key]

    def _rows(self, place: int) -> IndexRows:
        """Work out the texts of a rollout; from its lines where nothing else is needed."""
        if self.entries is not None:
            entry = self.entries[place]
            lines = list(filter(None, self.entries.lines(entry)))
            is_plain = len(set(lines)) == len(lines)  # none is there twice
            if is_plain and (rows := rows_of_lines(entry, lines)) is not None:
                return rows
        return rows_of(self.rollouts[place])

    def _candidates(self, words: Sequence[str], places: Sequence[int]) -> Iterable[int]:
        """Find the places where the words may be, so that only those have to be read: in a file,
        those whose raw lines contain the plain words.
        """
        plain = [word.encode() for word in words if word and set(word) <= _PLAIN]
        if self.entries is None or not plain:
            return places
        return _containing(
            self.entries.path, ((place, self.entries[place].spans) for place in places), plain
        )


class _Digests:
    """Computes the digest of a rollout's prompt, once for each: samples repeat their prompt."""

    def __init__(self) -> None:
        self._known: dict[Any, str] = {}

    def __call__(self, trajectory: Trajectory) -> str:
        prompt = trajectory.prompt
        if all(message.role != "user" for message in prompt):
            return group_key(trajectory)  # the user speaks later, in words of each rollout's own
        if id(prompt) not in self._known:
            wires = [message.wire for message in prompt]
            written = repr(wires)
            if written not in self._known:
                self._known[written] = prompt_key(wires)
            self._known[id(prompt)] = self._known[written]
        return self._known[id(prompt)]


def _containing(
    path: Path, spans: Iterable[tuple[int, tuple[tuple[int, int], ...]]], words: Sequence[bytes]
) -> Iterator[int]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for place, parts in spans:
            raw = b"".join(data[offset : offset + size] for offset, size in parts).lower()
            missing = [word for word in words if word not in raw]
            if missing and not (raw.isascii() and b"\\u" not in raw):
                folded = _FOLDING.sub(_fold, raw)
                missing = [word for word in missing if word not in folded]
            if not missing:
                yield place


def _fold(letter: re.Match[bytes]) -> bytes:
    """Fold a letter that is written as it is, or escaped."""
    return (
        chr(int(code, 16) if (code := letter[1]) else ord(letter[0].decode())).casefold().encode()
    )
