"""One part of an index: some thousand rollouts, written at once as three tables of Parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentkit.files.index.index_rows import (
    CALL_FIELDS,
    OWN,
    TURN_FIELDS,
    IndexRows,
    meta_values,
)

TABLES = ("rollouts", "turns", "calls")
KINDS = ("prompt", "content", "reasoning", "arguments", "result")
"""The kinds of texts: the first is one a rollout, two are one a turn, two one a call."""
_SURROGATE = re.compile("[\ud800-\udfff]")
ODD = b"agentkit.odd"
"""Under what the rows are kept whose values are not what they were."""
META = "meta."
"""What stands before the name of a column of the caller's own."""


@dataclass(slots=True)
class Part:
    """Rollouts that wait to be written."""

    samples: list[int] = field(default_factory=list)
    places: list[list[int]] = field(default_factory=list)
    """Offset and size of each run of its lines, one after the other."""
    rows: list[IndexRows] = field(default_factory=list)
    size: int = 0
    """Bytes of their lines."""

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, sample: int, places: list[int], rows: IndexRows) -> None:
        """Add a rollout."""
        self.samples.append(sample)
        self.places.append(places)
        self.rows.append(rows)
        self.size += sum(places[1::2])

    def texts(self, kind: str) -> list[str]:
        """List the texts of a kind."""
        if kind == "prompt":
            return [rows.prompt for rows in self.rows]
        return [text for rows in self.rows for text in getattr(rows, kind)]

    def write(self, folder: Path, number: int, first: int) -> dict[str, int]:
        """Write its tables.

        Args:
            folder: of the index.
            number: of the part.
            first: the row of its first rollout in the index.

        Returns:
            How many rows each table has.
        """
        import pyarrow.parquet as pq

        tables = self.tables(first)
        for name, table in tables.items():
            pq.write_table(table, folder / f"{number:05}.{name}.parquet", compression="zstd")
        return {name: table.num_rows for name, table in tables.items()}

    def tables(self, first: int) -> dict[str, Any]:
        """Lay its rollouts out as Arrow tables, their rows counted from the first."""
        import pyarrow as pa

        return {
            "rollouts": self._rollouts(first),
            "turns": pa.table(_columns(first, (rows.turns for rows in self.rows), TURN_FIELDS)),
            "calls": pa.table(_columns(first, (rows.calls for rows in self.rows), CALL_FIELDS)),
        }

    def utf8_texts(self, kind: str) -> Any:
        """Make the texts of a kind an Arrow array, as SQL can read them."""
        import pyarrow as pa

        return pa.array(map(_utf8, self.texts(kind)), pa.large_string())

    def _rollouts(self, first: int) -> Any:
        """Lay the rollouts out by column; their metadata says which values are not what they
        were.
        """
        import pyarrow as pa

        odd: dict[str, list[int]] = {}
        columns: dict[str, Any] = {
            "row": pa.array(range(first, first + len(self)), pa.int64()),
            "sample": pa.array(self.samples, pa.int64()),
            "meta": [_written(rows.meta) for rows in self.rows],
            "turn_rows": pa.array([len(rows.turns) for rows in self.rows], pa.int32()),
            "call_rows": pa.array([len(rows.calls) for rows in self.rows], pa.int32()),
        }
        for name in (*OWN, "prompt_digest"):
            columns[name] = _array([rows.rollout[name] for rows in self.rows], odd, name)
        noted = [meta_values(rows.meta) for rows in self.rows]
        for name in dict.fromkeys(name for values in noted for name in values):
            values = [each.get(name) for each in noted]
            columns[f"{META}{name}"] = _array(values, odd, f"{META}{name}")
        return pa.table(columns).replace_schema_metadata({ODD: json.dumps(odd)})


def _written(meta: dict[str, Any]) -> str:
    text = json.dumps(meta, ensure_ascii=False, default=repr)
    return text if text.isascii() or _is_utf8(text) else json.dumps(meta, default=repr)


def _is_utf8(text: str) -> bool:
    return _SURROGATE.search(text) is None


def _columns(first: int, rows: Iterable[Sequence[Any]], names: Sequence[str]) -> dict[str, Any]:
    """Lay rows out by column, with the row of their rollout before them."""
    import pyarrow as pa

    owners: list[int] = []
    cells: list[tuple[Any, ...]] = []
    for owner, each in enumerate(rows, first):
        owners += [owner] * len(each)
        cells += each
    laid = list(zip(*cells, strict=True)) if cells else [()] * len(names)
    columns = {name: _array(values) for name, values in zip(names, laid, strict=True)}
    return {"row": pa.array(owners, pa.int64()), **columns}


def _array(values: Sequence[Any], odd: dict[str, list[int]] | None = None, name: str = "") -> Any:
    """Make a column: whole numbers, numbers or texts, whatever holds all of its values.

    Args:
        values: of the column.
        odd: takes, under the name of the column, the rows whose values are not kept as they are.
        name: of the column.
    """
    import pyarrow as pa

    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.array(values, pa.int64() if kinds else pa.null())
    if kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if kinds <= {bool}:
        return pa.array(values, pa.bool_())
    texts = [None if v is None else _utf8(v) for v in values]
    if odd is not None and texts != values:
        changed = [row for row, v in enumerate(values) if v != texts[row]]
        odd |= {name: changed} if changed else {}
    return pa.array(texts, pa.string())


def _utf8(value: Any) -> str:
    """Make a text that Parquet can hold; a lone surrogate is none."""
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
