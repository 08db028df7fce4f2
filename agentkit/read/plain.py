"""Any answer as plain JSON data: a dict, an SDK model, an attribute object, or a mixture of them at
any level.

The fault this project grew from: vLLM's ToolCallTranslator puts plain dicts as `tool_calls` into an
    OpenAI SDK message, so code that expects one shape at every level breaks. Nothing here trusts a
    model's own `model_dump`: it warns, or fails, on exactly such mixtures.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from agentkit.types.problem import Problem, problem
from agentkit.types.words import type_in_words

WIRE_NAMES = tuple(
    " ".join(
        (
            (
                "id object created model choices usage error index message delta finish_reason"
                " stop_reason role content refusal tool_calls"
            ),
            (
                "function_call reasoning reasoning_content reasoning_details logprobs token_ids"
                " prompt_token_ids type function custom name arguments"
            ),
            (
                "input text parameters prompt_tokens completion_tokens total_tokens"
                " prompt_tokens_details completion_tokens_details code param data"
            ),
            (
                "output candidates call_id status summary encrypted_content incomplete_details"
                " thinking signature input_tokens output_tokens stop_sequence"
            ),
        )
    ).split()
)
"""Field names asked for on objects that define them as properties or answer them dynamically."""

_MAX_DEPTH = 200
MAPPING = (dict, Mapping)
"""To ask `isinstance` with: most mappings are dicts, and to ask the abstract class alone takes ten
times as long.
"""
MOST_BITS = 14_000
"""Python writes no integer of more than 4300 digits as text."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def plain(obj: Any) -> Any:
    """Turn the object into dicts, lists, strings, numbers, booleans and None; never raises.

    Bytes become text (base64 where they are not UTF-8), other leaves their `str`. A cycle or a
    depth over 200 becomes "…". An integer too long to be written as text becomes a note.
    """
    return _plain(obj, 0, set())


def _plain(obj: Any, depth: int, path: set[int]) -> Any:
    kind = type(obj)
    if kind is str or obj is None or kind is bool or kind is float:
        return obj
    if kind is int:
        return obj if obj.bit_length() < MOST_BITS else f"<integer of {obj.bit_length()} bits>"
    if depth > _MAX_DEPTH or id(obj) in path:
        return "…"
    path.add(id(obj))
    try:
        if kind is dict:
            return {
                key if type(key) is str else str(key): value
                if type(value) is str
                else _plain(value, depth + 1, path)
                for key, value in obj.items()
            }
        if kind is list:
            return [item if type(item) is str else _plain(item, depth + 1, path) for item in obj]
        if isinstance(obj, Enum):
            return _plain(obj.value, depth + 1, path)
        if isinstance(obj, (str, int, float, bytes, bytearray, memoryview, datetime, date, time)):
            return _leaf(obj)
        if type(obj).__module__.split(".")[0] in ("numpy", "torch") and hasattr(obj, "tolist"):
            return _plain(obj.tolist(), depth + 1, path)
        if isinstance(obj, (list, tuple, Set)) and not hasattr(obj, "_asdict"):
            return [_plain(item, depth + 1, path) for item in obj]
        pairs = members(obj)
        return (
            _text(obj)
            if pairs is None
            else {str(key): _plain(value, depth + 1, path) for key, value in pairs.items()}
        )
    except Exception as exc:
        return f"<unreadable {type(obj).__name__}: {type(exc).__name__}>"
    finally:
        path.discard(id(obj))


def _leaf(obj: Any) -> Any:
    """Turn a subclass of a plain type into the plain type itself; bytes and times into text."""
    if isinstance(obj, (bytes, bytearray, memoryview)):
        data = bytes(obj)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return base64.b64encode(data).decode()
    if isinstance(obj, (datetime, date, time)):
        return obj.isoformat()
    return next(kind(obj) for kind in (str, int, float) if isinstance(obj, kind))


def _text(obj: Any) -> str:
    silent = all(
        "__str__" not in cls.__dict__ and "__repr__" not in cls.__dict__
        for cls in type(obj).__mro__[:-1]
    )
    return f"<{type(obj).__name__}>" if silent or callable(obj) else str(obj)


def members(obj: Any) -> Mapping[Any, Any] | None:
    """Collect the public data of an object by name, in its own order; None where it has none, as a
    `Decimal` or a `Path`.
    """
    if isinstance(obj, Mapping):
        return obj
    traits = _traits_of(obj)
    if traits.mock:
        return {
            name: value
            for name, value in _mocked(obj).items()
            if not name.startswith(("_", "method_calls"))
        }
    if traits.named_tuple:
        return dict(obj._asdict())
    unset = traits.declared and traits.declared - getattr(obj, "__pydantic_fields_set__", set())
    stored = (
        (name, value)
        for name, value in _stored(obj, traits.stored).items()
        if value is not None or name not in unset
    )
    found = {
        name: value for name, value in stored if not name.startswith("_") and not _is_method(value)
    }
    for name in traits.asked:
        if (
            name not in found
            and name not in unset
            and (value := _offered(obj, name)) is not _ABSENT
        ):
            found[name] = value
    return found if found or traits.dataclass or hasattr(obj, "__dict__") else None


_ABSENT = object()


class _Traits(NamedTuple):
    """What a class tells of where its objects keep their data."""

    stored: tuple[str, ...]
    """Dataclass fields and slots."""
    asked: tuple[str, ...]
    """Names it may answer for without storing them: properties, class attributes, any name where it
    answers dynamically.
    """
    declared: Set[str]
    """Fields of a pydantic model: one that was never given, and is None, was not in the answer."""
    mock: bool
    named_tuple: bool
    dataclass: bool


def _traits_of(obj: Any) -> _Traits:
    cls: Any = type(obj)
    return _traits(cls)


@lru_cache(maxsize=512)
def _traits(cls: Any) -> _Traits:
    declared = frozenset(getattr(cls, "__pydantic_fields__", None) or ())
    dynamic = hasattr(cls, "__getattr__") and not hasattr(cls, "__pydantic_fields__")
    stored = [f.name for f in fields(cls)] if is_dataclass(cls) else []
    stored += [name for base in cls.__mro__ for name in _slot_names(base)]
    return _Traits(
        stored=tuple(stored),
        asked=tuple(name for name in WIRE_NAMES if dynamic or hasattr(cls, name)),
        declared=declared,
        mock=any(base.__module__.startswith(("unittest.mock", "mock")) for base in cls.__mro__),
        named_tuple=hasattr(cls, "_asdict"),
        dataclass=is_dataclass(cls),
    )


def _stored(obj: Any, names: Iterable[str]) -> dict[str, Any]:
    stored = {name: getattr(obj, name) for name in names if hasattr(obj, name)}
    return {
        **stored,
        **getattr(obj, "__dict__", {}),
        **(getattr(obj, "__pydantic_extra__", None) or {}),
    }


def _mocked(mock: Any) -> dict[str, Any]:
    """Return what a test set on a mock; anything else it would invent when asked."""
    return {
        **vars(mock),
        **{
            k: v
            for k, v in vars(mock).get("_mock_children", {}).items()
            if _is_mock(v) and members(v)
        },
    }


def _slot_names(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _offered(obj: Any, name: str) -> Any:
    try:
        value = getattr(obj, name)
    except Exception:
        return _ABSENT
    return _ABSENT if _is_method(value) else value


def _is_mock(obj: Any) -> bool:
    return _traits_of(obj).mock


def _is_method(value: Any) -> bool:
    return (
        callable(value)
        and not _is_mock(value)
        and not hasattr(value, "model_fields")
        and not isinstance(value, Mapping)
    )


def carried(value: Any) -> bool:
    """Return whether JSON surely carries the data just as it is; False too for a shape that only
    writing and reading it can tell.
    """
    level = [value]
    for _ in range(_MAX_DEPTH // 2):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and _SURROGATE.search(item):
                    return False
            elif kind is dict:
                if not all(type(key) is str for key in item):
                    return False
                below += item
                below += item.values()
            elif kind is list:
                below += item
            elif kind is float or kind is int:
                if not (math.isfinite(item) if kind is float else item.bit_length() < MOST_BITS):
                    return False
            elif kind is not bool and item is not None:
                return False
        if not below:
            return True
        level = below
    return False


def finite(value: Any) -> bool:
    """Return whether no number in the data is NaN or infinite."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            continue
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return True


def is_utf8(text: str) -> bool:
    """Return whether the text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def compact_json(data: Any) -> str:
    """Write the data as JSON on one line without spaces; text that UTF-8 cannot carry is escaped.

    Raises:
        TypeError, ValueError, RecursionError: it is not JSON data.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text if is_utf8(text) else json.dumps(data, separators=(",", ":"))


def listed(value: Any) -> list[Any] | None:
    """Turn an array, a tensor, a list into a list; one row of a batch into that row."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return None
    items = list(value)
    inner = items[0] if len(items) == 1 else None
    row = isinstance(inner, (list, tuple)) or bool(getattr(inner, "ndim", 0))
    return listed(inner) if row else items


def read_numbers(raw: Any, kind: Any, at: str) -> tuple[tuple[Any, ...], list[Problem]]:
    """Read the entries of a list by `integer` or `real`, None where one is no such number, and
    report what is wrong with them.

    Args:
        raw: the list, array or tensor; None for none.
        kind: `integer` or `real`.
        at: JSON pointer of the list.
    """
    if raw is None:
        return (), []
    items = listed(raw)
    if items is None:
        return (), [
            problem(
                "node_value_invalid",
                f"{type_in_words(raw)} stands where a list belongs",
                pointer=at,
            )
        ]
    values = tuple(map(kind, items))
    wrong = [i for i, value in enumerate(values) if value is None]
    if not wrong:
        return values, []
    message = (
        f"{len(wrong)} of {len(values)} entries are no {'number' if kind is real else 'token id'};"
        f" the first stands at {wrong[0]}"
    )
    return values, [
        problem(
            "node_value_invalid", message, pointer=f"{at}/{wrong[0]}", before=repr(items[wrong[0]])
        )
    ]


def integer(value: Any) -> int | None:
    """Read the value as a token id; None where it is none."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62
        else None
    )


def real(value: Any) -> float | None:
    """Read the value as a number; None where it is none, or NaN."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return float(value)
