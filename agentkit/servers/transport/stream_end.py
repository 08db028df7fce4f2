"""The end of a stream: `[DONE]` in Chat Completions, in the other dialects an event by its name."""

from __future__ import annotations

import re

from agentkit.dialects.codecs import CODECS

_ENDS = frozenset(name for codec in CODECS.values() for name in codec.ends)
_NAMES = "|".join(map(re.escape, sorted(_ENDS)))
_TYPE = re.compile(
    rf'data: ?(?:\{{\s*"type"\s*:\s*"(?:{_NAMES})"|.*"type"\s*:\s*"(?:{_NAMES})"\s*\}}\s*\Z)',
    re.DOTALL,
)
"""Data that calls itself an end, with its type in front or behind everything else."""
_ENDING = re.compile(r"\r|\[DONE\]|event:|\"type\"")
"""Without one of these, no line of a text is or names an end."""
_LINES = re.compile(r"\r\n|\r|\n")
_KEPT = 128
"""Characters kept of either end of a line: a name and its type fit in, and an event of any length
costs what its length costs.
"""
_DONE = re.compile(r"data: ?\[DONE\]\s*\Z")


class StreamEnd:
    """Looks for the end of a stream in its text as it comes, cut anywhere."""

    def __init__(self) -> None:
        self._line = ""
        """What has come of the line under way; of a long one both ends."""
        self._named = False
        """Whether the event under way bears the name of an end."""
        self._data = False
        """Whether data of it has come."""
        self._ended = False
        """Whether nothing but blank lines and comments has come behind an end."""
        self._after_cr = False

    def feed(self, text: str) -> bool:
        """Take the next piece.

        Returns:
            Whether the stream is at its end behind it.
        """
        if text.endswith("\n\n") and self._is_between() and _ENDING.search(text) is None:
            return False  # whole events, as nearly every piece is
        if self._after_cr and text.startswith("\n"):
            text = text[1:]
        self._after_cr = text.endswith("\r")
        *lines, rest = _LINES.split(text)
        for line in lines:
            whole = self._join(line)
            self._ended = self._take(whole) or (self._ended and whole.lstrip()[:1] in ("", ":"))
            self._line = ""
        self._line = self._join(rest)
        last = self._line.lstrip()
        return bool(_DONE.match(last)) or (self._ended and last[:1] in ("", ":"))

    def _is_between(self) -> bool:
        """Tell whether the next line begins an event, and none that ends the stream has come."""
        return not (self._line or self._named or self._data or self._ended or self._after_cr)

    def _join(self, more: str) -> str:
        line = self._line + more
        return line if len(line) <= 2 * _KEPT else line[:_KEPT] + line[-_KEPT:]

    def _take(self, line: str) -> bool:
        """Take a whole line; tell whether the stream is at its end behind it."""
        if not line:
            self._named, self._data = False, False
            return False
        if line.startswith("event:"):
            self._named = line[6:].strip() in _ENDS
            return self._named and self._data
        if line.startswith("data:"):
            self._data = True
            return self._named or bool(_TYPE.match(line) or _DONE.match(line))
        return False
