"""Equality of records: by their fields, where two NaN say the same.

What Python makes for a dataclass compared tuples of the fields up to 3.12, in which a NaN equals
itself, and compares field by field from 3.13 on, in which it does not. Here a record that is read
again equals what was written, on every Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import isnan
from operator import attrgetter
from typing import Any


def equal_fields(cls: type) -> Callable[[Any, object], bool]:
    """Make the `__eq__` of a dataclass from those of its fields that are compared."""
    names = [field.name for field in fields(cls) if field.compare]
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
