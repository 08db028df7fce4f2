"""The rows of tables, Parquet files and DataFrames, as JSON would have them."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import Any

from agentkit.errors import CassetteError
from agentkit.files.foreign.input.json_log import with_messages
from agentkit.read.plain import plain

PARQUET = b"PAR1"
"""How a Parquet file begins."""
JSON_COLUMN = {b"agentkit": b"JSON"}
"""Metadata of a column that we wrote as JSON text."""

PARTS_COLUMN = {b"agentkit": b"messages, contents in parts as JSON"}
"""Metadata of a column of messages in which we wrote contents in parts as JSON text."""


def parquet_rows(name: str, data: bytes) -> list[dict[str, Any]]:
    """Read the rows of a Parquet file.

    Raises:
        CassetteError: it is damaged, or pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise CassetteError(
            f"{name!r} is a Parquet file", hint="pip install pyarrow, which reads it"
        ) from None
    try:
        table = parquet.read_table(io.BytesIO(data))
        texts = _named(table.schema, JSON_COLUMN)
        spoken = _named(table.schema, PARTS_COLUMN)
        rows = [_in_parts(_decoded(row, texts), spoken) for row in table.to_pylist()]
    except Exception as exc:  # whatever a stranger's file holds
        raise CassetteError(
            f"{name!r} is a Parquet file that cannot be read: {exc}",
            hint="it is cut or damaged: fetch it again",
        ) from exc
    return [_row(row) for row in rows]


def _named(schema: Any, mark: Mapping[bytes, bytes]) -> list[str]:
    """List the columns of a schema that have a mark."""
    return [one.name for one in schema if mark.items() <= (one.metadata or {}).items()]


def _in_parts(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Decode the contents of messages that are parts."""
    for message in (one for name in names for one in row[name] or ()):
        parts = content_parts(message.get("content"))
        if parts is not None:
            message["content"] = parts
    return row


def content_parts(content: Any) -> list[Any] | None:
    """Read a text that is the JSON of a content in parts; None for any other."""
    if not isinstance(content, str) or not content.startswith("[{"):
        return None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    parts = isinstance(found, list) and all(
        isinstance(one, dict) and "type" in one for one in found
    )
    return found if parts else None


def _decoded(row: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    """Decode the columns that are JSON text."""
    for name in texts:
        row[name] = None if row[name] is None else json.loads(row[name])
    return row


def frame_rows(frame: Any) -> list[dict[str, Any]]:
    """Read the rows of a DataFrame, of pandas or of polars."""
    rows = frame.to_dicts() if hasattr(frame, "to_dicts") else frame.to_dict("records")
    return [_row(row) for row in rows]


def _row(row: Any) -> dict[str, Any]:
    """Leave out what a row does not hold: a table fills its columns, and every field of a struct,
    with nothing where another row has something.
    """
    found = with_messages(plain(row))
    kept = {str(key): _present(value) for key, value in found.items()}
    return {key: value for key, value in kept.items() if not _is_absent(value)}


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _present(one) for key, one in value.items() if one is not None}
    return [_present(one) for one in value] if isinstance(value, list) else value


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
