"""A record as JSON data, and back. Fields that a newer version wrote are kept on the way."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from agentkit.errors import CassetteError
from agentkit.read.plain import plain
from agentkit.types.record import Record, Unknown, clip
from agentkit.types.sequences.tuple_like import TupleLike
from agentkit.types.wire import Chunk
from agentkit.types.words import with_article

_LARGEST = 1e15
"""No number of a record reaches it; what does is damage, and breaks what counts with it."""
_UNKNOWN = "unknown"
"""The field of a record that holds what is no field of it; in JSON that lies beside the others."""
_WITHHELD = "withheld"
"""The field that holds secrets, which are in no file."""


def to_json(record: Any) -> Any:
    """Write a record as JSON data, fields at their default left out."""
    if isinstance(record, Record):
        kind: Callable[..., Any] = type(record)
        data = {}
        for name, default, make in _defaults(kind):
            value = getattr(record, name)
            if not _is_default(value, make() if make else default):
                data[name] = _field(value)
        unknown = getattr(record, _UNKNOWN, None)
        return {**data, **unknown.fields} if unknown else data
    if isinstance(record, (tuple, list, TupleLike)):
        return [to_json(item) for item in record]
    return plain(record)


def _field(value: Any) -> Any:
    """Write a field; what a tool returned may nest too deeply, or have methods that fail."""
    try:
        return to_json(value)
    except Exception:
        return plain(value)


@cache
def _defaults(kind: Callable[..., Any]) -> tuple[tuple[str, Any, Callable[[], Any] | None], ...]:
    """List name, default and maker of the default of each field that is written."""
    return tuple(
        (f.name, f.default, None if f.default_factory is MISSING else f.default_factory)
        for f in fields(kind)  # type: ignore[arg-type]
        if f.name not in (_UNKNOWN, _WITHHELD)
    )


def _is_default(value: Any, default: Any) -> bool:
    """Tell whether a field holds its default; what a tool returned may be of any type, and is not
    asked to compare itself with another.
    """
    return value is default or (type(value) is type(default) and bool(value == default))


def from_json(kind: Callable[..., Any], data: Any) -> Any:
    """Make the record of this class that JSON data holds.

    A field the class does not have is kept in `unknown`, where the class has that, and is ignored
    elsewhere: newer files load.

    Args:
        kind: the class.
        data: what `to_json` wrote, parsed.

    Raises:
        CassetteError: the data is not such a record.
    """
    if not isinstance(data, dict):
        raise _odd(f"{with_article(kind.__name__)} is an object, not {type(data).__name__}")
    readers, keeps = _readers(kind)
    given = {}
    for name, value in data.items():
        reader = readers.get(name)
        if reader is None:
            continue
        try:
            given[name] = reader(value)
        except TypeError as exc:
            raise _odd(f"the {name} of {with_article(kind.__name__)} is {exc}") from None
    if keeps and len(given) < len(data):
        others = {name: value for name, value in data.items() if name not in readers}
        given[_UNKNOWN] = Unknown(fields=others)
    try:
        return kind(**given)
    except TypeError as exc:
        raise _odd(f"not {with_article(kind.__name__)}: {exc}") from None


def _odd(message: str) -> CassetteError:
    return CassetteError(message, hint="restore the file, or record the rollout again")


@cache
def _readers(kind: Callable[..., Any]) -> tuple[dict[str, Callable[[Any], Any]], bool]:
    """Make what reads each field of a class, and tell whether it keeps other fields."""
    hints = typing.get_type_hints(kind)
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    readers = {name: _reader(hints[name]) for name in names if name != _UNKNOWN}
    return readers, _UNKNOWN in names


def _reader(hint: Any) -> Callable[[Any], Any]:
    """Make what reads the JSON data of a field of this type.

    It raises a `TypeError` that names what came, where that is another type: a wrong value is found
    here, at one place, and not wherever it is used first.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = _reader(next(arg for arg in args if arg is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        return _tuple_reader(args)
    if origin is Sequence:
        return _tuple_reader((*args, ...))
    if origin is typing.Literal:  # a newer version may have another word for it
        return _exactly(str)
    kind = origin or hint
    if kind is Chunk:
        return _read_chunk
    if isinstance(kind, type) and issubclass(kind, Record):
        return lambda value: from_json(kind, value)
    if kind in (int, float):
        return _number_reader(kind)
    return _exactly(kind) if kind in (str, bool, dict) else _anything


def _read_chunk(value: Any) -> Any:
    """Read a piece of a stream, of which a file holds more than of all else."""
    if type(value) is dict and len(value) == 2:
        at, text = value.get("at"), value.get("text")
        if type(at) is float and type(text) is str and -_LARGEST < at < _LARGEST:
            return Chunk(at=at, text=text)
    return from_json(Chunk, value)


def _anything(value: Any) -> Any:
    return value


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(_named(value))
        return value

    return read


def _number_reader(kind: type) -> Callable[[Any], Any]:
    kinds = (int,) if kind is int else (float, int)

    def read(value: Any) -> Any:
        if type(value) not in kinds or not -_LARGEST < value < _LARGEST:  # NaN is neither
            raise TypeError(_named(value))
        return value

    return read


def _tuple_reader(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Make what reads a list: of any length where the type ends in an ellipsis."""
    each = [_reader(arg) for arg in args if arg is not Ellipsis]

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise TypeError(_named(value))
        if args[-1:] == (Ellipsis,):
            one = each[0]
            return tuple([one(item) for item in value])
        if len(value) != len(each):
            raise TypeError(f"a list of {len(value)}, not of {len(each)}")
        return tuple(part(item) for part, item in zip(each, value, strict=True))

    return read


def _named(value: Any) -> str:
    return clip(f"{type(value).__name__} {value!r}") if value is not None else "null"
