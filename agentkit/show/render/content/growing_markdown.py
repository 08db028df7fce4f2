"""Markdown that is still being written: each block is drawn once, when it is finished, and only
the last one again and again.
"""

from __future__ import annotations

from agentkit.show.html import Html, fragment
from agentkit.show.render.content.markdown import blocks

_AGAIN = 2_000
"""Characters of a last block that is drawn with every piece that comes; a longer one is shown as it
is written until it is finished.
"""


class GrowingMarkdown:
    """A text that grows. What has been drawn costs nothing any more, so that all of it costs time
    linear in its length.
    """

    def __init__(self) -> None:
        self._last: list[str] = []
        self._size = 0
        self._looked = 0
        """Characters of the last block when it was read last."""
        self.drawn: Html | None = None
        """The last block, where it is Markdown; None where it is shown as it is written."""

    @property
    def last(self) -> str:
        """The text of the last block."""
        whole = "".join(self._last)
        self._last = [whole]
        return whole

    def feed(self, text: str) -> Html | None:
        """Take the next piece, and return the blocks that it finishes; None for none."""
        self._last.append(text)
        self._size += len(text)
        if self._size > _AGAIN and self._size < self._looked * 1.25:
            self.drawn = None
            return None
        whole = self.last
        self._looked = self._size
        found = blocks(whole)
        if found is None:
            self.drawn = None
            return None
        done = found[:-1]
        if done and "\n" not in _after(whole, done[-1].end).lstrip():
            done.pop()  # a line that is not finished may yet turn out to be part of it
        if done:
            self._last = [_after(whole, done[-1].end)]
            self._size = self._looked = len(self._last[0])
        rest = fragment(*[block.html for block in found[len(done) :]])
        self.drawn = rest if self._size <= _AGAIN else None
        return fragment(*[block.html for block in done]) if done else None


def _after(text: str, line: int) -> str:
    """Return what follows so many lines."""
    at = 0
    for _ in range(line):
        at = text.index("\n", at) + 1
    return text[at:]
