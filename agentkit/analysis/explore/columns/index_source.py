"""The rollouts behind a table, by their index: a column is read from it once, a rollout when it is
opened, and a search goes through the texts beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from agentkit.analysis.explore.columns.distinct import Distinct, group_rows
from agentkit.analysis.explore.columns.index_column import IndexColumn, Words, column_of
from agentkit.analysis.explore.columns.place_array import as_array, as_places
from agentkit.analysis.explore.columns.source import LOOKED_AT, Source
from agentkit.analysis.explore.query import TEXTS, WORD, Condition, spellings
from agentkit.files.columns import COLUMNS, FILE, HIDDEN, columns_of, names_in, plain_value
from agentkit.files.index.file_index import index
from agentkit.files.index.index_part import META
from agentkit.files.index.rollout_index import RolloutIndex
from agentkit.files.index.stores.group_store import NAMES, NUMBERS
from agentkit.trajectory.person.notes import KEY, Remark, remarks_in

if TYPE_CHECKING:
    import pandas as pd

_OWN = frozenset(column.name for column in (*COLUMNS, *HIDDEN))
_FOUND = 16
"""Searches whose answers are kept: each is asked for its rows, and again for what is counted."""
_FILE = 32
"""Bits of a rollout's key that are its sample, where there are several files."""


class IndexSource(Source):
    """Rollouts of an index, by column."""

    rollouts: RolloutIndex
    holds_columns = True

    def __init__(self, rollouts: RolloutIndex) -> None:
        self.rollouts = rollouts
        self.entries = None
        self._columns: dict[str, IndexColumn] = {}
        self._distinct: dict[str, Distinct] = {}
        self._found: dict[Condition, Any] = {}
        first = range(min(LOOKED_AT, len(rollouts)))
        spoken = self._column("dialect")[: len(first)]
        noted = rollouts.noted
        known = [name for name in names_in(rollouts.metas(first)) if name in noted]
        kinds = {name: noted[name] for name in (*known, *sorted(noted.keys() - set(known)))}
        several = len(rollouts.sidecars) > 1
        if several:
            self._columns[FILE.name] = Words(
                [each.name for each in rollouts.sidecars], self._files()
            )
        self.columns, self.shown = columns_of(kinds, spoken, several)

    def _files(self) -> Any:
        """Number the file of each rollout in an array."""
        import numpy as np

        return np.searchsorted(self.rollouts.bases, self.rollouts.rows, "right") - 1

    def sample(self, place: int) -> int:
        """Return the sample index by which a rollout is known in its file; of several files, with
        the number of the file before it.
        """
        sample = int(self.rollouts.samples[place])
        if len(self.rollouts.sidecars) == 1:
            return sample
        return self.rollouts.file_of(place) << _FILE | sample

    def places_of(self, keys: Sequence[int]) -> list[int]:
        """Find the rollouts that are known by these samples."""
        import numpy as np

        samples, wanted = self.rollouts.samples, np.asarray(keys, np.int64)
        if len(self.rollouts.sidecars) > 1:
            samples = self._files() << _FILE | samples
        found: list[int] = np.flatnonzero(np.isin(samples, wanted)).tolist()
        return found

    def value(self, name: str, place: int) -> Any:
        """Return one value of a column."""
        return self._column(name)[place]

    def values(self, name: str) -> Any:
        """Return a whole column, whose values are made when they are asked for."""
        return self._column(name)

    def _column(self, name: str) -> IndexColumn:
        if name in NAMES and name not in self._columns:
            self._columns[name] = Words(*self.rollouts.named(name))
        if name not in self._columns:
            parts = list(self.rollouts.stored(_stored_name(name)))

            def odd_values(number: int, rows: Sequence[int]) -> list[Any]:
                return self._odd(name, number, rows)

            self._columns[name] = column_of(parts, self.rollouts.rows, odd_values)
        return self._columns[name]

    def _odd(self, name: str, part: int, rows: Sequence[int]) -> list[Any]:
        """Read the values of rollouts that a column of the index does not hold as they are."""
        if not rows:
            return []
        if name in _OWN:
            of = _of(name)
            return [of(rollout) for rollout in self.rollouts.of_part(part, rows)]
        metas = self.rollouts.metas_of_part(part, rows)
        return [plain_value(meta.get(name)) for meta in metas]

    def numbers(self, name: str) -> Any:
        """Return a column as numbers, NaN for what is none."""
        if name in NUMBERS and name not in self._columns:
            return self.rollouts.numbers(name)
        return self._column(name).floats()

    def where(self, condition: Condition) -> Any:
        """Tell which rollouts fulfil a condition on a column."""
        return self._column(condition.column).where(condition)

    def order(self, name: str, places: Sequence[int], descending: bool) -> Sequence[int]:
        """Sort by a column; what is not known comes last."""
        import numpy as np

        ranks, known = self._column(name).ranks()
        chosen = as_array(places)
        rest = chosen[~known[chosen]]
        chosen = chosen[known[chosen]]
        keys = ranks[chosen]
        order = np.argsort(-keys if descending else keys, kind="stable")
        return as_places(np.concatenate([chosen[order], rest]))

    def objects(self, name: str, places: Sequence[int]) -> list[Any]:
        """List the values of a column for some rollouts."""
        chosen = as_array(places)
        found = None if name in self._columns else self.rollouts.some(_stored_name(name), chosen)
        return self._column(name).objects(chosen) if found is None else found

    def is_constant(self, name: str, places: Sequence[int]) -> bool:
        """Tell whether a column is the same in all these rollouts."""
        import numpy as np

        column = self._column(name)
        chosen = as_array(places)
        if isinstance(column, Words):
            return bool((column.rows[chosen] == column.rows[chosen[0]]).all())
        floats = column.floats()[chosen]
        return bool(np.array_equal(floats, np.full(len(floats), floats[0]), equal_nan=True))

    @cached_property
    def remarked(self) -> tuple[int, ...]:
        """The places of the rollouts that have labels or notes in their meta."""
        if KEY not in self.columns:
            return ()
        return tuple(place for place, value in enumerate(self._column(KEY)) if value)

    def remarks(self, place: int) -> tuple[Remark, ...]:
        """List the labels and notes that a rollout has in its meta."""
        if KEY not in self.columns or not self.value(KEY, place):
            return ()
        return tuple(remarks_in(self.rollouts.metas([place])[0].get(KEY)))

    def reads(self, name: str) -> bool:
        """Tell that no rollout has to be read for a column."""
        return False

    def distinct(self, name: str) -> Distinct:
        """Return a whole column as its distinct values; it is computed once."""
        if name not in self._distinct:
            self._distinct[name] = self._column(name).distinct()
        return self._distinct[name]

    def sql(self, query: str, places: Sequence[int]) -> pd.DataFrame:
        """Ask in SQL about some rollouts."""
        return self.rollouts.sql(query, None if len(places) == len(self) else places)

    def renewed(self) -> IndexSource:
        """Take in what the files have more by now."""
        return IndexSource(index(list(self.rollouts.paths)))

    def prompts(self) -> Any:
        """List a digest of each rollout's prompt."""
        return self._column("prompt_digest")

    def prompt_numbers(self) -> Any:
        """Number each rollout's prompt in an array: the same for the same, and one of its own for
        each rollout of which nothing tells what was asked.
        """
        return group_rows(self.distinct("prompt_digest"))

    def holding(self, words: Sequence[str], places: Sequence[int]) -> Sequence[int]:
        """List those of the places whose rollouts contain every one of these words in their texts,
        in any case.
        """
        for word in words:
            asked = Condition(column="", sign="~", values=(word,))
            places = self.matching(asked, places)
        return places

    def matching(self, condition: Condition, places: Sequence[int]) -> Sequence[int]:
        """List those of the places in whose texts of a kind one of some texts stands."""
        chosen = as_array(places)
        return as_places(chosen[self._mask(condition)[chosen]])

    def _mask(self, condition: Condition) -> Any:
        if condition not in self._found:
            found = self._search(condition)
            if len(self._found) >= _FOUND:
                self._found.pop(next(iter(self._found)))
            self._found[condition] = found
        return self._found[condition]

    def _search(self, condition: Condition) -> Any:
        import numpy as np

        found = np.zeros(len(self), bool)
        for text in condition.values:
            if condition.column == WORD:
                found |= self.rollouts.holding_word(text)
                continue
            for kind in TEXTS[condition.column]:
                forms = (normalize("NFC", form) for form in spellings(text, kind))
                for form in dict.fromkeys(forms):  # an index looks for both of each
                    found |= self.rollouts.holding(form, (kind,))
        return found


def _stored_name(name: str) -> str:
    return name if name in _OWN or name == "prompt_digest" else META + name


def _of(name: str) -> Any:
    return next(column.of for column in (*COLUMNS, *HIDDEN) if column.name == name)
