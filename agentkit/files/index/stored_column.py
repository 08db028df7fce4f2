"""One column of one part of an index, as it is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.files.index.index_part import ODD
from agentkit.files.index.sidecars.sidecar import Sidecar

_NUMBERS = frozenset({"int64", "double", "null"})


class Stored(NamedTuple):
    """A column of a part."""

    values: Any
    """An Arrow array, of texts a dictionary array; of nulls, where the part has no such column."""
    odd: tuple[int, ...] = ()
    """The rows whose values are not what they were: in a column of values of several kinds."""


class StoredColumns:
    """The columns of the rollouts of an index, read part by part. What a part says of itself is
    read once for all its columns.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Any, Any, dict[str, list[int]]]] = {}

    def stored(self, sidecar: Sidecar, part: int, name: str) -> Stored:
        """Read a column of a part."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = sidecar.part_path(part, "rollouts")
        metadata, schema, odd = self._footer(path)
        if name not in schema.names:
            return Stored(pa.nulls(sidecar.state.parts[part]["rollouts"]))
        is_text = schema.field(name).type == pa.string() and name != "meta"
        read = [name] if is_text else None
        file = pq.ParquetFile(path, memory_map=True, metadata=metadata, read_dictionary=read)
        # a part is too small for threads to be worth their start
        column = file.read(columns=[name], use_threads=False).column(0)
        return Stored(column.combine_chunks(), tuple(odd.get(name, ())))

    def names(self, sidecar: Sidecar, part: int) -> list[str]:
        """List the columns of a part."""
        found: list[str] = self._footer(sidecar.part_path(part, "rollouts"))[1].names
        return found

    def kinds(self, sidecar: Sidecar, part: int) -> list[tuple[str, bool]]:
        """List the columns of a part, each with whether it holds numbers alone."""
        schema = self._footer(sidecar.part_path(part, "rollouts"))[1]
        return [(field.name, str(field.type) in _NUMBERS) for field in schema]

    def _footer(self, path: Path) -> tuple[Any, Any, dict[str, list[int]]]:
        """Read what a part says of itself: its metadata, its schema, its rows of other values."""
        import pyarrow.parquet as pq

        if path not in self._known:
            file = pq.ParquetFile(path, memory_map=True)
            schema = file.schema_arrow
            odd = json.loads((schema.metadata or {}).get(ODD, b"{}"))
            self._known[path] = file.metadata, schema, odd
        return self._known[path]


def one_array(chunks: Sequence[Any]) -> Any:
    """Put the parts of a column together: of texts among other values, all are texts."""
    import pyarrow as pa

    plain = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in chunks]
    kinds = {c.type for c in plain if c.type != pa.null()}
    kind = next(iter(kinds), pa.null())
    if len(kinds) > 1:
        kind = pa.float64() if kinds <= {pa.int64(), pa.float64()} else pa.string()
    return pa.chunked_array([c.cast(kind) for c in plain], kind).combine_chunks()
