"""Samples of one prompt as a picture: a box a step, bands between them as wide as the samples are
many, coloured by how they came out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agentkit.analysis.sample_tree import SampleBranch, SampleTree
from agentkit.show.html import Html, el
from agentkit.types.record import clip
from agentkit.types.words import count

_FIRST, _BOX, _GAP, _BETWEEN, _LOW, _PAD = 100, 200, 60, 10, 40, 12
"""Width of the first box and of the others, room for the bands, room between boxes, height of a box
at least, the margin.
"""
_THICK = 200
"""Pixels of all samples together."""
_WAYS = 10
"""Ways that are drawn at one place; the rest is one box."""
_DEEP = 5
"""Steps beside each other."""
_LETTERS = 25
_ICONS = {"bad": "✕ ", "warn": "▲ ", "good": "✓ ", "quiet": ""}
Range = tuple[float, float]
"""The lowest and the highest reward of all samples."""


@dataclass(slots=True)
class _Box:
    """A step that is drawn."""

    lines: tuple[str, str]
    title: str
    samples: tuple[int, ...]
    number: int
    tone: str
    ink: str = "quiet"
    column: int = 0
    top: float = 0.0
    room: float = 0.0
    """Pixels that it and what comes after it take."""
    high: float = 0.0
    after: list[_Box] = field(default_factory=list)


def ways_of(tree: SampleTree) -> list[list[int]]:
    """List which samples each box of the picture has; none the first, which has them all."""
    return [list(box.samples) for box in _walk(_root(tree))]


def _root(tree: SampleTree) -> _Box:
    shared = count(len(tree.shared), "shared step") if tree.shared else "one prompt"
    root = _Box((count(tree.size, "sample"), shared), "", (), tree.size, "quiet")
    level = tree.shared[-1].children if tree.shared else tree.branches
    rewards = [reward for branch in tree.branches for reward in branch.rewards]
    span = (min(rewards, default=0.0), max(rewards, default=0.0))
    root.after = _boxes(level or tree.shared[-1:], tree.size, span, 1)
    return root


def sample_bands(tree: SampleTree) -> Html:
    """Draw the picture: the samples, what they did where they part, and how each way came out."""
    root = _root(tree)
    unit = min(28.0, _THICK / max(1, tree.size))
    _measure(root, unit)
    _place(root, _PAD)
    boxes = list(_walk(root))
    wide = max(_left(box) for box in boxes) + _BOX + _PAD
    high = round(root.room + 2 * _PAD)
    parts = [*(band for box in boxes for band in _bands(box, unit)), *map(_drawn, boxes)]
    return el(
        "svg",
        parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {wide} {high}",
        width=wide,
        height=high,
        role="img",
        aria_label=f"what {count(tree.size, 'sample')} did",
        class_="ak-bands",
    )


def _left(box: _Box) -> int:
    return _PAD + (_FIRST + _GAP + (box.column - 1) * (_BOX + _GAP) if box.column else 0)


def _boxes(level: Sequence[SampleBranch], size: int, span: Range, column: int) -> list[_Box]:
    """Make the boxes of a level; steps that follow each other without a parting are one."""
    boxes = [_box(branch, size, span, column) for branch in level[:_WAYS]]
    rest = level[_WAYS:]
    if rest:
        number = sum(branch.count for branch in rest)
        lines = (count(len(rest), "other way"), f"{number:,} of {size:,}")
        samples = tuple(sample for branch in rest for sample in branch.samples)
        boxes.append(_Box(lines, "", samples, number, _tone(rest, span), column=column))
    return boxes


def _box(branch: SampleBranch, size: int, span: Range, column: int) -> _Box:
    steps, last = 0, branch
    while len(last.children) == 1 and last.children[0].count == last.count:
        if not last.children[0].children:
            break
        steps, last = steps + 1, last.children[0]
    more = f", {count(steps, 'more step')}" if steps else ""
    worth = f", reward {branch.mean_reward:.3g}" if branch.rewards and not branch.children else ""
    tone, calls = _tone([branch], span), branch.kind == "calls"
    lines = (
        ("" if calls else _ICONS[tone]) + clip(branch.label, _LETTERS),
        f"{branch.count:,} of {size:,}{more}{worth}",
    )
    box = _Box(
        lines, branch.label, branch.samples, branch.count, tone, "tool" if calls else tone, column
    )
    if last.children and column < _DEEP:
        box.after = _boxes(last.children, size, span, column + 1)
    return box


def _tone(branches: Sequence[SampleBranch], span: Range) -> str:
    """Choose the colour of a way: that of its ends, if they are of one kind."""
    tones = set()
    waiting = list(branches)
    while waiting:
        branch = waiting.pop()
        waiting += branch.children
        if not branch.children:
            tones.add(_end_tone(branch, span))
    return tones.pop() if len(tones) == 1 else "quiet"


def _end_tone(branch: SampleBranch, span: Range) -> str:
    """Choose the colour of an end: red for none, else by its reward where rewards differ."""
    if branch.kind == "error" or branch.label == "an empty answer":
        return "bad"
    if branch.kind != "answer":
        return "warn" if branch.kind == "limit" else "quiet"
    reward, (low, high) = branch.mean_reward, span
    if reward is None or low == high:
        return "good" if reward is None else "quiet"
    part = (reward - low) / (high - low)
    return "good" if part > 2 / 3 else "bad" if part < 1 / 3 else "quiet"


def _walk(box: _Box) -> Iterator[_Box]:
    yield box
    for child in box.after:
        yield from _walk(child)


def _measure(box: _Box, unit: float) -> None:
    for child in box.after:
        _measure(child, unit)
    box.high = max(_LOW, box.number * unit)
    inner = sum(child.room for child in box.after) + _BETWEEN * max(0, len(box.after) - 1)
    box.room = max(box.high, inner)


def _place(box: _Box, top: float) -> None:
    box.top = top + (box.room - box.high) / 2
    inner = sum(child.room for child in box.after) + _BETWEEN * max(0, len(box.after) - 1)
    at = top + (box.room - inner) / 2
    for child in box.after:
        _place(child, at)
        at += child.room + _BETWEEN


def _bands(box: _Box, unit: float) -> Iterator[Html]:
    """Yield the bands to what comes after a box, one below the other."""
    right = _left(box) + (_BOX if box.column else _FIRST)
    left, middle = right + _GAP, right + _GAP / 2
    at = box.top + (box.high - sum(child.number for child in box.after) * unit) / 2
    for child in box.after:
        thick = child.number * unit
        to = child.top + (child.high - thick) / 2
        a, b, c, d = (f"{y:.1f}" for y in (at, to, to + thick, at + thick))
        path = f"M{right} {a}C{middle:g} {a} {middle:g} {b} {left} {b}V{c}"
        path += f"C{middle:g} {c} {middle:g} {d} {right} {d}Z"
        yield el("path", d=path, class_=f"ak-band ak-{child.tone}")
        at += thick


def _drawn(box: _Box) -> Html:
    x, middle = _left(box), box.top + box.high / 2
    name = None if box.ink == "quiet" else f"ak-{box.ink}"
    wide = _BOX if box.column else _FIRST
    return el(
        "g",
        el("title", box.title) if box.title else None,
        el("rect", x=x, y=f"{box.top:.1f}", width=wide, height=f"{box.high:.1f}", rx=4),
        el("text", box.lines[0], x=x + 10, y=f"{middle - 4:.1f}", class_=name),
        el("text", box.lines[1], x=x + 10, y=f"{middle + 13:.1f}", class_="ak-quiet"),
    )
