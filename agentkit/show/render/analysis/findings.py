"""What a comparison found as cards, the worst first: what it is and where, the two excerpts, and
what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentkit.analysis.compare.comparison import ClassFinding, Comparison
from agentkit.analysis.compare.prompt_outcomes import phrases
from agentkit.analysis.divergence.classes import CLASSES, LAYERS
from agentkit.analysis.divergence.traits import Divergence, Excerpt
from agentkit.show.html import Child, Html, el, link
from agentkit.show.render.analysis.two_columns import ABSENT, marked, room
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, fold, note
from agentkit.show.render.parts.pretty import verbatim
from agentkit.types.record import clip
from agentkit.types.words import count

SEVERITIES = {"breaks": ("✕", "bad"), "changes": ("▲", "warn"), "cosmetic": ("•", "quiet")}
"""By severity, its icon and tone, the worst first."""
_ORDER = list(SEVERITIES)
_OPEN = 2
"""Cards that are open at first."""
_STRIP = 120
"""Prompts up to which a card has a strip with a mark for each."""
_STRIP_WIDTH = 180


@dataclass(frozen=True, slots=True)
class Card:
    """One class, wherever it was found."""

    class_: str
    findings: tuple[ClassFinding, ...]
    first: Divergence
    """Its worst case."""

    @property
    def divergences(self) -> list[Divergence]:
        """All of its cases."""
        return [d for finding in self.findings for d in finding.divergences]

    @property
    def prompts(self) -> list[int]:
        """In which prompts it was found."""
        return sorted({d.prompt for d in self.divergences})

    @property
    def severity(self) -> str:
        """That of its worst case."""
        return self.first.severity


def cards_of(comparison: Comparison) -> list[Card]:
    """Group the findings by class, the worst and most frequent first."""
    grouped: dict[str, list[ClassFinding]] = {}
    for finding in comparison.findings:
        if finding.divergences:
            grouped.setdefault(finding.class_, []).append(finding)
    cards = [Card(name, tuple(found), _typical(found)) for name, found in grouped.items()]
    return sorted(cards, key=lambda card: (worst_first(card.first), -len(card.prompts)))


def _typical(found: Sequence[ClassFinding]) -> Divergence:
    """Choose the case that stands for all: of the worst, the one that is seen most often."""
    cases = [d for finding in found for d in finding.divergences]
    seen = Counter(d.cause for d in cases)
    return min(cases, key=lambda d: (worst_first(d), -seen[d.cause]))


def worst_first(divergence: Divergence) -> int:
    """Order divergences by their severity."""
    return _ORDER.index(divergence.severity)


def found_where(finding: ClassFinding) -> str:
    """Name the sides, and in how many prompts it was found."""
    sides = [name for name, n in finding.at.items() if n]
    where = f" at {' and '.join(sides)}" if sides else ""
    return (
        f"{where}, {' beside '.join(finding.sides)}, {finding.prompts} of"
        f" {count(finding.of, 'prompt')}"
    )


def severity_mark(severity: str) -> Html:
    """Draw a severity as icon and word."""
    icon, tone = SEVERITIES[severity]
    return el(
        "span", el("span", icon, aria_hidden="true"), " ", severity, class_=f"ak-status ak-{tone}"
    )


def finding_cards(comparison: Comparison, limits: Limits) -> dict[str, Html]:
    """Draw a fragment a class (`class-call_id`), then those that were looked for in vain."""
    cards = cards_of(comparison)
    asked = list(comparison.asked)
    drawn: dict[str, Html] = {}
    if limits.details and cards:
        about = "worst first; what explains another is shown, what is explained is folded into it"
        named = bar(el("strong", "Findings"), facts(about))
        drawn["findings"] = el("header", named, class_="ak-title", data_key="findings")
    for place, card in enumerate(cards):
        opened = place < _OPEN and card.severity != "cosmetic"
        drawn[f"class-{card.class_}"] = _card(card, asked, opened, limits)
    silent = [f"{layer}: {', '.join(names)}" for layer, names in _silent(comparison) if names]
    if limits.details and silent:
        number = sum(len(names) for _, names in _silent(comparison))
        title = f"looked for in {len(CLASSES)} classes and not found: {number}"
        drawn["silent"] = el(
            "section", fold(title, *map(note, silent)), class_="ak-finding", data_key="silent"
        )
    return drawn


def _silent(comparison: Comparison) -> Iterator[tuple[str, list[str]]]:
    found = {finding.class_ for finding in comparison.findings}
    for layer in LAYERS:
        yield layer, [name for name, c in CLASSES.items() if c.layer == layer and name not in found]


def _card(card: Card, asked: Sequence[int], opened: bool, limits: Limits) -> Html:
    known = CLASSES[card.class_]
    sides = list(dict.fromkeys(n for f in card.findings for n, k in f.at.items() if k))
    where = f"{known.layer} · {_at(sides, card)}"
    much = f"{len(card.prompts)} of {count(len(asked), 'prompt')}"
    name = el("strong", code(card.class_))
    sure = None if any(f.established for f in card.findings) else "not established"
    key = f"class-{card.class_}"
    if not limits.details:
        line = bar(severity_mark(card.severity), name, facts(where, much, sure))
        return el("section", line, _body(card, limits), class_="ak-part", data_key=key)
    title = [
        severity_mark(card.severity),
        name,
        el("small", where, f" · {sure}" if sure else None),
        el("small", much, class_="ak-much"),
        _strip(card, asked),
    ]
    tone = SEVERITIES[card.severity][1]
    inside = el("div", _body(card, limits), class_="ak-inside")
    content = el("details", el("summary", title), inside, open="" if opened else None)
    return el("section", content, class_=f"ak-finding ak-is-{tone}", data_key=key)


def _at(sides: Sequence[str], card: Card) -> str:
    *most, last = sides or dict.fromkeys(name for f in card.findings for name in f.sides)
    listed = f"{', '.join(most)} and {last}" if most else last
    return f"{'at' if sides else 'between'} {listed}"


def _strip(card: Card, asked: Sequence[int]) -> Html | None:
    """Draw a mark for each prompt, filled where the class was found."""
    if not 1 < len(asked) <= _STRIP:
        return None
    found = set(card.prompts)
    step = min(9.0, _STRIP_WIDTH / len(asked))
    wide = step - (2 if step > 5 else 0.3)
    marks = [
        (n in found, f"M{step * i:.4g} 0h{wide:.3g}v12h{-wide:.3g}z") for i, n in enumerate(asked)
    ]
    paths = [
        el("path", d="".join(d for on, d in marks if on is full), class_=name)
        for full, name in ((False, "ak-off"), (True, "ak-on"))
        if any(on is full for on, _ in marks)
    ]
    return el(
        "svg",
        el("title", f"in prompts {', '.join(map(str, card.prompts))}"),
        paths,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {round(step * len(asked))} 12",
        width=round(step * len(asked)),
        height=12,
        role="img",
        class_=f"ak-strip ak-{SEVERITIES[card.severity][1]}",
    )


def _body(card: Card, limits: Limits) -> list[Child]:
    first, known = card.first, CLASSES[card.class_]
    case = f"prompt {first.prompt}, turn {first.turn}"
    evidence = f" · {first.evidence}" if first.evidence else None
    parts: list[Child] = [
        el("p", _sentence(known.means), " ", el("small", case, evidence))
        if limits.details
        else [note(code(clip(first.cause, 400))), note(case, evidence)],
    ]
    if limits.details:
        parts.append(_excerpts(first, limits))
    parts.append(what_to_do(first.hint, first.link if limits.details else None))
    effects = {e.class_: e for d in card.divergences for e in d.explains}
    if effects:
        parts.append(_effects(card, list(effects.values()), limits))
    causes = {d.cause: d for d in card.divergences if d.cause != first.cause}
    others = [
        note(f"prompt {d.prompt}, turn {d.turn}: ", code(clip(d.cause, 200)))
        for d in [*causes.values()][: min(limits.items, 20)]
    ]
    if others and limits.details:
        parts.append(fold(count(len(others), "other case"), others))
    return parts


def _sentence(means: str) -> str:
    first = means.split(" ", 1)[0]
    return f"{means if '_' in first else means[:1].upper() + means[1:]}."


def what_to_do(hint: str, address: str | None = None) -> Html:
    """Draw the next step, and where it is discussed."""
    linked = [" · known: ", link(address, address)] if address else None
    return el("p", el("strong", "What to do:"), " ", el("span", hint), linked, class_="ak-todo")


def _effects(card: Card, effects: Sequence[Divergence], limits: Limits) -> Html:
    names = ", ".join(e.class_ for e in effects)
    if not limits.details:
        return note("explains ", names)
    prompts = {d.prompt for d in card.divergences if d.explains}
    title = ["explains ", el("code", names), f" in {count(len(prompts), 'prompt')}"]
    inside = [
        [note(el("strong", e.class_), " ", CLASSES[e.class_].means), _excerpts(e, limits)]
        for e in effects
    ]
    return fold(title, inside)


def _excerpts(d: Divergence, limits: Limits) -> Html:
    """Draw the two excerpts beside each other, each under its name and pointer."""
    values = [_written(side) for side in (d.left, d.right)]
    blocks = marked(values[0] or "", values[1] or "", room(limits), wholly=False, kind="data")
    sides = [
        el(
            "div",
            el("small", el("strong", name), " ", code(side.pointer or "/")),
            note(code(clip("; ".join(said), 200))) if (said := phrases(d, name)) else None,
            ABSENT if value is None else block,
            class_="ak-side",
        )
        for name, side, value, block in zip(d.sides, (d.left, d.right), values, blocks, strict=True)
    ]
    return el("div", sides, class_="ak-two")


def _written(side: Excerpt) -> str | None:
    if side.value == "(absent)":
        return None
    return "null" if side.value is None else verbatim(side.value)
