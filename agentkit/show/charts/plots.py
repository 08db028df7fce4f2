"""The charts of a rollout beside its timeline: what went wrong, how the context grew, and how long
things take over many rollouts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from agentkit.show.charts.drawing import WIDTH, bar, drawing, legend, line, tick, ticks, words
from agentkit.show.html import Html
from agentkit.types.record import clip
from agentkit.types.words import count, seconds

_LEFT, _RIGHT, _ROW = 210, 60, 20
_MOST = 40
"""Rows of a chart at most."""
_COLUMNS = 120
"""Turns that stand side by side at most; beyond, neighbours are put together."""
_SEVERITIES = ("error", "warning", "info")


class Mishap(NamedTuple):
    """A problem, by what counts here."""

    code: str
    turn: int
    severity: str


class Tokens(NamedTuple):
    """What one turn used; None where the server did not say."""

    turn: int
    input: int | None
    output: int | None
    cached: int | None = None
    reasoning: int | None = None


class Spread(NamedTuple):
    """How long something takes, in seconds."""

    name: str
    number: int
    p50: float
    p90: float
    p99: float


def errors_svg(
    found: Iterable[Mishap], *, codes: int = _MOST, columns: int = _COLUMNS, alone: bool = False
) -> Html:
    """Codes by turns, each number of problems as a bar with the number on it; of many codes the
    most frequent.
    """
    listed = list(found)
    if not listed:
        return drawing("errors: none", 24, words("nothing went wrong", 0, 16), alone=alone)
    counts = Counter(m.code for m in listed)
    worst = {m.code: m.severity for m in sorted(listed, key=lambda m: -_rank(m.severity))}
    ordered = sorted(counts, key=lambda code: (_rank(worst[code]), -counts[code], code))[:codes]
    last = max(m.turn for m in listed)
    step = -(-(last + 1) // columns)
    cells = Counter((m.code, m.turn // step) for m in listed)
    scale = (WIDTH - _LEFT - _RIGHT) / (last // step + 1)
    parts, y = legend([s for s in _SEVERITIES if s in worst.values()], 12)
    top = y - 4
    for code in ordered:
        parts += [
            words(clip(code, 34), _LEFT - 8, y + 13, "end"),
            words(f"{counts[code]:,}", WIDTH, y + 13, "end"),
        ]
        for column in range(last // step + 1):
            if number := cells[code, column]:
                parts += _cell(
                    worst[code], code, number, _LEFT + column * scale, y, scale, column * step
                )
        y += _ROW
    axis = [
        tick(_LEFT + (at / step + 0.5) * scale, top, y, f"turn {at}") for at in _turn_marks(last)
    ]
    more = (
        f"; the {len(ordered)} most severe and frequent shown" if len(counts) > len(ordered) else ""
    )
    told = f"{count(len(listed), 'problem')} of {count(len(counts), 'code')}{more}"
    return drawing(told, y + 22, *axis, *parts, alone=alone)


def _cell(
    kind: str, code: str, number: int, x: float, y: float, width: float, turn: int
) -> list[Html]:
    wide = max(2.0, min(width - 2, 46))
    shown = [
        bar(
            kind,
            x + (width - wide) / 2,
            y + 1,
            wide,
            _ROW - 4,
            f"turn {turn}: {number} × {clip(code)}",
        )
    ]
    return (
        [*shown, words(str(number), x + width / 2, y + 13, "middle", 10, "#222222")]
        if width >= 14
        else shown
    )


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _turn_marks(last: int) -> list[int]:
    return sorted({int(t) for t in ticks(last)}) if last else [0]


def context_svg(turns: Sequence[Tokens], *, columns: int = _COLUMNS, alone: bool = False) -> Html:
    """Tokens by turn: the context that was read under what was written, the parts from the cache
    and of reasoning inside.
    """
    known = [t for t in turns if t.input is not None or t.output is not None]
    if not known:
        return drawing(
            "context: the server told no token counts",
            24,
            words("the server told no token counts", 0, 16),
            alone=alone,
        )
    step = -(-len(known) // columns)
    shown = known[::step] if known[-1] in known[::step] else [*known[::step], known[-1]]
    most = max((t.input or 0) + (t.output or 0) for t in shown)
    kinds = [
        "input",
        "output",
        *(["cached"] if any(t.cached for t in shown) else []),
        *(["reasoning"] if any(t.reasoning for t in shown) else []),
    ]
    parts, y = legend(kinds, 12)
    height, left = 150.0, 60.0
    bottom, scale, wide = y + height + 8, height / max(most, 1), (WIDTH - left) / len(shown)
    for mark in ticks(most):
        level = bottom - mark * scale
        parts += [
            line([(left, level), (WIDTH, level)], "#80808055"),
            words(f"{mark:,.0f}", left - 6, level + 4, "end", 10),
        ]
    for i, turn in enumerate(shown):
        parts += _column(turn, left + i * wide, bottom, min(wide - 1, 48), scale)
    every = max(1, len(shown) // 12)
    parts += [
        words(shown[i].turn, left + i * wide + min(wide - 1, 48) / 2, bottom + 14, "middle", 10)
        for i in range(0, len(shown), every)
    ]
    parts.append(words("turn", left - 6, bottom + 14, "end", 10))
    first, last = known[0].input, known[-1].input
    grown = (
        f", the context from {first:,} to {last:,}"
        if first is not None and last is not None
        else ""
    )
    return drawing(
        f"tokens of {count(len(known), 'turn')}{grown}", bottom + 20, *parts, alone=alone
    )


def _column(turn: Tokens, x: float, bottom: float, width: float, scale: float) -> list[Html]:
    read, written = turn.input or 0, turn.output or 0
    y = bottom - read * scale
    parts = (
        [bar("input", x, y, width, read * scale, f"turn {turn.turn}: {read:,} input tokens")]
        if read
        else []
    )
    if turn.cached:
        parts.append(
            bar(
                "cached",
                x,
                bottom - turn.cached * scale,
                width / 2,
                turn.cached * scale,
                f"{turn.cached:,} of them from the cache",
            )
        )
    if written:
        parts.append(
            bar(
                "output",
                x,
                y - written * scale,
                width,
                written * scale,
                f"turn {turn.turn}: {written:,} output tokens",
            )
        )
    if turn.reasoning:
        parts.append(
            bar(
                "reasoning",
                x,
                y - turn.reasoning * scale,
                width / 2,
                turn.reasoning * scale,
                f"{turn.reasoning:,} of them reasoning",
            )
        )
    return parts


def percentiles_svg(spreads: Sequence[Spread], *, alone: bool = False) -> Html:
    """What half, nine of ten and 99 of 100 take at most, a line for each name; numbers beside the
    bars.
    """
    shown = spreads[:_MOST]
    most = max((s.p99 for s in shown), default=0.0)
    if not shown:
        return drawing(
            "percentiles: no times were recorded",
            24,
            words("no times were recorded", 0, 16),
            alone=alone,
        )
    left, right = 250, 150
    scale = (WIDTH - left - right) / (most or 1.0)
    parts, y = legend(["p50", "p90", "p99"], 12)
    top = y - 4
    for s in shown:
        told = (
            f"{s.name}: {s.number:,} times, p50 {seconds(s.p50)}, p90 {seconds(s.p90)}, p99"
            f" {seconds(s.p99)}"
        )
        parts += [words(clip(f"{s.name} ({s.number:,})", 44), left - 8, y + 13, "end")]
        parts += [
            bar(kind, left, y + 2, value * scale, 13, told)
            for kind, value in (("p99", s.p99), ("p90", s.p90), ("p50", s.p50))
        ]
        parts.append(
            words(" · ".join(map(seconds, (s.p50, s.p90, s.p99))), WIDTH, y + 13, "end", 10)
        )
        y += _ROW
    axis = [tick(left + t * scale, top, y, f"{t:g} s") for t in ticks(most)]
    left_out = len(spreads) - len(shown)
    return drawing(
        "percentiles of"
        f" {count(len(spreads), 'kind')}{f', {left_out} not shown' if left_out else ''}",
        y + 22,
        *axis,
        *parts,
        alone=alone,
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the ordered values lies, between neighbours in
    proportion.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(times: Mapping[str, Sequence[float]]) -> list[Spread]:
    """The percentiles of each name's times, the slowest first."""
    found = []
    for name, values in times.items():
        ordered = sorted(values)
        if ordered:
            p50, p90, p99 = (quantile(ordered, share) for share in (0.5, 0.9, 0.99))
            found.append(Spread(name, len(ordered), p50, p90, p99))
    return sorted(found, key=lambda s: (-s.p50, s.name))
