"""The answer of one turn as it came: its events and their times, and the text byte for byte."""

from __future__ import annotations

import json
import re
from statistics import median
from typing import NamedTuple

from agentkit.dialects.codecs import CODECS
from agentkit.dialects.delta import Delta
from agentkit.read.stream.growing import Growing
from agentkit.show.html import Child, Html, el, fragment
from agentkit.show.render.limits import STATIC
from agentkit.show.render.parts.block import CODE, code, data, fold, note, whole
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.words import tokens
from agentkit.show.render.rollout.raw import headers
from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import clip
from agentkit.types.trajectory import ToolResult, Trajectory, Turn
from agentkit.types.words import count

_LONG = 8
"""How many times the usual gap makes a long one, which also takes a tenth of a second."""
_ROWS = 40
"""Events of the table at most."""
_WIDTH = 1000


class StreamEvent(NamedTuple):
    """One event of a stream."""

    at: float
    gap: float
    kind: str
    """`content`, `reasoning`, `refusal`, `name` or `arguments`; "" where it added no text."""
    text: str
    name: str = ""
    """What the last event in it is called, where its dialect names events."""
    long: float = 0
    """How many times the usual gap it took, where that is much."""


def response_tab(trajectory: Trajectory, turn: int) -> Html:
    """Draw the answer of a turn."""
    shown = trajectory.all_turns[turn]
    response = shown.response
    exchange = response.exchange
    kind = next((v for n, v in exchange.headers if n.lower() == "content-type"), None)
    events = _arrivals(response)
    good = exchange.status is None or exchange.status < 400
    known = [
        el("strong", str(exchange.status), class_="ak-good" if good else "ak-bad")
        if exchange.status
        else None,
        code(kind.partition(";")[0]) if kind else None,
        count(len(events), "event") if events else None,
        ["finish ", code(response.finish_reason)] if response.finish_reason else "no finish reason",
        "written by hand" if exchange.by_hand else None,
    ]
    line = el("p", [[" · " if i else "", k] for i, k in enumerate(filter(None, known))])
    return fragment(
        line,
        el("div", _timed(response, events), class_="ak-view ak-events"),
        el("div", _raw(response), class_="ak-view ak-raws"),
        headers(exchange, STATIC),
        _details(shown),
    )


def _raw(response: Response) -> list[Child]:
    exchange = response.exchange
    if not exchange.text:
        return [note("nothing came")]
    raw = exchange.raw
    came = whole(exchange.text, STATIC, "turn.response.exchange.text")
    if isinstance(raw, str):
        return [came]
    return [data(pretty(raw), STATIC, "turn.raw"), fold("as it came", came)]


def _states(call: ToolCall, result: ToolResult | None) -> list[Child]:
    """Write how the call was read, where it is not simply right, and what came of it."""
    read = ["read as ", CODE(call.status), " "] if call.status != "ok" else None
    return [read, CODE(result.status)] if result is not None else [read, "no result"]


def _details(turn: Turn) -> Child:
    """List what is of no use to most and of much to some: ids, dialect, what only a server could
    open.
    """
    response = turn.response
    sealed = sum(block.kind == "encrypted" for block in response.reasoning_blocks)
    results = dict(enumerate(turn.results))
    calls = [
        el("li", code(call.name or "?"), " id ", code(call.id), " ", _states(call, results.get(i)))
        for i, call in enumerate(response.tool_calls[:20])
    ]
    steps = [el("li", code(step.summary())) for step in response.server_steps[:20]]
    return fold(
        "details",
        el(
            "ul",
            el("li", "dialect ", code(response.dialect)),
            el("li", "model ", code(response.model)) if response.model else None,
            el("li", f"{count(sealed, 'part')} of the reasoning encrypted") if sealed else None,
            calls,
            steps,
        ),
    )


_NAMED = re.compile(r"^event: ?(\S{1,60})", re.MULTILINE)


def _arrivals(response: Response) -> list[StreamEvent]:
    growing, last = Growing(), 0.0
    found: list[StreamEvent] = []
    if response.exchange.text.lstrip()[:1] in ("{", "["):
        return found  # asked for as a stream, and answered in one piece
    for chunk in response.exchange.chunks:
        deltas = growing.feed(chunk)
        gap, last = chunk.at - last, chunk.at
        name = _NAMED.findall(chunk.text) if response.dialect in CODECS else ()
        found.append(StreamEvent(chunk.at, gap, *_added(deltas), name[-1] if name else ""))
    usual = median([e.gap for e in found[1:]] or [0.0])
    return [
        e._replace(long=e.gap / usual) if i and usual > 0 and e.gap > max(0.1, _LONG * usual) else e
        for i, e in enumerate(found)
    ]


def _added(deltas: list[Delta]) -> tuple[str, str]:
    """Say what kind of text a piece added, and the text; of a call that came whole its name, then
    its arguments.
    """
    kinds = [d.kind for d in deltas]
    parts = [
        f" {d.text}" if before == "name" else d.text
        for before, d in zip(["", *kinds], deltas, strict=False)
    ]
    return "name" if "name" in kinds else kinds[-1] if kinds else "", "".join(parts)


def _timed(response: Response, events: list[StreamEvent]) -> list[Child]:
    whole_time = response.exchange.elapsed or (events[-1].at if events else 0)
    if not events or whole_time <= 0:
        return [note("the answer came in one piece" if not events else "no time was recorded")]
    return [_waterfall(events, whole_time), _table(response, events)]


_FILL = {"reasoning": "reasoning", "name": "tool", "arguments": "tool"}


def _waterfall(events: list[StreamEvent], total: float) -> Html:
    scale = _WIDTH / total
    first = next((e.at for e in events if e.kind), events[0].at)
    parts: list[Html] = [_bar("wait", 0, first * scale)]
    begin, kind = first, ""
    for e in events:
        fill = _FILL.get(e.kind, "model") if e.kind else kind
        if fill != kind and kind:
            parts.append(_bar(kind, begin * scale, e.at * scale))
            begin = e.at
        kind = fill
    parts.append(_bar(kind or "model", begin * scale, _WIDTH))
    ticks = "".join(
        f"M{e.at * scale:.1f} {18 if e.long else 21}v{14 if e.long else 8}" for e in events
    )
    parts.append(el("path", d=ticks, class_="ak-ticks"))
    axis = el(
        "div",
        [el("span", f"{total * k / 4:.2f}{' s' if k == 4 else ''}") for k in range(5)],
        class_="ak-axis",
    )
    title = f"{count(len(events), 'event')} in {total:.2f} s, the first after {first:.2f} s"
    drawn = el(
        "svg",
        el("title", title),
        parts,
        viewBox=f"0 0 {_WIDTH} 34",
        role="img",
        aria_label=title,
        class_="ak-waterfall",
    )
    return fragment(drawn, axis)


def _bar(kind: str, start: float, end: float) -> Html:
    return el(
        "rect",
        x=f"{start:.1f}",
        y="4",
        width=f"{max(1, end - start):.1f}",
        height="10",
        class_=f"ak-w-{kind}",
    )


_WORDS = {"name": "call begins", "": "no text"}
_TH = [el("th", name, scope="col") for name in ("s", "gap", "event", "what it added")]


def _table(response: Response, events: list[StreamEvent]) -> Html:
    """List the events that say something: the first of a kind or of a name, those after a long gap,
    the last.
    """
    told, kind, names = [], None, {""}
    for e in events[:-1]:
        if e.long or (e.kind and e.kind != kind) or (not e.kind and e.name not in names):
            told.append(e)
        kind = e.kind or kind
        names.add(e.name)
    last = events[-1]
    if last.kind and last.kind != kind:
        told, last = [*told, last], last._replace(long=0)
    rows = [_event(e) for e in told[: _ROWS - 1]]
    rest = len(told) - len(rows)
    rows.append(_event(last, tokens(response.usage) or "end"))
    return el(
        "table",
        el("thead", el("tr", _TH)),
        el("tbody", rows),
        el("caption", f"{count(rest, 'more event')} not shown") if rest else None,
        class_="ak-arrivals",
    )


def _event(e: StreamEvent, end: str = "") -> Html:
    gap = el("span", f"▲ a gap {e.long:.0f} times the usual", class_="ak-warn") if e.long else None
    name = el("small", e.name) if e.name else None
    said = end or json.dumps(clip(e.text, 60), ensure_ascii=False)
    return el(
        "tr",
        el("td", f"{e.at:.2f}", class_="ak-number"),
        el("td", f"{e.gap:.2f}", class_=f"ak-number{' ak-warn' if e.long else ''}"),
        el("td", "end" if end else _WORDS.get(e.kind, e.kind)),
        el("td", CODE(said) if e.text or end or not name else None, " ", name, " ", gap),
        class_="ak-long" if e.long else None,
    )
