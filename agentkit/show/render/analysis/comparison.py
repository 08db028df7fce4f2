"""A comparison on a page: what to do, which classes on which sides, each with its excerpts, how
sure it is, the conversations side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agentkit.analysis.compare.comparison import ClassFinding, Comparison
from agentkit.analysis.diff import diff
from agentkit.analysis.divergence.classes import CLASSES, LAYERS
from agentkit.analysis.divergence.traits import Divergence
from agentkit.show.html import Child, Html, el, link
from agentkit.show.render import shown
from agentkit.show.render.analysis.diff import diff_fragments, excerpt_pair
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, fold, note
from agentkit.types.record import clip
from agentkit.types.words import count, seconds

_MARKS = {"breaks": ("✕", "bad"), "changes": ("▲", "warn"), "cosmetic": ("•", "quiet")}
_MEASURES = ("exact_match", "trigger_rate_difference", "match_against_noise")
"""Statistics that plain text has room for."""
_ADVICE = 6
"""Findings that are named at the top."""


@shown.register(Comparison)
def comparison_fragments(comparison: Comparison, limits: Limits) -> dict[str, Html]:
    """Draw the head, `matrix`, a fragment a finding (`class-call_id-0`), `stats`, `times`, and
    `conversation-0` and on.
    """
    shown = {"head": _head(comparison, limits), "matrix": _matrix(comparison, limits)}
    for i, finding in enumerate(f for f in comparison.findings if f.divergences):
        shown[f"class-{finding.class_}-{i}"] = _finding(finding, i, limits)
    sure = fold("how sure this is", _stats(comparison, limits))
    shown["stats"] = el("section", sure, class_="ak-same", data_key="stats")
    if not limits.details:
        return shown
    shown["times"] = el(
        "section",
        fold("how fast each side answered", _times(comparison)),
        class_="ak-same",
        data_key="times",
    )
    return {**shown, **_conversations(comparison, limits)}


def _head(comparison: Comparison, limits: Limits) -> Html:
    title = bar(el("strong", "Comparison"), facts(comparison.heading()))
    lines = [_advised(found) for found in _advice(comparison)] if limits.details else []
    left = [f"{n} of {name}" for name, n in comparison.unpaired.items()]
    more = note("without a counterpart, and not compared: ", ", ".join(left)) if left else None
    noise = [f"{name} on {count(n, 'turn')}" for name, n in comparison.noise.items()]
    quiet = (
        note("no more than each side differs from itself: ", ", ".join(noise)) if noise else None
    )
    return el("header", title, lines, more, quiet, class_="ak-head", data_key="head")


def _advice(comparison: Comparison) -> list[list[ClassFinding]]:
    """Choose the findings that matter, by class, the worst first."""
    ranked = sorted(
        (f for f in comparison.findings if f.divergences),
        key=lambda f: (list(_MARKS).index(f.severity), -f.prompts),
    )
    grouped: dict[str, list[ClassFinding]] = {}
    for finding in ranked:
        if finding.severity != "cosmetic":
            grouped.setdefault(finding.class_, []).append(finding)
    return list(grouped.values())[:_ADVICE]


def _advised(found: list[ClassFinding]) -> Html:
    """Write one class on a line: where it is, what it means, what to change."""
    known = CLASSES[found[0].class_]
    sides = list(dict.fromkeys(name for f in found for name, n in f.at.items() if n))
    sure = "" if any(f.established for f in found) else " (not established)"
    where = f" at {', '.join(sides)}" if sides else ""
    return note(
        mark(found[0].severity),
        " ",
        el("strong", known.name),
        where,
        sure,
        ": ",
        known.means,
        ". Hint: ",
        known.hint,
    )


def worst_first(divergence: Divergence) -> int:
    """Order divergences by their severity."""
    return list(_MARKS).index(divergence.severity)


def found_where(finding: ClassFinding) -> str:
    """Name the sides, and in how many prompts it was found."""
    sides = [name for name, n in finding.at.items() if n]
    where = f" at {' and '.join(sides)}" if sides else ""
    return (
        f"{where}, {' beside '.join(finding.sides)}, {finding.prompts} of"
        f" {count(finding.of, 'prompt')}"
    )


def mark(severity: str) -> Html:
    """Draw a severity as icon and word."""
    icon, tone = _MARKS[severity]
    return el(
        "span", el("span", icon, aria_hidden="true"), " ", severity, class_=f"ak-status ak-{tone}"
    )


def _matrix(comparison: Comparison, limits: Limits) -> Html:
    """Draw the classes that were found and the sides: in how many prompts a side departs from the
    contract, or just differs.
    """
    head = el(
        "tr",
        el("th", "class", scope="col"),
        el("th", "layer", scope="col"),
        el("th", "severity", scope="col"),
        [el("th", name, scope="col") for name in comparison.sides],
        el("th", "explained by another", scope="col"),
    )
    found = list(dict.fromkeys(f.class_ for f in comparison.findings))
    rows = [_matrix_row(comparison, class_) for class_ in found]
    silent = [f"{layer}: {', '.join(names)}" for layer, names in _silent(found) if names]
    caption = el(
        "caption",
        "prompts in which a side shows a class; ✕ it departs from the contract, ≠ it differs",
    )
    table = (
        el("table", caption, el("thead", head), el("tbody", rows), class_="ak-table")
        if rows
        else note("no divergence of any class")
    )
    return el(
        "section",
        table,
        fold("looked for and not found", note("; ".join(silent))) if limits.details else None,
        class_="ak-part",
        data_key="matrix",
    )


def _silent(found: list[str]) -> Iterator[tuple[str, list[str]]]:
    for layer in LAYERS:
        yield layer, [name for name, c in CLASSES.items() if c.layer == layer and name not in found]


def _matrix_row(comparison: Comparison, class_: str) -> Html:
    findings = [f for f in comparison.findings if f.class_ == class_]
    severity = min((f.severity for f in findings), key=list(_MARKS).index)
    explained = sum(f.explained for f in findings)
    sides = [el("td", _matrix_cell(findings, name)) for name in comparison.sides]
    top = any(f.divergences for f in findings)
    impact = el("td", mark(severity) if top else "consequence")
    return el(
        "tr",
        el("th", class_, scope="row"),
        el("td", CLASSES[class_].layer),
        impact,
        sides,
        el("td", str(explained or "")),
    )


def _matrix_cell(findings: list[ClassFinding], side: str) -> Child:
    mine = [f for f in findings if side in f.sides]
    odd = {d.prompt for f in mine for d in f.divergences if d.at == side}
    plain = {d.prompt for f in mine for d in f.divergences if d.at is None}
    parts = [f"✕ {len(odd)}"] if odd else []
    parts += [f"≠ {len(plain)}"] if plain else []
    return " ".join(parts) or "–"


def _finding(finding: ClassFinding, place: int, limits: Limits) -> Html:
    first = min(finding.divergences, key=worst_first)
    known = CLASSES[finding.class_]
    title = bar(
        mark(finding.severity),
        el("strong", finding.class_),
        facts(known.layer, found_where(finding).lstrip(", "), _sure(finding, first)),
    )
    linked = note("known: ", link(first.link, first.link)) if first.link else None
    titles = [
        [name, " ", code(side.pointer or "/")]
        for name, side in zip(first.sides, (first.left, first.right), strict=True)
    ]
    values = (first.left.value, first.right.value)
    excerpts = excerpt_pair(titles, values, limits) if limits.details else None
    where = note(f"prompt {first.prompt}, turn {first.turn}")
    effects = dict.fromkeys(e.class_ for d in finding.divergences for e in d.explains)
    because = note("explains ", ", ".join(effects)) if effects else None
    causes = {d.cause: d for d in finding.divergences if d.cause != first.cause}
    others = [
        note(f"prompt {d.prompt}, turn {d.turn}: ", code(clip(d.cause, 200)))
        for d in [*causes.values()][: min(limits.items, 20)]
    ]
    parts = [note(code(clip(first.cause, 400))), note("hint: ", first.hint), linked, because, where]
    body = [*parts, excerpts, fold("other cases", others) if others and limits.details else None]
    return el("section", title, body, class_="ak-part", data_key=f"class-{finding.class_}-{place}")


def _sure(finding: ClassFinding, first: Divergence) -> str:
    return ", ".join(
        filter(None, [first.evidence, "" if finding.established else "not established"])
    )


def _stats(comparison: Comparison, limits: Limits) -> list[Html]:
    parts = [row for row in comparison.stats if not row.measure.startswith("class:")]
    if not limits.details:
        parts = [row for row in parts if row.measure in _MEASURES]
    return [
        note(
            el("strong", row.measure),
            " ",
            row.side,
            f" beside {row.other}" if row.other else "",
            ": ",
            row.says,
        )
        for row in parts
    ]


def _times(comparison: Comparison) -> Html:
    head = el(
        "tr",
        [
            el("th", name, scope="col")
            for name in (
                "side",
                "answers",
                "latency",
                "slowest 5 %",
                "first token",
                "tokens per second",
            )
        ],
    )
    rows = [
        el(
            "tr",
            el("th", t.side, scope="row"),
            [
                el("td", str(cell))
                for cell in (
                    t.answers,
                    seconds(t.latency),
                    seconds(t.slowest),
                    seconds(t.first_token),
                    f"{t.tokens_per_second:.0f}" if t.tokens_per_second else "",
                )
            ],
        )
        for t in comparison.timings
    ]
    return el(
        "table",
        el("caption", "medians of the recorded times"),
        el("thead", head),
        el("tbody", rows),
        class_="ak-table",
    )


def _conversations(comparison: Comparison, limits: Limits) -> dict[str, Html]:
    """Draw the first prompts that differ, side by side, as long as there is room."""
    shown: dict[str, Html] = {}
    room = limits.size // 2
    inner = replace(limits, head=10, tail=20, size=limits.size // 8, text=min(limits.text, 4_000))
    for prompt, sides in sorted(
        {d.prompt: d.sides for d in reversed(comparison.divergences)}.items()
    ):
        pair = next(iter(comparison.pairs(prompt, sides)), None)
        if pair is None or room <= 0 or len(shown) >= 8:
            break
        found = diff(*pair, names=sides)
        title = [
            f"prompt {prompt}, side by side ",
            facts(code(clip(pair[0].prompt[-1].content, 80)) if pair[0].prompt else None),
        ]
        key = f"conversation-{prompt}"
        shown[key] = el(
            "section",
            fold(title, diff_fragments(found, inner).values()),
            class_="ak-same",
            data_key=key,
        )
        room -= len(shown[key])
    return shown
