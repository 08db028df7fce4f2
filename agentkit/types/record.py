"""What every record shares: a frozen value whose repr says what it holds and nothing about the
process that holds it.

No record knows how it is drawn: `agentkit.show.render` holds a function for each type, and the two
    classes `Displayed` and `Drawn` only ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from math import isnan
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any, TypeVar, cast, dataclass_transform

from agentkit.errors import UnknownName
from agentkit.types.hooks import hook
from agentkit.types.words import type_in_words, visible

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make the class a frozen, slotted, keyword-only dataclass that keeps the repr of `Record`."""
    own = "__eq__" in vars(cls)
    made = dataclass(frozen=True, slots=True, kw_only=True, repr=False)(cls)
    if not own:
        made.__eq__ = _equal_fields(made)  # type: ignore[method-assign]
    _pickle_fields(made)
    return made


def replace(value: T, /, **changes: Any) -> T:
    """Copy a record with other values in some of its fields, as `dataclasses.replace` does, in half
    its time: a turn makes ten such copies.

    Raises:
        AttributeError: it has no such field.
    """
    kind: Any = type(value)
    read, writes = _slots_of(kind)
    copied: Any = object.__new__(kind)
    for write, old in zip(writes, read(value), strict=True):
        write(copied, old)
    for name, new in changes.items():
        object.__setattr__(copied, name, new)
    found: T = copied
    return found


@cache
def _slots_of(kind: type) -> tuple[Callable[[Any], Any], tuple[Callable[[Any, Any], None], ...]]:
    """Give what reads all fields of a record at once, and what writes each into a new one."""
    names = [each.name for each in fields(cast("Any", kind))]
    if len(names) < 2:  # of one name, attrgetter gives no tuple
        return lambda value: [getattr(value, name) for name in names], _writes(kind, names)
    return attrgetter(*names), _writes(kind, names)


def _writes(kind: type, names: list[str]) -> tuple[Callable[[Any, Any], None], ...]:
    return tuple(getattr(kind, name).__set__ for name in names)


class Displayed:
    """Base of all that a notebook displays as it is drawn in `agentkit.show.render`."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = hook("bundle")(self)
        return shown


class Drawn(Displayed):
    """Base of what is asked for its markup and its plain text by name."""

    __slots__ = ()

    def html(self, limits: Any = None) -> str:
        """Draw it as HTML.

        Args:
            limits: how much is shown at most, a `Limits` of `agentkit.show.render.limits`; all of
                it by default.
        """
        shown: str = hook("html")(self, limits)
        return shown

    def text(self, limits: Any = None) -> str:
        """Write it as plain text.

        Args:
            limits: how much is shown at most, a `Limits` of `agentkit.show.render.limits`; as much
                as a terminal shows by default.
        """
        written: str = hook("text")(self, limits)
        return written

    @property
    def widget(self) -> Any:
        """Its view as a widget (an anywidget), the same one that a cell shows: for layouts of
        ipywidgets', and for notebooks that show widgets and nothing else.
        """
        return hook("widget")(self)

    def _display_(self) -> Any:
        """Give marimo the widget: it asks for this before it looks for anything else."""
        return self.widget


class Viewed(Drawn):
    """Base of a record that a live view follows without keeping it alive."""

    __slots__ = ("__weakref__",)


class Record(Displayed):
    """Base of all records. Equality compares what was recorded; timings, raw bytes and provenance
    stay outside it.
    """

    __slots__ = ()

    def summary(self) -> str:
        """Sum it up on one line without addresses, times or ids; the reprs use it."""
        return ""

    def __repr__(self) -> str:
        text = self.summary()
        return visible(f"<{type(self).__name__} {text}>" if text else f"<{type(self).__name__}>")


class Behind(Record):
    """Base of a record that comes behind another of its class, which `keep_apart` keeps."""

    __slots__ = ("_last",)
    _last: Any


def keep_apart(cls: Any, name: str, part: str) -> None:
    """Let a field that holds a record be kept as what many share and one part, each one's own: a
    long row then holds few such records. Whoever reads the field gets it whole.

    Args:
        cls: a class of records that are `Behind` others.
        name: the field.
        part: which field of its value is each one's own: the `cls` before it, or None.
    """
    common, own = getattr(cls, name), cls._last

    def read(self: Any) -> Any:
        """Give what came before it, whole."""
        value, mine = common.__get__(self), own.__get__(self)
        return value if mine is None else replace(value, **{part: mine})

    def write(self: Any, value: Any) -> None:
        mine = None if value is None else getattr(value, part)
        own.__set__(self, mine)
        if mine is not None:
            value = replace(value, **{part: None})
            beside = common.__get__(mine)
            if beside is not None and all(map(is_, _values(beside), _values(value))):
                value = beside
        common.__set__(self, value)

    setattr(cls, name, property(read, write))


def _values(value: Any) -> Sequence[Any]:
    kind: Any = type(value)
    values: Sequence[Any] = _slots_of(kind)[0](value)
    return values


class LateRecord(Record):
    """Base of a record that may be read when it is looked at first: then its fields are those of
    another one of its class. Whoever looks sees no difference.
    """

    __slots__ = ("_read",)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Read the record, where a field is asked for that is not there yet."""
            if name in _names(type(self)):
                with suppress(AttributeError):  # another thread has read it meanwhile
                    found = object.__getattribute__(self, "_read")()
                    for each in _names(type(self)):
                        object.__setattr__(self, each, getattr(found, each))
                    object.__delattr__(self, "_read")
            meta: Any = ()
            with suppress(AttributeError):
                meta = object.__getattribute__(self, "meta")
            if name in meta:
                what = f"{type_in_words(self)} has no {name!r}"
                raise UnknownName(what, hint=f"it was noted: .meta[{name!r}]")
            return object.__getattribute__(self, name)


def late(kind: type[T], read: Callable[[], T], **known: Any) -> T:
    """Make a record that is read when it is looked at first.

    Args:
        kind: its class, a `LateRecord`.
        read: reads it; it does not raise.
        known: fields that are known before.
    """
    made = object.__new__(kind)
    for name, value in {**known, "_read": read}.items():
        object.__setattr__(made, name, value)
    return made


def reader_of(late: Any) -> Callable[[], Any] | None:
    """Give what will read a record; None where it has been read."""
    try:
        read: Callable[[], Any] = object.__getattribute__(late, "_read")
    except AttributeError:
        return None
    return read


def read_later(late: Any, read: Callable[[], Any]) -> None:
    """Let a record that has not been read be read by another function, all of it."""
    kind: Any = type(late)
    for name in _names(kind):
        with suppress(AttributeError):
            object.__delattr__(late, name)
    object.__setattr__(late, "_read", read)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def clip(text: str, limit: int = 60) -> str:
    """Put the text on one line of at most `limit` characters, an ellipsis in place of the rest."""
    line = visible(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"


def _pickle_fields(cls: Any) -> None:
    """Let a pickle hold the values of all fields, in their order. What Python makes for a dataclass
    gives the same in three times the time.
    """
    names, put = _names(cls), object.__setattr__
    values = attrgetter(*names, "__class__")  # a second name makes it give a tuple always

    def __getstate__(self: Any) -> tuple[Any, ...]:
        return values(self)[:-1]

    def __setstate__(self: Any, state: Sequence[Any]) -> None:
        for name, value in zip(names, state, strict=False):  # an older pickle may have fewer
            put(self, name, value)

    cls.__getstate__, cls.__setstate__ = __getstate__, __setstate__


def _equal_fields(cls: type) -> Callable[[Any, object], bool]:
    """Make the `__eq__` of a dataclass from those of its fields that are compared. Two NaN say the
    same in it.

    What Python makes for a dataclass compares tuples of the fields up to 3.12, in which a NaN
    equals itself, and field by field from 3.13 on, in which it does not.
    """
    names = [f.name for f in fields(cls) if f.compare]
    # one getter for all of them is quick; a second name makes it give a tuple for a single field
    values = attrgetter(*names, "__class__")

    def __eq__(self: Any, other: object) -> bool:
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        for a, b in zip(values(self), values(other), strict=True):
            if a is not b and not _same(a, b):
                return False
        return True

    return __eq__


def _same(a: Any, b: Any) -> bool:
    """Say whether two values of a field are equal. Tuples hold records, which are asked once; what
    JSON gives is compared by the interpreter first, as that is quick.
    """
    kind = type(a)
    if kind is tuple and type(b) is tuple:
        return len(a) == len(b) and all(x is y or _same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b) or (kind in (float, dict, list) and _same_but_for_nan(a, b))


def _same_but_for_nan(a: Any, b: Any) -> bool:
    """Say whether two unequal values differ in nothing but which NaN they hold."""
    kind = type(a)
    if a is b:
        return True
    if kind is float and type(b) is float:
        return a == b or (isnan(a) and isnan(b))
    if kind is dict and type(b) is dict:
        return a.keys() == b.keys() and all(_same_but_for_nan(a[key], b[key]) for key in a)
    if kind in (list, tuple) and kind is type(b):
        return len(a) == len(b) and all(map(_same_but_for_nan, a, b))
    return kind not in (float, dict, list, tuple) and bool(a == b)


@record
class Unknown(Record):
    """Data that is not understood, kept beside the record it came with and saved with it again.

    It hangs on the record and on nothing above it, so that a fork or an edit keeps it exactly as
    long as it keeps the record. A record without such data holds None. Equality never looks at it.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of the record's own JSON object, by name."""
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields of the lines that the record accounts for, by line: `first`, `model`, `tool`,
    `adopt 0`, `change 1`, `close`, `end final`, `totals final`; the number is that of the call.
    """
    behind: tuple[tuple[int, dict[str, Any]], ...] = ()
    """Whole lines of unknown kinds that came after it, each with the number of results that the
    turn had by then.
    """

    def summary(self) -> str:
        names = [*self.fields, *(name for line in self.lines.values() for name in line)]
        return ", ".join([*names, *(f"a line {line.get('step')!r}" for _, line in self.behind)])
