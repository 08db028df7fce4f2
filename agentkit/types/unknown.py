"""What a file of a newer version holds and this version has no field for."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from agentkit.types.record import Record, record


@record
class Unknown(Record):
    """Data that is not understood, kept beside the record it came with and saved with it again.

    It hangs on the record and on nothing above it, so that a fork or an edit keeps it exactly as
    long as it keeps the record. A record without such data holds None. Equality never looks at it.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of the record's own JSON object, by name."""
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of the lines that the record accounts for, by line: `first`, `model`, `tool`,
    `adopt 0`, `change 1`, `close`, `end final`, `totals final`; the number is that of the call.
    """
    behind: tuple[tuple[int, dict[str, Any]], ...] = ()
    """Whole lines of unknown kinds that came after it, each with the number of results that the
    turn had by then.
    """

    def summary(self) -> str:
        names = [*self.fields, *(name for line in self.lines.values() for name in line)]
        return ", ".join([*names, *(f"a line {line.get('step')!r}" for _, line in self.behind)])
