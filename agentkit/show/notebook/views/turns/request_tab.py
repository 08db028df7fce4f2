"""The request of one turn as it was sent: what is new in it is open, the rest folded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from agentkit.dialects.codecs import CODECS
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import Child, Html, el, fragment
from agentkit.show.render.limits import STATIC
from agentkit.show.render.parts.block import CODE, code, data, note, short
from agentkit.show.render.parts.pretty import pretty, verbatim
from agentkit.show.render.rollout.message import named
from agentkit.show.render.rollout.turn.server_step import in_short
from agentkit.types.record import clip
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
    body = _body(trajectory, turn)
    size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    codec = CODECS.get(trajectory.spec.dialect)
    listed, system = (codec.history, codec.system) if codec else ("messages", "")
    sampling = {k: v for k, v in body.items() if k not in ("model", "tools", listed, system)}
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
        _text(system, body[system]) if body.get(system) else None,
        _messages(trajectory, body.get(listed), turn, listed),
        _tools(body.get("tools")),
        el(
            "div",
            el("strong", "sampling"),
            " ",
            CODE(pretty(masked({"model": body.get("model"), **sampling}), 1 << 20)),
            class_="ak-sampling",
        ),
        _headers(headers),
    ]
    return fragment(first, el("div", parts, class_="ak-boxed"))


def _body(trajectory: Trajectory, turn: int) -> dict[str, Any]:
    stream = {"stream": True} if trajectory.spec.stream else {}
    return {**trajectory.request(turn).body, **stream}


def _text(name: str, value: Any) -> Html:
    """Draw what the model reads before the conversation."""
    words = " ".join(Message(wire={"content": value}).content.split())
    title = [el("strong", name), " ", el("span", clip(words, _LINE), class_="ak-cut")]
    return _fold(title, data(verbatim(value), STATIC, "request"), kind="message")


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
    codec = CODECS.get(trajectory.spec.dialect)
    return path or f"/v1{codec.path if codec else '/chat/completions'}"


def _bytes(size: int) -> str:
    return f"{size} bytes" if size < 1000 else f"{size / 1000:.1f} KB"


def _same(trajectory: Trajectory, sent: list[Any], turn: int, name: str) -> int:
    """Count the messages at the start that the request before had too."""
    before = _body(trajectory, turn - 1).get(name) if turn else ()
    pairs = zip(before or (), sent, strict=False)
    number = 0
    for old, new in pairs:
        if old != new:
            break
        number += 1
    return number


def _messages(trajectory: Trajectory, given: Any, turn: int, name: str) -> Html:
    sent = given if isinstance(given, list) else [] if given is None else [given]
    same = _same(trajectory, sent, turn, name)
    known = f"{len(sent)}"
    if same:
        known += f"; the first {same} as in turn {turn - 1}"
    numbered = list(enumerate(sent))
    old = (
        _fold([el("small", f"the first {same}, as in turn {turn - 1}")], _lines(numbered[:same]))
        if same
        else None
    )
    return _fold(
        [el("strong", name), " ", el("small", known)],
        old,
        _lines(numbered[same:]),
        opened=True,
    )


def _lines(messages: list[tuple[int, Any]]) -> list[Child]:
    """Draw messages, the last ones where there are many."""
    rest = len(messages) - _MOST
    more = note("… ", count(rest, "message"), " before them") if rest > 0 else None
    return [more, *[_message(i, wire) for i, wire in messages[-_MOST:]]]


def _message(place: int, given: Any) -> Html:
    wire = given if isinstance(given, dict) else {"content": given}
    message = Message(wire=wire)
    role = message.role or named(wire)
    text = " ".join(message.content.split()) or _called(wire)
    title = [
        el("small", str(place)),
        " ",
        el("strong", CODE(clip(role, 40)), class_=_ROLES.get(role)),
        " ",
        el("span", clip(text, _LINE), class_="ak-cut"),
    ]
    return _fold(title, data(pretty(given), STATIC, "request.messages"), kind="message")


_ROLES = {"user": "ak-n", "assistant": "ak-k", "tool": "ak-f"}
"""Role to the class that has its colour: that of a person, of the model, of a tool."""


def _called(wire: dict[str, Any]) -> str:
    """Say on a line what a message without a text is: the calls it holds, the types of its parts,
    or of an item its call, its output or its size.
    """
    calls = wire.get("tool_calls")
    names = [
        call["function"].get("name", "?")
        for call in (calls if isinstance(calls, list) else ())
        if isinstance(call, dict) and isinstance(call.get("function"), dict)
    ]
    if names:
        return f"→ {', '.join(map(str, names))}"
    parts = wire.get("content")
    kinds = [_part(part) for part in (parts if isinstance(parts, list) else ())]
    return ", ".join(kinds) or ("empty" if "role" in wire else in_short(wire))


def _part(part: Any) -> str:
    """Name a part of a content: its type, and the tool it is of."""
    if not isinstance(part, dict):
        return type(part).__name__
    name = part.get("name") or part.get("tool_use_id")
    return f"{part.get('type')}{f' {name}' if isinstance(name, str) else ''}"


def _tools(tools: Any) -> Html:
    listed = tools if isinstance(tools, list) else []
    names = [_tool(tool) for tool in listed]
    title = [el("strong", "tools"), " ", el("small", f"{len(names)}", ": " if names else None)]
    listing = CODE(short(", ".join(names))) if names else None
    shown = data(pretty(listed), STATIC, "request.tools")
    return el("div", _fold([*title, listing], shown), class_="ak-tools")


def _tool(tool: Any) -> str:
    """Name a tool; one of the server's own has but a type."""
    inner = tool.get("function", tool) if isinstance(tool, dict) else None
    return str(inner.get("name") or inner.get("type") or "?") if isinstance(inner, dict) else "?"


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
