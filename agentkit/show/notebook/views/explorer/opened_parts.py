"""What stands around a rollout that is opened in a table: its name, ways to show it, labels and
notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.show.notebook.page_parts import Part, button, closing, part

_WAYS = (
    ("short", "short", "In short"),
    ("whole", "whole", "Whole conversation"),
    ("debug", "debugger", "Open in the debugger"),
)
"""What is asked for, how it is shown then, and words."""


def bar_parts(opened: Mapping[str, Any], marked: Sequence[int], rows: int) -> list[Part]:
    """Describe the bar of what is open: the next and the previous, its name, and ways to show it.

    Args:
        opened: what is open.
        marked: the rollouts that are marked.
        rows: how many rows there are.
    """
    kind, row = opened["kind"], opened["row"]
    steps: list[Part] = []
    for step, icon, label in ((-1, "up", "Previous  K"), (1, "down", "Next  J")):
        to = {"row": max(0, min(rows - 1, row + step))}
        do, args = ("tree", {"step": step}) if row < 0 else ("open", to)
        if kind != "compare":
            steps.append(button(do=do, args=args, icon=icon, label=label, kind="ak-line"))
    ways: list[Part] = []
    if kind == "rollout":
        ways += [
            button(word, do, kind="ak-line") for do, how, word in _WAYS if how != opened["how"]
        ]
        others = [key for key in marked if key != opened["key"]]
        word = f"Compare with {others[0]}" if len(others) == 1 else "Mark to compare"
        ways.append(button(word, "pair", kind="ak-line"))
    return [
        *steps,
        part("strong", opened["title"]),
        part("small.ak-cut", opened["facts"]),
        part(".ak-grow"),
        *ways,
        closing("close", "Close  Esc"),
    ]


def _placed(place: str) -> str:
    return f"on {place}" if place else "on the rollout"


def side_parts(opened: Mapping[str, Any], about: str, kept: str) -> list[Part]:
    """Describe the labels and the note of what is chosen, and what was said of the rest.

    Args:
        opened: the rollout that is open.
        about: what of it is chosen: "" for all of it.
        kept: the file that labels are kept in.
    """
    remarks, here = opened["remarks"], {"key": opened["key"], "where": about}
    tags = [
        part(
            "span.ak-chip",
            text,
            closing("label", f"Remove the label {text}", {"label": text, "on": False, **here})
            if is_own
            else None,
            icon="label",
        )
        for on, is_label, text, is_own in remarks
        if on == about and is_label
    ]
    rest = [r for r in remarks if r[0] != about or (not r[1] and not r[3])]
    note = next((r[2] for r in remarks if r[0] == about and not r[1] and r[3]), "")
    places = [
        part("option", _placed(place), value=place, selected=place == about)
        for place in opened["places"]
    ]
    label = part("input", name="label", placeholder="label", aria_label="new label", required=True)
    add = button("Add", kind="ak-line", type="submit")
    saved = f"{'✓ saved' if remarks else 'kept'} in {kept}" if kept else ""
    return [
        part("select", *places, aria_label="what it is about", do="about"),
        part(".ak-xrow.ak-tags", *tags),
        part("form.ak-xrow", label, add, do="label", args=here, data_reset=""),
        part(
            "textarea",
            note,
            rows=3,
            name="text",
            aria_label="note",
            placeholder="note",
            do="note",
            args=here,
        ),
        part(".ak-notes", *(_remark(remark) for remark in rest)),
        part("small", saved or "in memory; table.labels.save(path) keeps them"),
    ]


def _remark(remark: Sequence[Any]) -> Part:
    on, is_label, text, _ = remark
    return part("p", part("small", f"{'label' if is_label else 'note'} {_placed(on)}: "), text)
