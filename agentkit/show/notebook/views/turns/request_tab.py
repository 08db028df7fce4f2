"""The request of one turn as it was sent: what is new in it is open, the rest folded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import Child, Html, el, fragment
from agentkit.show.render.limits import STATIC
from agentkit.show.render.parts.block import CODE, code, data, note, short
from agentkit.show.render.parts.pretty import pretty
from agentkit.types.record import clip
from agentkit.types.request import Request
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.wire import Exchange
from agentkit.types.words import count

_LINE = 160
"""Characters of a message that stand beside its role."""
_MOST = 40
"""Messages that are drawn one by one."""


def request_tab(trajectory: Trajectory, turn: int, headers: Sequence[str] | None = None) -> Html:
    """Draw the request of a turn.

    Args:
        trajectory: the rollout.
        turn: the turn.
        headers: the names of the headers that its server adds; None where nothing tells.
    """
    asked = trajectory.request(turn)
    body = {**asked.body, **({"stream": True} if trajectory.spec.stream else {})}
    size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    sampling = {k: v for k, v in body.items() if k not in ("model", "messages", "tools")}
    first = el(
        "p",
        el("strong", "POST"),
        " ",
        CODE(_path(trajectory, turn)),
        " ",
        el("small", f"{_bytes(size)}, as sent"),
        class_="ak-bar",
    )
    parts = [
        _messages(trajectory, asked, turn),
        _tools(asked),
        el(
            "div",
            el("strong", "sampling"),
            " ",
            CODE(pretty(masked({"model": asked.model, **sampling}), 1 << 20)),
            class_="ak-sampling",
        ),
        _headers(headers),
    ]
    return fragment(first, el("div", parts, class_="ak-boxed"))


def _exchange(trajectory: Trajectory, turn: int) -> Exchange | None:
    turns = trajectory.all_turns
    if turn < len(turns):
        return turns[turn].response.exchange
    return next((a.exchange for a in reversed(trajectory.attempts) if a.turn == turn), None)


def _path(trajectory: Trajectory, turn: int) -> str:
    """Read the path it was sent to; the rest of the address can hold a key."""
    exchange = _exchange(trajectory, turn)
    try:
        path = urlsplit(exchange.url).path if exchange else ""
    except ValueError:
        path = ""
    return path or "/v1/chat/completions"


def _bytes(size: int) -> str:
    return f"{size} bytes" if size < 1000 else f"{size / 1000:.1f} KB"


def _same(trajectory: Trajectory, asked: Request, turn: int) -> int:
    """Count the messages at the start that the request before had too."""
    before = trajectory.request(turn - 1).messages if turn else ()
    pairs = zip(before, asked.messages, strict=False)
    return next(
        (i for i, (a, b) in enumerate(pairs) if a != b), min(len(before), len(asked.messages))
    )


def _messages(trajectory: Trajectory, asked: Request, turn: int) -> Html:
    same = _same(trajectory, asked, turn)
    known = f"{len(asked.messages)}"
    if same:
        known += f"; the first {same} as in turn {turn - 1}"
    numbered = list(enumerate(asked.messages))
    old = (
        _fold([el("small", f"the first {same}, as in turn {turn - 1}")], _lines(numbered[:same]))
        if same
        else None
    )
    return _fold(
        [el("strong", "messages"), " ", el("small", known)],
        old,
        _lines(numbered[same:]),
        opened=True,
    )


def _lines(messages: list[tuple[int, dict[str, Any]]]) -> list[Child]:
    """Draw messages, the last ones where there are many."""
    rest = len(messages) - _MOST
    more = note("… ", count(rest, "message"), " before them") if rest > 0 else None
    return [more, *[_message(i, wire) for i, wire in messages[-_MOST:]]]


def _message(place: int, wire: dict[str, Any]) -> Html:
    message = Message(wire=wire)
    role = message.role or "no role"
    text = " ".join(message.content.split()) or _called(wire)
    title = [
        el("small", str(place)),
        " ",
        el("strong", CODE(clip(role, 40)), class_=f"ak-role-{role}" if role in _ROLES else None),
        " ",
        el("span", clip(text, _LINE), class_="ak-cut"),
    ]
    return _fold(title, data(pretty(wire), STATIC, "request.messages"), kind="message")


_ROLES = ("system", "user", "assistant", "tool")


def _called(wire: dict[str, Any]) -> str:
    calls = wire.get("tool_calls")
    names = [
        call["function"].get("name", "?")
        for call in (calls if isinstance(calls, list) else ())
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    return f"→ {', '.join(map(str, names))}" if names else "empty"


def _tools(asked: Request) -> Html:
    names = [
        str(tool.get("function", tool).get("name", "?"))
        if isinstance(tool.get("function", tool), dict)
        else "?"
        for tool in asked.tools
    ]
    title = [el("strong", "tools"), " ", el("small", f"{len(names)}", ": " if names else None)]
    named = CODE(short(", ".join(names))) if names else None
    shown = data(pretty(list(asked.tools)), STATIC, "request.tools")
    return el("div", _fold([*title, named], shown), class_="ak-tools")


def _headers(names: Sequence[str] | None) -> Html:
    """Draw what is sent beside the body. A value can be a key, so all of them are dots."""
    sent = ["content-type: application/json", *(f"{clip(name, 80)}: ••••" for name in names or ())]
    told = code(", ".join(sent)) if names is not None else "not kept: they can hold keys"
    return el("div", el("strong", "headers"), " ", el("small", told))


def _fold(
    title: Sequence[Child], *content: Child, kind: str = "fold", opened: bool = False
) -> Html:
    return el(
        "details", el("summary", title), content, class_=f"ak-{kind}", open="" if opened else None
    )
