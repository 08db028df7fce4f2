"""Conversations that a framework dumped as lists of its own messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, NamedTuple

from agentkit.files.foreign.entries import ChatEntry, Losses, imported
from agentkit.files.foreign.format import ForeignFormat, each_of, numbered
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import mapping, mappings
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_LOOKED_AT = 9
"""How many entries of a list are looked at for one that tells what it is a list of."""
_LISTS = ("messages", "history", "all_messages", "message_history", "chat_history", "new_messages")
_AROUND = (
    *("values", "state", "output", "result", "data", "kwargs", "checkpoint", "channel_values"),
)
"""What a framework's state keeps its messages in."""


class Dumped(NamedTuple):
    """One conversation, and what lay beside it."""

    messages: Sequence[Any]
    beside: dict[str, Any]


Reader = Callable[[Sequence[Any], Losses], list[ChatEntry]]


def dump_format(name: str, tells: Callable[[Any], bool], entries: Reader) -> ForeignFormat:
    """Make the format of a framework's messages.

    Args:
        name: what it is called.
        tells: whether a value is one of its messages.
        entries: reads the messages of one conversation.
    """

    def fits(source: FileSet) -> bool:
        values = _plain_values(source.values[:_LOOKED_AT])
        first = next(_conversations(values, tells, values), None)
        return first is not None

    def read(source: FileSet) -> list[Trajectory]:
        values = _plain_values(source.values)
        found = numbered(_conversations(values, tells, values))
        return [*each_of(source, found, lambda one: [_rollout(one, entries, Losses(name))])]

    return ForeignFormat(name, fits, read)


def _plain_values(values: Sequence[Any]) -> Sequence[Any]:
    """Give values as plain data, where a framework's own objects were handed over."""
    if not any(map(_is_object, values)):
        return values
    return [_plain_value(value) for value in values]


def _is_object(value: Any) -> bool:
    if isinstance(value, (Mapping, list, str, type)):
        return False
    dumped = hasattr(value, "model_dump") and isinstance(getattr(value, "type", None), str)
    return dumped or (is_dataclass(value) and hasattr(value, "kind") and hasattr(value, "parts"))


def _plain_value(value: Any) -> Any:
    if not _is_object(value):
        return value
    return value.model_dump() if hasattr(value, "model_dump") else asdict(value)


def _conversations(
    values: Sequence[Any], tells: Callable[[Any], bool], whole: Sequence[Any]
) -> Iterator[Dumped]:
    """Find the conversations of a file: all of it, an entry each, or a list in each entry."""
    if any(map(tells, values[:_LOOKED_AT])):
        yield Dumped(whole, {})
        return
    for value in values:
        if isinstance(value, list):
            if any(map(tells, value[:_LOOKED_AT])):
                yield Dumped(value, {})
            elif any(isinstance(inner, (list, dict)) for inner in value[:_LOOKED_AT]):
                yield from _conversations(value, tells, value)
        elif isinstance(value, Mapping) and (found := _in_state(value, tells)):
            yield found


def _in_state(value: Mapping[str, Any], tells: Callable[[Any], bool]) -> Dumped | None:
    for key in _LISTS:
        listed = value.get(key)
        if isinstance(listed, list) and any(map(tells, listed[:_LOOKED_AT])):
            return Dumped(listed, {name: item for name, item in value.items() if name != key})
    for key in _AROUND:
        inner = mapping(value.get(key))
        if any(isinstance(inner.get(name), list) for name in _LISTS):
            found = _in_state(inner, tells)
            if found is not None:
                beside = {name: item for name, item in value.items() if name != key}
                return Dumped(found.messages, {**beside, **found.beside})
    return None


def _rollout(one: Dumped, entries: Reader, losses: Losses) -> Trajectory:
    listed = entries(one.messages, losses)
    models = (_model(each) for each in listed)
    model = one.beside.get("model") or next((name for name in models if name), None)
    tools = tuple(mappings(one.beside.get("tools")))
    spec = Spec(model=model if isinstance(model, str) else None, tools=tools)
    meta = {key: value for key, value in one.beside.items() if key not in ("model", "tools")}
    return imported(listed, spec, losses, meta)


def _model(each: ChatEntry) -> Any:
    raw = each.exchange.raw if each.exchange is not None else None
    return raw.get("model") if isinstance(raw, Mapping) else None
