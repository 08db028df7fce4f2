"""Conditions on the arguments of a call, written as text: `amount > 100 and "@" in to`.

A small part of Python's expressions, read and never executed as Python: names of arguments, what
they hold (`to.name`, `items[0]`), texts, numbers, lists, comparisons, `in`, `and`, `or`, `not`,
`len(…)`, `lower(…)`. What the model left out is None.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from agentkit.errors import UsageError

_MOST = 500
"""The most characters of a condition."""
_HINT = "compare arguments: amount > 100, '@' in to, city == 'Oslo' and not force, len(items) > 3"
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}
_CONSTANTS = {"true": True, "false": False, "null": None}
"""How JSON writes what Python writes with a capital."""
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"len": len, "lower": str.lower}


class ArgumentCondition:
    """A condition that was read."""

    def __init__(self, text: str) -> None:
        """Read a condition.

        Raises:
            UsageError: it is no condition; the message says where.
        """
        if not isinstance(text, str) or not text.strip() or len(text) > _MOST:
            raise UsageError(f"{text!r:.60} is no condition", hint=_HINT)
        self.text = " ".join(text.split())
        try:
            self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            wrong = " (a comparison is written ==)" if "=" in self.text else ""
            raise UsageError(
                f"the condition {self.text!r} cannot be read{wrong}", hint=_HINT
            ) from None
        names: list[str] = []
        self._check(self._tree, names)
        self.names = tuple(dict.fromkeys(names))
        """The arguments that it asks about."""

    def holds(self, arguments: Mapping[str, Any] | None) -> bool:
        """Tell whether it holds for these arguments; what is missing is larger and smaller than
        nothing.

        Raises:
            TypeError: values of two types cannot be compared so, as a text with a number.
        """
        return bool(self._value(self._tree, arguments or {}))

    def _check(self, node: ast.expr, names: list[str]) -> None:
        match node:
            case ast.Constant(value=str() | int() | float() | None):
                return
            case ast.Name(id=name):
                names += [] if name in _CONSTANTS else [name]
            case ast.Attribute(value=held):
                self._check(held, names)
            case ast.Subscript(value=held, slice=ast.Constant() as place):
                self._check(held, names)
                self._check(place, names)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.BoolOp(values=parts):
                for part in parts:
                    self._check(part, names)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=held):
                self._check(held, names)
            case ast.Compare(left=left, comparators=others):
                for part in (left, *others):
                    self._check(part, names)
            case ast.Call(func=ast.Name(id=name), args=[held], keywords=[]) if name in _FUNCTIONS:
                self._check(held, names)
            case _:
                written = ast.unparse(node)
                raise UsageError(f"a condition cannot hold {written!r:.60}", hint=_HINT)

    def _value(self, node: Any, given: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return given[name] if name in given else _CONSTANTS.get(name)
            case ast.Attribute(value=held, attr=name):
                return _part(self._value(held, given), name)
            case ast.Subscript(value=held, slice=place):
                return _part(self._value(held, given), self._value(place, given))
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [self._value(part, given) for part in parts]
            case ast.BoolOp(op=ast.And(), values=parts):
                return all(self._value(part, given) for part in parts)
            case ast.BoolOp(values=parts):
                return any(self._value(part, given) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=held):
                return not self._value(held, given)
            case ast.UnaryOp(operand=held):
                return -self._value(held, given)
            case ast.Call(func=ast.Name(id=name), args=[held]):
                value = self._value(held, given)
                return None if value is None else _FUNCTIONS[name](value)
            case _:
                return self._compared(node, given)

    def _compared(self, node: ast.Compare, given: Mapping[str, Any]) -> bool:
        left = self._value(node.left, given)
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self._value(other, given)
            equality = isinstance(op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot))
            contained = isinstance(op, (ast.In, ast.NotIn))
            missing = right is None or (left is None and not contained)
            if missing and not equality:
                return False
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True


def _part(whole: Any, name: Any) -> Any:
    """Take a part out of an object or a list; None where it has none."""
    try:
        return whole[name]
    except (LookupError, TypeError):
        return None
