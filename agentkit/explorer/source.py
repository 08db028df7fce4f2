"""The rollouts behind a table, in memory or in a file: a value is only worked out when a column, a row or a text is asked for."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agentkit.cassette import Cassette
from agentkit.codec import prompt_key
from agentkit.explorer.columns import COLUMNS, HIDDEN, Column, Kind, meta_of
from agentkit.types import Trajectory

_LOOKED_AT = 200
"""Rollouts whose meta is looked at for columns."""
_META = 5
"""Columns of meta a page has room for."""
_PLAIN = frozenset(map(chr, range(32, 127))) - frozenset('"\\/')
"""Characters that stand in a file as they are, however often the text around them was encoded."""


class Source:
    """A sequence of rollouts, by column."""

    def __init__(self, rollouts: Sequence[Trajectory]) -> None:
        self.rollouts = rollouts
        self.entries = rollouts.entries if isinstance(rollouts, Cassette) else None
        """The index of the file they are in; None where they are in memory."""
        self._values: dict[str, list[Any]] = {}
        found = {c.name: c for c in (*COLUMNS, *HIDDEN)}
        noted = [meta_of(name, kind) for name, kind in self._noted().items() if name not in found]
        self.columns: dict[str, Column] = {**found, **{c.name: c for c in noted}}
        """Every column by its name, those of `meta` among them."""
        own = [column.name for column in noted if column.name != "prompt_index"][:_META]
        self.shown = ("prompt", *own, *(column.name for column in COLUMNS[1:]))
        """The columns a page shows."""

    def __len__(self) -> int:
        return len(self.rollouts)

    def _noted(self) -> dict[str, Kind]:
        """The names in the meta of the first rollouts, and whether all their values are numbers."""
        items: Iterable[Any] = self.entries[:_LOOKED_AT] if self.entries is not None else self.rollouts[:_LOOKED_AT]
        kinds: dict[str, Kind] = {}
        for name, value in (pair for item in items for pair in item.meta.items() if isinstance(pair[0], str)):
            number = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
            kinds[name] = "number" if number and kinds.get(name) != "text" else "text"
        return kinds

    def value(self, name: str, place: int) -> Any:
        """One value of a column."""
        if name in self._values:
            return self._values[name][place]
        return self._one(self.columns[name], place)

    def values(self, name: str) -> list[Any]:
        """A whole column; worked out once."""
        if name not in self._values:
            column = self.columns[name]
            if self.entries is not None and column.indexed is None:
                self._values[name] = [column.of(trajectory) for trajectory in self.rollouts]
            else:
                self._values[name] = [self._one(column, place) for place in range(len(self))]
        return self._values[name]

    def _one(self, column: Column, place: int) -> Any:
        if self.entries is not None and column.indexed is not None:
            return column.indexed(self.entries[place])
        return column.of(self.rollouts[place])

    def prompts(self) -> list[str]:
        """A digest of each rollout's prompt."""
        if "\0prompt" not in self._values:
            self._values["\0prompt"] = (
                [entry.prompt_digest for entry in self.entries] if self.entries is not None
                else [prompt_key(message.wire for message in t.prompt) for t in self.rollouts]
            )  # fmt: skip
        return self._values["\0prompt"]

    def holding(self, words: Sequence[str], places: Sequence[int]) -> list[int]:
        """Those of the places whose rollouts hold every one of these words in their texts, whatever their case."""
        wanted = [word.casefold() for word in words]
        return [place for place in self._candidates(wanted, places) if _holds(self.rollouts[place], wanted)]

    def _candidates(self, words: Sequence[str], places: Sequence[int]) -> Iterable[int]:
        """Where the words may be: in a file, the rollouts in whose raw lines the plain ones stand; only those have to be read."""
        plain = [word.encode() for word in words if word and set(word) <= _PLAIN]
        if self.entries is None or not plain:
            return places
        return _standing(self.entries.path, ((place, self.entries[place].spans) for place in places), plain)


def _standing(path: Path, spans: Iterable[tuple[int, tuple[tuple[int, int], ...]]], words: Sequence[bytes]) -> Iterator[int]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for place, parts in spans:
            raw = b"".join(data[offset : offset + size] for offset, size in parts).lower()
            if all(word in raw for word in words):
                yield place


def _holds(trajectory: Trajectory, words: Sequence[str]) -> bool:
    texts = [text.casefold() for text in _texts(trajectory) if text]
    return all(any(word in text for text in texts) for word in words)


def _texts(trajectory: Trajectory) -> Iterator[str]:
    """What was said in a rollout."""
    yield from (message.content for message in trajectory.prompt)
    for turn in trajectory.all_turns:
        yield from (message.content for message in turn.added)
        yield turn.response.content or ""
        yield turn.response.reasoning or ""
        yield from (f"{call.name} {call.raw_arguments}" for call in (*turn.tool_calls, *turn.response.recoverable))
        yield from (result.content for result in turn.tool_results)
    if trajectory.error:
        yield f"{trajectory.error.kind} {trajectory.error.message}"
