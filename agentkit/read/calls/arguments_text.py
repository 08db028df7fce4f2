"""The text of a call's arguments, read by value-preserving rules only: nothing is ever completed or
invented.
"""

from __future__ import annotations

import json
import re
from typing import Any

from agentkit.read.calls.tolerant_json import COMMENT, Loaded, Relaxed, loads, relax
from agentkit.read.plain import finite
from agentkit.types.answer import CallStatus
from agentkit.types.problem import Problem, problem
from agentkit.types.record import Record, clip, record

_JSON_SPACE = " \t\r\n"


_FENCE_LABEL = re.compile(r"[\w-]*+[ \t]*+\r?\n?")


_OPEN_STRING = re.compile(r'"(?:[^"\\]|\\.)*+\\?', re.DOTALL)


_COMMENT = re.compile(COMMENT, re.DOTALL)


_MARKUP = "|".join(
    (
        r"""[\s\x00\u200b\ufeff"'`;]""",
        r"</?[A-Za-z_:|｜▁][^<>\s]{0,60}>",
        r"<\|[^|<>]{1,60}\|>",
        r"\[/?[A-Z][A-Z_]{2,40}\]",
        COMMENT,
    )
)


_BEFORE = re.compile(rf"(?:{_MARKUP}|json\b)*+", re.DOTALL)


_BETWEEN = re.compile(rf"(?:{_MARKUP}|,)*+", re.DOTALL)


_BEHIND = re.compile(rf"(?:{_MARKUP}|[,}}\])])*+", re.DOTALL)


RANK: dict[CallStatus, int] = {"ok": 0, "normalized": 1, "repaired": 2, "invalid": 3}
"""From best to worst."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


_MOST_LAYERS = 4


_MOST_OBJECTS = 1000


@record
class ObjectReading(Record):
    value: Any = None
    status: CallStatus = "ok"
    problems: tuple[Problem, ...] = ()
    suggestion: Any = None
    absent: bool = False
    """No arguments were given: `{}` where the tool requires nothing, else invalid."""


def read_text(text: str, pointer: str, layer: int = 0) -> ObjectReading:
    """Read the object that a text of arguments holds.

    Args:
        text: the arguments as the server sent them.
        pointer: JSON pointer of the arguments in the raw answer.
        layer: how many texts in texts were opened.
    """
    if not text.strip().strip("\ufeff").strip():
        return given_nothing("arguments_empty", "the arguments are an empty text", pointer, text)
    try:
        loaded = loads(text)
    except (ValueError, RecursionError):
        return _read_broken(text, pointer, layer)
    value = loaded.value
    if value is None:
        return given_nothing(
            "arguments_null_string", "the arguments are the text 'null'", pointer, text
        )
    if isinstance(value, str):
        return _read_encoded_twice(value, pointer, layer)
    if not isinstance(value, dict):
        return not_object(value, pointer)
    if loaded.nonfinite or not finite(value):
        return nonfinite(pointer)
    problems = _quirks(text, loaded, pointer)
    return ObjectReading(value=value, status="normalized" if problems else "ok", problems=problems)


def given_nothing(
    code: str, message: str, pointer: str, before: str | None = None
) -> ObjectReading:
    """Describe missing arguments.

    Args:
        code: the problem's code.
        message: what was sent instead.
        pointer: JSON pointer of the arguments in the raw answer.
        before: their text, if there is one.
    """
    return ObjectReading(
        absent=True,
        status="normalized",
        problems=(problem(code, message, pointer=pointer, before=before),),
    )


def _quirks(text: str, loaded: Loaded, pointer: str) -> tuple[Problem, ...]:
    """Report what is odd about an object that could be read."""
    found = []
    if loaded.duplicates:
        names = ", ".join(repr(name) for name in dict.fromkeys(loaded.duplicates))
        found.append(
            problem(
                "arguments_duplicate_keys",
                f"given more than once, the last one is read: {names}"[:300],
                pointer=pointer,
            )
        )
    if (not text.isascii() or "\\u" in text) and _SURROGATE.search(
        json.dumps(loaded.value, ensure_ascii=False)
    ):
        found.append(
            problem(
                "arguments_lone_surrogate",
                "half of a surrogate pair stands alone; it cannot be sent as UTF-8",
                pointer=pointer,
            )
        )
    return tuple(found)


def _read_encoded_twice(inner: str, pointer: str, layer: int) -> ObjectReading:
    if layer >= _MOST_LAYERS or inner.lstrip("\ufeff" + _JSON_SPACE)[:1] not in (
        "{",
        "[",
        "n",
        "`",
        '"',
    ):
        return not_object(inner, pointer)
    reading = read_text(inner, pointer, layer + 1)
    if reading.status == "invalid" and any(
        p.code == "arguments_invalid_json" for p in reading.problems
    ):
        return not_object(inner, pointer)
    code = problem(
        "arguments_double_encoded",
        "the arguments are JSON text inside JSON text",
        pointer=pointer,
        before=inner,
    )
    return _with(code, "normalized", reading)


def _read_broken(text: str, pointer: str, layer: int) -> ObjectReading:
    """Read a text that is not JSON as it is, by the value-preserving rules, or report what is wrong
    with it and where.
    """
    bare = text.lstrip("\ufeff" + _JSON_SPACE)
    if "\ufeff" in text[: len(text) - len(bare)]:
        bom = problem(
            "arguments_leading_data",
            "a byte-order mark stands before the JSON",
            pointer=pointer,
            before=text,
        )
        return _with(bom, "normalized", read_text(bare, pointer, layer))
    stripped = text.strip()
    if (
        layer < _MOST_LAYERS
        and len(stripped) > 6
        and stripped.startswith("```")
        and stripped.endswith("```")
    ):
        code = problem(
            "arguments_code_fence", "the JSON stands in a code fence", pointer=pointer, before=text
        )
        label = _FENCE_LABEL.match(stripped, 3)
        return _with(
            code,
            "repaired",
            read_text(stripped[label.end() if label else 3 : -3], pointer, layer + 1),
        )
    if stripped == "None":
        code = problem(
            "arguments_python_literal",
            "the arguments are Python's None",
            pointer=pointer,
            before=text,
        )
        return ObjectReading(absent=True, status="repaired", problems=(code,))
    if _OPEN_STRING.fullmatch(stripped) or any(
        word.startswith(stripped) for word in ("true", "false", "null")
    ):
        return _truncated(text, pointer)
    return _read_object(text, pointer)


def _with(code: Problem, status: CallStatus, reading: ObjectReading) -> ObjectReading:
    worst: CallStatus = max(status, reading.status, key=lambda s: RANK[s])
    return ObjectReading(
        value=reading.value,
        status=worst,
        problems=(code, *reading.problems),
        suggestion=reading.suggestion,
        absent=reading.absent,
    )


def _read_object(text: str, pointer: str) -> ObjectReading:
    """Find the object somewhere in a text, with what is before and behind it."""
    known = _matched(_BEFORE, text, 0)
    start = next((i for i in range(known, len(text)) if text[i] in "{["), None)
    if start is None:
        return invalid(
            "arguments_invalid_json",
            f"the arguments are not JSON: {clip(text, 60)!r}",
            text,
            pointer,
        )
    first = relax(text, start)
    if first.loaded is None:
        if first.open:
            return _truncated(text, pointer)
        return invalid(
            "arguments_invalid_json", f"the arguments are not JSON: {_where(text)}", text, pointer
        )
    if first.loaded.nonfinite or not finite(first.value):
        return nonfinite(pointer)
    if not isinstance(first.value, dict):
        return not_object(first.value, pointer)
    others, end, cut = _following(text, first)
    if cut:
        return invalid(
            "arguments_concatenated", "a second, unfinished object follows the first", text, pointer
        )
    if others and _canonical(others[-1]) != _canonical(first.value):
        only = next((o for o in (first.value, *others) if o), first.value)
        return invalid(
            "arguments_concatenated",
            "several different objects stand one after another",
            text,
            pointer,
            suggestion=only,
        )
    codes = [*first.codes, *(["arguments_duplicated"] if others else [])]
    return _with_rules(text, (start, end), known == start, codes, first.loaded, pointer)


def _matched(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _following(text: str, first: Relaxed) -> tuple[list[Any], int, bool]:
    """Find the objects right behind the first one up to one that differs, where they end, and
    whether the text ends inside one.
    """
    others: list[Any] = []
    end, same = first.end, _canonical(first.value)
    while len(others) < _MOST_OBJECTS:
        at = _matched(_BETWEEN, text, end)
        if text[at : at + 1] != "{":
            break
        following = relax(text, at)
        if not following.found:
            return others, end, following.open
        others.append(following.value)
        end = following.end
        if _canonical(following.value) != same:
            break
    return others, end, False


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


def _with_rules(
    text: str, span: tuple[int, int], known: bool, codes: list[str], loaded: Loaded, pointer: str
) -> ObjectReading:
    """Describe an object that rules were needed for, or that is among other text.

    Args:
        known: nothing but markup is before the object.
    """
    before, behind = text[: span[0]], text[span[1] :]
    around = {
        "arguments_leading_data": _COMMENT.sub("", before),
        "arguments_trailing_data": _COMMENT.sub("", behind),
    }
    if [*around.values()] != [before, behind]:
        codes.append("arguments_comments")
    if around["arguments_trailing_data"].strip() == ",":
        codes.append("arguments_trailing_comma")
        around["arguments_trailing_data"] = ""
    codes += [code for code, edge in around.items() if edge.strip(_JSON_SPACE)]
    problems = tuple(
        problem(code, _RULES[code], pointer=pointer, before=around.get(code, text))
        for code in dict.fromkeys(codes)
    )
    if known and _matched(_BEHIND, behind, 0) == len(behind):
        return ObjectReading(
            value=loaded.value,
            status="repaired",
            problems=(*problems, *_quirks(text, loaded, pointer)),
        )
    bad = problem(
        "arguments_invalid_json",
        "the arguments are an object inside other text",
        pointer=pointer,
        before=text,
    )
    return ObjectReading(status="invalid", problems=(*problems, bad), suggestion=loaded.value)


def _where(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as exc:
        return f"{exc.msg.lower()} at character {exc.pos}"
    except (ValueError, RecursionError) as exc:
        return "nested too deeply" if isinstance(exc, RecursionError) else str(exc).lower()
    return "unreadable"


def _truncated(text: str, pointer: str) -> ObjectReading:
    return invalid(
        "arguments_truncated",
        f"the arguments end inside a value, at character {len(text)}",
        text,
        pointer,
    )


def invalid(
    code: str, message: str, text: str, pointer: str, suggestion: Any = None
) -> ObjectReading:
    """Describe arguments that no tool may be called with.

    Args:
        code: the problem's code.
        message: what is wrong with them.
        text: their text.
        pointer: JSON pointer of the arguments in the raw answer.
        suggestion: what was probably meant.
    """
    return ObjectReading(
        status="invalid",
        problems=(problem(code, message, pointer=pointer, before=text),),
        suggestion=suggestion,
    )


def not_object(value: Any, pointer: str) -> ObjectReading:
    kind = {list: "a list", str: "a text", bool: "a boolean"}.get(type(value), "a number")
    only = (
        value[0]
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)
        else None
    )
    code = problem(
        "arguments_not_object",
        f"the arguments are {kind}, not an object",
        pointer=pointer,
        before=value,
    )
    return ObjectReading(status="invalid", problems=(code,), suggestion=only)


def nonfinite(pointer: str, problems: tuple[Problem, ...] = ()) -> ObjectReading:
    code = problem(
        "arguments_nonfinite",
        "the arguments hold NaN or an infinite number, which JSON cannot carry",
        pointer=pointer,
    )
    return ObjectReading(status="invalid", problems=(*problems, code))
