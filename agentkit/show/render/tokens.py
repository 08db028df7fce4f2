"""Tokens as they are kept in a page: each span of a turn a line with its name, unlikely tokens
underlined, the least likely in a table.

How unlikely a token is, is a step from 0 to 4, drawn as an underline that gets heavier and only
then as a colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from agentkit.analysis.tokens.runs import TokenRun, entropy
from agentkit.analysis.tokens.spans import runs
from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render.parts.block import code, facts, fold, note, row
from agentkit.show.render.rollout.outline import Limits
from agentkit.types.words import count, visible

Metric: TypeAlias = Literal["logprob", "entropy", "mask"]
METRICS: tuple[Metric, ...] = ("logprob", "entropy", "mask")
PROBABILITIES = (0.9, 0.5, 0.1, 0.01)
"""A token is a step less likely below each of these."""
ENTROPIES = (0.1, 0.5, 1.0, 2.0)
"""In nats: a token was chosen a step less surely above each of these."""
MEANINGS: dict[Metric, tuple[str, ...]] = {
    "logprob": ("90 % or more", "50 to 90 %", "10 to 50 %", "1 to 10 %", "below 1 %"),
    "entropy": ("below 0.1 nats", "0.1 to 0.5", "0.5 to 1", "1 to 2", "2 nats or more"),
    "mask": ("not trained", "trained"),
}
_ROOM = 3000
"""Tokens that are kept in a page at most."""
_STEPS = {step: element("span", class_=f"ak-t ak-s{step}") for step in range(1, 5)}


class Low(NamedTuple):
    """A token that was unlikely."""

    run: int
    place: int
    """In its run."""
    logprob: float


def step_of(run: TokenRun, i: int, metric: Metric) -> int | None:
    """The step of a token; None where nothing is known of it."""
    if metric == "mask":
        return None if run.trained[i] is None else 4 * bool(run.trained[i])
    if metric == "entropy":
        known = entropy(run.tops[i])
        return None if known is None else sum(known >= limit for limit in ENTROPIES)
    logprob = run.logprobs[i]
    return (
        None
        if logprob is None
        else sum(math.exp(min(0.0, logprob)) < limit for limit in PROBABILITIES)
    )


def least_likely(shown: Sequence[TokenRun], number: int) -> list[Low]:
    """The sampled tokens of the lowest probability, the least likely first."""
    from heapq import nsmallest

    every = (
        (value, r, i)
        for r, run in enumerate(shown)
        for i, value in enumerate(run.logprobs)
        if value is not None and value <= 0
    )
    return [Low(r, i, value) for value, r, i in nsmallest(number, every)]


def run_row(key: str, run: TokenRun, metric: Metric, room: int) -> Html:
    """A run as a row of the page; `room`: how many of its tokens are shown."""
    label = [el("strong", run.title), " ", el("small", count(len(run), "token"))]
    shown = [
        _span(run, start, min(end, room), kind, metric)
        for start, end, kind in runs(run.kinds)
        if start < room
    ]
    rest = len(run) - room
    more = (
        note("… ", count(rest, "more token"), " not shown; see ", el("code", "ak.tokens_df(x)"))
        if rest > 0
        else None
    )
    body = [_facts(run), *(note(said) for said in run.notes), *_folded(run, shown, room), more]
    return row(key, "tokens", (label, body))


def _folded(run: TokenRun, shown: list[Html], room: int) -> list[Html]:
    """The spans; a long prompt behind a click."""
    if run.node is not None or run.sampled_from <= 60:
        return shown
    spans = [start for start, _, _ in runs(run.kinds) if start < room]
    before = sum(start < run.sampled_from for start in spans)
    return [
        fold(["prompt ", el("small", count(run.sampled_from, "token"))], *shown[:before]),
        *shown[before:],
    ]


def _facts(run: TokenRun) -> Html | None:
    known = [value for value in run.logprobs if value is not None]
    mean = f"mean logprob {sum(known) / len(known):.3f}" if known else None
    sampled = f"{len(run) - run.sampled_from:,} sampled" if run.node is None else None
    return facts(sampled, f"{sum(map(bool, run.trained)):,} trained", mean)


def _span(run: TokenRun, start: int, end: int, kind: str, metric: Metric) -> Html:
    pieces = [_piece(run, a, b, step, metric) for a, b, step in _parts(run, start, end, metric)]
    return el("div", el("small", kind), el("pre", pieces), class_=f"ak-span ak-of-{kind}")


def _parts(run: TokenRun, start: int, end: int, metric: Metric) -> Iterator[tuple[int, int, int]]:
    """Neighbours on one step, those that stand out by themselves."""
    steps = [step_of(run, i, metric) or 0 for i in range(start, end)]
    for a, b, step in runs(steps):
        if step and metric != "mask":
            yield from ((start + i, start + i + 1, step) for i in range(a, b))
        else:
            yield start + a, start + b, step


def _piece(run: TokenRun, start: int, end: int, step: int, metric: Metric) -> Child:
    text = "".join(written(run, i) for i in range(start, end))
    if not step:
        return text
    if metric == "mask":
        return _STEPS[step](text)
    return el("span", text, class_=f"ak-t ak-s{step}", title=told(run, start))


def written(run: TokenRun, i: int) -> str:
    """The text of a token; its id where the text is not known."""
    text = run.texts[i]
    return text if text is not None else f"⟨{run.ids[i] if run.ids[i] is not None else '?'}⟩"


def told(run: TokenRun, i: int) -> str:
    """What a person is told of a token, on one line."""
    logprob, uncertain = run.logprobs[i], entropy(run.tops[i])
    words = [f"{visible(written(run, i))!r}", f"position {run.offset + i}"]
    words += [f"id {run.ids[i]}"] if run.ids[i] is not None else []
    words += [f"logprob {logprob:.4f} ({chance(logprob)})"] if logprob is not None else []
    words += [f"entropy {uncertain:.3f} nats"] if uncertain is not None else []
    words += ["trained" if run.trained[i] else "not trained"] if run.trained[i] is not None else []
    return "; ".join([*words, *([f"instead: {alternatives(run, i)}"] if run.tops[i] else [])])


def chance(logprob: float) -> str:
    """A probability as a person reads it.

    >>> [chance(x) for x in (0.0, -0.7, -5.0, -20.0)]
    ['100 %', '49.7 %', '0.67 %', '<0.01 %']
    """
    percent = 100 * math.exp(min(0.0, logprob))
    return (
        "<0.01 %" if percent < 0.01 else f"{percent:.2g} %" if percent < 1 else f"{percent:.3g} %"
    )


def alternatives(run: TokenRun, i: int) -> str:
    """The other candidates with their probabilities, on one line."""
    return ", ".join(
        f"{visible(text)!r} {chance(value)}" for text, value in run.tops[i] if text != run.texts[i]
    )


_TH, _TD = element("th", scope="col"), element("td")


def low_table(shown: Sequence[TokenRun], number: int) -> Html | None:
    """The least likely tokens as a table; None where no logprob is known."""
    found = least_likely(shown, number)
    if not found:
        return None
    head = el(
        "tr",
        [
            _TH(title)
            for title in ("where", "position", "token", "probability", "logprob", "span", "instead")
        ],
    )
    rows = [
        el("tr", _cells(shown[low.run], low), data_key=f"token-{low.run}-{low.place}")
        for low in found
    ]
    return el(
        "table",
        el("caption", "the least likely tokens"),
        el("thead", head),
        el("tbody", rows),
        class_="ak-low",
    )


def _cells(run: TokenRun, low: Low) -> list[Html]:
    i = low.place
    cells: list[Child] = [
        run.title,
        f"{run.offset + i:,}",
        code(visible(repr(written(run, i)))),
        chance(low.logprob),
        f"{low.logprob:.3f}",
        run.kinds[i],
        code(alternatives(run, i)) if run.tops[i] else "",
    ]
    return [_TD(cell) for cell in cells]


def token_rows(shown: Sequence[TokenRun], metric: Metric, limits: Limits) -> dict[str, Html]:
    """The runs as rows, as far as there is room; what is left out is counted."""
    room = _ROOM if limits.size < 1 << 40 else 1 << 60
    rows: dict[str, Html] = {}
    for i, run in enumerate(shown):
        if room <= 0 or i >= limits.items:
            rest = sum(map(len, shown[i:]))
            rows["gap"] = row(
                "gap",
                "aside",
                (
                    None,
                    note(
                        "… ",
                        count(len(shown) - i, "more turn"),
                        f" with {rest:,} tokens not shown here",
                    ),
                ),
            )
            break
        rows[f"run-{i}"] = run_row(f"run-{i}", run, metric, min(room, len(run)))
        room -= len(run)
    return rows


def legend(metric: Metric) -> Html:
    """What the underlines mean."""
    steps = MEANINGS[metric]
    marks = [(4 if metric == "mask" else i, said) for i, said in enumerate(steps) if i]
    shown = [fragment(_STEPS[step](said), " ") for step, said in marks]
    name = {
        "logprob": "probability of the token",
        "entropy": "entropy of the choice, at least",
        "mask": "what is trained on",
    }[metric]
    return note(f"{name}: ", shown, f"plain: {steps[0]}")
