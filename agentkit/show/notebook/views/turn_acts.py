"""What can be done with a turn, as its page makes it: the tabs and actions of its head, buttons in
its tabs, and what to do about a request that gave no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from agentkit.show.notebook.page_parts import Part, button, part

Placed = list[Any]
"""A selector, which of the elements that it finds, and what is put at the end of that."""
_TABS = {
    "talk": "Conversation",
    "request": "Request",
    "response": "Response",
    "tokens": "Tokens",
    "problems": "Problems",
}
"""What can be seen of a turn."""
_ACTS = {"goto": ("here", "Go here"), "fork": ("fork", "Fork"), "rerun": ("rerun", "Rerun")}
_EDIT = {"edit": ("edit", "Edit")}
_MENDED = re.compile(r"ak-of-(\w+)-?(\d*)")


def act(name: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Name what the page itself does when a control is used."""
    return {"data_act": name, **({"args": args} if args else {})}


def _code(kind: str) -> dict[str, Any]:
    return act("code", {"kind": kind})


def head_parts(acting: bool) -> list[Part]:
    """Describe the tabs of a turn's head, and its actions where it can be acted on."""
    tabs = [
        part(
            "button.ak-tab",
            word,
            type="button",
            role="tab",
            tab_index=0 if name == "talk" else -1,
            aria_selected=name == "talk",
            data_tab=name,
        )
        for name, word in _TABS.items()
    ]
    acts = (_ACTS | _EDIT).items() if acting else ()
    buttons = [
        button(word, icon=icon, label=word, tab_index=-1 if i else 0, **act(name))
        for i, (name, (icon, word)) in enumerate(acts)
    ]
    label = "More: link, note, label, export"
    first = -1 if acting else 0
    menu: dict[str, Any] = {"aria_has_popup": "menu", "tab_index": first, "label": label}
    more = button(icon="more", **menu, **act("more"))
    return [
        part(".ak-tabs", *tabs, role="tablist", aria_label="What to show of this turn"),
        part(".ak-turn-acts", *buttons, more, role="toolbar", aria_label="Actions on this turn"),
    ]


def menu_parts(acting: bool) -> list[Part]:
    """Describe the menu of a turn: links, notes, exports."""

    def item(icon: str, word: str, name: str, key: str = "", **args: str) -> Part:
        made = button(word, icon=icon, **act(name, args or None))
        return [*made, part("kbd", key, aria_hidden="true")] if key else made

    rule = part(".ak-rule", role="separator")
    found = [item("link", "Copy a link to this turn", "link", "L")]
    if acting:
        found.append(item("note", "Note or label…", "note", "M"))
    found += [
        rule,
        item("copy", "Copy as curl", "code", "C", kind="curl"),
        item("save", "Save as a test for pytest", "save", kind="pytest"),
        item("save", "Save a bug report of this turn", "save", kind="report"),
    ]
    compare = item("branches", "Compare with the branch it left", "compare", "D")
    return [*found, rule, compare] if acting else found


def slot_parts(slots: Iterable[tuple[str, str]]) -> list[Part]:
    """Describe the menu of what can be changed in a turn: each by its name and in words."""
    return [
        button(
            words,
            icon="rerun" if what in ("sampling", "tools") else "edit",
            **act("mend", {"what": what, "words": words}),
        )
        for what, words in slots
    ]


def _line(*buttons: Part) -> Placed:
    return ["", 0, part(".ak-dress.ak-panel-acts", *buttons)]


def request_acts(can_edit: bool) -> list[Placed]:
    """Describe what stands in the tab of a request: copies, and edits where there can be any."""
    copies = [
        button(
            word, icon=icon, label=f"Copy as {kind}", kind="ak-line", **act("code", {"kind": kind})
        )
        for kind, word, icon in (
            ("curl", "Copy as curl", "copy"),
            ("python", "Python", None),
            ("pytest", "pytest", None),
        )
    ]
    edits = [
        [f".ak-{what}", 0, _pencil(f"Edit the {what}, and ask again", act("slot", {"what": what}))]
        for what in (("sampling", "tools") if can_edit else ())
    ]
    return [_line(*copies), *edits]


def _pencil(label: str, does: dict[str, Any]) -> Part:
    return button(icon="edit", label=label, kind="ak-dress.ak-pencil", **does)


def rerun_acts(turn: int, labels: list[str], current: str, why_not: str) -> list[Placed]:
    """Describe what stands beside the answers of a turn.

    Args:
        turn: the turn.
        labels: the branches of the answers.
        current: the one in use.
        why_not: why it cannot be asked again now; "" where it can.
    """
    given: dict[str, Any] = {
        "icon": "rerun",
        "label": why_not or None,
        "aria_disabled": bool(why_not),
    }
    line = _line(
        button("Ask once more", "again", {"turn": turn, "n": 1}, kind="ak-line", **given),
        button("Ask 3 times", "again", {"turn": turn, "n": 3}, kind="ak-main", **given),
        button(icon="close", label="Back to the conversation", **act("talk")),
    )
    uses: list[Placed] = []
    for i, label in enumerate(labels):
        is_used = label == current
        words = "This answer is in use" if is_used else f"Use this answer: go to {label}"
        named: dict[str, Any] = {
            "label": words,
            "aria_disabled": is_used,
            "kind": "ak-line.ak-dress",
        }
        use = button("in use" if is_used else "Use", "switch", {"branch": label}, **named)
        uses.append([".ak-card[data-key] > .ak-card-foot", i, use])
    return [line, *uses]


def problem_acts(turn: int, html: str, can_edit: bool) -> list[Placed]:
    """Describe what mends each problem of a tab, or goes to where it is."""
    found: list[Placed] = []
    for i, (what, call) in enumerate(_MENDED.findall(html)):
        edits = can_edit and what in ("arguments", "result")
        words = f"{what} of call {call}"
        slot = act("mend", {"what": f"{what}:{call}", "words": words})
        where = act("where", {"key": f"turn-{turn}{f'/call-{call}' if call else ''}"})
        word = f"Edit the {what}" if edits else "Show where"
        made = button(word, kind="ak-line.ak-dress", **(slot if edits else where))
        found.append([".ak-problem", i, made])
    return found


def vain_parts(said: bool) -> list[Part]:
    """Describe what can be done about a request that gave no answer; `said`: not all of one."""
    word, icon = ("Edit, then use", "edit") if said else ("Answer by hand…", None)
    found = [button("Ask again", "step", icon="rerun", kind="ak-main")]
    if said:
        found.append(button("Use as the answer", "use", kind="ak-line"))
    found.append(button(word, icon=icon, kind="ak-line", **act("answer")))
    found.append(
        button("Copy as curl", icon="copy", kind="ak-line", **act("code", {"kind": "curl"}))
    )
    return [*found, *([button("Discard", "discard", kind="ak-line")] if said else [])]
