"""A call's arguments, read by the status table: exactly the contract is `ok`, broken but
unambiguous is `normalized`, recovered without changing a value is `repaired`, everything else is
`invalid`. Nothing is ever completed or invented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agentkit.read.calls.arguments_text import (
    RANK,
    ObjectReading,
    given_nothing,
    invalid,
    nonfinite,
    not_object,
    read_text,
)
from agentkit.read.calls.tolerant_json import guessed_object, restarted
from agentkit.read.calls.validation import check_schema
from agentkit.read.plain import carried, finite, plain
from agentkit.types.answer import CallStatus, Policy
from agentkit.types.problem import Problem, problem
from agentkit.types.record import Record, record

_ALLOWED: dict[Policy, int] = {"strict": 0, "normalize": 1, "repair": 2}
_GUESSED = frozenset({"arguments_truncated", "arguments_invalid_json", "arguments_bad_escape"})

_TEMPLATE = re.compile(
    r"<\|(?:im_(?:start|end|sep)|endoftext|end_of_text|begin_of_text|eo[tm]_id|python_tag"
    r"|(?:start|end)_header_id|start|end|message|channel|constrain|call|return|plugin"
    r"|tool_\w{1,40}|action_\w{1,40}|(?:START|END)_\w{1,40}|\"|user|assistant|observation)\|>"
    r"|<\|tool_(?:call|response)>|<tool_(?:call|response)\|>|<｜[^<>｜\s]{1,40}｜>"
    r"|</? ?[|｜]{1,2} ?DSML ?[|｜]{1,2}[^<>]{0,200}>|<(?:start|end)_of_turn>|<escape>"
    r"|\[(?:TOOL_CALLS|ARGS|TOOL_RESULTS)\]"
)
_TAG = re.compile(
    r"<(?P<open>arg_key|arg_value|(?P<named>function|parameter)=[\w.\-]{1,128})>"
    r"|</(?P<close>function|parameter|arg_key|arg_value|invoke)>"
)
"""Tags that count as tokens where they have no counterpart in the same value."""


@record
class Arguments(Record):
    """A reading of one call's arguments."""

    value: dict[str, Any] | None
    """What the tool may be called with under the policy; None where the call must not run."""
    raw: str
    status: CallStatus
    problems: tuple[Problem, ...] = ()
    suggestion: dict[str, Any] | None = None


def read_arguments(
    raw: Any,
    *,
    read: dict[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    policy: Policy = "normalize",
    pointer: str = "",
) -> Arguments:
    """Read the arguments of one call and how far they can be trusted; never raises.

    Args:
        raw: what the server sent: text, an object, None, or anything else.
        read: what that means, where it is a text of another format than JSON.
        parameters: the tool's JSON schema; None where the tool is unknown to the reader.
        policy: `strict` runs only `ok`, `normalize` also `normalized`, `repair` also `repaired`.
        pointer: JSON pointer of the arguments in the raw answer.
    """
    text = (
        raw
        if isinstance(raw, str)
        else ("" if raw is None else json.dumps(plain(raw), ensure_ascii=False))
    )
    reading = _absent_or_empty(
        _read(raw, pointer) if read is None else _as_json(read, pointer), parameters, pointer
    )
    if reading.status == "invalid" and isinstance(raw, str) and read is None:
        reading = _begun_anew(raw, reading, pointer)
    value = (
        reading.value if isinstance(reading.value, dict) and reading.status != "invalid" else None
    )
    suggestion = reading.suggestion if isinstance(reading.suggestion, dict) else None
    problems = reading.problems
    if value is not None:
        schema_problems, coerced = check_schema(value, parameters, pointer)
        problems, suggestion = (*problems, *schema_problems), coerced
    if value is not None and RANK[reading.status] > _ALLOWED[policy]:
        value, suggestion = None, suggestion or value
    if suggestion is None and read is None and any(p.code in _GUESSED for p in problems):
        suggestion = _guess(text, parameters)
    return Arguments(
        value=value, raw=text, status=reading.status, problems=problems, suggestion=suggestion
    )


def _begun_anew(raw: str, reading: ObjectReading, pointer: str) -> ObjectReading:
    """Read a text that begins an object, once or more, before it holds the whole of it: what a
    server that streams the arguments from their start again comes to.
    """
    whole = restarted(raw)
    if whole is None:
        return reading
    message = "the arguments are begun anew: the whole object follows its own beginning"
    return invalid("arguments_concatenated", message, raw, pointer, suggestion=whole)


def _guess(text: str, parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Guess at broken arguments as the tool's schema wants them, to be shown beside them."""
    guess = guessed_object(text)
    return guess if guess is None else check_schema(guess, parameters, "")[1] or guess


def _as_json(value: dict[str, Any], pointer: str) -> ObjectReading:
    """Read an object as its JSON would be read."""
    if carried(value):
        return ObjectReading(value=value)
    try:
        return read_text(json.dumps(value, ensure_ascii=False), pointer)
    except RecursionError:
        return invalid("arguments_invalid_json", "the arguments are nested too deeply", "", pointer)


def _read(raw: Any, pointer: str) -> ObjectReading:
    if raw is None:
        return given_nothing("arguments_null", "no arguments were sent", pointer)
    if isinstance(raw, str):
        return read_text(raw, pointer)
    value = plain(raw)
    if isinstance(value, str):
        return read_text(value, pointer)
    if not isinstance(value, dict):
        return not_object(value, pointer)
    code = problem(
        "arguments_object", "arguments came as an object, not as JSON text", pointer=pointer
    )
    return (
        ObjectReading(value=value, status="normalized", problems=(code,))
        if finite(value)
        else nonfinite(pointer, (code,))
    )


def _absent_or_empty(
    reading: ObjectReading, parameters: Mapping[str, Any] | None, pointer: str
) -> ObjectReading:
    """Read missing arguments as `{}` where the tool requires nothing, or is unknown."""
    if not reading.absent:
        return reading
    lacking, _ = check_schema({}, parameters, pointer)
    required = (parameters or {}).get("required")
    if not lacking and not (isinstance(required, (list, tuple)) and required):
        return ObjectReading(value={}, status=reading.status, problems=reading.problems)
    names = ", ".join(map(str, required)) if isinstance(required, (list, tuple)) else "arguments"
    code = problem(
        "arguments_not_object",
        f"the tool requires {names} and was given nothing"[:300],
        pointer=pointer,
    )
    return ObjectReading(status="invalid", problems=(*reading.problems, code))


def may_hold_tokens(text: str) -> bool:
    """Return whether a text holds a character that tokens begin with."""
    return "<" in text or "[TOOL_" in text


def read_tokens(
    value: dict[str, Any], pointer: str
) -> tuple[tuple[Problem, ...], dict[str, Any] | None]:
    """Find the tokens in arguments, and the arguments without them; nothing where there are none.

    Args:
        value: the arguments.
        pointer: JSON pointer of them in the raw answer.
    """
    found: list[str] = []
    cleaned = _without(value, found, 0) if _may_hold(value) else value
    if not found:
        return (), None
    message = f"a value holds {found[0]!r}, which belongs to a template or a call's format"
    return (problem("markup_leak", message, pointer=pointer, before=value),), cleaned


def _may_hold(value: Any) -> bool:
    """Return whether a text in a value may hold tokens; a loop, as every call of a tag format is
    asked.
    """
    left = [value]
    while left:
        item = left.pop()
        if type(item) is str:
            if "<" in item or "[TOOL_" in item:
                return True
        elif type(item) is dict:
            left.extend(item)
            left.extend(item.values())
        elif type(item) is list:
            left.extend(item)
    return False


def _without(value: Any, found: list[str], depth: int) -> Any:
    if isinstance(value, str):
        return _without_tokens(value, found) if may_hold_tokens(value) else value
    if depth > 50:
        return value
    if isinstance(value, dict):
        return {
            _without(key, found, depth): _without(item, found, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without(item, found, depth + 1) for item in value]
    return value


def _without_tokens(text: str, found: list[str]) -> str:
    """Take a text's tokens out; tags only where they have no counterpart in it."""
    spans = [match.span() for match in _TEMPLATE.finditer(text)]
    opened: dict[str, list[tuple[int, int]]] = {}
    for tag in _TAG.finditer(text):
        name = tag["close"] or tag["named"] or tag["open"]
        if tag["close"] is None:
            opened.setdefault(name, []).append(tag.span())
        elif opened.get(name):
            opened[name].pop()
        else:
            spans.append(tag.span())
    spans += [span for left in opened.values() for span in left]
    if not spans:
        return text
    spans.sort()
    found.extend(text[start:end] for start, end in spans)
    kept, at = [], 0
    for start, end in spans:
        kept.append(text[at:start] if start > at else "")
        at = max(at, end)
    return "".join([*kept, text[at:]]).strip()
