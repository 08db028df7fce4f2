"""The registry of drawings: for each type one function that gives its fragments.

    @shown.register(Diff)
    def diff_fragments(diff: Diff, limits: Limits) -> dict[str, Html]: ...

Fragments are markup under keys, in the order they are read (`prompt-0`, `turn-3`, `turn-3/call-1`,
`end`). A type without a function of its own is drawn as its nearest base, and at last by its repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from itertools import groupby
from typing import Any

from agentkit.show.html import Html, el, pieces
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, row


@singledispatch
def fragments(thing: Any, limits: Limits) -> dict[str, Html]:
    """Draw the thing as fragments under keys."""
    key = type(thing).__name__.lower()
    return {key: row(key, "aside", (None, code(repr(thing))))}


register = fragments.register
"""Register the function that draws a type."""


def grouped(parts: Mapping[str, Html]) -> list[Html]:
    """Put the fragments of each turn (`turn-3`, `turn-3/call-0`) into one block, which comes as its
    pieces; the others stay as they are.
    """
    blocks: list[Html] = []
    for turn, keys in groupby(parts, key=_turn_of):
        inside = [parts[key] for key in keys]
        number = turn.partition("-")[2]
        block = pieces("section", inside, class_="ak-turn", data_turn=number or None)
        blocks += block if turn else inside
    return blocks


def _turn_of(key: str) -> str:
    name = key.partition("/")[0]
    return name if name.startswith("turn-") or name == "response" else ""


def page(parts: Mapping[str, Html]) -> Html:
    """Put the fragments into one block, ready to be shown. Its two odd classes keep Jupyter's
    mathematics away from the text.
    """
    return el("div", *grouped(parts), class_="ak-root tex2jax_ignore mathjax_ignore")
