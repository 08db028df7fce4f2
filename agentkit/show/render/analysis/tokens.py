"""Tokens as they are kept in a page: each part of a turn a line with its name, what was sampled in
full ink, unlikely tokens underlined, the least likely in a table.

How unlikely a token is, is a step from 0 to 4, drawn as an underline that gets heavier and only
then as a colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from agentkit.analysis.tokens.likelihood import (
    Low,
    Metric,
    alternatives,
    chance,
    description,
    least_likely,
    step_of,
    written,
)
from agentkit.analysis.tokens.off_policy import PrefixBreak, is_sampled
from agentkit.analysis.tokens.runs import TokenRun
from agentkit.analysis.tokens.spans import runs
from agentkit.analysis.tokens.tokens import LOW, Tokens
from agentkit.show.html import Child, Html, el, element, fragment
from agentkit.show.render import shown
from agentkit.show.render.analysis.checks import break_table
from agentkit.show.render.analysis.findings import what_to_do
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, excerpt, facts, fold, note, row
from agentkit.show.render.rollout.problem import problems
from agentkit.types.words import count, visible

MEANINGS: dict[Metric, tuple[str, ...]] = {
    "logprob": ("90 % or more", "50 to 90 %", "10 to 50 %", "1 to 10 %", "below 1 %"),
    "entropy": ("below 0.1 nats", "0.1 to 0.5", "0.5 to 1", "1 to 2", "2 nats or more"),
    "mask": ("prompt", "✓ trained", "▲ trained, off policy", "sampled, not trained"),
}
_NAMES = {
    "logprob": "probability of the token",
    "entropy": "entropy of the choice, at least",
    "mask": "what is trained on",
}
_ROOM = 3000
"""Tokens that are kept in a page at most."""
_STEPS = {step: element("span", class_=f"ak-t ak-s{step}") for step in range(1, 5)}
_MASKS = {mask: element("span", class_=f"ak-t ak-m{mask}") for mask in range(1, 4)}
"""Trained; trained and off policy; sampled and not trained."""
Off = Sequence[int]
_ASK = 'ask for them: ak.Agent(…, sampling={{"logprobs": True, "top_logprobs": 5{}}})'
_IDS = ', "return_token_ids": True'
_OWN_WORDS = {
    "vllm": _ASK.format(_IDS),
    "generic": f"{_ASK.format(_IDS)}, of which the last is vLLM's",
}
"""What makes a kind of server return what is shown here, where it is not what OpenAI takes."""
_OF_DIALECTS = {
    "responses": f"{_ASK.format('')}; token ids come in Chat Completions alone",
    "messages": "Messages has neither; the same server may give them in Chat Completions",
}
_BAR = 42
"""Pixels of a bar that says how likely a token was."""


def run_row(
    key: str,
    run: TokenRun,
    metric: Metric,
    room: int,
    details: bool,
    off: Off = (),
    broken: PrefixBreak | None = None,
) -> Html:
    """Draw a run as a row of the page.

    Args:
        key: the key of the row.
        run: its tokens.
        metric: what is marked.
        room: how many of its tokens are shown.
        details: whether token by token, or the start of what was sampled only.
        off: for each token, whether it is off policy; none is where it is empty.
        broken: where its prompt does not go on from the tokens before it.
    """
    if not details:
        label = [el("strong", run.title), " ", el("small", count(len(run), "token"))]
        return row(key, "tokens", (label, [_facts(run), *map(note, run.notes), _sampled(run)]))
    title = bar(el("strong", run.title), el("small", count(len(run), "token")), _facts(run))
    parts = [
        (start, _span(run, start, min(end, room), look, metric))
        for start, end, look in runs(_looks(run, off))
        if start < room
    ]
    rest = len(run) - room
    more = (
        note("… ", count(rest, "more token"), " not shown; see ", el("code", "ak.tokens_df(x)"))
        if rest > 0
        else None
    )
    notes = [note(noted) for noted in run.notes]
    body = [title, *notes, break_line(broken), *_folded(run, parts), more]
    return el("section", body, class_="ak-tokens", data_key=key)


def _sampled(run: TokenRun) -> Html:
    start = run.sampled_from if run.node is None else 0
    return excerpt("".join(written(run, i) for i in range(start, len(run))))


def _looks(run: TokenRun, off: Off) -> list[tuple[str, bool, bool]]:
    """List for each token what it belongs to, whether it was sampled, and is off policy."""
    return [(kind, is_sampled(run, i), bool(off and off[i])) for i, kind in enumerate(run.kinds)]


def _folded(run: TokenRun, parts: list[tuple[int, Html]]) -> list[Html]:
    """Return the spans; a long prompt behind a click."""
    if run.node is not None or run.sampled_from <= 60:
        return [part for _, part in parts]
    before = [part for start, part in parts if start < run.sampled_from]
    return [
        fold(["prompt ", el("small", count(run.sampled_from, "token"))], *before),
        *(part for start, part in parts if start >= run.sampled_from),
    ]


def _facts(run: TokenRun) -> Html | None:
    known = [value for value in run.logprobs if value is not None]
    mean = f"mean logprob {sum(known) / len(known):.3f}" if known else None
    sampled = f"{len(run) - run.sampled_from:,} sampled" if run.node is None else None
    return facts(sampled, f"{sum(map(bool, run.trained)):,} trained", mean)


def break_line(broken: PrefixBreak | None) -> Html | None:
    """Draw the line where a prompt leaves the tokens before it, and what is missing from it."""
    if broken is None:
        return None
    place = el("strong", f"✕ The prefix breaks here, position {broken.step.at:,}")
    missing = (
        el(
            "div",
            el("small", "not in this prompt"),
            el("pre", el("del", broken.missing)),
            class_="ak-span",
        )
        if broken.missing
        else None
    )
    said = el("div", el("p", place, " ", broken.step.reason), _both(broken), class_="ak-broken")
    return fragment(said, missing)


def _both(broken: PrefixBreak) -> Html:
    """Draw what was sampled or sent, and what this prompt has, from the break on."""
    return fold("compare the two", break_table(broken.step))


def _span(
    run: TokenRun, start: int, end: int, look: tuple[str, bool, bool], metric: Metric
) -> Html:
    kind, sampled, off = look
    steps = [_step(run, i, off, metric) for i in range(start, end)]
    pieces = [
        _piece(run, start + a, start + b, step, metric) for a, b, step in _parts(steps, metric)
    ]
    names = f"ak-span ak-of-{kind}{' ak-sampled' if sampled else ''}{' ak-off' if off else ''}"
    label = el("small", kind, " ", el("em", "off policy") if off else None)
    return el("div", label, el("pre", pieces), class_=names)


def _step(run: TokenRun, i: int, off: bool, metric: Metric) -> int:
    if metric != "mask":
        return step_of(run, i, metric) or 0
    if run.trained[i]:
        return 2 if off else 1
    return 3 if run.trained[i] is False and is_sampled(run, i) else 0


def _parts(steps: Sequence[int], metric: Metric) -> Iterator[tuple[int, int, int]]:
    """Yield neighbours on one step, those that stand out by themselves."""
    for a, b, step in runs(steps):
        if step and metric != "mask":
            yield from ((i, i + 1, step) for i in range(a, b))
        else:
            yield a, b, step


def _piece(run: TokenRun, start: int, end: int, step: int, metric: Metric) -> Child:
    text = "".join(written(run, i) for i in range(start, end))
    if not step:
        return text
    if metric == "mask":
        return _MASKS[step](text)
    return el("span", text, class_=f"ak-t ak-s{step}", title=description(run, start))


_TH, _TD = element("th", scope="col"), element("td")
_NUMBER = partial(el, "td", class_="ak-number")


def low_table(shown: Sequence[TokenRun], number: int) -> Html | None:
    """Draw the least likely tokens as a table; None where no logprob is known."""
    found = least_likely(shown, number)
    if not found:
        return None
    titles = ("where", "position", "token", "probability", "logprob", "in", "instead")
    rows = [
        el("tr", _cells(shown[low.run], low), data_key=f"token-{low.run}-{low.place}")
        for low in found
    ]
    return el(
        "table",
        el("caption", "the least likely tokens"),
        el("thead", el("tr", [_TH(title) for title in titles])),
        el("tbody", rows),
        class_="ak-low",
    )


def _cells(run: TokenRun, low: Low) -> list[Html]:
    i = low.place
    step = step_of(run, i, "logprob") or 0
    token = code(visible(repr(written(run, i))))
    return [
        _TD(run.title),
        _NUMBER(f"{run.offset + i:,}"),
        _TD(_STEPS[step](token) if step else token),
        _NUMBER(chance(low.logprob), " ", _bar(math.exp(min(0.0, low.logprob)))),
        _NUMBER(f"{low.logprob:.3f}"),
        _TD(run.kinds[i]),
        _TD(code(alternatives(run, i)) if run.tops[i] else ""),
    ]


def _bar(part: float) -> Html:
    paths = [
        el("path", d=f"M0 0h{wide:.3g}v6h-{wide:.3g}z", class_=name)
        for wide, name in ((_BAR, "ak-likely-all"), (max(1, part * _BAR), "ak-likely"))
    ]
    return el("svg", paths, viewBox=f"0 0 {_BAR} 6", width=_BAR, height=6, aria_hidden="true")


def token_rows(tokens: Tokens, limits: Limits) -> dict[str, Html]:
    """Draw the runs as rows, as far as there is room; what is left out is counted."""
    room = _ROOM if limits.size < 1 << 40 else 1 << 60
    rows: dict[str, Html] = {}
    broken = {b.run: b for b in tokens.breaks}
    for i, run in enumerate(tokens.runs):
        if room <= 0 or i >= limits.items:
            rest = tokens.runs[i:]
            left = count(len(rest), "more turn")
            text = note(f"… {left} with {sum(map(len, rest)):,} tokens not shown here")
            rows["gap"] = row("gap", "aside", (None, text))
            break
        key, most = f"run-{i}", min(room, len(run))
        off = tokens.off_policy[i]
        rows[key] = run_row(key, run, tokens.metric, most, limits.details, off, broken.get(i))
        room -= len(run) if limits.details else 0
    return rows


def legend(metric: Metric, shown: Sequence[TokenRun] = ()) -> Html:
    """Explain the underlines, and what stands for a token without a text where there is one."""
    plain, *steps = MEANINGS[metric]
    drawn = _MASKS if metric == "mask" else _STEPS
    marks = [fragment(drawn[step](meaning), " ") for step, meaning in enumerate(steps, 1)]
    nameless = next((w for run in shown if (w := _nameless(run))), None)
    by_id = (
        [" · ", code(nameless), ": a token by its id, its text was not sent"] if nameless else None
    )
    return note(f"{_NAMES[metric]}: ", marks, f"plain: {plain}", by_id)


def _nameless(run: TokenRun) -> str | None:
    """Find a token that is shown by its id."""
    return next(
        (
            written(run, i)
            for i, text in enumerate(run.texts)
            if text is None and run.ids[i] is not None
        ),
        None,
    )


def tokens_head(tokens: Tokens) -> dict[str, Html]:
    """Draw what is above the tokens: totals, what is wrong with a managed state, the prefix check,
    the least likely tokens; where there is nothing to show, what to ask the server for.
    """
    title = bar(
        el("strong", "Tokens"), facts(*tokens.words()) if len(tokens) else None, _chips(tokens)
    )
    lacks = _lacking(tokens)
    asked = _OWN_WORDS.get(tokens.profile, _ASK.format(""))
    asked = _OF_DIALECTS.get(tokens.dialect, asked)
    advice = [note(lacks), what_to_do(asked)] if lacks else None
    parts = {"head": el("header", title, advice, class_="ak-head", data_key="head")}
    state = tokens.state
    if state is not None and state.all_problems:
        wrong = problems(state.all_problems, Limits())
        parts["state"] = el("section", wrong, class_="ak-head", data_key="state")
    table = low_table(tokens.runs, LOW)
    if table:
        parts["low"] = el("section", table, class_="ak-lows", data_key="low")
    return parts


def _lacking(tokens: Tokens) -> str:
    """Say what the server did not return; "" where there is enough to show."""
    if not len(tokens):
        return "The server returned neither log probabilities nor token ids."
    if all(value is None for run in tokens.runs for value in run.logprobs):
        return "The server returned no log probabilities: the tokens have no colour."
    return ""


def _chips(tokens: Tokens) -> Html | None:
    """Count what the prefix check found, where it found something."""
    off = sum(check.off_policy for check in tokens.checks)
    first = tokens.breaks[0].step.at if tokens.breaks else 0
    more = f" and {len(tokens.breaks) - 1} more" if len(tokens.breaks) > 1 else ""
    words = [("bad", f"✕ prefix broken at {first:,}{more}")] if tokens.breaks else []
    trained = sum(check.trained for check in tokens.checks)
    words += [("warn", f"▲ {off:,} of {trained:,} trained off policy")] if off else []
    chips = [el("span", text, class_=f"ak-chip ak-{tone}") for tone, text in words]
    return el("span", chips, class_="ak-chips") if chips else None


@shown.register(Tokens)
def tokens_fragments(tokens: Tokens, limits: Limits) -> dict[str, Html]:
    """Draw the tokens line by line."""
    shown_ = tokens_head(tokens)
    if not limits.details:
        notes = [
            note(f"✕ {b.step.position}: {b.step.at:,} {b.step.reason}") for b in tokens.breaks[:5]
        ]
        if notes:
            shown_["broken"] = el("div", notes, data_key="broken")
    elif len(tokens):
        meaning = legend(tokens.metric, tokens.runs)
        shown_["legend"] = el("section", meaning, class_="ak-lows", data_key="legend")
    return {**shown_, **token_rows(tokens, limits)}
