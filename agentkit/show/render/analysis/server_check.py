"""A check of a server on a page: a row a scenario, a column a dialect and form, then what is wrong,
the worst first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from agentkit.analysis.check.cell import CheckCell, CheckFinding, Verdict
from agentkit.analysis.check.server_check import ServerCheck
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.analysis.findings import what_to_do
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, note, sentence
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.types.record import clip
from agentkit.types.words import count

_LOOKS: dict[Verdict, tuple[str, str, str, str]] = {
    "wrong": ("✕", "bad", "broken", "a fault"),
    "odd": ("▲", "warn", "changed", "a warning"),
    "right": ("✓", "good", "good", "as expected"),
    "silent": ("◌", "quiet", "absent", "the model did not do it"),
    "refused": ("⊘", "quiet", "absent", "the server says that it does not offer this"),
    "absent": ("–", "quiet", "absent", "not served"),
    "open": ("…", "quiet", "absent", "not asked"),
}
"""By verdict: its icon, its tone, the look of its cell, and what it means."""
_SEVERITIES = {"error": ("✕", "bad"), "warning": ("▲", "warn"), "info": ("•", "quiet")}
_OPEN = 3
"""Cards that are open at first."""


@shown.register(ServerCheck)
def server_check_fragments(check: ServerCheck, limits: Limits) -> dict[str, Html]:
    """Draw `head`, `matrix`, and a fragment for each kind of finding."""
    title = el("strong", "Check of ", el("code", check.model or "the server"))
    wrong = len({finding.code for _, finding in check.findings if finding.severity != "info"})
    known = facts(", ".join(check.dialects) or "no dialect", f"{count(wrong, 'kind')} of finding")
    head = el("header", bar(title, known, _counted(check)), class_="ak-head", data_key="head")
    return {"head": head, "matrix": _matrix(check, limits), **_cards(check, limits)}


def _counted(check: ServerCheck) -> Html:
    """Count the verdicts."""
    found = Counter(cell.verdict for cell in check.cells)
    chips: list[Child] = [
        [el("span", f"{icon} {found[verdict]} {verdict}", class_=f"ak-chip ak-{tone}"), " "]
        for verdict, (icon, tone, _, _) in _LOOKS.items()
        if found[verdict]
    ]
    return el("span", chips, class_="ak-chips")


def _matrix(check: ServerCheck, limits: Limits) -> Html:
    """Draw a row a scenario, and a column a dialect with its forms; what the forms of a dialect
    have alike is written once.
    """
    scenarios = list(dict.fromkeys(cell.scenario.name for cell in check.cells))
    forms: dict[str, dict[str, None]] = {}
    for cell in check.cells:
        forms.setdefault(cell.dialect, {})[cell.form] = None
    by_key = {cell.key: cell for cell in check.cells}
    about = {cell.scenario.name: cell.scenario.about for cell in check.cells}
    rows = [
        el(
            "tr",
            el("th", name, el("small", " ", about[name]) if limits.details else None, scope="row"),
            [_cells([by_key.get(f"{d}/{name}/{f}") for f in forms[d]], limits) for d in forms],
        )
        for name in scenarios
    ]
    table = el("table", _heads(forms, limits), el("tbody", rows), class_="ak-matrix ak-checked")
    wide = el("div", table, class_="ak-wide")
    return el("section", wide, _legend(check) if limits.details else None, data_key="matrix")


def _heads(forms: Mapping[str, Iterable[str]], limits: Limits) -> Html:
    """Name the dialects, and under each its forms; in plain text on one line."""
    pairs = [(d, form) for d in forms for form in forms[d]]
    first = el("th", "scenario", scope="col")
    if not limits.details:
        return el("thead", el("tr", first, [el("th", f"{d} {form}") for d, form in pairs]))
    names = [el("th", d, colspan=len([*forms[d]]), scope="colgroup") for d in forms]
    under = [el("th", el("small", form), scope="col") for _, form in pairs]
    return el("thead", el("tr", first, names), el("tr", el("td"), under))


def _legend(check: ServerCheck) -> Html:
    """Say what the marks mean, and how a cell is had."""
    found = {cell.verdict for cell in check.cells}
    means: list[Child] = [
        el("span", _mark(verdict), " ", el("strong", verdict), " ", look[3])
        for verdict, look in _LOOKS.items()
        if verdict in found
    ]
    shown = el("span", "a cell: ", el("code", f'check["{check.cells[0].key}"]')) if means else None
    return bar(*[el("small", each) for each in (*means, shown) if each is not None])


def _mark(verdict: Verdict) -> Html:
    icon, tone, _, _ = _LOOKS[verdict]
    return el("span", icon, class_=f"ak-{tone}", aria_hidden="true")


def _cells(cells: Sequence[CheckCell | None], limits: Limits) -> list[Html]:
    """Draw the cells of a scenario in the forms of a dialect, as one where they are alike."""
    alike = {(c.verdict, *[f.code for f in _faults(c)]) if c else None for c in cells}
    if len(alike) == 1 and limits.details:
        return [_cell(cells[0], limits, len(cells))]
    return [_cell(cell, limits) for cell in cells]


def _faults(cell: CheckCell) -> list[CheckFinding]:
    return [finding for finding in cell.findings if finding.severity != "info"]


def _cell(cell: CheckCell | None, limits: Limits, forms: int = 1) -> Html:
    """Draw a cell: its mark, and what is wrong in place of the verdict's word."""
    wide = forms if forms > 1 else None
    if cell is None:
        return el("td", class_="ak-of-absent", colspan=wide)
    faults = _faults(cell)
    word = el("small", cell.verdict, class_="ak-away" if limits.details else None)
    more = f" +{len(faults) - 1}" if len(faults) > 1 else None
    return el(
        "td",
        el("span", _mark(cell.verdict), " ", word, class_="ak-status"),
        [" ", _code(faults[0].code), more] if faults else None,
        class_=f"ak-of-{_LOOKS[cell.verdict][2]}",
        title=f"{cell.key}: {clip(faults[0].message, 200)}" if faults else None,
        colspan=wide,
    )


def _code(name: str) -> list[Child]:
    """Write a code so that it breaks between its words."""
    return [el("code", word) for word in re.findall(r"[^_]+_*|_+", clip(name, 80))]


def _cards(check: ServerCheck, limits: Limits) -> dict[str, Html]:
    """Draw a card for each code, with every cell it was found in."""
    grouped: dict[str, list[tuple[CheckCell, CheckFinding]]] = {}
    for cell, finding in check.findings:
        grouped.setdefault(finding.code, []).append((cell, finding))
    return {
        f"finding-{name}": _card(found, place, limits)
        for place, (name, found) in enumerate(list(grouped.items())[: limits.items])
    }


def _card(found: Sequence[tuple[CheckCell, CheckFinding]], place: int, limits: Limits) -> Html:
    first = found[0][1]
    icon, tone = _SEVERITIES[first.severity]
    mark = el("span", icon, aria_hidden="true")
    severity = el("span", mark, " ", first.severity, class_=f"ak-status ak-{tone}")
    cells = list(dict.fromkeys(cell.key for cell, _ in found))
    name, much = el("strong", code(first.code)), count(len(cells), "cell")
    key = f"finding-{first.code}"
    if not limits.details:
        line = bar(severity, name, facts(much, clip(", ".join(cells), 160)))
        said = note(code(clip(first.message, 300)))
        return el("section", line, said, class_="ak-part", data_key=key)
    by_message: dict[str, list[str]] = {}
    for cell, finding in found:
        by_message.setdefault(finding.message, []).append(cell.key)
    ways = list(by_message.items())
    about = sentence(clip(ways[0][0], 400)) if len(ways) == 1 else f"in {len(ways):,} ways"
    title = [severity, name, el("small", about), el("small", much, class_="ak-much")]
    hint = next((finding.hint for _, finding in found if finding.hint), "")
    report = f'ak.export.issue(check["{cells[0]}"])'
    left = len(ways) - limits.rows
    inside: list[Child] = [
        [_way(message if len(ways) > 1 else "", keys) for message, keys in ways[: limits.rows]],
        note("… ", count(left, "more way")) if left > 0 else None,
        what_to_do(hint) if hint else None,
        note("as the body of a report: ", el("code", report)) if first.severity != "info" else None,
    ]
    opened = "" if place < _OPEN and first.severity != "info" else None
    body = el("details", el("summary", title), el("div", inside, class_="ak-inside"), open=opened)
    return el("section", body, class_=f"ak-finding ak-is-{tone}", data_key=key)


def _way(message: str, keys: Sequence[str]) -> Html:
    """Write what was found, and in which cells: the forms of one scenario together."""
    forms: dict[str, list[str]] = {}
    for key in dict.fromkeys(keys):
        place, _, form = key.rpartition("/")
        forms.setdefault(place, []).append(form)
    listed = [[" · " if i else "", code(p), f" {', '.join(forms[p])}"] for i, p in enumerate(forms)]
    said = [el("span", sentence(clip(message, 400))), el("br")] if message else None
    return el("p", said, el("small", listed))


@shown.register(CheckCell)
def check_cell_fragments(cell: CheckCell, limits: Limits) -> dict[str, Html]:
    """Draw what a cell asks for, what was found in it, and its rollout."""
    tone = _LOOKS[cell.verdict][1]
    verdict = el("span", _mark(cell.verdict), " ", cell.verdict, class_=f"ak-status ak-{tone}")
    title = bar(el("strong", code(cell.key)), verdict, facts(cell.scenario.about))
    said = [
        el(
            "p",
            el("strong", f.code),
            " ",
            code(clip(f.message, 400)),
            what_to_do(f.hint) if f.hint else None,
        )
        for f in cell.findings[: limits.items]
    ]
    drawn = {
        "check": el("header", title, class_="ak-head", data_key="check"),
        "found": el("section", el("div", said, class_="ak-inside"), data_key="found"),
    }
    if cell.trajectory is None:
        return drawn
    return {**drawn, **trajectory_fragments(cell.trajectory, limits)}
