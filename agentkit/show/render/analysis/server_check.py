"""A check of a server on a page: a row a scenario, a column a dialect and form, then what is wrong,
the worst first.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.analysis.check.cell import CheckCell, CheckFinding
from agentkit.analysis.check.server_check import ServerCheck
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.analysis.findings import what_to_do
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, note
from agentkit.show.render.rollout.conversation import trajectory_fragments
from agentkit.types.record import clip
from agentkit.types.words import count

_LOOKS = {
    "right": ("✓", "good", "good"),
    "odd": ("▲", "warn", "changed"),
    "wrong": ("✕", "bad", "broken"),
    "silent": ("·", "quiet", "absent"),
    "refused": ("⊘", "quiet", "absent"),
    "absent": ("", "quiet", "absent"),
    "open": ("…", "quiet", "absent"),
}
"""By verdict: its icon, its tone, and the look of its cell."""
_MEANS = (
    "right: as expected · odd: a warning · wrong: a fault · silent: the model did not do it ·"
    " refused: the server says that it does not offer this · absent: not served · open: not asked"
)
_SEVERITIES = {"error": ("✕", "bad"), "warning": ("▲", "warn"), "info": ("•", "quiet")}
_OPEN = 3
"""Cards that are open at first."""


@shown.register(ServerCheck)
def server_check_fragments(check: ServerCheck, limits: Limits) -> dict[str, Html]:
    """Draw `head`, `matrix`, and a fragment for each kind of finding."""
    title = el("strong", "Check of ", el("code", check.model or "the server"))
    wrong = len({finding.code for _, finding in check.findings if finding.severity != "info"})
    known = facts(check.heading().partition(" in ")[2], f"{count(wrong, 'kind')} of finding")
    head = el("header", bar(title, known), class_="ak-head", data_key="head")
    return {"head": head, "matrix": _matrix(check, limits), **_cards(check, limits)}


def _matrix(check: ServerCheck, limits: Limits) -> Html:
    columns = list(dict.fromkeys((cell.dialect, cell.form) for cell in check.cells))
    scenarios = list(dict.fromkeys(cell.scenario.name for cell in check.cells))
    by_key = {(cell.scenario.name, cell.dialect, cell.form): cell for cell in check.cells}
    about = {cell.scenario.name: cell.scenario.about for cell in check.cells}
    heads = [
        el("th", code(dialect), " ", el("small", form), scope="col") for dialect, form in columns
    ]
    rows = [
        el(
            "tr",
            el("th", name, el("small", about[name]) if limits.details else None, scope="row"),
            [_cell(by_key.get((name, *column))) for column in columns],
        )
        for name in scenarios
    ]
    table = el(
        "table",
        el("thead", el("tr", el("th", "scenario", scope="col"), heads)),
        el("tbody", rows),
        class_="ak-matrix ak-checked",
    )
    legend = note(_MEANS) if limits.details else None
    return el("section", el("div", table, legend, class_="ak-wide"), data_key="matrix")


def _cell(cell: CheckCell | None) -> Html:
    if cell is None:
        return el("td", class_="ak-of-absent")
    icon, tone, look = _LOOKS[cell.verdict]
    mark = el("span", icon, class_=f"ak-{tone}", aria_hidden="true")
    first = cell.findings[0] if cell.findings else None
    told = first if first is not None and first.severity != "info" else None
    more = len(cell.findings) - 1
    name = f"{told.code}{f' +{more}' if more > 0 else ''}" if told else None
    return el(
        "td",
        el("span", mark, " ", cell.verdict, class_="ak-status"),
        [" ", el("small", code(name))] if name else None,
        class_=f"ak-of-{look}",
        title=f"{cell.key}: {clip(told.message, 200)}" if told else None,
    )


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
    title = [severity, name, el("small", much, class_="ak-much")]
    lines = [_line(cell, finding) for cell, finding in found[: limits.rows]]
    left = len(found) - len(lines)
    hint = next((finding.hint for _, finding in found if finding.hint), "")
    report = f'ak.export.issue(check["{cells[0]}"])'
    inside: list[Child] = [
        *lines,
        note("… ", count(left, "more cell")) if left > 0 else None,
        what_to_do(hint) if hint else None,
        note("as the body of a report: ", el("code", report)) if first.severity != "info" else None,
    ]
    opened = "" if place < _OPEN and first.severity != "info" else None
    body = el("details", el("summary", title), el("div", inside, class_="ak-inside"), open=opened)
    return el("section", body, class_=f"ak-finding ak-is-{tone}", data_key=key)


def _line(cell: CheckCell, finding: CheckFinding) -> Html:
    return el("p", el("strong", code(cell.key)), " ", el("span", code(clip(finding.message, 400))))


@shown.register(CheckCell)
def check_cell_fragments(cell: CheckCell, limits: Limits) -> dict[str, Html]:
    """Draw what a cell asks for, what was found in it, and its rollout."""
    icon, tone, _ = _LOOKS[cell.verdict]
    verdict = el(
        "span",
        el("span", icon, aria_hidden="true"),
        " ",
        cell.verdict,
        class_=f"ak-status ak-{tone}",
    )
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
