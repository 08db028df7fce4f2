"""One column of one part of an index, as it is kept."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from agentkit.files.index.index_part import ODD
from agentkit.files.index.sidecars.sidecar import Sidecar


class Stored(NamedTuple):
    """A column of a part."""

    values: Any
    """An Arrow array, of texts a dictionary array; of nulls, where the part has no such column."""
    odd: tuple[int, ...] = ()
    """The rows whose values are not what they were: in a column of values of several kinds."""


def stored_of(sidecar: Sidecar, part: int, name: str) -> Stored:
    """Read a column of the rollouts of a part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = sidecar.part_path(part, "rollouts")
    file = pq.ParquetFile(path, memory_map=True)
    schema = file.schema_arrow
    if name not in schema.names:
        return Stored(pa.nulls(sidecar.state.parts[part]["rollouts"]))
    if schema.field(name).type == pa.string() and name != "meta":
        file = pq.ParquetFile(path, memory_map=True, read_dictionary=[name])
    odd = json.loads((schema.metadata or {}).get(ODD, b"{}")).get(name, ())
    return Stored(file.read(columns=[name]).column(0).combine_chunks(), tuple(odd))
