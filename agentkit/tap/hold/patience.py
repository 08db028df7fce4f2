"""How long a client waits for an answer, and what keeps it waiting longer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Beat = Literal["processing", "continue", "blanks", "none"]
"""What is sent to a client that waits: `102 Processing`, `100 Continue`, a 200 that has begun with
blanks in front of its body, or nothing.
"""

_USUAL = 600.0
"""Seconds that OpenAI's and Anthropic's packages wait, and most that are built on them."""
_LONGEST = 15.0
"""Seconds between two beats at most."""
_SOON = 1.0
"""Seconds between two beats where a client does not say how long it waits."""
_BEATS: tuple[tuple[re.Pattern[str], Beat], ...] = (
    (re.compile(r"lm15/stdlib", re.I), "blanks"),
    (re.compile(r"python-requests|python-urllib|urllib3|libwww", re.I), "continue"),
    (re.compile(r"go-http-client", re.I), "none"),
)
"""Who takes another beat than `102 Processing`, by its user agent: `http.client` under requests
takes a 102 for the answer, dspy's own client any interim answer; Go's gives up after five.
"""
_PATIENT = re.compile(r"langchain|verifiers", re.I)
"""Who sets no limit, and says so in no header."""
_STAINLESS = "x-stainless-"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits, and what keeps it waiting."""

    limit: float | None
    """Seconds that it waits for the next byte; None for no limit."""
    known: bool = True
    """Whether the client says so; else it is what its package does."""
    beat: Beat = "processing"

    @property
    def every(self) -> float | None:
        """Seconds between two beats; None where none is needed, or none helps."""
        if self.limit is None or self.beat == "none":
            return None
        if not self.known:
            return _SOON
        return max(0.2, min(_LONGEST, self.limit / 3))


def patience_of(headers: Iterable[tuple[str, str]]) -> Patience:
    """Read from a request's headers how long its client waits.

    Args:
        headers: by lower-case names.
    """
    found = dict(headers)
    agent = found.get("user-agent", "")
    beats = (beat for pattern, beat in _BEATS if pattern.search(agent))
    beat: Beat = next(beats, "processing")
    sent = found.get("x-stainless-read-timeout", found.get("x-stainless-timeout", ""))
    try:
        return Patience(limit=float(sent), beat=beat)
    except ValueError:
        pass
    if any(name.startswith(_STAINLESS) for name in found):
        return Patience(limit=None, beat=beat)
    limit = None if _PATIENT.search(agent) else _USUAL
    return Patience(limit=limit, known=False, beat=beat)
