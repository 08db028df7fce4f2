"""The filter of a table: a query written as a line of text.

    reward<0.5 stop_reason=error        conditions: = != < <= > >= and ~ (contains this text)
    stop_reason=error,length            either of two
    label=bad                           rollouts with this label
    Oslo "get_weather"                  words anywhere in the rollout's texts, in any case

A rollout must fulfil all of them. A text with a space or a sign in it is put in double quotes.
Nothing of a query is ever evaluated.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from agentkit.errors import UsageError, suggest
from agentkit.types.record import Record, record

_PART = re.compile(r'\s*(?:([\w.]+)\s*(!=|<=|>=|=|<|>|~)\s*)?("(?:[^"\\]|\\.)*"|[^\s"]+)')
_NUMERIC: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@record
class Condition(Record):
    """One condition on a column."""

    column: str
    sign: str
    values: tuple[str, ...]
    """The value of the column must be one of these."""

    def holds(self, value: Any) -> bool:
        """Tell whether a value of the column fulfils it; an unknown value fulfils only `=none` and
        `!=`.
        """
        if self.sign == "!=":
            return not any(_equal(value, wanted) for wanted in self.values)
        if self.sign == "=":
            return any(_equal(value, wanted) for wanted in self.values)
        if value is None:
            return False
        if self.sign == "~":
            return any(wanted.casefold() in str(value).casefold() for wanted in self.values)
        compare = _NUMERIC[self.sign]
        return any(
            isinstance(value, (int, float)) and compare(value, float(wanted))
            for wanted in self.values
        )

    def summary(self) -> str:
        return f"{self.column}{self.sign}{','.join(self.values)}"


@record
class Query(Record):
    """Conditions on columns, and words that must occur in a rollout's texts."""

    conditions: tuple[Condition, ...] = ()
    words: tuple[str, ...] = ()

    def summary(self) -> str:
        return " ".join([*(c.summary() for c in self.conditions), *self.words])


def parse_query(text: str, columns: Iterable[str]) -> Query:
    """Parse a line of text as a query.

    Raises:
        UsageError: there is no such column, a number is none, or a quote is not closed.
    """
    known = list(columns)
    conditions, words, at = [], [], 0
    text = text.strip()
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            hint = 'close the quote, or write it as column=value: reward<0.5 "two words"'
            raise UsageError(f"the filter cannot be read from {text[at:][:40]!r} on", hint=hint)
        name, sign, value = part.groups()
        at = part.end()
        if name is None:
            words.append(_unquoted(value))
        else:
            conditions.append(_condition(name, sign, value, known))
    return Query(conditions=tuple(conditions), words=tuple(word for word in words if word))


def _condition(name: str, sign: str, text: str, known: list[str]) -> Condition:
    if name not in known:
        raise UsageError(
            f"no column is named {name!r}",
            hint=suggest(name, known, f"the columns are {', '.join(known)}", show=str),
        )
    if text.startswith('"'):
        values: tuple[str, ...] = (_unquoted(text),)
    else:
        values = tuple(filter(None, text.split(",")))
    if sign in _NUMERIC:
        for value in values:
            try:
                float(value)
            except ValueError:
                raise UsageError(
                    f"{name} {sign} wants a number, and {value!r} is none",
                    hint=f"write {name}{sign}0.5",
                ) from None
    return Condition(column=name, sign=sign, values=values)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _equal(value: Any, wanted: str) -> bool:
    if value is None:
        return wanted.lower() in ("none", "null")
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if isinstance(value, (int, float)):
        try:
            return bool(value == float(wanted))
        except ValueError:
            return False
    return str(value).casefold() == wanted.casefold()
