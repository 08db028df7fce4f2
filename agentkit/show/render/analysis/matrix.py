"""Prompts and sides as a table: a row a prompt, a cell for what each side did with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.compare.prompt_outcomes import PromptOutcome, State
from agentkit.show.html import Child, Html, el, element
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, note
from agentkit.types.record import clip
from agentkit.types.words import count

_LOOKS: dict[State, tuple[str, str]] = {
    "good": ("✓", "good"),
    "changed": ("▲", "warn"),
    "broken": ("✕", "bad"),
    "absent": ("", "quiet"),
}
_COUNTED: tuple[State, ...] = ("good", "changed", "broken")
_SMALL = element("small")
_SAME = "the same"


def matrix(comparison: Comparison, limits: Limits) -> Html:
    """Draw every prompt, what each side did with it, and a total a side."""
    asked = list(comparison.asked)
    shown = asked[: limits.items]
    by_place = {(o.prompt, o.side): o for o in comparison.outcomes}
    head = el(
        "tr",
        el("th", "prompt", scope="col"),
        [el("th", el("code", side), scope="col") for side in comparison.sides],
    )
    totals = el(
        "tr",
        el("td", f"{count(len(asked), 'prompt')}{', all listed' if shown == asked else ''}"),
        [el("td", _total(comparison, side)) for side in comparison.sides],
        class_="ak-totals",
    )
    rows = [
        el(
            "tr",
            el("th", el("small", number), " ", code(_question(comparison, number)), scope="row"),
            _cells([by_place[number, side] for side in comparison.sides], limits),
        )
        for number in shown
    ]
    table = el("table", el("thead", head), el("tbody", totals, rows), class_="ak-matrix")
    left = len(asked) - len(shown)
    more = (
        note("… ", count(left, "more prompt"), "; see ", el("code", "comparison.outcomes_df"))
        if left
        else None
    )
    return el("section", el("div", table, class_="ak-wide"), more, data_key="matrix")


def _question(comparison: Comparison, prompt: int) -> str:
    """Write what was asked on a line: the last message of the prompt."""
    samples = next(iter(comparison.asked[prompt].values()))
    messages = samples[0].prompt
    return clip(messages[-1].content, 100) if messages else "no prompt is known"


def _total(comparison: Comparison, side: str) -> list[Child]:
    found = Counter(o.state for o in comparison.outcomes if o.side == side)
    return [[look(state, str(found[state]), quiet=not found[state]), " "] for state in _COUNTED]


def look(state: State, text: str, *, quiet: bool = False) -> Html:
    """Draw a state as an icon beside its words, in no colour where there is none of it."""
    icon, tone = _LOOKS[state]
    mark = el("span", icon, class_=None if quiet else f"ak-{tone}", aria_hidden="true")
    calm = " ak-quiet" if quiet or not icon else ""
    return el("span", [mark, " "] if icon else None, text, class_=f"ak-status{calm}")


def _cells(outcomes: Sequence[PromptOutcome], limits: Limits) -> list[Html]:
    """Draw the cells of a prompt; what the side before it did just so is not written again."""
    before = ["", *[outcome.detail for outcome in outcomes]]
    return [
        _cell(outcome, _SAME if outcome.detail == before[place] else outcome.detail, place, limits)
        for place, outcome in enumerate(outcomes)
    ]


def _cell(outcome: PromptOutcome, words: str, place: int, limits: Limits) -> Html:
    detail = _SMALL(words) if outcome.detail else None
    if not limits.details:
        return el("td", look(outcome.state, outcome.did), ": " if detail else None, detail)
    key = f"cell-{outcome.prompt}-{place}" if outcome.samples else None
    return el(
        "td",
        look(outcome.state, outcome.did),
        detail,
        class_=f"ak-of-{outcome.state}",
        data_key=key,
    )
