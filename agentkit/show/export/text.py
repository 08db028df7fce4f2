"""What an export is: a text that shows itself as one, and that can be written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from agentkit.files.store import to_write, write_whole
from agentkit.show.html import Html, el
from agentkit.show.render.parts.block import row
from agentkit.show.render.render import page
from agentkit.show.render.rollout.outline import Limits
from agentkit.types.record import late
from agentkit.types.words import count

_SHOWN = 20_000
"""Characters of a text that are shown; a page is longer."""


class Export(str):
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

    def html(self, limits: Limits) -> Html:
        """What the display shows: all of the text, to be selected and copied."""
        return page(
            {
                "export": row(
                    "export",
                    "aside",
                    (el("strong", self.name), el("pre", repr(self), class_="ak-data")),
                )
            }
        )

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        return repr(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return dict(late["show"](self))
