"""What an export is: a text that shows itself as one, and that can be written to a file."""

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
    """What a file of it may be called; never made of what a model or a server said."""

    def __new__(cls, text: str, name: str) -> Self:
        made = super().__new__(cls, text)
        made.name = name
        return made

    def __repr__(self) -> str:
        """The text as it is: a plain display of a str asks for nothing else."""
        rest = len(self) - _SHOWN
        return (
            str(self)
            if rest <= 0
            else f"{self[:_SHOWN]}\n… {count(rest, 'more character')}; save(path) writes all of it"
        )

    def __reduce__(self) -> tuple[type[Export], tuple[str, str]]:
        return Export, (str(self), self.name)

    def save(self, path: Any = None) -> Path:
        """The path, once the text is written there, whole or not at all; without a path, a file
        named `name` in the working directory.
        """
        target = to_write(self.name if path is None else path)
        write_whole(target, [self])
        return target


@shown.register(Export)
def export_fragments(export: Export, limits: Limits) -> dict[str, Html]:
    """All of the text, to be selected and copied."""
    whole = el("pre", repr(export), class_="ak-data")
    return {"export": row("export", "aside", (el("strong", export.name), whole))}


@shown.register_text(Export)
def _export_text(export: Export, limits: Limits) -> str:
    return repr(export)
