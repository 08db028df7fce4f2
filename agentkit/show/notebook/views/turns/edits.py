"""What can be changed in a turn, in the prompt and in a request, as texts that are edited in their
own row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agentkit.errors import AgentkitError, NotFound, UsageError
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.validation import check_schema
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import Html
from agentkit.show.notebook.live import sendable
from agentkit.show.notebook.views.turn_acts import slot_parts
from agentkit.show.notebook.views.turns.changed import changed_text
from agentkit.show.notebook.views.turns.turn_tabs import TurnTabs
from agentkit.show.render.parts.pretty import pretty
from agentkit.trajectory.edit import edit
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.trajectory import Message, Trajectory, Turn

_JSON = ("arguments", "sampling", "tools")
"""Kinds of slots that hold JSON whatever stands in them."""


class RowEdits(TurnTabs):
    """What a view of a debugger has for changes in their own row. A slot is named by what it holds
    and where: `result:0`, `prompt:1`, `message`.
    """

    def do_slots(self, turn: int, ask: int) -> None:
        """Send what can be changed in a turn."""
        found = slot_parts(slots_in(self.trajectory, turn))
        self.reply({"type": "told", "ask": ask, "slots": found})

    def do_slot(self, turn: int, what: str, ask: int) -> None:
        """Send what a slot holds now, and a guess at what was meant by the arguments of a call."""
        text = slot_text(self.trajectory, turn, what)
        guess = guess_at(self.trajectory, turn, what)
        self.reply({"type": "told", "ask": ask, "text": sendable(text), "guess": sendable(guess)})

    def do_draft(self, turn: int, what: str, text: str, ask: int) -> None:
        """Send what a draft changes, what is wrong with it, and whether it fits the tool."""
        old, wrong, fits = slot_text(self.trajectory, turn, what), "", False
        kind, _, place = what.partition(":")
        if kind in _JSON:
            try:
                value = _json_of(kind, text)
            except UsageError as error:
                wrong = error.message
            else:
                if kind == "arguments":
                    wrong, fits = _checked(self.trajectory, turn, int(place), value)
        html: Html | str = changed_text(old, text) or ""
        self.reply({"type": "told", "ask": ask, "html": html, "wrong": wrong, "fits": fits})

    def do_apply(self, turn: int, what: str, text: str, ask: int) -> None:
        """Post a change, which makes a new branch; or say in its row why it cannot be made."""
        wrong, trajectory = "", self.trajectory
        try:
            change = change_of(trajectory, turn, what, text)
            if turn <= len(trajectory.turns):
                edit(trajectory, **change)
        except AgentkitError as error:
            wrong = str(error)
        else:
            self.target.post("edit", **change)
        self.reply({"type": "told", "ask": ask, "wrong": sendable(wrong)})


def slots_in(trajectory: Trajectory, at: int) -> Iterator[tuple[str, str]]:
    """Yield what can be changed in a turn and how it is called, in the order of the turn."""
    turn = _turn(trajectory, at)
    if turn is not None:
        for i in range(len(turn.tool_calls)):
            yield f"arguments:{i}", f"Arguments of {_named(turn, i)}"
            if i < len(turn.results) and turn.results[i] is not None:
                yield f"result:{i}", f"Result of {_named(turn, i)}"
        alone = " as a text without calls" if turn.tool_calls else ""
        yield "message", f"Answer{alone}"
    for i, message in enumerate(_added(trajectory, at)):
        yield f"added:{i}", f"Message before it, {clip(message.role, 20)}"
    yield "sampling", "Sampling, and ask again"
    yield "tools", "Tools, and ask again"


def _named(turn: Turn, place: int) -> str:
    several = len(turn.tool_calls) > 1
    return f"{clip(turn.tool_calls[place].name or '?', 40)}{f' ({place})' if several else ''}"


def slot_text(trajectory: Trajectory, at: int, what: str) -> str:
    """Read what a slot holds now, as it is edited.

    Raises:
        NotFound: there is no such slot.
    """
    kind, _, place = what.partition(":")
    turn, i = _turn(trajectory, at), int(place) if place.isdecimal() else 0
    try:
        match kind:
            case "message":
                return (turn.response.content or "") if turn else ""
            case "arguments" if turn:
                return arguments_text(turn.tool_calls[i])
            case "result" if turn:
                result = turn.results[i]
                return "" if result is None else _laid_out(result.content)
            case "prompt" | "added":
                messages = trajectory.prompt if kind == "prompt" else _added(trajectory, at)
                content = messages[i].wire.get("content")
                return content if isinstance(content, str) else pretty(content)
            case "sampling":
                return pretty(_shown(_sampling(trajectory, at)))
            case "tools":
                return pretty(_sampling(trajectory, at).get("tools", list(trajectory.spec.tools)))
    except IndexError:
        pass
    raise NotFound(f"there is no {what!r} in turn {at}")


def guess_at(trajectory: Trajectory, at: int, what: str) -> str:
    """Write what was probably meant by the arguments of a call, "" where nothing is known."""
    turn, (kind, _, place) = _turn(trajectory, at), what.partition(":")
    if turn is None or kind != "arguments" or int(place) >= len(turn.tool_calls):
        return ""
    suggestion = turn.tool_calls[int(place)].suggestion
    return "" if suggestion is None else pretty(suggestion)


def arguments_text(call: ToolCall) -> str:
    """Write the arguments of a call as they are edited."""
    return pretty(call.arguments) if call.arguments is not None else call.raw_arguments


def _laid_out(content: str) -> str:
    """Lay out a long result that is JSON; what cannot be read stays as it is."""
    if "\n" in content or len(content) < 60:
        return content
    try:
        return pretty(json.loads(content))
    except (ValueError, RecursionError):
        return content


def _sampling(trajectory: Trajectory, at: int) -> dict[str, Any]:
    turn, opened = _turn(trajectory, at), trajectory.open
    own = turn.sampling if turn else opened.sampling if opened else None
    return {**trajectory.spec.sampling, **(own or {})}


def _shown(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out secrets, which stay as they are, and tools, which have a slot of their own."""
    return {
        name: value
        for name, value in fields.items()
        if name != "tools" and masked({name: value}) == {name: value}
    }


def change_of(trajectory: Trajectory, at: int, what: str, text: str) -> dict[str, Any]:
    """Make the arguments of `dbg.edit`.

    Raises:
        UsageError: what must be JSON is none.
    """
    kind, _, place = what.partition(":")
    i = int(place) if place.isdecimal() else 0
    match kind:
        case "arguments":
            return {"turn": at, "call": i, "arguments": _json_of(kind, text)}
        case "result":
            return {"turn": at, "call": i, "result": _compact(trajectory, at, i, text)}
        case "sampling":
            return {"turn": at, "sampling": _json_of(kind, text)}
        case "tools":
            return {"turn": at, "sampling": {"tools": _json_of(kind, text)}}
        case "prompt":
            return {"prompt": _with(trajectory.prompt, i, text)}
        case "added":
            return {"turn": at, "prompt": _with(_added(trajectory, at), i, text)}
    return {"turn": at, "message": text}


def _compact(trajectory: Trajectory, at: int, place: int, text: str) -> str:
    """Write a result that was laid out for the edit on one line again."""
    turn = _turn(trajectory, at)
    result = turn.results[place] if turn and place < len(turn.results) else None
    if result is None or "\n" in result.content or _laid_out(result.content) == result.content:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _with(messages: tuple[Message, ...], place: int, text: str) -> list[dict[str, Any]]:
    """Give one of the messages another content; one of several parts is edited as JSON."""
    content: Any = text
    if not isinstance(messages[place].wire.get("content"), str):
        content = _read(text)
    changed = replace(messages[place], wire={**messages[place].wire, "content": content})
    return [m.wire for m in (*messages[:place], changed, *messages[place + 1 :])]


def object_from(text: str) -> dict[str, Any]:
    """Read a text as a JSON object.

    Raises:
        UsageError: it is none.
    """
    value: dict[str, Any] = _json_of("arguments", text)
    return value


def _json_of(kind: str, text: str) -> Any:
    value = _read(text)
    wanted = list if kind == "tools" else dict
    if not isinstance(value, wanted):
        shape = "a list: [ … ]" if kind == "tools" else "an object: { … }"
        raise UsageError(f"this is JSON, but not {shape}")
    return value


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"not JSON: {error}", hint='write an object, such as {"city": "Oslo"}'
        ) from None


def _checked(trajectory: Trajectory, at: int, place: int, value: Any) -> tuple[str, bool]:
    """Say what does not fit the tool's schema, and whether all of it does."""
    turn = _turn(trajectory, at)
    name = turn.tool_calls[place].name if turn and place < len(turn.tool_calls) else ""
    tools = KnownTools(trajectory.spec.tools)
    if name not in tools:
        return "", False
    wrong, _ = check_schema(value, tools.parameters(name), "")
    return "; ".join(p.message for p in wrong[:3]), not wrong


def _added(trajectory: Trajectory, at: int) -> tuple[Message, ...]:
    """Find the messages that a person put before a turn."""
    turn = _turn(trajectory, at) or trajectory.open
    return turn.added if turn is not None else ()


def _turn(trajectory: Trajectory, at: int) -> Turn | None:
    turns = trajectory.all_turns
    return turns[at] if 0 <= at < len(turns) else None
