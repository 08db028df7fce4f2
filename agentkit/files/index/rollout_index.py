"""`ak.index`: an index over files of rollouts of any size, asked by column, by text, by word and in
SQL, without reading the rollouts.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from agentkit.errors import UsageError, checked_keywords, names_of
from agentkit.files.columns import Kind
from agentkit.files.gate import in_file
from agentkit.files.index.index_part import KINDS, META
from agentkit.files.index.rollout_tables import COUNTED, IndexTables
from agentkit.files.index.sidecars.sidecar import Sidecar
from agentkit.files.index.stored_column import Stored, StoredColumns, one_array
from agentkit.files.index.stores.word_store import holds_word, words_of
from agentkit.types.record import clip
from agentkit.types.sequences.place import at_place
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import forms_of

if TYPE_CHECKING:
    import pandas as pd

_LOOKED_AT = 1_000
"""Rollouts of a word that are looked at: whether it is the word, or another of its digest."""
_KEPT = 16
"""Rollouts that stay in memory, those looked at last."""

_OFFERED = ("holding", "holding_word", "paths", "sql")
"""What a person asks an index for, beside its rollouts; completion offers no more."""
_OF_TABLES = dict.fromkeys(
    ("filter", "sort", "over", "axis", "groups", "tree", "frame", "label", "facets", "histogram"),
    "ak.explore(index) is a table of it, which has that",
)


@checked_keywords
class RolloutIndex(Sequence[Trajectory]):
    """Many rollouts by their index. A rollout is read from its file when it is looked at."""

    def __init__(self, sidecars: Sequence[Sidecar]) -> None:
        self.sidecars = tuple(sidecars)
        counts = [sidecar.state.count("rollouts") for sidecar in self.sidecars]
        self.bases = [sum(counts[:number]) for number in range(len(counts) + 1)]
        self._kept: OrderedDict[int, Trajectory] = OrderedDict()
        self._numbers: dict[str, Any] = {}
        self._ends: dict[tuple[Path, str], Any] = {}
        self._files = StoredColumns()
        self._stored = self._files.stored

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Trajectory: ...
    @overload
    def __getitem__(self, index: slice) -> list[Trajectory]: ...
    def __getitem__(self, index: int | slice) -> Trajectory | list[Trajectory]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        row = int(at_place(self.rows, index, "rollout"))
        if row not in self._kept:
            number = bisect_right(self.bases, row) - 1
            sidecar = self.sidecars[number]
            read = sidecar.rollout(row - self.bases[number])
            several = len(self.sidecars) > 1
            self._kept[row] = in_file([read], sidecar.name)[0] if several else read
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(row)
        return self._kept[row]

    def __iter__(self) -> Iterator[Trajectory]:
        return (self[place] for place in range(len(self)))

    @cached_property
    def rows(self) -> Any:
        """The row in the index of each rollout, by file and sample: an array of int64."""
        import numpy as np

        found = []
        for sidecar, base in zip(self.sidecars, self.bases, strict=False):
            samples = self._of_parts(sidecar, "sample")
            rows = np.delete(np.arange(len(samples)), sidecar.state.dropped)
            if (np.diff(samples[rows]) < 0).any():
                rows = rows[np.argsort(samples[rows], kind="stable")]
            found.append(base + rows)
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _of_parts(self, sidecar: Sidecar, column: str) -> Any:
        """Read a whole-numbered column of the rollouts of one file, every row."""
        import numpy as np

        parts = range(len(sidecar.state.parts))
        found = [self._stored(sidecar, part, column).values.to_numpy() for part in parts]
        return np.concatenate([np.zeros(0, np.int64), *found])

    def stored(self, name: str) -> Iterator[Stored]:
        """Read a column of the rollouts part by part, every row."""
        for sidecar in self.sidecars:
            for number in range(len(sidecar.state.parts)):
                yield self._stored(sidecar, number, name)

    def some(self, name: str, places: Any) -> list[Any] | None:
        """Read the values of a column for a few rollouts, from the parts that hold them; None where
        a part says that one is not what it was, or most parts hold them.
        """
        import numpy as np

        sizes = [part["rollouts"] for each in self.sidecars for part in each.state.parts]
        starts = np.cumsum([0, *sizes])
        rows = self.rows[places]
        owners = np.searchsorted(starts, rows, "right") - 1
        used = np.unique(owners).tolist()
        found = np.empty(len(rows), object)
        if 2 * len(used) > len(sizes):
            return None
        for part in used:
            stored = self._stored(*self._part(part), name)
            if stored.odd:
                return None
            own = owners == part
            found[own] = stored.values.take(rows[own] - starts[part]).to_pylist()
        values: list[Any] = found.tolist()
        return values

    def metas(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Read what is noted of some rollouts."""
        known: dict[tuple[int, int], Any] = {}
        found = []
        for place in places:
            number, part, row = self._part_of(int(self.rows[place]))
            key = (number, part)
            if key not in known:
                known[key] = self._stored(self.sidecars[number], part, "meta").values
            found.append(json.loads(known[key][row].as_py()))
        return found

    def _part_of(self, row: int) -> tuple[int, int, int]:
        """Find the file, the part and the row in it."""
        number = bisect_right(self.bases, row) - 1
        row -= self.bases[number]
        for part, counts in enumerate(self.sidecars[number].state.parts):
            if row < counts["rollouts"]:
                return number, part, row
            row -= counts["rollouts"]
        raise IndexError(row)

    def metas_of_part(self, part: int, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Read what is noted of some rows of a part, by its position in `stored`."""
        texts = self._stored(*self._part(part), "meta").values
        return [json.loads(texts[row].as_py()) for row in rows]

    def of_part(self, part: int, rows: Sequence[int]) -> list[Trajectory]:
        """Read the rollouts of some rows of a part, by its position in `stored`."""
        sidecar, number = self._part(part)
        before = sum(counts["rollouts"] for counts in sidecar.state.parts[:number])
        return [sidecar.rollout(before + row) for row in rows]

    def _part(self, part: int) -> tuple[Sidecar, int]:
        every = ((s, number) for s in self.sidecars for number in range(len(s.state.parts)))
        return next(islice(every, part, None))

    def file_of(self, place: int) -> int:
        """Find in which of its files a rollout is."""
        return bisect_right(self.bases, int(self.rows[place])) - 1

    @cached_property
    def samples(self) -> Any:
        """The sample index of each rollout in its file: an array of int64."""
        import numpy as np

        every = [self._of_parts(sidecar, "sample") for sidecar in self.sidecars]
        return np.concatenate([np.zeros(0, np.int64), *every])[self.rows]

    def named(self, name: str) -> tuple[list[str], Any]:
        """Find which value of `NAMES` each rollout has.

        Returns:
            Each value, and an array: for each rollout, which of them it has.
        """
        import numpy as np

        known: dict[str, int] = {}
        found = []
        for sidecar in self.sidecars:
            store = sidecar.groups
            own = [known.setdefault(value, len(known)) for value in store.names(name)]
            found.append(np.array(own, np.int64)[store.column(name)])
        return list(known), self._ordered(np.concatenate([np.zeros(0, np.int64), *found]))

    def _ordered(self, values: Any) -> Any:
        """Order the values of all rows as the rollouts; mostly they are already."""
        return values if self._is_plain else values[self.rows]

    @cached_property
    def _is_plain(self) -> bool:
        import numpy as np

        return bool(np.array_equal(self.rows, np.arange(self.bases[-1])))

    def numbers(self, name: str) -> Any:
        """Read one of `NUMBERS`: an array of float64, one for each rollout; NaN for none."""
        import numpy as np

        if name not in self._numbers:
            found = [sidecar.groups.column(name) for sidecar in self.sidecars]
            self._numbers[name] = self._ordered(np.concatenate([*found, []]))
        return self._numbers[name]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are indexed."""
        return tuple(sidecar.path for sidecar in self.sidecars)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of the rollouts; the caller's own begin with `meta.`."""
        known: dict[str, None] = {}
        for sidecar in self.sidecars:
            for part in range(len(sidecar.state.parts)):
                known |= dict.fromkeys(self._files.names(sidecar, part))
        return (*(name for name in known if name not in COUNTED), "prompt_text", "file")

    @cached_property
    def noted(self) -> dict[str, Kind]:
        """The names of the caller's own columns, and what each holds."""
        found: dict[str, Kind] = {}
        for sidecar in self.sidecars:
            for part in range(len(sidecar.state.parts)):
                for name, is_number in self._files.kinds(sidecar, part):
                    if name.startswith(META):
                        own = name.removeprefix(META)
                        is_number = is_number and found.get(own) != "text"
                        found[own] = "number" if is_number else "text"
        return found

    def column(self, name: str) -> Any:
        """Read one column: an Arrow array, a value for each rollout in their order.

        Raises:
            UsageError: there is no such column.
        """
        import pyarrow as pa

        if name not in self.columns:
            raise UsageError(
                f"no column is named {name!r}", hint=f"the columns are {', '.join(self.columns)}"
            )
        if name in ("prompt_text", "file"):
            table = self.arrow(f"select {name} from every_rollout order by row")  # noqa: S608
            return table.column(0).combine_chunks().take(pa.array(self.rows))
        return one_array([stored.values for stored in self.stored(name)]).take(pa.array(self.rows))

    def sql(self, query: str, places: Sequence[int] | None = None) -> pd.DataFrame:
        """Ask in SQL (DuckDB's) over three tables: `rollouts`, `turns` and `calls`, whose `row`
        is the number of the rollout. Texts are in `rollouts.prompt_text`, `turns.content`,
        `turns.reasoning`, `calls.arguments` and `calls.result`; the rollouts' meta is in columns
        like `meta.reward`.

        Args:
            query: what is asked.
            places: the rollouts that are asked about, by their position; by default all.

        Raises:
            UsageError: it cannot be answered; the message is DuckDB's.
        """
        return self._tables.sql(query, places)

    def arrow(self, query: str) -> Any:
        """Ask in SQL, as `sql` does of all rollouts, for an Arrow table."""
        return self._tables.connection.sql(query).to_arrow_table()

    @cached_property
    def _tables(self) -> IndexTables:
        return IndexTables(self.sidecars, self.bases, self.rows, self._is_plain)

    # what is in the texts

    def holding(self, text: str, kinds: Iterable[str] = KINDS, *, exact: bool = False) -> Any:
        """Find the rollouts in whose texts some words stand.

        Args:
            text: what is looked for, in any case unless `exact`.
            kinds: where: `prompt`, `content`, `reasoning`, `arguments`, `result`.
            exact: whether the case counts.

        Returns:
            An array of bool, one for each rollout in their order.
        """
        import numpy as np

        found = np.zeros(self.bases[-1], bool)
        for sidecar, base in zip(self.sidecars, self.bases, strict=False):
            for kind in kinds:
                for form in forms_of(text):
                    ends = self._groups(sidecar, kind)
                    found[base + sidecar.texts(kind).holding(form, ends, exact=exact)] = True
        return found[self.rows]

    def _groups(self, sidecar: Sidecar, kind: str) -> Any:
        """Find behind which row the texts of each rollout end."""
        import numpy as np

        if kind == "prompt":
            return np.arange(1, sidecar.state.count("rollouts") + 1)
        name = "turn_rows" if kind in ("content", "reasoning") else "call_rows"
        if (key := (sidecar.path, name)) not in self._ends:
            self._ends[key] = np.cumsum(self._of_parts(sidecar, name).astype(np.int64))
        return self._ends[key]

    def holding_word(self, word: str) -> Any:
        """Find the rollouts in whose texts a whole word stands, in any case.

        Returns:
            An array of bool, one for each rollout in their order.
        """
        import numpy as np

        whole = np.zeros(self.bases[-1], bool)
        for form in forms_of(word):
            parts = words_of(folded := form.casefold())
            found = np.full(len(whole), bool(parts))
            for one in parts:
                found &= self._having(one)
            whole |= self._surely(folded, found)
        return whole[self.rows]

    def _having(self, word: str) -> Any:
        """Find the rows of the rollouts that have a word of this digest."""
        import numpy as np

        found = np.zeros(self.bases[-1], bool)
        for sidecar, base in zip(self.sidecars, self.bases, strict=False):
            for part, counts in enumerate(sidecar.state.parts):
                found[base + sidecar.words.rows(part, word)] = True
                base += counts["rollouts"]
        return found

    def _surely(self, word: str, found: Any) -> Any:
        """Leave out rollouts that only hold a word of the same digest, where they are few."""
        import numpy as np

        rows = np.flatnonzero(found)
        if len(rows) > _LOOKED_AT:
            return found
        for row in rows.tolist():
            number = bisect_right(self.bases, row) - 1
            sidecar, at = self.sidecars[number], row - self.bases[number]
            texts = (sidecar.texts(kind).texts(*self._span(sidecar, kind, at)) for kind in KINDS)
            found[row] = any(holds_word(text, word) for each in texts for text in each)
        return found

    def _span(self, sidecar: Sidecar, kind: str, row: int) -> tuple[int, int]:
        """Find which texts of a kind are a rollout's."""
        ends = self._groups(sidecar, kind)
        return int(ends[row - 1]) if row else 0, int(ends[row])

    if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there
        __getattr__ = staticmethod(names_of("an index", _OFFERED, "index", _OF_TABLES))

    def __dir__(self) -> list[str]:
        return [*_OFFERED, *(name for name in super().__dir__() if name.startswith("_"))]

    def __repr__(self) -> str:
        names = ", ".join(path.name for path in self.paths)
        return f"<RolloutIndex {clip(names, 80)}: {len(self):,} rollouts>"
