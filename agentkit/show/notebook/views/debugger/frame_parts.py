"""What stands around a rollout as its page makes it: the toolbar, the list of keys, breakpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentkit.show.notebook.page_parts import Part, button, closing, part

_TOOLS = (
    ("restart", "Restart", (), "restart", "begin again, on a branch of its own", ""),
    ("back", "Back", ("b",), "back", "one step back; what lies ahead is kept", ""),
    None,
    ("run", "Run", ("F9",), "run", "run until a breakpoint or the end", "ak-main"),
    ("next", "Next", ("F10",), "next", "to the end of the turn", "ak-drive"),
    ("step", "Step", ("s",), "step", "one step: a model call or a tool call", "ak-drive"),
    ("to", "To here", ("t",), "to", "to the turn that is chosen in the outline", ""),
    None,
    ("pause", "Pause", ("p",), "pause", "pause after the step in flight", "ak-drive"),
    (
        "stop",
        "Stop",
        ("x", "Shift+F9"),
        "stop",
        "stop at once; the step in flight is dropped",
        "ak-drive",
    ),
)
"""What drives: action, word, keys, icon, what it does, how it looks; None between groups."""
_OPENERS = (
    ("search", "Search", ("/",), "search"),
    ("breakpoints", "Breakpoints", (), "point"),
    ("branches", "Branches", (), "branches"),
    ("charts", "Charts", (), "chart"),
    ("keys", "Keys", ("?",), "keys"),
)
"""What opens something."""
_KEYS = (
    ("Run", "F9"),
    ("Next turn", "F10"),
    ("Step", "S"),
    ("Back", "B"),
    ("To the chosen turn", "T"),
    ("Pause", "P"),
    ("Stop", "X", "Shift+F9"),
    ("Search", "/"),
    ("Next, previous problem", "N", "Shift N"),
    ("Next, previous turn", "J", "K"),
    ("Breakpoint on the row", "."),
    ("Fork", "F"),
    ("Edit", "E"),
    ("Rerun", "R"),
    ("Copy a link to the turn", "L"),
    ("Note or label", "M"),
    ("Copy as curl", "C"),
    ("Compare with the branch it left", "D"),
    ("These keys", "?"),
    ("Close", "Esc"),
)
_KINDS = {
    "tool": ("before tool", "pay, send_mail", "tools"),
    "problem": ("after problem", "its code", "codes"),
    "tool_error": ("after a tool failed", "any, or names", "tools"),
    "finish": ("after finish", "length", ""),
    "turn": ("before turn", "its number", ""),
    "text": ("after text", "what an answer says", ""),
    "repeat": ("before the same call again", "how often: 3", ""),
    "recovered": ("after a call in the text", "", ""),
}
"""Kind of breakpoint: words, what its name is, what is known of it."""


def frame_parts() -> dict[str, list[Part]]:
    """Describe what never changes: the toolbar, the keys, the line that adds a breakpoint."""
    tools = [_tool(*tool) if tool else part("span.ak-gap.ak-drive") for tool in _TOOLS]
    openers = [_tool(*opener) for opener in _OPENERS]
    return {
        "in_toolbar": [*tools, part("strong", "Rollout"), part("span.ak-grow"), *openers],
        "in_keys": _keys(),
        "in_adding": _adding(),
    }


def _tool(
    action: str, word: str, keys: Sequence[str], icon: str, does: str = "", kind: str = "ak-ic"
) -> Part:
    listed = ", ".join(key if len(key) > 1 else key.upper() for key in keys)
    title = f"{word}{f': {does}' if does else ''}{f' ({listed})' if listed else ''}"
    shown = [part("span", word)] if kind in ("ak-main", "ak-drive") else []
    number = part("span.ak-number") if action == "breakpoints" else None
    drives = ".ak-drive" if does or action in ("breakpoints", "branches") else ""
    looks = f".{kind}" if kind == "ak-main" else "" if shown else ".ak-ic"
    shortcuts = " ".join("Slash" if key == "/" else key for key in keys)
    return part(
        f"button.ak-bt{looks}{drives}",
        *shown,
        number,
        type="button",
        icon=icon,
        title=title,
        aria_label=word,
        aria_key_shortcuts=shortcuts or None,
        data_action=action,
        data_title=title if does else None,
    )


def _keys() -> list[Part]:
    words = "while the view has the focus; the notebook does not hear them"
    close = button(icon="close", label="Close keys")
    rows = [
        part("li", part("span", word), part("span", *(part("kbd", key) for key in keys)))
        for word, *keys in _KEYS
    ]
    head = [part("strong", "Keys"), part("small", words), close]
    return [part("header", *head), part("ul", *rows)]


def _adding() -> list[Part]:
    options = [
        part("option", words, value=kind, data_hint=hint, data_of=of)
        for kind, (words, hint, of) in _KINDS.items()
    ]
    hint = "condition on the arguments, such as amount > 50"
    return [
        part("select", *options, name="kind", aria_label="when"),
        part("input", name="value", aria_label="which"),
        part("datalist"),
        part("input", name="where", aria_label="condition", placeholder=hint),
        button("Add", kind="ak-line", type="submit"),
    ]


def point_parts(points: Sequence[Mapping[str, Any]], approve: Iterable[str]) -> list[Part]:
    """Describe the rows of breakpoints.

    Args:
        points: them, as `break_rows` describes them.
        approve: the tools that wait for a person.
    """
    tools = ", ".join(approve)
    rows = [_point(i, point) for i, point in enumerate(points)]
    if tools:
        words = part("span", "before tool ", part("code", tools))
        told = part("span", "approval: going on does not pass it")
        rows.insert(0, part("li", words, told, icon="ok"))
    return rows or [part("li", part("span"), part("span", "none: Run goes on to the end"))]


def _point(index: int, point: Mapping[str, Any]) -> Part:
    text, hits = point["text"], point["hits"]
    words, name = point["sides"], text
    if point["kind"]:
        usual = (f"{words} {point['kind']}",)
        words, name = _KINDS.get(point["kind"], usual)[0], ", ".join(point["names"])
    often = "not yet hit" if not hits else "hit once" if hits == 1 else f"hit {hits} times"
    where: list[Part] = ["where ", part("code", point["where"])] if point["where"] else []
    box = {"type": "checkbox", "checked": point["on"], "aria_label": f"stop at {text}"}
    at = {"index": index}
    return part(
        "li",
        part("input", do="switch_point", args=at, **box),
        part("span", f"{words} ", part("code", name)),
        part("span", *where),
        part("small", often if point["on"] else "off"),
        closing("unbreak", f"Remove breakpoint {text}", at),
    )


def branch_part(label: str, here: bool) -> Part:
    """Describe what can be done with a branch: see how it differs from the one it left, go there.

    Args:
        label: its name.
        here: whether it is the current one.
    """
    args = {"branch": label}
    current = "true" if here else None
    return part(
        "span",
        button("Diff", "differs", args, label=f"Diff of {label}"),
        button("Open", "switch", args, label=f"Open {label}", aria_current=current),
    )
