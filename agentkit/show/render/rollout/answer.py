"""A server's answer: who speaks, the reasoning behind a fold, the text, the calls, the facts of the
wire.
"""

from __future__ import annotations

from functools import lru_cache

from agentkit.read.choices import count_choices
from agentkit.servers.redaction.secret_names import masked
from agentkit.show.html import HOLE, Child, Html, el, fragment, shape
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    code,
    excerpt,
    facts,
    fold,
    note,
    prose,
    row,
    status,
    whole,
)
from agentkit.show.render.parts.pretty import pretty
from agentkit.show.render.parts.words import by_hand, tokens, trouble
from agentkit.show.render.rollout.call import call_body, call_row, outcome_cell
from agentkit.show.render.rollout.problem import api_error, problems
from agentkit.show.render.rollout.raw import raw, retries
from agentkit.trajectory.trouble.points import number_of
from agentkit.types.answer import Response
from agentkit.types.trajectory import Attempt, ToolResult, Turn
from agentkit.types.words import count, seconds

_ASSISTANT = el("strong", "assistant")
_ASSISTANT_OF = shape(fragment(_ASSISTANT, " ", el("small", "turn ", HOLE)))
_TURN = shape(row(HOLE, "assistant", (_ASSISTANT_OF(HOLE), HOLE), raw=HOLE))


def answer(
    key: str,
    response: Response,
    limits: Limits,
    at: str,
    turn: Turn | None = None,
    *,
    state: str = "",
) -> dict[str, Html]:
    """Draw an answer and one fragment per call, with its result where the answer is a turn's.
    `state` is the word for a call without one.
    """
    path = f"{at}.response" if turn else at
    shown = {key: _row(key, response, limits, path, turn)}
    calls, size = response.tool_calls, 0
    for i, call in enumerate(calls):
        if i >= limits.items or size > limits.size // 4:
            shown[f"{key}/more"] = row(
                f"{key}/more",
                "aside",
                (None, note("… ", count(len(calls) - i, "more call"), " not shown")),
            )
            break
        outcome = (
            outcome_cell(_result(turn, i), state, limits, f"{at}.results[{i}]", call.name)
            if turn
            else None
        )
        part = f"{key}/call-{i}"
        shown[part] = call_row(part, call, limits, f"{path}.tool_calls[{i}]", outcome)
        size += len(shown[part])
    for i, call in enumerate(response.recoverable[: limits.items]):
        part = f"{key}/found-{i}"
        shown[part] = call_row(part, call, limits, f"{path}.recoverable[{i}]", found=True)
    if turn and len(turn.results) > len(calls):
        shown |= _strays(key, turn, limits, at)
    return shown


def _result(turn: Turn, position: int) -> ToolResult | None:
    return turn.results[position] if position < len(turn.results) else None


def _strays(key: str, turn: Turn, limits: Limits, at: str) -> dict[str, Html]:
    """Draw results that no call asked for."""
    calls, results = len(turn.tool_calls), turn.results
    parts = {i: f"{key}/result-{i}" for i in range(calls, min(len(results), calls + limits.items))}
    return {
        part: row(part, "call", outcome_cell(results[i], "no result", limits, f"{at}.results[{i}]"))
        for i, part in parts.items()
    }


def _row(key: str, response: Response, limits: Limits, at: str, turn: Turn | None) -> Html:
    """Draw everything of an answer but its calls."""
    finish = _finish(response.finish_reason)
    known = facts(
        *by_hand(response.exchange),
        seconds(response.exchange.elapsed),
        tokens(response.usage),
        finish,
        _warned(response),
    )
    parts = [
        known,
        _others(response),
        retries(response.exchange, limits),
        _reasoning(response, limits, at),
        *_texts(response, limits, at),
        problems(response.problems, limits),
    ]
    wire = (
        raw(response.exchange, limits, f"{at}.exchange.text", _asked(turn, limits))
        if limits.details
        else None
    )
    if turn and wire:
        return _TURN(key, turn.index, parts, wire)
    return row(
        key, "assistant", (_ASSISTANT_OF(turn.index) if turn else _ASSISTANT, parts), raw=wire
    )


def _others(response: Response) -> Child:
    """Note that the answer has more choices than the one that is read."""
    number = count_choices(response)
    return (
        note(f"the first of {number} choices; all of them: ", el("code", "ak.sample_tree(turn)"))
        if number > 1
        else None
    )


def _asked(turn: Turn | None, limits: Limits) -> Child:
    if turn is None or not turn.sampling:
        return None
    return [
        note("sampling of this turn"),
        whole(pretty(masked(turn.sampling)), limits, "turn.sampling"),
    ]


@lru_cache(256)
def _finish(reason: str | None) -> Child:
    return fragment("finish ", code(reason)) if reason else "no finish reason"


def _warned(response: Response) -> Child:
    found = response.all_problems
    if not found or not (number := trouble(number_of(found))):
        return None
    tone = "bad" if any(problem.severity == "error" for problem in found) else "warn"
    return el("span", number, class_=f"ak-status ak-{tone}")


def _reasoning(response: Response, limits: Limits, at: str) -> Html | None:
    blocks = response.reasoning_blocks
    if not response.reasoning and not blocks:
        return None
    sources = dict.fromkeys(block.source for block in blocks)
    sealed = sum(block.kind == "encrypted" for block in blocks)
    about = facts(
        count(len(response.reasoning or ""), "character"),
        [["from " if i == 0 else ", ", code(source)] for i, source in enumerate(sources)],
        f"{count(sealed, 'part')} encrypted" if sealed else None,
    )
    return fold(
        ["reasoning ", about],
        whole(response.reasoning or "", limits, f"{at}.reasoning")
        if limits.details
        else excerpt((response.reasoning or "").strip()),
        kind="fold ak-reasoning",
    )


def _texts(response: Response, limits: Limits, at: str) -> list[Child]:
    sent = response.wire_content
    return [
        prose(response.content, limits, f"{at}.content") if response.content else None,
        [status("refusal"), " ", prose(response.refusal, limits, f"{at}.refusal")]
        if response.refusal
        else None,
        None if response.content or response.refusal or response.tool_calls else note("no text"),
        fold("text as it was sent", whole(sent, limits, f"{at}.wire_content"))
        if limits.details and sent and sent != response.content
        else None,
    ]


def attempt(key: str, failed: Attempt, limits: Limits, at: str) -> Html:
    """Draw a model call that failed and is no part of the history, with what came of it."""
    label = [el("strong", "failed"), " ", el("small", f"turn {failed.turn}")]
    shown = [api_error(failed.error, limits, f"{at}.error", failed.exchange.elapsed)]
    if failed.response is not None:
        shown += _came(failed.response, limits, f"{at}.response")
    wire = raw(failed.exchange, limits, f"{at}.exchange.text") if limits.details else None
    return row(key, "error", (label, shown), raw=wire)


def _came(response: Response, limits: Limits, at: str) -> list[Html]:
    """Draw what had come of an answer that broke off or was stopped."""
    calls = [
        el("div", call_body(call, limits, f"{at}.tool_calls[{i}]"))
        for i, call in enumerate(response.tool_calls[: limits.items])
    ]
    more = len(response.tool_calls) - len(calls)
    parts = [
        note("what had come until then:"),
        _reasoning(response, limits, at),
        prose(response.content, limits, f"{at}.content") if response.content else None,
        *calls,
        note("… ", count(more, "more call"), " not shown") if more else None,
    ]
    return [part for part in parts if part is not None]
