"""The formats that rollouts are written in, by name."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.errors import CassetteError, UsageError, suggest
from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.input.table_rows import JSON_COLUMN
from agentkit.files.foreign.written.atif_document import atif_document, atif_text
from agentkit.files.foreign.written.chat_rows import (
    Row,
    Weigh,
    finetune_row,
    openai_row,
    sharegpt_row,
    verifiers_row,
)
from agentkit.files.foreign.written.otel_spans import otel_document
from agentkit.files.foreign.written.spoken_messages import note_unspoken
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import in_line

_log = logging.getLogger("agentkit")
RowWriter = Callable[[Trajectory, Losses, Weigh | None], Row]


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """Rollouts in a format, and what of them it has no place for."""

    data: str | bytes
    losses: Losses

    def tell(self, name: str) -> None:
        """Log what is left out of a file, in one line."""
        counts = self.losses.counts
        if counts:
            lost = ", ".join(f"{place} ({count})" for place, count in sorted(counts.items()))
            _log.warning("%s: left out: %s", in_line(name), in_line(lost))


def _rows(write: RowWriter) -> Callable[[Sequence[Trajectory], Losses, Weigh | None], str]:
    def lines(trajectories: Sequence[Trajectory], losses: Losses, weigh: Weigh | None) -> str:
        rows = (write(one, losses, weigh) for one in trajectories)
        return "".join(f"{json.dumps(row, ensure_ascii=False, default=str)}\n" for row in rows)

    return lines


def _atif(trajectories: Sequence[Trajectory], losses: Losses, weigh: Weigh | None) -> str:
    return atif_text([atif_document(one, losses) for one in trajectories])


def _otel(trajectories: Sequence[Trajectory], losses: Losses, weigh: Weigh | None) -> str:
    return json.dumps(otel_document(list(trajectories), losses), ensure_ascii=False) + "\n"


def parquet_bytes(rows: Sequence[Row]) -> bytes:
    """Write rows of chat messages as Parquet; what is no number, truth or text is JSON text in a
    column, but for the messages.

    Raises:
        CassetteError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise CassetteError("Parquet needs pyarrow", hint="pip install pyarrow") from None
    rows = [_flat(row) for row in rows]
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    table = pyarrow.table({name: column for name, (column, _) in columns.items()})
    fields = [
        field.with_metadata(JSON_COLUMN) if columns[field.name][1] else field
        for field in table.schema
    ]
    table = table.cast(pyarrow.schema(fields))
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


def _flat(row: Row) -> Row:
    messages = [_same_shape(message) for message in row["messages"]]
    tools = {"tools": json.dumps(row["tools"], ensure_ascii=False)} if "tools" in row else {}
    return {**row, **tools, "messages": messages}


def _same_shape(message: Row) -> Row:
    """Make a struct of a message: a content in parts becomes JSON text."""
    content = message.get("content")
    if isinstance(content, list):
        return {**message, "content": json.dumps(content, ensure_ascii=False)}
    return message


def _column(values: list[Any]) -> tuple[list[Any], bool]:
    """Make a column of values, and tell whether they are written as JSON text."""
    kinds = {type(value) for value in values if value is not None}
    if any(
        isinstance(one, (dict, list)) for value in values if type(value) is list for one in value
    ):
        kinds.add(dict)  # lists of other shapes, as no column has them
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= {str, bool, list}):
        return values, False
    texts = [value if value is None else json.dumps(value, default=str) for value in values]
    return texts, True


WRITERS: dict[str, Callable[[Sequence[Trajectory], Losses, Weigh | None], str]] = {
    "atif": _atif,
    "otel": _otel,
    "openai": _rows(openai_row),
    "finetune": _rows(finetune_row),
    "verifiers": _rows(verifiers_row),
    "sharegpt": _rows(sharegpt_row),
    "parquet": _rows(openai_row),
}
WEIGHED = ("openai", "finetune", "sharegpt", "parquet")
"""Formats with a place for the weight of a turn."""


def written_in(
    trajectories: Sequence[Trajectory],
    format: str,
    weigh: Weigh | None,
    redact: Callable[[str], str],
) -> WrittenFile:
    """Write rollouts in a format of another tool.

    Args:
        trajectories: the rollouts.
        format: its name in `WRITERS`.
        weigh: says of a turn whether it is trained on.
        redact: takes the known secrets out of a text.

    Raises:
        UsageError: there is no such format, or it has no place for weights.
        CassetteError: a package that it needs is not installed.
    """
    if format not in WRITERS:
        known = f"there are: {', '.join(WRITERS)}; without format it is a cassette"
        raise UsageError(
            f"no format to write is named {format!r}", hint=suggest(format, list(WRITERS), known)
        )
    if weigh is not None and format not in WEIGHED:
        raise UsageError(
            f"{format!r} has no place for the weight of a turn",
            hint=f"these have: {', '.join(WEIGHED)}",
        )
    losses = Losses(format)
    if format in WEIGHED:
        note_unspoken(trajectories, losses)
    text = redact(WRITERS[format](trajectories, losses, weigh))
    if format == "parquet":
        rows = [json.loads(row) for row in text.split("\n") if row]
        return WrittenFile(parquet_bytes(rows), losses)
    return WrittenFile(text, losses)
