"""A column of an index as numpy arrays: numbers, or which of its distinct values each row has."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from math import isnan
from typing import Any, overload

from agentkit.analysis.explore.columns.distinct import Distinct, distinct_of
from agentkit.analysis.explore.query import Condition
from agentkit.files.index.stored_column import Stored

_BLOCK = 65_536
"""Values that are made objects at a time."""
_NAME = 100
"""Letters of a text whose numbers are sorted as numbers; what is longer is no version or name."""
_DIGITS = re.compile(r"\d+")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[t ]\d")


class IndexColumn(Sequence[Any]):
    """One column, a value for each rollout; they are made objects when they are asked for."""

    @abstractmethod
    def objects(self, rows: Any) -> list[Any]:
        """Make the values of some rows."""

    @abstractmethod
    def floats(self) -> Any:
        """Give the finite numbers, and NaN for everything else."""

    @abstractmethod
    def distinct(self) -> Distinct:
        """Give the distinct values, and which of them each row has."""

    @abstractmethod
    def where(self, condition: Condition) -> Any:
        """Tell which rows fulfil a condition, as `Condition.holds` does of each."""

    @abstractmethod
    def ranks(self) -> tuple[Any, Any]:
        """Give what the rows are sorted by, and which of them are known."""

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.objects(index)
        return self.objects([index])[0]

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), _BLOCK):
            yield from self.objects(slice(start, start + _BLOCK))


class Numbers(IndexColumn):
    """Numbers; what is not known is told apart from what is no number."""

    def __init__(self, values: Any, known: Any) -> None:
        self.values = values
        """An array of int64 or float64."""
        self.known = known
        """An array of bool."""

    def __len__(self) -> int:
        return len(self.values)

    def objects(self, rows: Any) -> list[Any]:
        """Make the values of some rows."""
        pairs = zip(self.values[rows].tolist(), self.known[rows].tolist(), strict=True)
        return [value if known else None for value, known in pairs]

    def floats(self) -> Any:
        """Give the finite numbers, and NaN for everything else."""
        import numpy as np

        values = self.values.astype(np.float64)
        return np.where(self.known & np.isfinite(values), values, np.nan)

    def distinct(self) -> Distinct:
        """Give the distinct values, the unknown one last."""
        import numpy as np

        values, numbers = np.unique(self.values[self.known], return_inverse=True)
        found: list[Any] = values.tolist()
        rows = np.full(len(self), len(found), np.int64)
        rows[self.known] = numbers
        return Distinct(found if self.known.all() else [*found, None], rows)

    def where(self, condition: Condition) -> Any:
        """Tell which rows fulfil a condition, as `Condition.holds` does of each."""
        import numpy as np

        if condition.sign == "~":
            return self.distinct().where(condition.holds)
        found = np.zeros(len(self), bool)
        signs = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
        compare = signs.get(condition.sign, np.equal)
        for wanted in condition.values:
            number = _number(wanted)
            if number is not None:
                found |= self.known & compare(self.values, number)
            if condition.sign in ("=", "!=") and wanted.lower() in ("none", "null"):
                found |= ~self.known
        return ~found if condition.sign == "!=" else found

    def ranks(self) -> tuple[Any, Any]:
        """Give what the rows are sorted by, and which of them are known."""
        import numpy as np

        return self.values, self.known & ~np.isnan(self.values)


class Words(IndexColumn):
    """Any values, by the distinct ones."""

    def __init__(self, values: Any, rows: Any) -> None:
        values, rows = _used(values, rows)
        self.values = values
        """Each distinct value that occurs: a list, or texts of an Arrow array."""
        self.rows = rows
        """For each row, which of them it has."""

    def __len__(self) -> int:
        return len(self.rows)

    def objects(self, rows: Any) -> list[Any]:
        """Make the values of some rows."""
        import pyarrow as pa

        chosen = self.rows[rows]
        if isinstance(self.values, list):
            return [self.values[row] for row in chosen.tolist()]
        found: list[Any] = self.values.take(pa.array(chosen)).to_pylist()
        return found

    def floats(self) -> Any:
        """Give the finite numbers, and NaN for everything else."""
        import numpy as np

        numbers = [
            float(value) if isinstance(value, (int, float)) else np.nan for value in self._each()
        ]
        floats = np.array(numbers, np.float64)
        return np.where(np.isfinite(floats), floats, np.nan)[self.rows]

    def distinct(self) -> Distinct:
        """Give the distinct values."""
        return Distinct(list(self._each()), self.rows)

    def _each(self) -> Iterator[Any]:
        if isinstance(self.values, list):
            yield from self.values
            return
        for start in range(0, len(self.values), _BLOCK):
            yield from self.values[start : start + _BLOCK].to_pylist()

    def where(self, condition: Condition) -> Any:
        """Tell which rows fulfil a condition."""
        import numpy as np

        return np.fromiter(map(condition.holds, self._each()), bool, len(self.values))[self.rows]

    def ranks(self) -> tuple[Any, Any]:
        """Give what the rows are sorted by, and which of them are known: numbers before texts."""
        import numpy as np

        every = list(self._each())
        keys = [sort_key(value) for value in every]
        order = sorted(range(len(keys)), key=lambda place: keys[place])
        ranks, last = np.zeros(len(keys), np.int64), None
        rank = -1
        for place in order:
            rank, last = rank + (keys[place] != last), keys[place]
            ranks[place] = rank
        known = np.fromiter(map(is_known, every), bool, len(every))
        return ranks[self.rows], known[self.rows]


def _used(values: Any, rows: Any) -> tuple[Any, Any]:
    """Leave out values that no row has, as of rollouts that have gone on since."""
    import numpy as np
    import pyarrow as pa

    used = np.bincount(rows, minlength=len(values)) > 0
    if used.all():
        return values, rows
    places = np.flatnonzero(used)
    left = (
        [values[at] for at in places] if isinstance(values, list) else values.take(pa.array(places))
    )
    return left, (np.cumsum(used) - 1)[rows]


def is_known(value: Any) -> bool:
    """Tell whether there is a value that can be sorted by."""
    return value is not None and not (isinstance(value, float) and isnan(value))


def sort_key(value: Any) -> tuple[int, Any]:
    """Find what a value is sorted by: numbers come before texts, these in any case, and `v9` before
    `v10`.
    """
    if not is_known(value):
        return (2, "")
    if isinstance(value, (int, float)):
        return (0, value)
    text = str(value).casefold()
    # a time may end in a fraction of a second, and what is long is no version
    plain = len(text) > _NAME or _TIME.match(text)
    return (1, text if plain else _DIGITS.sub(_sized, text))


def _sized(number: re.Match[str]) -> str:
    """Write a number so that its text is before that of each greater one: behind its length."""
    digits = number[0].lstrip("0")
    return f"{chr(48 + len(digits))}{digits}"


def column_of(
    parts: Sequence[Stored], rows: Any, odd_values: Callable[[int, Sequence[int]], list[Any]]
) -> IndexColumn:
    """Make a column of its parts.

    Args:
        parts: one after the other.
        rows: which of their rows the rollouts are.
        odd_values: reads the values of some rows of a part that are not kept as they are.
    """
    import pyarrow as pa

    kinds = {str(part.values.type) for part in parts} - {"null"}
    if not any(part.odd for part in parts):
        if kinds <= {"int64", "double"}:
            return _numbers(parts, rows)
        if all(kind.startswith("dictionary") for kind in kinds):
            return _texts(parts, rows)
    values: list[Any] = []
    for number, part in enumerate(parts):
        plain = part.values
        if pa.types.is_dictionary(plain.type):
            plain = plain.dictionary_decode()
        chunk = plain.to_pylist()
        for row, value in zip(part.odd, odd_values(number, part.odd), strict=True):
            chunk[row] = value
        values += chunk
    made = distinct_of(values)
    return Words(made.values, made.rows[rows])


def _numbers(parts: Sequence[Stored], rows: Any) -> Numbers:
    import numpy as np
    import pyarrow as pa

    kind = pa.int64() if all(str(p.values.type) != "double" for p in parts) else pa.float64()
    whole = pa.chunked_array([part.values.cast(kind) for part in parts], kind).combine_chunks()
    known = np.asarray(whole.is_valid())[rows]
    return Numbers(np.asarray(whole.fill_null(0))[rows], known)


def _texts(parts: Sequence[Stored], rows: Any) -> Words:
    import numpy as np
    import pyarrow as pa

    kind = pa.dictionary(pa.int32(), pa.string())
    chunks = [part.values.cast(kind) for part in parts]
    whole = pa.chunked_array(chunks, kind).unify_dictionaries().combine_chunks()
    codes = np.asarray(whole.indices.fill_null(-1), np.int64)[rows]
    values = whole.dictionary
    if (codes < 0).any():
        codes = np.where(codes < 0, len(values), codes)
        values = pa.concat_arrays([values, pa.nulls(1, pa.string())])
    return Words(values, codes)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
