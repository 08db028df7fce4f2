"""What waits for a person, as a page shows it: what would go or come, and what can be done."""

from __future__ import annotations

from collections.abc import Iterable

from agentkit.debugger.break_on import KINDS
from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.show.notebook.page_parts import Part, button, closing, part
from agentkit.show.notebook.views.watch.flow_drafts import Field, fields_of
from agentkit.show.render.watch import stop_words
from agentkit.tap.hold.pending_flow import PendingFlow
from agentkit.trajectory.stitch.link import FlowLink
from agentkit.types.record import clip
from agentkit.types.words import count, in_line

MOST_CARDS = 20
"""Flows that wait which are drawn."""
_SHORT = 1_500
"""Characters of messages that are open at once."""
_NAMES = 100
"""Tools that a rule is offered for."""
_FAILS = ((429, "too many requests"), (500, "the server failed"), (529, "overloaded"))
_RULES = {
    "tool": "answers that call",
    "request": "requests, before they leave",
    "text": "answers that say",
    "problem": "answers with a problem",
    "finish": "answers that finish with",
    "turn": "turn number",
}
"""Kind of breakpoint to what is held."""


def pending_part(pending: PendingFlow, link: FlowLink | None) -> Part:
    """Describe a request or an answer that waits; the page opens the first one."""
    answer = pending.side == "answer"
    fields = fields_of(pending)
    where = f"rollout {link.rollout} · turn {link.turn}" if link else f"request {pending.number}"
    about = "before it reaches the agent" if answer else "before it leaves"
    head = part(
        "summary.ak-whead",
        part("strong", "Answer held" if answer else "Request held", icon="pause"),
        part("span.ak-fact", where),
        part("span.ak-chip", in_line(clip(pending.label, 40))) if pending.label else None,
        _changed(pending),
        part("span.ak-cut", f"{about}, by {in_line(clip(stop_words(pending), 90))}"),
        part("span.ak-grow"),
        part("span.ak-number", "", data_tick="", data_started=f"{pending.since:.3f}"),
    )
    body = [_field(pending.number, field) for field in fields]
    if not fields:
        body = [part("p.ak-fact", _unread(pending))]
    return part(
        "details.ak-wcard",
        head,
        part("div.ak-wfields", *body),
        _actions(pending),
        _patience(pending),
        data_number=str(pending.number),
        aria_label=f"{'answer' if answer else 'request'} held, {where}",
    )


def _changed(pending: PendingFlow) -> Part | None:
    """Mark what was changed in code; what is written in the page is a draft until it is sent."""
    words = in_line(clip(pending.changed, 160))
    return part("span.ak-chip.ak-warn", "changed", title=words) if words else None


def _unread(pending: PendingFlow) -> str:
    if pending.side == "request":
        return (
            f"{pending.flow.method} {in_line(clip(pending.flow.path, 90))}: no question to a model"
        )
    return "this is no answer of a model that could be changed: it can be sent, or failed"


def _field(number: int, field: Field) -> Part:
    """Describe a text that can be changed in place, and where its difference is shown."""
    name = f"ak-w-{number}-{field.name}"
    is_call = field.name.startswith("call-")
    long = field.name in ("messages", "tools")
    title = part("code.ak-name", field.words) if is_call else part("strong", field.words)
    small = part("small", "arguments") if is_call else None
    rows = min(14, max(1 + field.text.count("\n"), len(field.text) // 90 + 1))
    text = part(
        "textarea.ak-wtext",
        field.text,
        rows=rows,
        spellcheck=False,
        data_field=field.name,
        aria_label=f"{'arguments of ' if is_call else ''}{field.words}",
        id=name,
    )
    told = part("div.ak-wdiff", aria_live="polite")
    if long:
        size = f"{count(len(field.text), 'character')}"
        inside = part("summary", title, part("small", size))
        opened = field.name == "messages" and len(field.text) < _SHORT
        return part("details.ak-wfield", inside, text, told, open=opened)
    return part("div.ak-wfield", part("label", title, small, htmlFor=name), text, told)


def _actions(pending: PendingFlow) -> Part:
    fails = [
        button(f"Fail {status}", kind="ak-line", data_act="fail", value=str(status), title=words)
        for status, words in _FAILS
    ]
    by_hand = part(
        "details.ak-whand",
        part("summary.ak-bt.ak-line", "Answer by hand…"),
        part(
            "textarea.ak-wtext",
            rows=2,
            spellcheck=False,
            data_hand="",
            placeholder='a text, or calls: [["pay", {"amount": 5}]]',
            aria_label="answer in place of the server's",
        ),
        button("Answer so", kind="ak-line", icon="send", data_act="answer"),
    )
    return part(
        "div.ak-wacts",
        button("Send", kind="ak-main", icon="send", data_act="send", title="Ctrl Enter"),
        button(
            "Send as it came",
            kind="ak-line",
            data_act="release",
            data_changed="" if pending.changed else None,
            hidden=not pending.changed,
        ),
        *fails,
        by_hand,
        part("small.ak-wsays", role="status"),
    )


def _patience(pending: PendingFlow) -> Part:
    """Describe how long the client waits, and what comes then."""
    if pending.kept_waiting:
        return part("small.ak-wpatience", "The client is kept waiting: it does not give up.")
    if pending.limit is None:
        return part("small.ak-wpatience", "The client waits without a limit.")
    until = (pending.flow.started or pending.since) + pending.limit
    return part(
        "small.ak-wpatience",
        "The client gives up in ",
        part("b.ak-number", "", data_left=f"{until:.3f}"),
        f", {pending.limit:.0f} s after it asked, and asks again.",
    )


def rule_parts(points: Breakpoints, names: Iterable[str]) -> list[Part]:
    """Describe the rules, and the line that adds one."""
    listed = [
        part(
            "li",
            part("code", in_line(clip(point.text, 120))),
            part("small", f"held {points.hits(i)}"),
            closing("unhold", f"Remove the rule {clip(point.text, 60)}", {"place": i}),
        )
        for i, point in enumerate(points)
    ]
    kinds = [part("option", words, value=kind) for kind, words in _RULES.items() if kind in KINDS]
    offered = [part("option", value=in_line(clip(name, 80))) for name in [*names][:_NAMES]]
    form = part(
        "form.ak-wadd",
        part("span", "Hold"),
        part("select", *kinds, name="kind", aria_label="what is held"),
        part(
            "input", name="value", placeholder="name, words", aria_label="which", list="ak-wtools"
        ),
        part("datalist", *offered, id="ak-wtools"),
        part("input", name="where", placeholder="where: amount > 100", aria_label="condition"),
        button("Add", kind="ak-line", type="submit"),
        do="hold",
        data_reset="",
    )
    return [part("ul.ak-wrules", *listed), form] if listed else [form]
