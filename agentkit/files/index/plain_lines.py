"""The rows of a rollout from its lines in a cassette, without reading its answers as an agent does:
for rollouts whose last line says what a table asks for, and whose answers are plain chat
completions. Every other rollout is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from agentkit.files.cassette.index import Entry
from agentkit.files.columns import COLUMNS, HIDDEN, UNREAD
from agentkit.files.index.index_rows import IndexRows
from agentkit.trajectory.trouble.points import address_of

_decode = json.JSONDecoder().decode
_BESIDE = frozenset({"owner", "meta", "end"})
"""Steps that put nothing into a turn."""
_MESSAGE = frozenset({"role", "content", "reasoning", "reasoning_content", "tool_calls", "refusal"})
"""Fields of a message that are read here; others must be empty, as servers send most of theirs."""
_THINK = ("<think", "</think", "[THINK]", "<|channel|>")
"""Marks of a reasoning inside the content, which a reader takes out of it."""
_COLUMNS: tuple[tuple[str, Callable[[Entry], Any]], ...] = tuple(
    (column.name, column.indexed) for column in (*COLUMNS, *HIDDEN) if column.indexed
)


class _NotPlain(Exception):
    """The rollout has to be read."""


def rows_of_lines(entry: Entry, lines: Iterable[bytes]) -> IndexRows | None:
    """Work out the rows of a rollout from its lines; None where it has to be read for them.

    Args:
        entry: what the scan of the file found of it.
        lines: its lines, the first included.
    """
    own = {name: of(entry) for name, of in _COLUMNS}
    long = own["final"] is UNREAD and entry.columns is not None
    if UNREAD in (value for name, value in own.items() if name != "final" or not long):
        return None
    try:
        return _rows(entry, own, [_decode(line.decode()) for line in lines if line.strip()])
    except (_NotPlain, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def _rows(entry: Entry, own: dict[str, Any], lines: list[dict[str, Any]]) -> IndexRows:
    head = lines[0]
    spec = head["spec"]
    if spec.get("parser") or entry.dialect != "chat" or entry.stop_reason is None:
        raise _NotPlain
    put = [_content(message) for message in head["prompt"]]
    rows = IndexRows(
        rollout={**own, "prompt_digest": entry.prompt_digest}, meta=entry.meta, prompt=""
    )
    model = spec.get("model")
    open_calls: dict[tuple[int, int], int] = {}
    last: str | None = None
    for line in lines[1:]:
        kind = line["step"]
        if kind == "model":
            last = _add_answer(rows, line, model, open_calls)
            put += [_content(message) for message in line.get("added", ())]
        elif kind == "tool":
            _add_result(rows, line, open_calls)
        elif kind not in _BESIDE:
            raise _NotPlain
    if own["error"]:
        raise _NotPlain
    if own["final"] is UNREAD:
        rows.rollout["final"] = last
    rows.prompt = "\n".join(put)
    return rows


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        raise _NotPlain
    return content if isinstance(content, str) else ""


def _add_answer(
    rows: IndexRows, line: dict[str, Any], model: Any, open_calls: dict[tuple[int, int], int]
) -> str | None:
    """Take in an answer, and give its text."""
    turn, exchange = line["turn"], line["exchange"]
    body = exchange.get("body")
    status = exchange.get("status")
    if turn != len(rows.turns) or not body or status not in (None, 200) or "kept" in line:
        raise _NotPlain
    if exchange.get("transport_error") or exchange.get("by_hand") or exchange.get("chunks"):
        raise _NotPlain
    answer = _decode(body)
    (choice,) = answer["choices"]
    message = choice["message"]
    if any(message[name] for name in message.keys() - _MESSAGE):
        raise _NotPlain
    given = message.get("content")
    content = given or ""
    if not isinstance(content, str) or any(mark in content for mark in _THINK):
        raise _NotPlain
    calls = message.get("tool_calls") or ()
    for position, call in enumerate(calls):
        called = call["function"]
        open_calls[turn, position] = len(rows.calls)
        rows.calls.append((turn, position, called["name"], None, None, None))
        rows.arguments.append(f"{called['name']} {_text(called['arguments'])}")
        rows.result.append("")
    times = (exchange.get("started"), exchange.get("elapsed"), None)
    counts = _counts(answer.get("usage"))
    named = answer.get("model") or None
    said, address = (turn, named, choice.get("finish_reason")), address_of(exchange.get("url"))
    rows.turns.append((*said, *times, *counts, len(calls), address))
    rows.content.append(content)
    rows.reasoning.append(_reasoning(message))
    return _text(given) if given is not None else None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _NotPlain
    return value


def _reasoning(message: dict[str, Any]) -> str:
    one, other = message.get("reasoning"), message.get("reasoning_content")
    if one and other and one != other:
        raise _NotPlain
    return _text(one or other or "")


def _counts(usage: Any) -> tuple[Any, ...]:
    if usage is None:
        return (None,) * 4
    wrote, read = usage.get("completion_tokens_details"), usage.get("prompt_tokens_details")
    found = (
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        (wrote or {}).get("reasoning_tokens"),
        (read or {}).get("cached_tokens"),
    )
    if any(type(one) not in (int, type(None)) for one in found):
        raise _NotPlain
    return found


def _add_result(
    rows: IndexRows, line: dict[str, Any], open_calls: dict[tuple[int, int], int]
) -> None:
    place = open_calls[line["turn"], line["position"]]
    result = line["result"]
    turn, position, name, *_ = rows.calls[place]
    ended = (result["status"], result.get("error"), result.get("elapsed"))
    rows.calls[place] = (turn, position, name, *ended)
    rows.result[place] = _text(result["content"])
