"""From a server's answer to the one message in it: the envelope around it, and the bodies that have none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from agentkit.read.error import read_error
from agentkit.types import Problem, clip, problem


@dataclass(slots=True)
class Envelope:
    """What stands around a message, and the message itself where there is one."""

    body: dict[str, Any] = field(default_factory=dict)
    choice: dict[str, Any] = field(default_factory=dict)
    message: dict[str, Any] | None = None
    pointer: str = ""
    """JSON pointer of the message."""
    bare: bool = False
    """A message without an envelope: nothing about a finish or usage can be expected."""
    problems: list[Problem] = field(default_factory=list)


def parse_body(text: str) -> tuple[Any, list[Problem]]:
    """The body's text as data; None and the reason where it is not JSON."""
    if not text.strip("\ufeff \t\r\n"):
        return None, [problem("body_empty", "the body is empty")]
    odd: list[str] = []

    def constant(name: str) -> float:
        odd.append(name)
        return float(name.replace("Infinity", "inf"))

    try:
        data = json.loads(text.removeprefix("\ufeff"), parse_constant=constant)
    except (ValueError, RecursionError) as exc:
        return None, [_not_json(text, exc)]
    bad = [problem("body_nonstandard_number", f"the body holds {odd[0]}, which JSON does not know")] if odd else []
    return data, bad


def _not_json(text: str, exc: Exception) -> Problem:
    head = text.lstrip()[:200].lower()
    if head.startswith(("<!doctype", "<html", "<head", "<body")):
        return problem("body_html", "the body is a web page; check the base URL and any proxy", before=text)
    if head.startswith(("data:", "event:", ": ", ":\n", "id:", "retry:")):
        return problem("unexpected_sse", "the body is an event stream; read it with read_stream", before=text)
    return problem("body_not_json", f"the body is not JSON: {clip(str(exc), 80)}", before=text)


def open_envelope(data: Any) -> Envelope:
    """The message inside plain data, and what was wrong on the way to it."""
    if not isinstance(data, dict):
        kind = "a list" if isinstance(data, list) else "nothing" if data is None else "no object"
        failed = read_error(None, None, data) if isinstance(data, (list, str)) and data else None
        note = f": {failed.message}" if failed and failed.message else ""
        return Envelope(problems=[problem("body_not_object", f"the answer is {kind}{note}"[:300], before=data)])
    if _is_message(data):
        return Envelope(message=data, bare=True)
    if "choices" not in data:
        outer, key = data, _nested_key(data)
        if key:
            inner = open_envelope(data[key])
            inner.problems.insert(0, problem("nested_envelope", f"the answer stands inside {key!r}", pointer=f"/{key}"))
            inner.pointer = f"/{key}{inner.pointer}"
            inner.body = inner.body or outer
            return inner
    envelope = Envelope(body=data, problems=_errors(data))
    if not data.get("choices"):
        if not envelope.problems:
            envelope.problems.append(_no_choices(data))
        return envelope
    return _choose(envelope, data["choices"])


def _is_message(data: dict[str, Any]) -> bool:
    return "choices" not in data and data.get("role") == "assistant" and data.get("type") != "message"


def _nested_key(data: dict[str, Any]) -> str | None:
    for key in ("response", "data", "result", "body", "completion", "output", "raw_response"):
        inner = data.get(key)
        if isinstance(inner, dict) and (isinstance(inner.get("choices"), list) or (key in ("response", "body") and "choices" in inner)):
            return key
    return None


def _errors(data: dict[str, Any]) -> list[Problem]:
    if not data.get("error") and not (data.get("object") == "error" or (data.get("detail") and "choices" not in data)):
        return []
    failed = read_error(None, None, data)
    message = f"the answer is an error: {failed.kind}: {clip(failed.message, 200)}"
    return [problem("error_in_200", message, pointer="/error", before=data.get("error"))]


def _no_choices(data: dict[str, Any]) -> Problem:
    dialect = _dialect(data)
    if dialect:
        return problem("foreign_dialect", f"the answer is {dialect}, not a chat completion; point the base URL at the server's /v1/chat/completions")
    if "choices" in data:
        return problem("choices_missing", "the list of choices is empty" if data["choices"] == [] else "`choices` is null", pointer="/choices")
    return problem("choices_missing", f"the answer has no choices; it has: {clip(', '.join(map(str, data)) or 'nothing', 100)}")


def _dialect(data: dict[str, Any]) -> str | None:
    if data.get("type") == "message" or ("stop_reason" in data and isinstance(data.get("content"), list)):
        return "an Anthropic message"
    if isinstance(data.get("output"), list) or data.get("object") == "response":
        return "an OpenAI Responses answer"
    if isinstance(data.get("candidates"), list):
        return "a Gemini generateContent answer"
    if isinstance(data.get("message"), dict) and ("done" in data or "done_reason" in data):
        return "an Ollama /api/chat answer"
    if isinstance(data.get("response"), str) and "done" in data:
        return "an Ollama /api/generate answer"
    if "generated_text" in data or ("text" in data and "meta_info" in data):
        return "a raw generation"
    if isinstance(data.get("output"), dict) and ("message" in data["output"] or "stopReason" in data):
        return "a Bedrock Converse answer"
    return None


def _choose(envelope: Envelope, choices: Any) -> Envelope:
    listed = choices if isinstance(choices, list) else [choices]
    if not isinstance(choices, list):
        envelope.problems.append(problem("choices_missing", "`choices` is not a list", pointer="/choices", before=choices))
    usable = [(i, choice) for i, choice in enumerate(listed) if isinstance(choice, dict)]
    if not usable:
        envelope.problems.append(problem("choices_missing", "no choice is an object", pointer="/choices", before=choices))
        return envelope
    index, choice = usable[0]
    envelope.choice, envelope.pointer = choice, f"/choices/{index}/message"
    if choice.get("error"):
        envelope.problems.extend(_errors(choice))
    message = choice.get("message")
    if not isinstance(message, dict):
        envelope.problems.append(_no_message(choice, index))
        return envelope
    parts = [other for _, other in usable[1:] if isinstance(other.get("message"), dict)]
    envelope.message = message
    if parts and _is_split(choice, parts):
        envelope.message = _merged(message, [part["message"] for part in parts])
        envelope.problems.append(
            problem("choices_split", f"one answer is spread over {len(parts) + 1} choices; they are read together", pointer="/choices")
        )
    return envelope


def _no_message(choice: dict[str, Any], index: int) -> Problem:
    at = f"/choices/{index}/message"
    if isinstance(choice.get("text"), str):
        return problem("foreign_dialect", "the answer is a text completion, not a chat completion; use /v1/chat/completions", pointer=at)
    if isinstance(choice.get("delta"), dict):
        return problem("message_missing", "the choice holds a stream's delta, not a message; read it with read_stream", pointer=at)
    return problem("message_missing", "the choice has no message", pointer=at, before=choice.get("message"))


def _is_split(first: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """Whether the choices are parts of one answer: they share an index, or the first announces calls that only a later one has."""
    indices = [choice.get("index") for choice in (first, *others)]
    calls = [bool(choice["message"].get("tool_calls")) for choice in (first, *others)]
    if len(set(map(str, indices))) < len(indices):
        return True
    return first.get("finish_reason") in ("tool_calls", "tool_use") and not calls[0] and any(calls)


def _merged(first: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    merged = dict(first)
    for message in others:
        for key, value in message.items():
            have = merged.get(key)
            if have in (None, "", []):
                merged[key] = value
            elif key in ("content", "reasoning", "reasoning_content") and isinstance(have, str) and isinstance(value, str) and value != have:
                merged[key] = have + value
            elif isinstance(have, list) and isinstance(value, list):
                merged[key] = have + value
    return merged
