"""A column as its distinct values and which of them each row has: what is asked of fifty thousand
rows is then answered once a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Distinct(NamedTuple):
    """A column by its distinct values."""

    values: list[Any]
    """Each once, in the order in which they first occur."""
    rows: Any
    """A numpy array: for each row, which of the values it has."""

    def where(self, holds: Callable[[Any], bool]) -> Any:
        """Make an array that tells for each row whether its value fulfils something."""
        import numpy as np

        return np.fromiter(map(holds, self.values), bool, len(self.values))[self.rows]

    def counted(self, kept: Any) -> list[int]:
        """Count how often each value occurs in the rows that an array of truths keeps."""
        import numpy as np

        counts: list[int] = np.bincount(self.rows[kept], minlength=len(self.values)).tolist()
        return counts


def group_rows(found: Distinct) -> Any:
    """Number the groups of a column of digests, an array, a number a row: the same for the same,
    and one of its own for each row of which nothing tells its group ("").
    """
    import numpy as np

    if "" not in found.values:
        return found.rows
    rows = found.rows.astype(np.int64)
    alone = np.flatnonzero(rows == found.values.index(""))
    rows[alone] = len(found.values) + np.arange(len(alone))
    return rows


def distinct_of(values: Sequence[Any]) -> Distinct:
    """Find the distinct values of a column; linear. 1 and True are two."""
    import numpy as np

    known: dict[Any, int] = {}
    rows = np.fromiter(
        (known.setdefault((type(value), value), len(known)) for value in values),
        np.int64,
        len(values),
    )
    return Distinct([value for _, value in known], rows)


def alike(values: Sequence[Any]) -> Sequence[Any]:
    """Make all numbers of a column floats where one is, as an index keeps them: 1 and 1.0 are one
    value of it.
    """
    kinds = set(map(type, values)) - {type(None)}
    if kinds != {int, float}:
        return values
    return [value if value is None else float(value) for value in values]


def items_of(value: Any) -> Sequence[str | None]:
    """List the names of a value that holds several; None for a value without any."""
    return str(value).split(" ") if value else (None,)
