"""A server's answer: the head of its turn, the reasoning, the text, the calls, what is wrong, and
the wire behind a click.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from agentkit.read.choices import count_choices
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import HOLE, Child, Html, el, fragment, shape
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    CODE,
    code,
    facts,
    fold,
    note,
    prose,
    short,
    status,
    whole,
)
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.rows import box, head, part
from agentkit.show.render.parts.words import by_hand, tokens, tokens_in_short
from agentkit.show.render.rollout.problem import problems
from agentkit.show.render.rollout.raw import raw, retries
from agentkit.show.render.rollout.turn.call import ID, call_row, identity, is_usual
from agentkit.show.render.rollout.turn.pieces import AnswerPiece, pieces
from agentkit.show.render.rollout.turn.result import came
from agentkit.show.render.rollout.turn.server_step import sources, step_row
from agentkit.show.render.rollout.turn.thinking import reasoning
from agentkit.trajectory.trouble.points import turn_points
from agentkit.types.answer import Response, ToolCall
from agentkit.types.trajectory import ToolResult, Turn
from agentkit.types.words import count, seconds

_OF_CALL = shape(el("div", HOLE, " ", HOLE))
_ID_OF_CALL = shape(_OF_CALL(CODE(HOLE), ID(HOLE)))
_DETAILS = shape(part(HOLE, "details", fold("details", HOLE)))
_USUAL = frozenset({"stop", "tool_calls", "completed", "end_turn", "tool_use"})
"""Finish reasons that say nothing which the answer does not show."""


def answer(
    key: str,
    response: Response,
    limits: Limits,
    at: str,
    turn: Turn | None = None,
    *,
    state: str = "",
) -> dict[str, Html]:
    """Draw an answer: its head, then a fragment for each of its parts and calls, a call with its
    result where the answer is a turn's. `state` is the word for a call without one.
    """
    path = f"{at}.response" if turn else at
    found = {key: _head(key, response, turn, alone=not at.startswith("trajectory"))}
    found.update(_parts(key, response, limits, path))
    found.update(_calls(key, response, limits, at, turn, state))
    if response.problems:
        listed = problems(response.problems, limits)
        found[f"{key}/problems"] = part(f"{key}/problems", "wrong", listed)
    if limits.details and limits.wire and (behind := _details(response, limits, path, turn)):
        found[f"{key}/details"] = _DETAILS(f"{key}/details", behind)
    return found


def _head(key: str, response: Response, turn: Turn | None, *, alone: bool) -> Html:
    """Draw the head of a turn; one that stands alone says which API its answer is of, in a rollout
    its own head does.
    """
    exchange = response.exchange
    known = facts(
        *(by_hand(exchange) if exchange.by_hand else ()),
        seconds(exchange.elapsed),
        tokens_in_short(response.usage),
        _finish(response),
        f"{response.dialect} API" if alone and response.dialect != "chat" else None,
    )
    name = f"Turn {turn.index}" if turn else "Answer"
    return head(key, turn.index if turn else None, name, known, tone=_tone(response, turn))


def _tone(response: Response, turn: Turn | None) -> str:
    """Tell how bad the worst is that went wrong in a turn."""
    if _is_quiet(response, turn):
        return ""
    wrong = turn_points(turn) if turn else response.all_problems
    severities = {point.severity for point in wrong}
    return "bad" if "error" in severities else "warn" if "warning" in severities else ""


def _is_quiet(response: Response, turn: Turn | None) -> bool:
    """Tell whether nothing went wrong, as is usual, without making a list of it."""
    for result in turn.results if turn else ():
        if result is not None and result.status not in ("ok", "edited"):
            return False
    for call in (*response.tool_calls, *response.recoverable):
        if call.problems:
            return False
    return not response.problems and not response.exchange.retries


def _finish(response: Response) -> Child:
    """Write how the answer ended, where that is not the usual."""
    reason = response.finish_reason
    if reason in _USUAL or response.exchange.by_hand:
        return None
    return _finished(reason) if reason else "no finish reason"


@lru_cache(256)
def _finished(reason: str) -> Html:
    return fragment("finish ", code(reason))


def _parts(key: str, response: Response, limits: Limits, at: str) -> Iterator[tuple[str, Html]]:
    """Draw what an answer says, what led to it, and what the server did, in the order in which it
    came.
    """
    if tries := retries(response.exchange, limits):
        yield f"{key}/tries", part(f"{key}/tries", "tries", tries)
    found = pieces(response)
    last = max(place for place, piece in enumerate(found) if piece.kind == "text")
    for place, piece in enumerate(found[: limits.items]):
        name = f"{key}/{piece.name}"
        if piece.kind == "step":
            step, where = response.server_steps[piece.step], f"{at}.server_steps[{piece.step}]"
            yield name, step_row(name, step, limits, where)
        elif piece.kind == "reasoning":
            if thought := reasoning(piece.text, piece.blocks, limits, _at(piece, at, "reasoning")):
                yield name, part(name, "thought", thought)
        elif text := _texts(response, piece, limits, at, place == last):
            yield name, part(name, "text", text)


def _at(piece: AnswerPiece, at: str, field: str) -> str:
    """Tell where a text is as a whole; a part of it has no place of its own."""
    return f"{at}.{field}" if piece.alone else ""


def _texts(
    response: Response, piece: AnswerPiece, limits: Limits, at: str, last: bool
) -> list[Child]:
    """Draw a text, what it cites, and behind the last one what is said of the whole answer."""
    said = prose(piece.text, limits, _at(piece, at, "content")) if piece.text else None
    cited = sources(piece.cites, limits) if piece.cites else None
    number, refused = count_choices(response), response.refusal
    if not last or (number == 1 and said and not refused):
        return [one for one in (said, cited) if one is not None]
    shown = [
        said,
        cited,
        fragment(status("refusal"), " ", prose(refused, limits, f"{at}.refusal"))
        if refused
        else None,
        note("no text") if not (response.content or refused or response.tool_calls) else None,
        note(f"the first of {number} choices; all of them: ", el("code", "ak.sample_tree(turn)"))
        if number > 1
        else None,
    ]
    return [part for part in shown if part is not None]


def _calls(
    key: str, response: Response, limits: Limits, at: str, turn: Turn | None, state: str
) -> Iterator[tuple[str, Html]]:
    """Draw the calls with what came of them, the calls found in the text, and results that no call
    asked for.
    """
    path, calls, size = f"{at}.response" if turn else at, response.tool_calls, 0
    for i, call in enumerate(calls):
        if i >= limits.items or size > limits.size // 4:
            more = note("… ", count(len(calls) - i, "more call"), " not shown")
            yield f"{key}/more", part(f"{key}/more", "more", more)
            break
        where = f"{at}.results[{i}]"
        got = came(_result(turn, i), state, limits, where, call.name) if turn else None
        name = f"{key}/call-{i}"
        row = call_row(name, call, limits, f"{path}.tool_calls[{i}]", got, position=i)
        size += len(row)
        yield name, row
    for i, call in enumerate(response.recoverable[: limits.items]):
        name = f"{key}/found-{i}"
        yield name, call_row(name, call, limits, f"{path}.recoverable[{i}]", found=True)
    if turn and len(turn.results) > len(calls):
        yield from _strays(key, turn, limits, at)


def _result(turn: Turn, position: int) -> ToolResult | None:
    return turn.results[position] if position < len(turn.results) else None


def _strays(key: str, turn: Turn, limits: Limits, at: str) -> Iterator[tuple[str, Html]]:
    calls, results = len(turn.tool_calls), turn.results
    for i in range(calls, min(len(results), calls + limits.items)):
        got = came(results[i], "no result", limits, f"{at}.results[{i}]")
        name = f"{key}/result-{i}"
        yield name, box(name, None, *got.lines, tone=got.tone)


def _details(response: Response, limits: Limits, at: str, turn: Turn | None) -> list[Html]:
    """Draw what is seldom looked for, and so is behind one click: labels of the wire, and the
    answer as it came.
    """
    labels = facts(
        _finished(response.finish_reason) if response.finish_reason else None,
        tokens(response.usage),
        _sources(response) if response.reasoning_blocks else None,
    )
    known = [labels] if labels else []
    known += [_identity(call) for call in response.tool_calls[: limits.items]]
    known += [_identity(call) for call in response.recoverable[: limits.items]]
    if turn:
        known += _converted(turn)
        known += _asked(turn, limits) if turn.sampling else []
    sent = response.wire_content
    if sent and sent != response.content:
        known += [fold("text as it was sent", whole(sent, limits, f"{at}.wire_content"))]
    wire = raw(response.exchange, limits, f"{at}.exchange.text")
    return [*known, wire] if wire else known


def _sources(response: Response) -> list[Child]:
    sources = dict.fromkeys(block.source for block in response.reasoning_blocks)
    return [["reasoning from ", code(source), " "] for source in sources]


def _identity(call: ToolCall) -> Html:
    if is_usual(call):
        return _ID_OF_CALL(short(call.name or "?"), short(call.id))
    return _OF_CALL(code(call.name or "?"), identity(call))


def _converted(turn: Turn) -> list[Html]:
    """Say how the values of tools became texts."""
    return [
        _OF_CALL(code(result.name), facts(f"value sent as {result.conversion}"))
        for result in turn.results
        if result is not None and result.conversion in ("json", "text", "bytes")
    ]


def _asked(turn: Turn, limits: Limits) -> list[Html]:
    asked = whole(pretty(masked(turn.sampling)), limits, "turn.sampling")
    return [note("sampling of this turn"), asked]
