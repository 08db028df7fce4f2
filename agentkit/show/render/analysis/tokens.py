"""Tokens as they are kept in a page: each span of a turn a line with its name, unlikely tokens
underlined, the least likely in a table.

How unlikely a token is, is a step from 0 to 4, drawn as an underline that gets heavier and only
then as a colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentkit.analysis.tokens.likelihood import (
    Low,
    Metric,
    alternatives,
    chance,
    least_likely,
    step_of,
    described,
    written,
)
from agentkit.analysis.tokens.prefix import PrefixCheck
from agentkit.analysis.tokens.runs import TokenRun
from agentkit.analysis.tokens.spans import runs
from agentkit.analysis.tokens.tokens import LOW, Tokens
from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, excerpt, facts, fold, note, row
from agentkit.show.render.rollout.problem import problems
from agentkit.types.words import count, visible

MEANINGS: dict[Metric, tuple[str, ...]] = {
    "logprob": ("90 % or more", "50 to 90 %", "10 to 50 %", "1 to 10 %", "below 1 %"),
    "entropy": ("below 0.1 nats", "0.1 to 0.5", "0.5 to 1", "1 to 2", "2 nats or more"),
    "mask": ("not trained", "trained"),
}
_ROOM = 3000
"""Tokens that are kept in a page at most."""
_STEPS = {step: element("span", class_=f"ak-t ak-s{step}") for step in range(1, 5)}


def run_row(key: str, run: TokenRun, metric: Metric, room: int, details: bool) -> Html:
    """A run as a row of the page.

    Args:
        key: the key of the row.
        run: its tokens.
        metric: what is marked.
        room: how many of its tokens are shown.
        details: whether token by token, or the start of what was sampled only.
    """
    label = [el("strong", run.title), " ", el("small", count(len(run), "token"))]
    if not details:
        return row(key, "tokens", (label, [_facts(run), *map(note, run.notes), _sampled(run)]))
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


def _sampled(run: TokenRun) -> Html:
    start = run.sampled_from if run.node is None else 0
    return excerpt("".join(written(run, i) for i in range(start, len(run))))


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
    return el("span", text, class_=f"ak-t ak-s{step}", title=described(run, start))


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
        rows[f"run-{i}"] = run_row(f"run-{i}", run, metric, min(room, len(run)), limits.details)
        room -= len(run) if limits.details else 0
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


def tokens_head(tokens: Tokens) -> dict[str, Html]:
    """What is above the tokens: totals, what is wrong with a managed state, the prefix check, the
    least likely tokens.
    """
    title = bar(el("strong", "Tokens"), facts(*tokens.words()))
    parts = {"head": el("header", title, _broken(tokens.checks), class_="ak-head", data_key="head")}
    state = tokens.state
    if state is not None and state.all_problems:
        wrong = problems(state.all_problems, Limits())
        parts["state"] = el("section", wrong, class_="ak-head", data_key="state")
    table = low_table(tokens.runs, LOW)
    if table:
        parts["low"] = el("section", table, class_="ak-head", data_key="low")
    return parts


def _broken(checks: Sequence[PrefixCheck]) -> Child:
    """What the prefix check found, where it found something."""
    broken = [(check.unit, step) for check in checks for step in check.broken][:5]
    said = "does not extend the tokens before it: from position"
    notes = [
        note(f"▲ {unit} {step.position} {said} {step.at:,} on, {step.reason}")
        for unit, step in broken
    ]
    off, trained = sum(check.off_policy for check in checks), sum(check.trained for check in checks)
    return [*notes, note(f"{off:,} of {trained:,} trained tokens are off policy") if off else None]


@shown.register(Tokens)
def tokens_fragments(tokens: Tokens, limits: Limits) -> dict[str, Html]:
    """The tokens line by line."""
    shown_ = tokens_head(tokens)
    if limits.details:
        meaning = legend(tokens.metric)
        shown_["legend"] = el("section", meaning, class_="ak-head", data_key="legend")
    return {**shown_, **token_rows(tokens.runs, tokens.metric, limits)}
