"""A call's arguments, read by the status table: exactly the contract is `ok`, broken but unambiguous is `normalized`, recovered without
changing a value is `repaired`, everything else is `invalid`. Nothing is ever completed or invented.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from agentkit.read.plain import finite, plain
from agentkit.read.relaxed import Relaxed, relax
from agentkit.read.schema import check_schema
from agentkit.types import CallStatus, Policy, Problem, Record, clip, problem, record

_FENCE_LABEL = re.compile(r"[\w-]*+[ \t]*+\r?\n?")
_MARKUP = r"""\s|["'`]|</?[A-Za-z_:|｜▁][^<>\s]{0,60}>|<\|[^|<>]{1,60}\|>"""
_LEADING_MARKUP = re.compile(rf"(?:{_MARKUP}|json\b)*+\Z")
_TRAILING_MARKUP = re.compile(rf"(?:{_MARKUP}|[}}\])])*+\Z")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_RANK: dict[CallStatus, int] = {"ok": 0, "normalized": 1, "repaired": 2, "invalid": 3}


@record
class Arguments(Record):
    """A reading of one call's arguments."""

    value: dict[str, Any] | None
    """What the tool may be called with under the policy; None where the call must not run."""
    raw: str
    status: CallStatus
    problems: tuple[Problem, ...] = ()
    suggestion: dict[str, Any] | None = None


@record
class _Reading(Record):
    value: Any = None
    status: CallStatus = "ok"
    problems: tuple[Problem, ...] = ()
    suggestion: Any = None
    absent: bool = False
    """No arguments were given: `{}` where the tool requires nothing, else invalid."""


def read_arguments(
    raw: Any, *, parameters: Mapping[str, Any] | None = None, policy: Policy = "normalize", pointer: str = ""
) -> Arguments:
    """The arguments of one call and how far they can be trusted; never raises.

    Args:
        raw: what the server sent: text, an object, None, or anything else.
        parameters: the tool's JSON schema; None where the tool is unknown to the reader.
        policy: `strict` runs only `ok`, `normalize` also `normalized`, `repair` also `repaired`.
        pointer: JSON pointer of the arguments in the raw answer.
    """
    text = raw if isinstance(raw, str) else ("" if raw is None else json.dumps(plain(raw), ensure_ascii=False))
    reading = _absent_or_empty(_read(raw, pointer), parameters, pointer)
    value = reading.value if isinstance(reading.value, dict) and reading.status != "invalid" else None
    suggestion = reading.suggestion if isinstance(reading.suggestion, dict) else None
    problems = reading.problems
    if value is not None:
        schema_problems, coerced = check_schema(value, parameters, pointer)
        problems, suggestion = (*problems, *schema_problems), coerced
    allowed = _RANK[reading.status] <= {"strict": 0, "normalize": 1, "repair": 2}[policy]
    if value is not None and not allowed:
        value, suggestion = None, suggestion or value
    return Arguments(value=value, raw=text, status=reading.status, problems=problems, suggestion=suggestion)


def _read(raw: Any, pointer: str) -> _Reading:
    if raw is None:
        return _given_nothing("arguments_null", "no arguments were sent", pointer)
    if isinstance(raw, str):
        return _read_text(raw, pointer)
    value = plain(raw)
    if isinstance(value, str):
        return _read_text(value, pointer)
    if not isinstance(value, dict):
        return _not_object(value, pointer)
    code = problem("arguments_object", "arguments came as an object, not as JSON text", pointer=pointer)
    return _Reading(value=value, status="normalized", problems=(code,)) if finite(value) else _nonfinite(pointer, (code,))


def _read_text(text: str, pointer: str, depth: int = 0) -> _Reading:
    if not text.strip("\ufeff \t\r\n"):
        return _given_nothing("arguments_empty", "the arguments are an empty text", pointer, text)
    duplicates: list[str] = []
    constants: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            duplicates.extend(key for key, count in Counter(key for key, _ in items).items() if count > 1)
        return found

    def constant(name: str) -> float:
        constants.append(name)
        return math.nan

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        return _read_broken(text, pointer, depth)
    if value is None:
        return _given_nothing("arguments_null_string", "the arguments are the text 'null'", pointer, text)
    if isinstance(value, str):
        return _read_encoded_twice(value, pointer, depth)
    if not isinstance(value, dict):
        return _not_object(value, pointer)
    if constants or not finite(value):
        return _nonfinite(pointer)
    return _Reading(value=value, **_shown(_quirks(text, value, duplicates, pointer)))


def _given_nothing(code: str, message: str, pointer: str, before: str | None = None) -> _Reading:
    return _Reading(absent=True, status="normalized", problems=(problem(code, message, pointer=pointer, before=before),))


def _shown(problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {"status": "normalized" if problems else "ok", "problems": problems}


def _quirks(text: str, value: dict[str, Any], duplicates: list[str], pointer: str) -> tuple[Problem, ...]:
    found = []
    if duplicates:
        names = ", ".join(repr(name) for name in dict.fromkeys(duplicates))
        found.append(problem("arguments_duplicate_keys", f"the key {names} is given more than once; the last one is read", pointer=pointer))
    if not text.isascii() or "\\u" in text:
        alone = _SURROGATE.search(json.dumps(value, ensure_ascii=False))
    else:
        alone = None
    if alone:
        found.append(problem("arguments_lone_surrogate", "half of a surrogate pair stands alone; it cannot be sent as UTF-8", pointer=pointer))
    return tuple(found)


def _read_encoded_twice(inner: str, pointer: str, depth: int) -> _Reading:
    if depth >= 4 or not inner.strip() or inner.strip()[0] not in '{["n':
        return _not_object(inner, pointer)
    reading = _read_text(inner, pointer, depth + 1)
    if reading.status == "invalid" and any(p.code == "arguments_invalid_json" for p in reading.problems):
        return _not_object(inner, pointer)
    code = problem("arguments_double_encoded", "the arguments are JSON text inside JSON text", pointer=pointer, before=inner)
    status: CallStatus = max("normalized", reading.status, key=lambda s: _RANK[s])
    return _Reading(value=reading.value, status=status, problems=(code, *reading.problems), suggestion=reading.suggestion, absent=reading.absent)


def _read_broken(text: str, pointer: str, depth: int) -> _Reading:
    """A text that is not JSON as it stands: the value-preserving rules, or what is wrong with it and where."""
    if text.startswith("\ufeff"):
        bom = problem("arguments_leading_data", "a byte-order mark stands before the JSON", pointer=pointer, before=text)
        return _with(bom, "normalized", _read_text(text.lstrip("\ufeff"), pointer, depth))
    stripped = text.strip()
    if len(stripped) > 6 and stripped.startswith("```") and stripped.endswith("```"):
        code = problem("arguments_code_fence", "the JSON stands in a code fence", pointer=pointer, before=text)
        label = _FENCE_LABEL.match(stripped, 3)
        return _with(code, "repaired", _read_text(stripped[label.end() if label else 3 : -3], pointer, depth))
    if stripped == "None":
        code = problem("arguments_python_literal", "the arguments are Python's None", pointer=pointer, before=text)
        return _Reading(absent=True, status="repaired", problems=(code,))
    start = next((i for i, char in enumerate(text) if char in "{["), -1)
    if start < 0:
        return _prose(text, pointer)
    return _read_relaxed(text, start, pointer)


def _with(code: Problem, status: CallStatus, reading: _Reading) -> _Reading:
    worst: CallStatus = max(status, reading.status, key=lambda s: _RANK[s])
    return _Reading(
        value=reading.value, status=worst, problems=(code, *reading.problems), suggestion=reading.suggestion, absent=reading.absent
    )


def _prose(text: str, pointer: str) -> _Reading:
    head = text.lstrip()
    if head[:1] == '"' or any(word.startswith(head.strip()) for word in ("true", "false", "null")):
        return _invalid("arguments_truncated", f"the arguments end inside a value, at character {len(text)}", text, pointer)
    return _invalid("arguments_invalid_json", f"the arguments are not JSON: {clip(text, 60)!r}", text, pointer)


def _read_relaxed(text: str, start: int, pointer: str) -> _Reading:
    first = relax(text, start)
    if not first.found:
        if first.open:
            return _invalid("arguments_truncated", f"the arguments end inside a value, at character {len(text)}", text, pointer)
        return _invalid("arguments_invalid_json", f"the arguments are not JSON: {_where(text)}", text, pointer)
    if first.nonfinite or not finite(first.value):
        return _nonfinite(pointer)
    others, end, cut = _following(text, first)
    if not isinstance(first.value, dict):
        return _not_object(first.value, pointer)
    if cut or any(other != first.value for other in others):
        message = "several different objects stand one after another" if not cut else "a second, unfinished object follows the first"
        merged = next((o for o in (first.value, *others) if o), first.value)
        return _invalid("arguments_concatenated", message, text, pointer, suggestion=merged if not cut else None)
    codes = list(first.codes)
    if others:
        codes.append("arguments_duplicated")
    return _edges(text, start, end, codes, first.value, pointer)


def _following(text: str, first: Relaxed) -> tuple[list[Any], int, bool]:
    """The objects right behind the first one, where they end, and whether the text ends inside one."""
    others: list[Any] = []
    end = first.end
    while True:
        gap = re.compile(r"[\s,;]*").match(text, end)
        at = gap.end() if gap else end
        if at >= len(text) or text[at] != "{":
            return others, end, False
        following = relax(text, at)
        if not following.found:
            return others, end, following.open
        others.append(following.value)
        end = following.end


_RULES = {
    "arguments_control_chars": "raw control characters stand inside a string",
    "arguments_bad_escape": "an escape that JSON does not know is read literally",
    "arguments_comments": "the JSON holds comments",
    "arguments_trailing_comma": "a comma stands before a closing bracket",
    "arguments_python_literal": "the arguments are a Python literal",
    "arguments_duplicated": "the same object stands more than once",
    "arguments_leading_data": "something stands before the JSON",
    "arguments_trailing_data": "something stands behind the JSON",
}


def _edges(text: str, start: int, end: int, codes: list[str], value: dict[str, Any], pointer: str) -> _Reading:
    """The reading of one object, with what stands before and behind it."""
    before, behind = text[:start], text[end:]
    prose = False
    if before.strip():
        codes.append("arguments_leading_data")
        prose |= not _LEADING_MARKUP.match(before)
    if behind.strip():
        codes.append("arguments_trailing_data")
        prose |= not _TRAILING_MARKUP.match(behind)
    shown = {"arguments_leading_data": before, "arguments_trailing_data": behind}
    problems = tuple(problem(code, _RULES[code], pointer=pointer, before=shown.get(code, text)) for code in codes)
    if prose:
        bad = problem("arguments_invalid_json", "the arguments are an object inside other text", pointer=pointer, before=text)
        return _Reading(status="invalid", problems=(*problems, bad), suggestion=value)
    return _Reading(value=value, status="repaired", problems=problems)


def _where(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        return f"{exc.msg.lower()} at character {exc.pos}"
    except (ValueError, RecursionError) as exc:
        return "nested too deeply" if isinstance(exc, RecursionError) else str(exc).lower()
    return "unreadable"


def _invalid(code: str, message: str, text: str, pointer: str, suggestion: Any = None) -> _Reading:
    return _Reading(status="invalid", problems=(problem(code, message, pointer=pointer, before=text),), suggestion=suggestion)


def _not_object(value: Any, pointer: str) -> _Reading:
    kind = {list: "a list", str: "a text", bool: "a boolean"}.get(type(value), "a number")
    only = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) else None
    code = problem("arguments_not_object", f"the arguments are {kind}, not an object", pointer=pointer, before=value)
    return _Reading(status="invalid", problems=(code,), suggestion=only)


def _nonfinite(pointer: str, problems: tuple[Problem, ...] = ()) -> _Reading:
    code = problem("arguments_nonfinite", "the arguments hold NaN or an infinite number, which JSON cannot carry", pointer=pointer)
    return _Reading(status="invalid", problems=(*problems, code))


def _absent_or_empty(reading: _Reading, parameters: Mapping[str, Any] | None, pointer: str) -> _Reading:
    """`{}` where no arguments were given and the tool requires nothing, or is unknown to the reader."""
    if not reading.absent:
        return reading
    required = [str(name) for name in (parameters or {}).get("required") or ()]
    if not required:
        return _Reading(value={}, status=reading.status, problems=reading.problems)
    code = problem("arguments_not_object", f"the tool requires {', '.join(required)} and was given nothing", pointer=pointer)
    return _Reading(status="invalid", problems=(*reading.problems, code))
