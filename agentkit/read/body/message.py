"""From a server's answer to the one message in it: the envelope around it, and the bodies that have
none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agentkit.dialects.codecs import codec_of
from agentkit.read.body.finish import read_finish
from agentkit.read.body.foreign import foreign_piece, is_binary_stream
from agentkit.read.body.json_lines import json_values
from agentkit.read.failure.answer_error import body_error
from agentkit.read.failure.error import read_error
from agentkit.read.plain import finite
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip

_HTML = re.compile(
    r"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body|title|center|h1)\b",
    re.IGNORECASE | re.DOTALL,
)
_LARGE = re.compile(r"NaN|Infinity|[0-9][eE]\+?[0-9]{3}|[0-9]{300}")
"""What a number that JSON cannot carry looks like in a text, or may look like."""
_SSE = re.compile(r"\s*(?::|(?:data|event|id|retry):|error:\s*\{)")


@dataclass(slots=True)
class Envelope:
    """What is around a message, and the message itself where there is one."""

    body: dict[str, Any] = field(default_factory=dict)
    choice: dict[str, Any] = field(default_factory=dict)
    message: dict[str, Any] | None = None
    pointer: str = ""
    """JSON pointer of the message."""
    bare: bool = False
    """A message without an envelope: nothing about a finish or usage can be expected."""
    several: bool = False
    """Whether there are other choices beside the one read, which the usage counts too."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def imported(self) -> bool:
        """Whether another recorder kept it: what that left out is no fault of the answer."""
        return "imported" in self.body or "imported" in (self.message or {})


def parse_body(text: str) -> tuple[Any, list[Problem]]:
    """Parse the body's text as data; None and the reason where it is not JSON."""
    if not text.strip("\ufeff \t\r\n"):
        return None, [problem("body_empty", "the body is empty")]
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as exc:
        return None, [_not_json(text, exc)]
    if isinstance(data, list) and _is_foreign_stream(data):
        return None, [_stream_problem(text, "the body is a list of another API's events")]
    return data, number_problems(data) if _LARGE.search(text) else []


def _is_lines(text: str) -> bool:
    """Tell whether a text is lines, or a list that is cut, of a stream's objects."""
    values = list(json_values(text))
    if not values or (len(values) == 1 and not text.lstrip().startswith("[")):
        return False
    first = json.loads(values[0]) if values[0].startswith("{") else {}
    return "delta" in str(first.get("choices"))[:2000] or foreign_piece(first) is not None


def _is_foreign_stream(data: list[Any]) -> bool:
    objects = all(isinstance(item, dict) for item in data)
    return objects and any(foreign_piece(item) is not None for item in data[:5])


def _stream_problem(text: str, fact: str) -> Problem:
    return problem(
        "unexpected_sse", f"{fact}, which was not asked for; it is read as one", before=text
    )


def number_problems(data: Any) -> list[Problem]:
    """Report a number in the data that JSON cannot carry."""
    return (
        []
        if finite(data)
        else [
            problem(
                "body_nonstandard_number",
                "the body holds NaN or an infinite number, which JSON does not know",
            )
        ]
    )


def _not_json(text: str, exc: Exception) -> Problem:
    bare = text.lstrip("\ufeff")
    if _HTML.match(bare):
        return problem(
            "body_html", "the body is a web page; check the base URL and any proxy", before=text
        )
    if _SSE.match(bare):
        return _stream_problem(text, "the body is an event stream")
    if is_binary_stream(text):
        return _stream_problem(text, "the body is AWS's binary event stream")
    if _is_lines(bare):
        return _stream_problem(text, "the body is a stream of JSON objects")
    return problem("body_not_json", f"the body is not JSON: {clip(str(exc), 80)}", before=text)


def open_envelope(data: Any) -> Envelope:
    """Find the message inside plain data, and what was wrong on the way to it."""
    if isinstance(data, str) and data.lstrip().startswith("{"):
        inner = open_envelope(parse_body(data)[0])
        inner.problems.insert(0, problem("nested_envelope", "the answer stands inside a JSON text"))
        return inner
    if not isinstance(data, dict):
        return Envelope(problems=list(_no_object(data)))
    if _is_message(data):
        return Envelope(message=data, bare=True)
    key, nested = nested_answer(data)
    if key:
        inner = open_envelope(nested)
        inner.problems.insert(
            0, problem("nested_envelope", f"the answer stands inside {key!r}", pointer=f"/{key}")
        )
        inner.pointer = f"/{key}{inner.pointer}"
        around = {name: value for name, value in data.items() if name != key.split("/")[0]}
        inner.body = {**around, **inner.body}
        return inner
    envelope = Envelope(body=data, problems=_errors(data, ""))
    if not data.get("choices"):
        if not envelope.problems:
            envelope.problems.append(_no_choices(data))
        return envelope
    return _choose(envelope, data["choices"])


def _no_object(data: Any) -> Iterator[Problem]:
    kind = "a list" if isinstance(data, list) else "nothing" if data is None else "no object"
    failed = read_error(None, None, data) if isinstance(data, (list, str)) and data else None
    note = f": {failed.message}" if failed and failed.message else ""
    yield problem("body_not_object", f"the answer is {kind}{note}"[:300], before=data)
    if isinstance(data, list):
        yield from (
            p
            for index, item in enumerate(data[:1])
            if isinstance(item, dict)
            for p in _errors(item, f"/{index}")
        )


def _is_message(data: dict[str, Any]) -> bool:
    if "choices" in data or data.get("type") == "message":
        return False
    return data.get("role") == "assistant" or (
        "role" not in data and "content" in data and "tool_calls" in data
    )


_NESTS = ("response", "data", "result", "body", "completion", "output", "raw_response")
"""Where an answer usually stands; it is looked for there before any other key."""
_DEEPEST = 6


def nested_answer(data: dict[str, Any], depth: int = 0) -> tuple[str | None, Any]:
    """Find the key of an object, or of its JSON text, that holds the answer, and the object: alone
    or first in a list.
    """
    if data.get("choices") or depth > _DEEPEST:
        return None, None
    for key in (*(key for key in _NESTS if key in data), *(k for k in data if k not in _NESTS)):
        inner = data[key]
        if isinstance(inner, str) and key in _NESTS and inner.lstrip().startswith("{"):
            inner, _ = parse_body(inner)
        where = key
        if isinstance(inner, list) and len(inner) == 1:
            inner, where = inner[0], f"{key}/0"
        if isinstance(inner, dict) and _answers(key, inner, depth):
            return where, inner
    return None, None


def _answers(key: str, inner: dict[str, Any], depth: int) -> bool:
    if key in ("choices", "usage", "error"):
        return False
    known = key in _NESTS and ("choices" in inner or (inner.get("error") and key in _FAILING))
    whole = known or _has_choices(inner) or codec_of(inner) is not None
    return bool(whole or nested_answer(inner, depth + 1)[0])


_FAILING = ("response", "body")


def _has_choices(data: dict[str, Any]) -> bool:
    choices = data.get("choices")
    return (
        isinstance(choices, list)
        and bool(choices)
        and isinstance(choices[0], dict)
        and not choices[0].keys().isdisjoint(("message", "delta"))
    )


def _errors(data: dict[str, Any], pointer: str) -> list[Problem]:
    error = body_error(data)
    if error is None:
        return []
    failed = read_error(None, None, error)
    at = f"{pointer}/error" if "error" in data else pointer
    if error is not data and data.get("choices"):
        at = f"{pointer}/choices/0/error"
    return [
        problem(
            "error_in_200",
            f"the answer is an error: {failed.kind}: {clip(failed.message, 200)}",
            pointer=at,
            before=error.get("error"),
        )
    ]


def _no_choices(data: dict[str, Any]) -> Problem:
    other = _no_answer(data)
    if other:
        return problem("message_missing", other)
    dialect = _dialect(data)
    if dialect:
        return problem(
            "foreign_dialect",
            f"the answer is {dialect}, not a chat completion; point the base URL at the server's"
            " /v1/chat/completions",
        )
    if "choices" in data:
        message = "`choices` is null" if data["choices"] is None else "`choices` is empty"
        return problem("choices_missing", message, pointer="/choices", before=data["choices"])
    return problem(
        "choices_missing",
        f"the answer has no choices; it has: {clip(', '.join(map(str, data)) or 'nothing', 100)}",
    )


def _no_answer(data: dict[str, Any]) -> str | None:
    """Tell what other endpoints of the Responses and Messages APIs answer, which is no message."""
    if data.get("object") == "response.compaction":
        return "the answer is a compacted history, and no message; it goes into the next `input`"
    if data.get("object") == "response.input_tokens" or set(data) <= {*_COUNTED}:
        return "the answer is a count of tokens, and no message" if data else None
    return "the message has no content" if data.get("type") == "message" else None


_COUNTED = ("input_tokens", "context_management")


def _dialect(data: dict[str, Any]) -> str | None:
    items = data.get("output")
    if isinstance(data.get("candidates"), list):
        return "a Gemini generateContent answer"
    if isinstance(data.get("message"), dict) and ("done" in data or "done_reason" in data):
        return "an Ollama /api/chat answer"
    if isinstance(data.get("response"), str) and "done" in data:
        return "an Ollama /api/generate answer"
    if "generated_text" in data or ("text" in data and "meta_info" in data):
        return "a raw generation"
    if isinstance(items, dict) and ("message" in items or "stopReason" in data):
        return "a Bedrock Converse answer"
    if isinstance(data.get("message"), dict) and "finish_reason" in data:
        return "a Cohere chat answer"
    return None


def _choose(envelope: Envelope, choices: Any) -> Envelope:
    listed = choices if isinstance(choices, list) else [choices]
    usable = [(i, choice) for i, choice in enumerate(listed) if isinstance(choice, dict)]
    if not isinstance(choices, list) or not usable:
        fact = (
            "`choices` is not a list" if not isinstance(choices, list) else "no choice is an object"
        )
        envelope.problems.append(
            problem("choices_missing", fact, pointer="/choices", before=choices)
        )
    if not usable:
        return envelope
    if all(type(choice.get("index")) is int for _, choice in usable):
        usable.sort(key=lambda entry: entry[1]["index"])
    index, choice = usable[0]
    envelope.choice, envelope.pointer = choice, f"/choices/{index}/message"
    message = choice.get("message")
    if not isinstance(message, dict):
        envelope.problems.append(_no_message(choice, index))
        if isinstance(choice.get("delta"), dict) and "text" not in choice:
            envelope.message, envelope.pointer = choice["delta"], f"/choices/{index}/delta"
        return envelope
    parts = _parts(
        choice, [other for _, other in usable[1:] if isinstance(other.get("message"), dict)]
    )
    envelope.message = message
    if parts:
        envelope.message = _merged(message, [part["message"] for part in parts])
        envelope.problems.append(
            problem(
                "choices_split",
                f"one answer is spread over {len(parts) + 1} choices; they are read together",
                pointer="/choices",
            )
        )
    elif len(usable) > 1:
        envelope.several = True
        envelope.problems.append(several_choices(len(usable)))
    return envelope


def several_choices(count: int) -> Problem:
    """Report that an answer has other choices than the one that is read (`n` > 1)."""
    return problem(
        "choices_several",
        f"the answer has {count} choices; the first is read, ak.sample_tree shows all",
        pointer="/choices",
    )


def _no_message(choice: dict[str, Any], index: int) -> Problem:
    at = f"/choices/{index}/message"
    if isinstance(choice.get("text"), str):
        return problem(
            "foreign_dialect",
            "the answer is a text completion, not a chat completion; use /v1/chat/completions",
            pointer=at,
        )
    if isinstance(choice.get("delta"), dict):
        return problem(
            "nested_envelope",
            "the message stands inside 'delta', as a piece of a stream would",
            pointer=f"/choices/{index}/delta",
        )
    return problem(
        "message_missing", "the choice has no message", pointer=at, before=choice.get("message")
    )


def finish_of(envelope: Envelope) -> tuple[str | None, list[Problem]]:
    """Read why the answer ended, and what is odd about that; nothing where nothing is expected."""
    choice = envelope.choice
    silent = choice.get("finish_reason") is None
    if envelope.bare or (silent and (envelope.message is None or envelope.imported)):
        return None, []
    finish, notes = read_finish(choice, envelope.pointer.rpartition("/")[0])
    if envelope.imported:  # the word is that of a server in another dialect
        notes = [p for p in notes if p.code != "finish_nonstandard"]
    if any(p.code == "error_in_200" for p in envelope.problems):  # it says why, more exactly
        notes = [p for p in notes if p.severity != "error"]
    return finish, notes


def _parts(first: dict[str, Any], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Find the choices that are parts of the first: those of its index, or the ones with the calls
    that it announces and lacks.
    """
    same = [
        other
        for other in others
        if first.get("index") is not None and other.get("index") == first["index"]
    ]
    if (
        same
        or first.get("finish_reason") not in ("tool_calls", "tool_use")
        or first["message"].get("tool_calls")
    ):
        return same
    return [other for other in others if other["message"].get("tool_calls")]


def _merged(first: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    merged = dict(first)
    for message in others:
        for key, value in message.items():
            have = merged.get(key)
            if have in (None, "", []):
                merged[key] = value
            elif (
                key in ("content", "reasoning", "reasoning_content")
                and isinstance(have, str)
                and isinstance(value, str)
                and value != have
            ):
                merged[key] = have + value
            elif isinstance(have, list) and isinstance(value, list):
                merged[key] = have + value
    return merged
