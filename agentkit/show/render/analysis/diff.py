"""Two rollouts beside each other: what is equal behind a fold, what differs in two columns,
marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from agentkit.analysis.alignment import CallPair
from agentkit.analysis.diff import Diff, Difference, Row
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, fold, note, status
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.rollout.conversation import conversation
from agentkit.show.render.rollout.outline import OutlineEntry, turn_entries
from agentkit.trajectory.trouble.points import problem_count
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.words import count

SAME, DIFFERENT = "=", "≠"
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_MOST = 3_000
"""Words of a text that are compared one by one; of a longer one only where it begins and ends to
differ.
"""
_AROUND = 160
"""Characters of an equal stretch that stay visible at each of its ends."""


@shown.register(Diff)
def diff_fragments(diff: Diff, limits: Limits) -> dict[str, Html]:
    """Draw the head, the rollouts turn by turn (`row-3`), stretches of equal turns folded
    (`same-0`), and the ending.
    """
    shown = {"head": _head(diff)}
    prompt = [d for d in diff.around if d.what == "prompt"]
    asked = [two_sides(d.pointer, d.before, d.after, limits) for d in prompt]
    shown["prompt"] = _pair("prompt", "prompt", asked) if asked else _prompt(diff, limits)
    room = limits.size
    rows = list(enumerate(diff.rows))[: limits.head + limits.tail]
    for differs, stretch in groupby(rows, key=lambda item: bool(item[1].differences)):
        for key, html in _stretch(differs, [row for _, row in stretch], limits):
            if room > 0:
                shown[key] = html
            room -= len(html)
    hidden = len(diff.rows) - len(rows)
    if hidden or room <= 0:
        shown["gap"] = note("… more turns are not shown here; see ", el("code", "diff.rows"))
    ending = [d for d in diff.around if d.what in ("stop_reason", "error")]
    if ending:
        shown["end"] = _pair(
            "end", "end", [two_sides(d.what, d.before, d.after, limits) for d in ending]
        )
    return shown


def _head(diff: Diff) -> Html:
    first = diff.first
    title = bar(
        el("strong", "Diff"),
        code(diff.names[0]),
        "beside",
        code(diff.names[1]),
        facts(*_tally(diff)),
    )
    first_line = (
        note("first divergence: ", difference_line(first))
        if first
        else note(status("ok", _problems_of(diff)), " nothing differs")
    )
    spec = [
        d
        for d in diff.around
        if d.what in ("model", "tools", "sampling", "profile", "parser", "policy")
    ]
    more = (
        fold(
            f"run with other {', '.join(d.what for d in spec)}",
            *(note(difference_line(d)) for d in spec),
        )
        if spec
        else None
    )
    return el("header", title, first_line, more, class_="ak-head", data_key="head")


def _problems_of(diff: Diff) -> int:
    return sum(map(problem_count, diff.trajectories))


def _tally(diff: Diff) -> list[str]:
    turns = f"{diff.shared} of {count(len(diff.rows), 'turn')} shared"
    return [turns, count(len(diff.differences), "difference") if diff else ""]


def difference_line(difference: Difference) -> Html:
    """Write one difference on a line."""
    where = f"turn {difference.turn}, " if difference.turn is not None else ""
    of = [" of ", code(difference.of)] if difference.of else None
    at = [" ", code(difference.pointer)] if difference.pointer else None
    return el(
        "span",
        where,
        difference.what,
        of,
        at,
        ": ",
        el("del", _short(difference.before)),
        " → ",
        el("ins", _short(difference.after)),
    )


def _short(value: Any) -> Html:
    return code(clip(verbatim(value) if isinstance(value, str) else pretty(value, 1 << 30), 120))


def _prompt(diff: Diff, limits: Limits) -> Html:
    entries = [
        OutlineEntry(f"prompt-{i}", message, f"diff.left.prompt[{i}]")
        for i, message in enumerate(diff.left.prompt)
    ]
    return _same("prompt", count(len(entries), "message") + " of the prompt", entries, limits)


def _same(key: str, what: str, entries: list[OutlineEntry], limits: Limits) -> Html:
    inside = conversation(entries, limits).values() if entries and limits.details else ()
    return el(
        "section", fold([SAME, " ", what, " the same"], inside), class_="ak-same", data_key=key
    )


def _stretch(differs: bool, rows: Sequence[Row], limits: Limits) -> Iterator[tuple[str, Html]]:
    if differs:
        yield from ((f"row-{row.index}", _row(row, limits)) for row in rows)
        return
    turns = [row.left for row in rows if row.left]
    entries = [
        entry
        for turn in turns
        for entry in turn_entries(turn, f"turn-{turn.index}", f"diff.left.turns[{turn.index}]", [])
    ]
    first, last = rows[0].index, rows[-1].index
    yield (
        f"same-{first}",
        _same(
            f"same-{first}",
            f"turn {first}" if first == last else f"turns {first} to {last}",
            entries,
            limits,
        ),
    )


def _row(row: Row, limits: Limits) -> Html:
    if row.left is None or row.right is None:
        sides = [
            el("div", _whole(turn, limits) if turn else note("no such turn"), class_="ak-side")
            for turn in (row.left, row.right)
        ]
        return _pair(f"row-{row.index}", f"turn {row.index}", [el("div", sides, class_="ak-two")])
    by_what = {
        what: list(found)
        for what, found in groupby(row.differences, key=lambda d: d.what)
        if what in _TEXTS
    }
    parts: list[Child] = [two_sides(what, *_texts(what, row), limits) for what in by_what]
    parts += [_call(pair, row, limits) for pair in row.calls if _is_shown(pair, row)]
    equal = [pair for pair in row.calls if not _is_shown(pair, row)]
    folded = [
        what
        for what in ("reasoning", "content")
        if what not in by_what and row.left and getattr(row.left.response, what)
    ]
    return _pair(f"row-{row.index}", f"turn {row.index}", parts, _equal(row, folded, equal, limits))


_BRIEF = 400
"""Characters of a side in plain text."""
_TEXTS = ("said", "sampling", "reasoning", "content", "refusal", "finish_reason")


def _texts(what: str, row: Row) -> tuple[Any, Any]:
    """Return both sides of a part, whole where it is a text of the answer."""
    if what in ("said", "sampling") or row.left is None or row.right is None:
        found = next(d for d in row.differences if d.what == what)
        return found.before, found.after
    return getattr(row.left.response, what), getattr(row.right.response, what)


def _whole(turn: Turn, limits: Limits) -> list[Html]:
    return list(conversation(turn_entries(turn, f"turn-{turn.index}", "turn", []), limits).values())


def _equal(row: Row, folded: list[str], equal: list[CallPair], limits: Limits) -> Html | None:
    names = [*folded, *(pair.left.name for pair in equal if pair.left)]
    if not names or row.left is None:
        return None
    texts = [
        el("pre", getattr(row.left.response, what)[: limits.text], class_="ak-prose")
        for what in folded
    ]
    calls = [el("pre", _call_text(pair.left), class_="ak-data") for pair in equal if pair.left]
    return fold([SAME, " ", ", ".join(names)], *((*texts, *calls) if limits.details else ()))


def _is_shown(pair: CallPair, row: Row) -> bool:
    return pair.kind != "same" or _outcome(row.left, pair.left) != _outcome(row.right, pair.right)


def _outcome(turn: Turn | None, call: ToolCall | None) -> tuple[str, str] | None:
    result = _result(turn, call)
    return (result.status, result.content) if result else None


def _result(turn: Turn | None, call: ToolCall | None) -> ToolResult | None:
    if turn is None or call is None or call.position >= len(turn.results):
        return None
    return turn.results[call.position]


def _call(pair: CallPair, row: Row, limits: Limits) -> Html:
    label = {
        "missing": "call only on the left",
        "extra": "call only on the right",
        "moved": "call at another place",
        "name": "name of the call",
    }
    texts = [_call_text(call) for call in (pair.left, pair.right)]
    parts = (
        [two_sides(label.get(pair.kind, "call"), texts[0] or None, texts[1] or None, limits)]
        if pair.kind != "same"
        else []
    )
    if _outcome(row.left, pair.left) != _outcome(row.right, pair.right):
        before, after = (
            _result_text(_result(turn, call))
            for turn, call in ((row.left, pair.left), (row.right, pair.right))
        )
        parts.append(two_sides("result", before, after, limits))
    changed = [
        note(
            code(c.pointer or "/"),
            " ",
            el("del", _short(c.before)),
            " → ",
            el("ins", _short(c.after)),
        )
        for c in pair.changes
    ]
    return el("div", parts, changed if len(changed) > 1 or len(texts[0]) > 200 else None)


def _call_text(call: ToolCall | None) -> str:
    if call is None:
        return ""
    given = pretty(call.arguments) if call.arguments is not None else call.raw_arguments
    return f"{call.name}({given})"


def _result_text(result: ToolResult | None) -> str | None:
    return f"{result.status}: {result.content}" if result else None


def two_sides(label: Child, before: Any, after: Any, limits: Limits) -> Html:
    """Draw two values in two columns, what differs marked."""
    texts = ["" if value is None else verbatim(value) for value in (before, after)]
    blocks = marked(texts[0], texts[1], _room(limits))
    sides = [
        el("div", note("none") if value is None else block, class_="ak-side")
        for value, block in zip((before, after), blocks, strict=True)
    ]
    return el("div", el("small", label), el("div", sides, class_="ak-two"))


def _room(limits: Limits) -> int:
    """Return how many characters of a side are shown."""
    return limits.text if limits.details else min(limits.text, _BRIEF)


def excerpt_pair(titles: Sequence[Child], values: Sequence[Any], limits: Limits) -> Html:
    """Draw two excerpts in two columns under their titles; marked where they have anything in
    common.
    """
    texts = ["null" if value is None else verbatim(value) for value in values]
    blocks = marked(texts[0], texts[1], _room(limits), wholly=False)
    sides = [
        el("div", el("small", title), block, class_="ak-side")
        for title, block in zip(titles, blocks, strict=True)
    ]
    return el("div", sides, class_="ak-two")


def _pair(key: str, label: str, parts: Child, equal: Child = None) -> Html:
    body = el("dd", parts, equal, class_="ak-body")
    return el(
        "dl",
        el("dt", el("strong", DIFFERENT, " ", label), class_="ak-label"),
        body,
        class_="ak-row ak-differs",
        data_key=key,
    )


def marked(left: str, right: str, limit: int, *, wholly: bool = True) -> tuple[Html, Html]:
    """Draw both texts as blocks, differing words marked, long equal stretches cut down to what is
    around a difference.

    Args:
        wholly: mark texts too that have no word in common.
    """
    pieces = list(_pieces(left[:limit], right[:limit]))
    if not wholly and not any(
        not differs and text.strip(' \n"{}[]():,.') for differs, text, _ in pieces
    ):
        pieces = [(False, left[:limit], right[:limit])]
    sides = []
    for side, tag, text in ((0, "del", left), (1, "ins", right)):
        shown = [
            _piece(texts[side], tag if differs else "", i, len(pieces))
            for i, (differs, *texts) in enumerate(pieces)
        ]
        rest = len(text) - limit
        sides.append(
            el(
                "pre",
                shown,
                f" … {count(rest, 'more character')}" if rest > 0 else None,
                class_="ak-prose",
                dir="auto",
            )
        )
    return sides[0], sides[1]


def _piece(text: str, tag: str, place: int, pieces: int) -> Child:
    if tag:
        return el(tag, text) if text else None
    if len(text) <= 3 * _AROUND:
        return text
    head, tail = (text[:_AROUND] if place else ""), (text[-_AROUND:] if place < pieces - 1 else "")
    return [
        head,
        el("small", f" … {count(len(text) - len(head) - len(tail), 'equal character')} … "),
        tail,
    ]


def _pieces(left: str, right: str) -> Iterator[tuple[bool, str, str]]:
    """Yield stretches of both texts in order: whether they differ, and the text of each side."""
    a, b = _WORD.findall(left), _WORD.findall(right)
    start = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    room = min(len(a), len(b)) - start
    end = next((i for i in range(room) if a[-1 - i] != b[-1 - i]), room)
    yield False, "".join(a[:start]), "".join(b[:start])
    yield from _middle(a[start : len(a) - end], b[start : len(b) - end])
    yield False, "".join(a[len(a) - end :]), "".join(b[len(b) - end :])


def _middle(a: list[str], b: list[str]) -> Iterator[tuple[bool, str, str]]:
    if max(len(a), len(b)) > _MOST:
        yield True, "".join(a), "".join(b)
        return
    for word, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        yield word != "equal", "".join(a[i:j]), "".join(b[k:m])
