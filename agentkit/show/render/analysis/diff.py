"""Two rollouts beside each other: how they came out and what they were run with first, then turn by
turn, what is equal behind a fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from agentkit.analysis.alignment import CallPair
from agentkit.analysis.diff import Diff, Difference, Row
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import Child, Html, el
from agentkit.show.render import shown
from agentkit.show.render.analysis.two_columns import (
    ABSENT,
    Line,
    inline,
    line_row,
    same_row,
    table,
    text_line,
    turn_row,
)
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import bar, code, facts, note
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.parts.words import mark, outcome_of, tokens
from agentkit.show.render.rollout.conversation import conversation
from agentkit.show.render.rollout.outline import OutlineEntry, turn_entries
from agentkit.show.render.shown import grouped
from agentkit.trajectory.trouble.points import problem_count
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.words import count, seconds

_SETTINGS = ("model", "tools", "sampling", "dialect", "profile", "parser", "policy")
_TEXTS = {
    "reasoning": "thought",
    "content": "prose",
    "refusal": "prose",
    "finish_reason": "data",
}


@shown.register(Diff)
def diff_fragments(diff: Diff, limits: Limits) -> dict[str, Html]:
    """Draw the head and `beside`, the table of both sides; for plain text a fragment a part."""
    head = _head(diff)
    if not limits.details:
        return {"head": head, **_as_text(diff, limits)}
    rows = [*_rows(diff, limits)]
    return {"head": head, "beside": table(diff.names, rows, "beside")}


def _rows(diff: Diff, limits: Limits) -> Iterator[Html]:
    """Yield the rows of the table as long as there is room."""
    room = limits.size
    yield from (line_row(line, diff.names, limits) for line in _about(diff))
    yield from _prompt(diff, limits)
    rows = diff.rows[: limits.head + limits.tail]
    for differs, stretch in groupby(rows, key=lambda row: bool(row.differences)):
        if room <= 0:
            break
        for drawn in _stretch(diff, differs, [*stretch], limits):
            room -= len(drawn)
            yield drawn
    if len(diff.rows) > len(rows) or room <= 0:
        yield same_row(["… more turns are not shown here; see ", el("code", "diff.rows")])


def _head(diff: Diff) -> Html:
    names = [code(diff.names[0]), "beside", code(diff.names[1])]
    title = bar(el("strong", "Diff"), *names, facts(*_tally(diff)), _verdict(diff))
    first = diff.first
    line = note("first difference: ", difference_line(first)) if first else None
    return el("header", title, line, class_="ak-head", data_key="head")


def _verdict(diff: Diff) -> Html | None:
    """Say that nothing differs: green only where nothing is wrong, either."""
    if diff:
        return None
    troubled = sum(map(problem_count, diff.trajectories))
    icon, tone = ("=", "quiet") if troubled else ("✓", "good")
    return el("span", icon, " nothing differs", class_=f"ak-status ak-{tone}")


def _tally(diff: Diff) -> list[str]:
    if not diff:
        return [count(len(diff.rows), "turn")]
    turns = f"{diff.shared} of {count(len(diff.rows), 'turn')} shared"
    return [count(len(diff.differences), "difference"), turns]


def difference_line(difference: Difference) -> Html:
    """Write one difference on a line."""
    where = f"turn {difference.turn}, " if difference.turn is not None else ""
    of = [" of ", code(difference.of)] if difference.of else None
    at = [" ", code(difference.pointer)] if difference.pointer else None
    values = [_short(value) for value in (difference.before, difference.after)]
    return el("span", where, difference.what, of, at, ": ", inline(*values))


def _short(value: Any) -> str | None:
    if value is None:
        return None
    return clip(verbatim(value) if isinstance(value, str) else pretty(value, 1 << 30), 120)


def _about(diff: Diff) -> Iterator[Line]:
    """Yield what both rollouts came to, and in what they were run differently."""
    rewards = [t.meta.get("reward") for t in diff.trajectories]
    if any(reward is not None for reward in rewards):
        yield Line("reward", _plain(rewards[0]), _plain(rewards[1]), plain=True)
    yield Line("end", _ending(diff.left), _ending(diff.right), plain=True)
    for d in diff.around:
        if d.what == "sampling":
            yield from _settings(diff)
        elif d.what in _SETTINGS:
            yield Line(d.what, d.before, d.after, "data")
        elif d.what == "error":
            yield Line("error", d.before, d.after)


def _plain(value: Any) -> Html:
    return (
        ABSENT
        if value is None
        else el("span", f"{value:.6g}" if isinstance(value, float) else str(value))
    )


def _ending(t: Trajectory) -> Html:
    icon, tone, words = outcome_of(t)
    turns = el("small", count(len(t.all_turns), "turn"))
    return el("span", el("span", icon, " ", words, class_=f"ak-status ak-{tone}"), " ", turns)


def _settings(diff: Diff) -> Iterator[Line]:
    left, right = (masked(t.spec.sampling) for t in diff.trajectories)
    for name in dict.fromkeys((*left, *right)):
        if left.get(name) != right.get(name):
            yield Line(name, left.get(name), right.get(name), "data")


def _prompt(diff: Diff, limits: Limits) -> Iterator[Html]:
    asked = [d for d in diff.around if d.what == "prompt"]
    yield from (line_row(_asked(d), diff.names, limits) for d in asked)
    prompt = diff.left.prompt
    if asked or not prompt:
        return
    entries = [
        OutlineEntry(f"prompt-{i}", message, f"diff.left.prompt[{i}]")
        for i, message in enumerate(prompt)
    ]
    roles = list(dict.fromkeys(str(message.role) for message in prompt))
    yield same_row(_are_the_same(roles), *grouped(conversation(entries, limits)))


def _asked(d: Difference) -> Line:
    return Line(f"prompt {d.pointer}", d.before, d.after)


def _are_the_same(names: Sequence[str]) -> str:
    """Say that these are the same on both sides.

    >>> _are_the_same(["system"]), _are_the_same(["system", "user"])
    ('system is the same', 'system and user are the same')
    """
    *most, last = names
    return f"{', '.join(most)} and {last} are the same" if most else f"{last} is the same"


def _stretch(diff: Diff, differs: bool, rows: Sequence[Row], limits: Limits) -> Iterator[Html]:
    if differs:
        for row in rows:
            yield turn_row(_title(row), *map(_spent, (row.left, row.right)))
            yield from (line_row(line, diff.names, limits) for line in _lines(row, limits))
        return
    turns = [row.left for row in rows if row.left]
    entries = [
        entry
        for turn in turns
        for entry in turn_entries(turn, f"turn-{turn.index}", f"diff.left.turns[{turn.index}]", [])
    ]
    yield same_row(_same_turns(rows), *grouped(conversation(entries, limits)))


def _same_turns(rows: Sequence[Row]) -> str:
    first, last = rows[0].index, rows[-1].index
    if first == last:
        return f"turn {first} is the same"
    return f"turns {first} {'to' if len(rows) > 2 else 'and'} {last} are the same"


def _title(row: Row) -> str:
    if row.left and row.right and row.left.index != row.right.index:
        return f"turn {row.left.index} beside {row.right.index}"
    return f"turn {row.index}"


def _spent(turn: Turn | None) -> Child:
    """Write how long a turn took, and its tokens."""
    if turn is None:
        return ABSENT
    return " · ".join(filter(None, [seconds(turn.elapsed), tokens(turn.response.usage)]))


def _lines(row: Row, limits: Limits) -> Iterator[Line]:
    """Yield the parts of a turn of which one side has something at least, in their order."""
    for d in row.differences:
        if d.what in ("said", "sampling"):
            yield Line(d.what, d.before, d.after, "data")
    left, right = row.left, row.right
    for what, kind in _TEXTS.items():
        if what == "finish_reason":
            yield from _calls(row)
            if left and right and all(d.what != what for d in row.differences):
                continue  # the same end, in the words of two dialects
        before, after = _text(left, what), _text(right, what)
        if before != after or (before and what != "finish_reason"):
            yield Line(what.replace("_reason", ""), before, after, kind)


def _text(turn: Turn | None, what: str) -> str | None:
    text = getattr(turn.response, what) if turn else None
    return text.strip("\n") or None if text else None


def _calls(row: Row) -> Iterator[Line]:
    for pair in row.calls or [*_alone(row)]:
        moved = " moved" if pair.kind == "moved" else ""
        yield Line(f"call{moved}", _call_text(pair.left), _call_text(pair.right), "data")
        before, after = _result(row.left, pair.left), _result(row.right, pair.right)
        if before or after:
            yield Line("result", _result_text(before), _result_text(after), "data")


def _alone(row: Row) -> Iterator[CallPair]:
    """Yield the calls of a turn that only one side has."""
    for call in row.left.tool_calls if row.left else ():
        yield CallPair(left=call, right=None)
    for call in row.right.tool_calls if row.right else ():
        yield CallPair(left=None, right=call)


def _result(turn: Turn | None, call: ToolCall | None) -> ToolResult | None:
    if turn is None or call is None or call.position >= len(turn.results):
        return None
    return turn.results[call.position]


def _call_text(call: ToolCall | None) -> str | None:
    if call is None:
        return None
    given = pretty(call.arguments) if call.arguments is not None else call.raw_arguments
    return f"{call.name} {given}"


def _result_text(result: ToolResult | None) -> str | None:
    if result is None:
        return None
    if result.status == "ok":
        return result.content
    return f"{mark(result.status).icon} {result.status}: {result.content}"


def _as_text(diff: Diff, limits: Limits) -> dict[str, Html]:
    """Draw the same for plain text: what differs alone, two lines a part."""
    parts = {"about": [text_line(line, limits) for line in _about(diff)]}
    parts["prompt"] = [text_line(_asked(d), limits) for d in diff.around if d.what == "prompt"]
    shown: dict[str, Html] = {
        key: el("div", lines, data_key=key) for key, lines in parts.items() if lines
    }
    rows = diff.rows[: limits.head + limits.tail]
    for differs, stretch in groupby(rows, key=lambda row: bool(row.differences)):
        found = [*stretch]
        if not differs:
            shown[f"same-{found[0].index}"] = note("= ", _same_turns(found))
            continue
        for row in found:
            lines = [line for line in _lines(row, limits) if line.left != line.right]
            shown[f"row-{row.index}"] = el(
                "dl",
                el("dt", el("strong", "≠ ", _title(row))),
                el("dd", [text_line(line, limits) for line in lines]),
                class_="ak-row",
            )
    if len(diff.rows) > len(rows):
        shown["gap"] = note("… more turns are not shown here; see ", el("code", "diff.rows"))
    return shown
