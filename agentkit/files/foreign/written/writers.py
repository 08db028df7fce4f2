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
from agentkit.files.foreign.input.table_rows import JSON_COLUMN, PARTS_COLUMN, content_parts
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
    column, but for the messages, which are lists of structs as trainers read them.

    Raises:
        CassetteError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise CassetteError("Parquet needs pyarrow", hint="pip install pyarrow") from None
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    columns["tools"] = ([_tools_text(row) for row in rows], {}) if "tools" in names else ([], {})
    spoken = [[_same_shape(message) for message in row["messages"]] for row in rows]

    def written(columns: dict[str, Column]) -> bytes:
        arrays = {name: pyarrow.array(columns[name][0]) for name in names}
        fields = [
            pyarrow.field(name, array.type, metadata=columns[name][1] or None)
            for name, array in arrays.items()
        ]
        table = pyarrow.table(list(arrays.values()), schema=pyarrow.schema(fields))
        file = io.BytesIO()
        parquet.write_table(table, file)
        return file.getvalue()

    try:
        return written({**columns, "messages": (spoken, PARTS_COLUMN)})
    except (
        pyarrow.ArrowException,
        UnicodeError,
        OverflowError,
    ):  # fields of messages that no struct has, as of two types
        return written(columns)


def _tools_text(row: Row) -> str | None:
    return json.dumps(row["tools"], ensure_ascii=False) if "tools" in row else None


def _same_shape(message: Row) -> Row:
    """Make a struct of a message: a content in parts becomes JSON text, and so does a text that
    would be read as such.
    """
    content = message.get("content")
    if content_parts(content) is not None:
        content = [{"type": "text", "text": content}]
    if isinstance(content, list):
        return {**message, "content": json.dumps(content, ensure_ascii=False)}
    return message


Column = tuple[list[Any], dict[bytes, bytes]]
"""The values of a column, and its metadata."""


def _column(values: list[Any]) -> Column:
    """Make a column of values, those of other shapes than a column has as JSON text."""
    kinds = {type(value) for value in values if value is not None}
    if any(
        isinstance(one, (dict, list)) for value in values if type(value) is list for one in value
    ):
        kinds.add(dict)  # lists of other shapes, as no column has them
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= {str, bool, list}):
        return values, {}
    texts = [value if value is None else json.dumps(value, default=str) for value in values]
    return texts, JSON_COLUMN


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
