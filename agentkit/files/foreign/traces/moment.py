"""Times as other tools write them: ISO text, seconds, milliseconds, microseconds, nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any

_FRACTION = re.compile(r"(\.\d{6})\d+")
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which size on a number is of nanoseconds, microseconds, milliseconds; below, of seconds."""


def moment(value: Any) -> float | None:
    """Read a time as Unix seconds; None where it is none. A text without a zone is of UTC."""
    if isinstance(value, datetime):
        return _seconds(value)
    if isinstance(value, str):
        text = value.strip()
        if text.isdecimal() and len(text) < 25:
            return moment(int(text))
        try:
            return _seconds(datetime.fromisoformat(_FRACTION.sub(r"\1", text)))
        except (ValueError, OverflowError):
            return None
    if isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value):
        return moment(value[0] + value[1] / 1e9)  # JavaScript's seconds and nanoseconds
    if type(value) not in (int, float) or not 0 < value < 1e20 or not isfinite(value):
        return None
    scale = next((scale for least, scale in _SCALES if value >= least), 1.0)
    return float(value) / scale


def lasted(started: float | None, ended: float | None) -> float | None:
    """Give the seconds between two times; None where one is unknown or they are the wrong way."""
    if started is None or ended is None or ended < started:
        return None
    return ended - started


def _seconds(value: datetime) -> float | None:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return aware.timestamp()
    except (ValueError, OverflowError):
        return None
