"""A rollout whose last line says that nothing was wrong with it, made from its lines without
looking for problems again: for tables, which ask for a few values of each answer.

What it gives equals what reading the lines gives. A plain chat completion, streamed or not, is
taken apart here; another answer is read as always, and put to the others. What is not as plain as
that (edits, failed requests, answers with problems, messages in between) is left to the reading.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from agentkit.files.cassette.json_records import from_json
from agentkit.files.cassette.lines import TOTALS, Line, unknown_fields, with_fields
from agentkit.read.body.reasoning import field_blocks, joined
from agentkit.read.body.usage import token_fields
from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import StreamReader
from agentkit.trajectory.loop import failure, read_answer
from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import replace
from agentkit.types.trajectory import Before, ToolResult, Trajectory, Turn
from agentkit.types.wire import Exchange
from agentkit.types.words import shared

_ENDS = frozenset({"final", "max_turns"})
_GIVEN = ("kept", "added", "sampling")
_MESSAGE = frozenset({"role", "content", "tool_calls", "reasoning", "reasoning_content"})
"""Fields of a message that are read here; others must be empty."""
_CALL = frozenset({"id", "type", "function", "index"})
_TAKEN_APART = frozenset("<>[]{}|◁▷`")
"""Characters without which a text holds no tags, no calls and no markers."""


class _Odd(Exception):
    """The rollout has to be read."""


def plain_rollout(begun: Trajectory, lines: Sequence[Line]) -> Trajectory | None:
    """Make a rollout of its lines; None where they have to be read.

    Args:
        begun: what its first line holds.
        lines: all others, in order.
    """
    ends = [line for line in lines if line.get("step") == "end"]
    try:
        return _made(begun, lines) if len(ends) == 1 and _ends_well(ends[0]) else None
    except Exception:  # whatever is odd in a line is found, and told, where it is read
        return None


def _ends_well(line: Line) -> bool:
    """Tell whether this is the last line of a rollout that was ended without any problem."""
    columns, totals = line.get("columns"), line.get("totals")
    if line.get("stop_reason") not in _ENDS or unknown_fields(line):
        return False
    if not isinstance(columns, dict) or not isinstance(totals, dict) or not totals.keys() <= TOTALS:
        return False
    found = (columns.get("codes"), columns.get("error"), *map(totals.get, ("problems", "trouble")))
    return not any(found)


def _made(begun: Trajectory, lines: Sequence[Line]) -> Trajectory:
    rollout = _PlainTurns(begun)
    meta = begun.meta
    if any(line == before for before, line in pairwise(lines)):
        raise _Odd  # a line that is there twice
    for line in lines:
        match line["step"]:
            case "model":
                rollout.answer(line)
            case "tool":
                rollout.result(line)
            case "end":
                rollout.end(line)
            case "meta" if not unknown_fields(line):
                meta = {**meta, **line["meta"]}
            case "owner" if "mended" not in line:
                pass
            case _:
                raise _Odd
    if rollout.ended is None:
        raise _Odd
    return Trajectory(
        spec=begun.spec,
        prompt=begun.prompt,
        turns=tuple(rollout.turns),
        stop_reason=rollout.ended,
        parent=begun.parent,
        meta=meta,
        unknown=begun.unknown,
    )


class _PlainTurns:
    """The turns of a rollout while its lines come."""

    def __init__(self, begun: Trajectory) -> None:
        self.turns: list[Turn] = []
        self.response: Response | None = None
        """The answer of the open turn."""
        self.ended: Any = None
        """Why it stopped, once its last line has come."""
        self._begun = begun
        self._left = begun.parent.turn if begun.parent else 0
        self._results: list[ToolResult | None] = []
        self._missing = 0

    def answer(self, line: Line) -> None:
        """Take in an answer."""
        if self.response is not None or line["turn"] != len(self.turns):
            raise _Odd
        if self.ended is not None or any(name in line for name in _GIVEN):
            raise _Odd
        exchange = from_json(Exchange, line["exchange"])
        exchange = with_fields(exchange, "model", unknown_fields(line))
        self.response = self._read(exchange)
        self._results = [None] * len(self.response.tool_calls)
        self._missing = len(self._results)
        self._settle()

    def _read(self, exchange: Exchange) -> Response:
        """Read an answer in which nothing is wrong."""
        _check_exchange(exchange)
        spec, reader = self._begun.spec, _reader_of(exchange)
        if spec.dialect == "chat" and spec.parser is None:
            with suppress(Exception):  # not as plain as that
                return plain_answer(exchange, reader)

        def read(exchange: Exchange, *options: Any, **more: Any) -> Response:
            if reader is None:
                return read_response(exchange, *options, **more)
            return replace(reader.finish(*options, **more), exchange=exchange)

        response = read_answer(spec, exchange, len(self.turns), read)
        if response.all_problems or response.prompt_token_ids or failure(exchange, response):
            raise _Odd
        return response

    def result(self, line: Line) -> None:
        """Take in what came of a call."""
        position, data = line["position"], line["result"]
        if self.response is None or line["turn"] != len(self.turns) or "trajectory" in data:
            raise _Odd
        if type(position) is not int or position < 0 or self._results[position] is not None:
            raise _Odd
        result = with_fields(from_json(ToolResult, data), "tool", unknown_fields(line))
        if result.redacted:
            raise _Odd
        self._results[position] = result
        self._missing -= 1
        self._settle()

    def end(self, line: Line) -> None:
        """Make sure that the last line sums up what was found."""
        calls = sum(len(turn.response.tool_calls) for turn in self.turns)
        totals, found = line["totals"], (len(self.turns), calls)
        if self.response is not None or not self.turns:
            raise _Odd
        if found != (totals.get("turns", 0), totals.get("calls", 0)):
            raise _Odd
        self.ended = line["stop_reason"]

    def _settle(self) -> None:
        if self.response is None or self._missing:
            return
        last = self.turns[-1] if self.turns else None
        begun = self._begun
        before = Before(spec=begun.spec, prompt=begun.prompt, last=last, left=self._left)
        self.turns.append(
            Turn(
                index=len(self.turns),
                response=self.response,
                results=tuple(self._results),
                before=before,
            )
        )
        self.response = None


def plain_answer(exchange: Exchange, reader: StreamReader | None = None) -> Response:
    """Read an answer in which nothing is wrong.

    Args:
        exchange: the raw answer.
        reader: of its stream, where it was one.

    Raises:
        _Odd: it is not a plain chat completion.
        Exception: its body is something else.
    """
    found = (json.loads(exchange.body), None, ()) if reader is None else reader.plain_body()
    if found is None:
        raise _Odd
    body, first, gaps = found
    (choice,) = body["choices"]
    message = choice["message"]
    if any(message[name] for name in message.keys() - _MESSAGE) or choice.get("index", 0) != 0:
        raise _Odd
    content = message.get("content")
    if content is not None and (not _is_plain_text(content) or content != content.strip()):
        raise _Odd
    finish, model = choice["finish_reason"], body["model"]
    blocks, wrong = field_blocks(message, "")
    if wrong or not (type(finish) is type(model) is str):
        raise _Odd
    tokens = token_fields(body, choice)
    if tokens["prompt_token_ids"]:
        raise _Odd
    calls = tuple(_call(at, call) for at, call in enumerate(message.get("tool_calls") or ()))
    if len({call.id for call in calls}) != len(calls):
        raise _Odd
    return Response(
        content=content or None,
        wire_content=content,
        reasoning=joined(blocks),
        reasoning_blocks=tuple(blocks),
        tool_calls=calls,
        finish_reason=shared(finish),
        model=shared(model),
        time_to_first_token=first,
        token_gaps=gaps,
        exchange=exchange,
        **tokens,
    )


def _reader_of(exchange: Exchange) -> StreamReader | None:
    """Read the stream of an answer but for its end; None for one that was not streamed."""
    if exchange.body or not exchange.chunks:
        return None
    reader = StreamReader()
    for chunk in exchange.chunks:
        reader.take(chunk)
    return reader


def _check_exchange(exchange: Exchange) -> None:
    odd = exchange.transport_error or exchange.by_hand or exchange.redacted
    if odd or exchange.injected is not None or exchange.status not in (None, 200):
        raise _Odd


def _is_plain_text(text: Any) -> bool:
    return type(text) is str and text != "" and _TAKEN_APART.isdisjoint(text)


def _call(position: int, call: Any) -> ToolCall:
    function = call["function"]
    name, raw = function["name"], function["arguments"]
    label = call["id"]
    if call.keys() - _CALL or not (type(name) is type(raw) is type(label) is str):
        raise _Odd
    arguments = json.loads(raw)
    if type(arguments) is not dict or not name or not label.strip():
        raise _Odd
    return ToolCall(
        position=position,
        id=label,
        raw_id=label,
        name=shared(name),
        raw_name=name,
        arguments=arguments,
        raw_arguments=raw,
        status="ok",
    )
