"""ShareGPT and its kin: turns as `{"from": …, "value": …}`, calls as turns of their own (glaive,
LLaMA-Factory, APIGen-MT) or as text (Hermes, hermes-agent); and messages with such turns (ms-swift,
LLaMA-Factory), whose role is `tool_call` or `function_call`.

Sources: LLaMA-Factory's data/README.md and its converters; the cards of
NousResearch/hermes-function-calling-v1 and Salesforce/APIGen-MT-5k; ms-swift's
docs/source_en/Instruction/Agent-support.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import (
    answer_entry,
    decoded,
    is_result,
    kept_entry,
    parser_of,
    result_entries,
    tools_in,
    wrapped_tools,
)
from agentkit.files.foreign.entries import (
    ChatEntry,
    Losses,
    entry,
    imported,
    stop_reason_in,
)
from agentkit.files.foreign.format import ForeignFormat, each_row, flat, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.read.parsers.literals.json_text import read_object
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory

_ROLES = {
    "human": "user",
    "user": "user",
    "system": "system",
    "gpt": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "bing": "assistant",
    "chatgpt": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function": "tool",
    "tool_response": "tool",
    "function_call": "call",
    "tool_call": "call",
}
_OF_CALLS = ("function_call", "tool_call", "observation", "tool_response", "function_response")
"""Roles by which messages are known as turns in this form."""
_TURNS = ("conversations", "conversation")
_KNOWN = ("from", "value")
_WEIGHTS = ("weight", "loss_weight", "loss", "train")
"""How trainers say whether a turn is trained on."""
_PLACES = {"id": "sample", "score": "reward"}
"""What stands for another name, where a row does not have that name itself."""
ROW_FIELDS = (*_TURNS, "tools", "system", "model", "messages")
"""What of a row is no meta."""


def _fits(row: Mapping[str, Any]) -> bool:
    return _is_turns(_turns(row))


def _fit_turns(source: FileSet) -> bool:
    """Tell a conversation that is a list of turns alone, or several of them."""
    first = next(iter(flat(source)), None)
    return _is_turns(first) or (_is_turns([first]) and _is_turns(list(flat(source))))


def _turns(row: Mapping[str, Any]) -> Any:
    if "messages" in row:
        return _turns_of_messages(row["messages"])
    return next((row[key] for key in _TURNS if key in row), None)


def _turns_of_messages(messages: Any) -> list[Any] | None:
    """Write messages as turns where some of them are a call or a result of their own; None where
    none is.
    """
    listed = messages if isinstance(messages, (list, tuple)) else ()
    said = [one for one in listed if isinstance(one, Mapping) and isinstance(one.get("role"), str)]
    if not any(one["role"] in _OF_CALLS for one in said):
        return None
    renamed = {"role": "from", "content": "value"}
    return [
        {renamed.get(key, key): value for key, value in one.items()} if one in said else one
        for one in listed
    ]


def _is_turns(turns: Any) -> bool:
    """Tell whether it is a list of turns in this form."""
    if not isinstance(turns, (list, tuple)) or not turns:
        return False
    told = [one for one in turns if isinstance(one, Mapping) and one]
    return bool(told) and all("from" in one and "role" not in one for one in told)


def _read(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("ShareGPT")
    turns = _turns(row)
    if not _is_turns(turns):
        raise TypeError("it holds no turns with 'from' and 'value'")
    losses.strays((turn or None for turn in turns), "conversations")
    turns = [turn for turn in turns if isinstance(turn, Mapping) and turn]
    entries, texts, weights = list[ChatEntry](), list[str](), list[Any]()
    system = row.get("system")
    if isinstance(system, str) and system and turns[0]["from"] != "system":
        entries.append(entry({"role": "system", "content": system}))
    for group in _grouped(turns):
        found = list(_entries(group, losses))
        entries += found
        if found and found[0].message.role == "assistant":
            texts.append(found[0].message.content)
            told = (turn[key] for turn in group[::-1] for key in _WEIGHTS if key in turn)
            weights.append(next(told, None))
    tools = wrapped_tools(row.get("tools") or [])
    if not tools and entries and entries[0].message.role == "system":
        tools = wrapped_tools(tools_in(entries[0].message.content))
    model = row.get("model")
    spec = Spec(
        model=model if isinstance(model, str) else None, tools=tools, parser=parser_of(texts)
    )
    return imported(entries, spec, losses, _meta(row, weights), _stopped(row))


def spoken_turns(turns: Iterable[Mapping[str, Any]], losses: Losses) -> Iterator[ChatEntry]:
    """Read turns, as the messages that they amount to."""
    for group in _grouped(turns):
        yield from _entries(group, losses)


def _grouped(turns: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Put calls to the turn of the model that they follow: together they are one answer."""
    group: list[Mapping[str, Any]] = []
    for turn in turns:
        if group and not (_role(turn) == "call" and _role(group[-1]) in ("call", "assistant")):
            yield group
            group = []
        group.append(turn)
    if group:
        yield group


def _role(turn: Mapping[str, Any]) -> str:
    said = str(turn["from"])
    return _ROLES.get(said, said)


def _entries(group: list[Mapping[str, Any]], losses: Losses) -> Iterator[ChatEntry]:
    """Read one turn, or an answer in several, as the messages that it amounts to."""
    for turn in group:
        losses.beside(turn, (*_KNOWN, *_WEIGHTS), "conversations[]")
    if len(group) > 1:
        yield _answer_of(group, losses)
        return
    turn, role = group[0], _role(group[0])
    text = _text(turn)
    if role == "call":
        yield kept_entry(_called(text, losses), turn)
    elif role == "assistant":
        yield answer_entry(text, turn)
    elif role == "tool" or (role == "user" and is_result(text)):
        yield from result_entries(text)
    else:
        yield entry({"role": role, "content": text})


def _text(turn: Mapping[str, Any]) -> str:
    value = turn.get("value")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _answer_of(group: list[Mapping[str, Any]], losses: Losses) -> ChatEntry:
    """Read an answer that is written in several turns: what it says, and its calls one by one."""
    texts, calls, wire = list[str](), list[Any](), dict[str, Any]()
    for turn in group:
        if _role(turn) == "call":
            called = _called(_text(turn), losses)
            calls += called.get("tool_calls", ())
            texts += [called["content"]] if called["content"] else []
        else:
            wire = dict(answer_entry(_text(turn)).message.wire)
            texts += [wire["content"]] if wire["content"] else []
    content = "\n".join(texts) or None
    wire = {"role": "assistant", **wire, "content": content}
    return kept_entry({**wire, "tool_calls": calls} if calls else wire, list(group))


def _called(text: str, losses: Losses) -> dict[str, Any]:
    """Read a turn that is one call, or a list of them, as JSON; other text stays text."""
    found = decoded(text)
    listed = found if isinstance(found, list) else [found]
    calls = [one for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str)]
    if not calls or len(calls) < len(listed):
        losses.note("conversations[].function_call that is no call")
        return {"role": "assistant", "content": text}
    texts = _written(text, len(calls))
    made = [_call(call, own) for call, own in zip(calls, texts, strict=True)]
    return {"role": "assistant", "content": None, "tool_calls": made}


def _written(text: str, count: int) -> list[str]:
    """Give the arguments of each call in a JSON text as they are written there; "" for none."""
    texts, at = [], 0
    for _ in range(count):
        found = read_object(text, text.find("{", at))
        members, at = (found.members, found.end) if found else ({}, at)
        own = members.get("arguments", members.get("parameters"))
        texts.append(text[own.start : own.end] if own else "")
    return texts


def _call(call: Mapping[str, Any], text: str = "") -> dict[str, Any]:
    given = call.get("arguments", call.get("parameters", {}))
    written = given if isinstance(given, str) else text or json.dumps(given, ensure_ascii=False)
    function = {"name": call["name"], "arguments": written}
    named = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    return {**named, "type": "function", "function": function}


def _meta(row: Mapping[str, Any], weights: list[Any]) -> dict[str, Any]:
    ended = stop_reason_in(row.get("stop_reason")) is not None
    read = (*ROW_FIELDS, *(("stop_reason",) if ended else ()))
    places = {key: place for key, place in _PLACES.items() if place not in row}
    found = {
        places.get(key, key): value
        for key, value in row.items()
        if key not in read and not (value is None and key in _PLACES.values())
    }
    return {**found, "weights": weights} if any(w is not None for w in weights) else found


def _stopped(row: Mapping[str, Any]) -> StopReason | None:
    """Read hermes-agent's own word, for a rollout that was not completed has no answer at its end;
    or agentkit's.
    """
    return "stopped" if row.get("completed") is False else stop_reason_in(row.get("stop_reason"))


def _read_turns(source: FileSet) -> Iterable[Trajectory]:
    rows = list(flat(source))
    listed = [{"conversations": row} for row in ([rows] if _is_turns(rows) else rows)]
    return each_row(_read)(FileSet(name=source.name, given=listed, bad=source.bad))


SHARE_GPT = ForeignFormat("ShareGPT", rows_fit(_fits), each_row(_read))
SHARE_GPT_TURNS = ForeignFormat("ShareGPT turns", _fit_turns, _read_turns)
