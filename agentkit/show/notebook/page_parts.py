"""Controls as a page makes them of what the kernel describes: lists of a name with classes,
properties, and what is inside. All of it is data, so no text in it is ever markup.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from agentkit.show.notebook.live import sendable

Part: TypeAlias = "str | int | list[Any]"
"""A text, a number, or an element as `part` describes it."""


def part(name: str, /, *inside: Part | None, **given: Any) -> list[Any]:
    """Describe an element.

    Args:
        name: its tag and classes, `span.ak-cut`; a div where no tag is named.
        inside: what it holds; None for nothing.
        given: its properties, `aria_label="…"`; `icon` names one that stands first in it, `do` what
            the page asks for when it is used, and `args` with what. None leaves one out.
    """
    properties = {_name(key): _sent(value) for key, value in given.items() if value is not None}
    return [name, properties, *(_sent(each) for each in inside if each is not None)]


def button(
    word: str = "",
    do: str = "",
    args: dict[str, Any] | None = None,
    *,
    kind: str = "",
    **given: Any,
) -> list[Any]:
    """Describe a button, with an icon, a word or both; one without a word needs a `label`.

    Args:
        word: what stands on it.
        do: what it asks for.
        args: with what.
        kind: more classes: "ak-line", "ak-main".
        given: `label`, and what `part` takes.
    """
    classes = ".".join(["button.ak-bt", *([] if word else ["ak-ic"]), *kind.split()])
    label = given.pop("label", None)
    named = {"title": label, "aria_label": label, "type": "button", **given}
    return part(classes, part("span", word) if word else None, do=do or None, args=args, **named)


def closing(do: str, label: str, args: dict[str, Any] | None = None) -> list[Any]:
    """Describe the button that takes something away."""
    return button(do=do, args=args, icon="close", label=label)


def _name(key: str) -> str:
    if key in ("do", "args"):
        return f"data-{key}"
    first, *words = key.split("_")
    return f"data-{words[0]}" if first == "data" else first + "".join(map(str.capitalize, words))


def _sent(value: Any) -> Any:
    if isinstance(value, dict):
        return sendable(json.dumps(value))
    return sendable(value) if isinstance(value, str) else value
