r"""The filter of a table: a query written as a line of text.

    reward<0.5 stop_reason=error        conditions: = != < <= > >= and ~ (contains this text)
    stop_reason=error,length            either of two
    tools=get_weather                   of several names, one is enough
    label=bad                           rollouts with this label
    arguments~Oslo reasoning~"not sure" texts of one kind, in any case: arguments, content,
                                        reasoning, result
    word=refund                         a whole word in any of the texts
    Oslo "get_weather"                  words anywhere in the rollout's texts, in any case

A rollout must fulfil all of them. A text with a space or a sign in it is put in double quotes.
What is in JSON is found however it was written there: `result~"Zürich"` finds `Z\u00fcrich`.
What is meant as a condition and is none (`turns=>3`, `-tools=pay`, `reward<`, `or`) is refused:
searched for as a text, it would find nothing. Nothing of a query is ever evaluated.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from agentkit.errors import UsageError, nearest, suggest
from agentkit.types.record import Record, record
from agentkit.types.words import forms_of, type_in_words

_PART = re.compile(r"""\s*(?:([\w.]+)\s*(!=|<=|>=|==?|<|>|~)\s*)?((?:"(?:[^"\\]|\\.)*"|[^\s"])+)""")
_VALUE = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|[^,"])+""")
_BARE = re.compile(r"[^\s\"\\,=!<>~]+")
_UNREAD = re.compile(r"""([^\w\s"]*)([\w.]+)\s*(!=|<=|>=|==?|<|>|~)\s*(\S*)""")
"""What is like a condition, with something before it or nothing behind."""
_COLON = re.compile(r"([\w.]+):([\w.-]+)")
_SIGNS = ("=", "<", ">", "~", "!")
_LOGIC = {"and", "or", "not", "&", "&&", "|", "||"}
_ORDER = re.compile(r"\s*([-+]?)\s*(.*?)(?:\s+(asc|desc)(?:ending)?)?\s*", re.IGNORECASE)
TEXTS = {
    "": ("prompt", "content", "reasoning", "arguments", "result"),
    **{name: (name,) for name in ("content", "reasoning", "arguments", "result")},
}
"""What texts are searched in, by the name that is asked for; "" for all of them."""
ENCODED = frozenset({"arguments", "result"})
"""The texts that are mostly JSON."""
WORD = "word"
"""The name that asks for a whole word in any of the texts."""
_SEARCHED = (*filter(None, TEXTS), WORD)
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
            folded = str(value).casefold()
            wanted = [one for text in self.values for one in forms_of(text.casefold())]
            return any(one in folded for one in wanted)
        compare = _NUMERIC[self.sign]
        return any(
            isinstance(value, (int, float)) and compare(value, float(wanted))
            for wanted in self.values
        )

    def summary(self) -> str:
        return f"{self.column}{self.sign}{','.join(map(_quoted, self.values))}"


@record
class Query(Record):
    """Conditions on columns, and words that must occur in a rollout's texts."""

    conditions: tuple[Condition, ...] = ()
    words: tuple[str, ...] = ()

    def summary(self) -> str:
        return " ".join([*(c.summary() for c in self.conditions), *map(_quoted, self.words)])

    def chosen(self, column: str) -> tuple[str, ...]:
        """List the values one of which a column must have; none where any will do."""
        return tuple(
            value
            for condition in self.conditions
            if condition.column == column and condition.sign == "="
            for value in condition.values
        )

    def choosing(self, column: str, values: Iterable[str]) -> Query:
        """Ask for other values of a column; for any where there are none."""
        wanted = tuple(values)
        left = tuple(c for c in self.conditions if (c.column, c.sign) != (column, "="))
        asked = (Condition(column=column, sign="=", values=wanted),) if wanted else ()
        return replace(self, conditions=(*left, *asked))

    def between(self, column: str, least: float | None, below: float | None, upto: bool) -> Query:
        """Ask for another range of a column; None for an open end.

        Args:
            column: its name.
            least: the smallest value.
            below: the greatest.
            upto: whether the greatest is in the range.
        """
        ends = ((">=", least), ("<=" if upto else "<", below))
        asked = tuple(
            Condition(column=column, sign=sign, values=(f"{end:.6g}",))
            for sign, end in ends
            if end is not None
        )
        return self.asking(column, asked)

    def asking(self, column: str, asked: Iterable[Condition]) -> Query:
        """Ask this of a column, in place of what was asked of it."""
        others = self.without(column)
        return replace(others, conditions=(*others.conditions, *asked))

    def without(self, column: str) -> Query:
        """Ask nothing of a column."""
        return replace(self, conditions=tuple(c for c in self.conditions if c.column != column))


def parse_query(text: str, columns: Sequence[str]) -> Query:
    """Parse a line of text as a query. A column of the caller's own comes before texts of its name.

    Raises:
        UsageError: there is no such column, a number is none, or a quote is not closed.
    """
    if not isinstance(text, str):
        raise UsageError(
            f"the filter is {type_in_words(text)}", hint="give a text: filter('reward<0.5 words')"
        )
    known = [*columns, *(name for name in _SEARCHED if name not in columns)]
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
            _check_word(value, known)
            words.append(_unquoted(value))
        else:
            conditions.append(_condition(name, "=" if sign == "==" else sign, value, known))
            if name not in columns:
                _check_search(conditions[-1])
    joined = next((word for word in text.split() if word.casefold() in _LOGIC), None)
    if conditions and joined in words:
        raise UsageError(
            f"{joined!r} joins nothing: a rollout must fulfil every condition",
            hint="either of two values is stop_reason=error,length, and none of them !=; put the"
            f' word in quotes where it is looked for: "{joined}"',
        )
    return Query(conditions=tuple(conditions), words=tuple(word for word in words if word))


def order_meant(text: Any, descending: bool, columns: Sequence[str]) -> tuple[str, bool]:
    """Read what a table is to be sorted by: `-reward`, `reward desc` and `reward ascending` are
    meant as they are elsewhere, where no column has that name.

    Returns:
        The column, and whether the greatest come first.

    Raises:
        UsageError: it is no text.
    """
    if not isinstance(text, str):
        what = f"a table is sorted by the name of a column, not by {type_in_words(text)}"
        raise UsageError(what, hint='as table.sort("-reward")')
    found = _ORDER.fullmatch(text) if text not in columns else None
    if found is None or found[2] not in columns:
        return text, descending
    down, word = found[1] == "-", (found[3] or "").casefold()
    return found[2], descending or down or word.startswith("desc")


def mended(text: str, columns: Sequence[str]) -> str:
    """Write a query with the columns that were meant, in place of names that no column has; ""
    where there is nothing to mend.
    """
    known = [*columns, *_SEARCHED]

    def meant(part: re.Match[str]) -> str:
        name = part.group(1)
        near = nearest(name, known, 1) if name and name not in known else []
        start = part.start(1) - part.start()
        whole = part.group(0)
        return whole[:start] + near[0] + whole[start + len(name) :] if near else whole

    better = _PART.sub(meant, text)
    return better if better != text else ""


def spellings(text: str, kind: str) -> tuple[str, ...]:
    """List how a text may stand in a rollout's texts of a kind, with its case folded: in JSON,
    quotes, line ends and letters outside ASCII are mostly escaped, and a letter with a mark is one
    code point or two.
    """
    written = forms_of(text)
    forms = [one.casefold() for one in written]
    if kind in ENCODED:
        # an escaped letter cannot be folded
        cases = [case for one in written for case in (one, one.casefold(), one.upper())]
        pairs = [(one, plain) for one in cases for plain in (False, True)]
        forms += [json.dumps(one, ensure_ascii=plain)[1:-1].casefold() for one, plain in pairs]
    return tuple(dict.fromkeys(forms))


def _check_word(text: str, known: list[str]) -> None:
    """Refuse to search for what is meant as a condition.

    Raises:
        UsageError: a name of a column is in it, and a sign.
    """
    if (colon := _COLON.fullmatch(text)) and colon[1] in known:
        name, value = colon.groups()
        sign = "~" if name in ENCODED or name in TEXTS else "="
        hint = f"write {name}{sign}{value}, or put it in quotes where it is a text"
        raise UsageError(f"{text[:40]!r} is no condition", hint=hint)
    found = _UNREAD.match(text)
    if found is None or found[2] not in known or not (found[1] or not found[4]):
        return
    before, name, sign, value = found.groups()
    if not value:
        hint = f"write {name}{sign}0.5" if sign in _NUMERIC else f"write {name}{sign}text"
    elif before in ("-", "!") and sign in ("=", "=="):
        hint = f"write {name}!={value}"
    else:
        hint = f"write {name}{sign}{value.rstrip(')')}"
    raise UsageError(
        f"{text[:40]!r} is no condition", hint=f"{hint}, or put it in quotes where it is a text"
    )


def _condition(name: str, sign: str, text: str, known: list[str]) -> Condition:
    if name not in known:
        raise UsageError(
            f"no column is named {name!r}",
            hint=suggest(name, known, f"the columns are {', '.join(known)}", show=str),
        )
    if text.startswith(_SIGNS):
        meant = {"<": "<=", ">": ">=", "!": "!="}.get(text[0], sign) if sign == "=" else sign
        value = text.lstrip("".join(_SIGNS)) or '"text"'
        raise UsageError(
            f"{name}{sign}{text}"[:40] + " is no condition",
            hint=f"write {name}{meant}{value}, or put a value that begins with a sign in quotes",
        )
    values = tuple(filter(None, map(_unquoted, _VALUE.findall(text))))
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


def _check_search(condition: Condition) -> None:
    """Refuse to search in texts by a sign that says nothing of them."""
    wanted = "=" if condition.column == WORD else "~"
    if condition.sign != wanted or not condition.values:
        raise UsageError(
            f"{condition.column} is searched by {wanted}",
            hint=f"write {condition.column}{wanted}refund",
        )


def _unquoted(text: str) -> str:
    return re.sub(r'"((?:[^"\\]|\\.)*)"', lambda m: re.sub(r"\\(.)", r"\1", m[1]), text)


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


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
