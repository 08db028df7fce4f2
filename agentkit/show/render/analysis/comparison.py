"""A comparison on a page: every prompt and what each side did with it, what differs as cards, how
sure it is, the conversations side by side.
"""

from __future__ import annotations

from dataclasses import replace

from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.diff import diff
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.analysis.diff import diff_fragments
from agentkit.show.render.analysis.findings import SEVERITIES, cards_of, finding_cards
from agentkit.show.render.analysis.matrix import matrix
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, fold, note
from agentkit.types.record import clip
from agentkit.types.words import count, seconds

_MEASURES = ("exact_match", "trigger_rate_difference", "match_against_noise")
"""Statistics that plain text has room for."""


@shown.register(Comparison)
def comparison_fragments(comparison: Comparison, limits: Limits) -> dict[str, Html]:
    """Draw what a live view has, too, then `conversation-0` and on."""
    drawn = report_fragments(comparison, limits)
    return {**drawn, **_conversations(comparison, limits)} if limits.details else drawn


def report_fragments(comparison: Comparison, limits: Limits) -> dict[str, Html]:
    """Draw the head, `matrix`, `sure`, a fragment a class (`class-call_id`), and `times`."""
    drawn = {
        "head": _head(comparison, limits),
        "matrix": matrix(comparison, limits),
    }
    sure = el("section", _sure(comparison, limits), class_="ak-same", data_key="sure")
    if not limits.details:
        return {**drawn, **finding_cards(comparison, limits), "sure": sure}
    times = el(
        "section",
        fold("how fast each side answered", _times(comparison)),
        class_="ak-same",
        data_key="times",
    )
    return {**drawn, "sure": sure, **finding_cards(comparison, limits), "times": times}


def _head(comparison: Comparison, limits: Limits) -> Html:
    if not limits.details:
        title = bar(el("strong", "Comparison"), facts(comparison.heading()))
        return el("header", title, _unpaired(comparison), class_="ak-head", data_key="head")
    samples = {o.samples for o in comparison.outcomes if o.samples}
    each = f"{min(samples, default=0)} to {max(samples, default=0)}" if len(samples) > 1 else ""
    many = f"{each} samples" if each else count(max(samples, default=0), "sample")
    numbers = [
        count(len(comparison.sides), "side"),
        count(len(comparison.asked), "prompt"),
        f"{many} each",
    ]
    title = bar(el("strong", "Comparison"), facts(*numbers), _chips(comparison))
    notes = [el("p", words, class_="ak-warn") for words in comparison.notes]
    return el("header", title, notes, _unpaired(comparison), class_="ak-head", data_key="head")


def _unpaired(comparison: Comparison) -> Html | None:
    left = [f"{n} of {name}" for name, n in comparison.unpaired.items()]
    return note("without a counterpart, and not compared: ", ", ".join(left)) if left else None


def _chips(comparison: Comparison) -> Html:
    found = [card.severity for card in cards_of(comparison)]
    if not found:
        wrong = any(o.state in ("broken", "changed") for o in comparison.outcomes)
        said = "nothing differs"
        if comparison.apart:
            said = (
                f"no divergence, but something else was done at {count(comparison.apart, 'prompt')}"
            )
        icon, tone = ("=", "quiet") if wrong or comparison.apart else ("✓", "good")
        return el("span", f"{icon} {said}", class_=f"ak-status ak-{tone}")
    chips = [
        el(
            "span",
            el("span", icon, aria_hidden="true"),
            f" {_number(found.count(severity), severity)}",
            class_=f"ak-chip ak-{tone}",
        )
        for severity, (icon, tone) in SEVERITIES.items()
        if severity in found
    ]
    return el("span", chips, class_="ak-chips")


def _number(n: int, severity: str) -> str:
    return f"{n} {severity}" if severity == "cosmetic" else count(n, severity.removesuffix("s"))


def _sure(comparison: Comparison, limits: Limits) -> list[Child]:
    """Say on a line what can be known, the numbers behind it folded."""
    most = max((o.samples for o in comparison.outcomes), default=0)
    line = (
        "One sample each: how a side writes is certain, what its model chose is not."
        if most < 2
        else f"{most} samples each: a model is blamed for more than its side differs by itself."
    )
    noise = [f"{name} on {count(n, 'turn')}" for name, n in comparison.noise.items()]
    quiet = (
        note("no more than each side differs from itself: ", ", ".join(noise)) if noise else None
    )
    if not limits.details:
        return [quiet, fold("how sure this is", _measures(comparison))]
    return [note(line), fold("how sure this is", quiet, _table(comparison))]


def _measures(comparison: Comparison) -> list[Html]:
    return [
        note(
            el("strong", row.measure),
            " ",
            row.side,
            f" beside {row.other}" if row.other else "",
            ": ",
            row.says,
        )
        for row in comparison.stats
        if row.measure in _MEASURES
    ]


def _table(comparison: Comparison) -> Html:
    head = [el("th", name, scope="col") for name in ("measure", "of", "says")]
    rows = [
        el(
            "tr",
            el("th", row.measure.replace("_", " "), scope="row"),
            el("td", row.side, f" beside {row.other}" if row.other else ""),
            el("td", row.says),
        )
        for row in comparison.stats
        if not row.measure.startswith("class:")
    ]
    return el(
        "table", el("thead", el("tr", head)), el("tbody", rows), class_="ak-table ak-measures"
    )


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
    drawn: dict[str, Html] = {}
    room = limits.size // 2
    inner = replace(limits, head=10, tail=20, size=limits.size // 8, text=min(limits.text, 4_000))
    for prompt, sides in sorted(
        {d.prompt: d.sides for d in reversed(comparison.divergences)}.items()
    ):
        pair = next(iter(comparison.pairs(prompt, sides)), None)
        if pair is None or room <= 0 or len(drawn) >= 8:
            break
        found = diff(*pair, names=sides)
        title = [
            f"prompt {prompt}, side by side ",
            facts(code(clip(pair[0].prompt[-1].content, 80)) if pair[0].prompt else None),
        ]
        key = f"conversation-{prompt}"
        drawn[key] = el(
            "section",
            fold(title, diff_fragments(found, inner).values()),
            class_="ak-same",
            data_key=key,
        )
        room -= len(drawn[key])
    return drawn
