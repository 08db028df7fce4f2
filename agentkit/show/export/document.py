"""A text that leaves the notebook: it is displayed as text, and can be written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from agentkit.files.path import to_write, write_whole
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import row
from agentkit.types.record import Drawn
from agentkit.types.words import count

_SHOWN = 20_000
"""Characters of a text that are shown; a page is longer."""


class Export(str, Drawn):
    """A text that leaves the notebook: a str, shown as it is, with `save`."""

    __slots__ = ("name",)

    name: str
    """A name for its file; never made of what a model or a server sent."""

    def __new__(cls, text: str, name: str) -> Self:
        made = super().__new__(cls, text)
        made.name = name
        return made

    def __repr__(self) -> str:
        """Return the text itself, as plain displays of a str show its repr."""
        rest = len(self) - _SHOWN
        return (
            str(self)
            if rest <= 0
            else f"{self[:_SHOWN]}\n… {count(rest, 'more character')}; save(path) writes all of it"
        )

    def __reduce__(self) -> tuple[type[Export], tuple[str, str]]:
        return Export, (str(self), self.name)

    def save(self, path: Any = None) -> Path:
        """Write the text to a file, whole or not at all.

        Args:
            path: where; by default a file called `name` in the working directory.

        Returns:
            The path of the file.
        """
        target = to_write(self.name if path is None else path)
        write_whole(target, [self])
        return target


@shown.register(Export)
def export_fragments(export: Export, limits: Limits) -> dict[str, Html]:
    """Draw all of the text, to be selected and copied."""
    whole = el("pre", repr(export), class_="ak-data")
    if not limits.details:
        return {"export": whole}
    return {"export": row("export", "aside", (el("strong", export.name), whole))}
