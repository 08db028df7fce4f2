"""What a failed request's body says: the objects in it that may carry a message, their words, the
status in it, and how long it asks to wait.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from agentkit.read.calls.tolerant_json import relax
from agentkit.read.failure.error_codes import (
    BY_BASE_RESP,
    BY_NAME,
    BY_NUMBER,
    STATUS_NAMES,
)
from agentkit.read.plain import plain
from agentkit.types.record import clip

TEXT_LIMIT = 20_000
"""Characters of a text that are looked at."""
_HTML = re.compile(r"\s*(?:<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^<>]*>([^<]{1,300})</", re.IGNORECASE)
_BEGIN = re.compile(r"^(?:(?:data|error|Error):)?[ \t]*(?=[{\[])", re.MULTILINE)
_DECODER = json.JSONDecoder()
_MOST_MISSES = 64
"""Lines that look like JSON and are none, before the search is given up."""
_STREAMED = ("data:", "event:", "error:", "Error:", ":")
_IN_WORDS = re.compile(
    r"\b(?:error code|status(?:[ _]?code)?|HTTP(?: error| status)?|HTTP/1\.1)[ :=]{1,3}"
    r"([45]\d\d)\b",
    re.IGNORECASE,
)
_STATUS_TEXT = re.compile(r"(?:HTTP[ _-]?)?([45]\d\d)(?: [A-Za-z' -]{1,40})?", re.IGNORECASE)
_INNER = (
    "error",
    "errors",
    "Error",
    "detail",
    "message",
    "metadata",
    "raw",
    "body",
    "cause",
    "details",
    "violations",
    "base_resp",
    "innererror",
    "provider_error",
    "upstream_error",
    "response",
)
_TEXTS = (
    "message",
    "error",
    "detail",
    "msg",
    "Message",
    "error_description",
    "error_message",
    "errorMessage",
    "error_msg",
    "err_msg",
    "errmsg",
    "status_msg",
    "originalMessage",
    "raw",
)
_WORDS = ("code", "type", "status", "reason", "error_code", "error_type", "__type")


def parsed(body: Any) -> tuple[Any, str]:
    """Parse the body as data, and give its text; an event of a stream is looked for in the text."""
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode(errors="replace")
    if not isinstance(body, str):
        return plain(body), ""
    text = body.removeprefix("\ufeff").strip()
    if text.startswith(_STREAMED):
        return _streamed(text)
    try:
        return json.loads(text), text
    except (ValueError, RecursionError):
        return None, text


def _streamed(text: str) -> tuple[Any, str]:
    """Take the event that holds an error out of a stream's text; else its first one."""
    found = list(_events(text))
    if not found:
        return None, re.sub(r"\A(?:data|error|Error):[ \t]*", "", text)
    wanted = (event for event in found if '"error' in event[1] or '"message"' in event[1])
    data, event = next(wanted, found[0])
    return _of_choice(data), event


def _events(text: str) -> Iterator[tuple[Any, str]]:
    """Find the JSON values that begin a line of a stream, under `data:`, `error:` or bare."""
    at, misses = 0, 0
    while misses < _MOST_MISSES and (begin := _BEGIN.search(text, at)):
        try:
            data, at = _DECODER.raw_decode(text, begin.end())
        except (ValueError, RecursionError):
            misses, at = misses + 1, begin.end() + 1
            continue
        yield data, text[begin.end() : at]


def _of_choice(data: Any) -> Any:
    """Take the error out of a choice, where it stands there alone."""
    choices = data.get("choices") if isinstance(data, dict) and not data.get("error") else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = choice.get("error") if isinstance(choice, dict) else None
    return {"error": error} if error else data


def facts_of(data: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Collect the objects that may carry a message, outermost first."""
    if depth > 6:
        return
    if isinstance(data, list):
        for item in data[:5]:
            yield from [{"message": item}] if isinstance(item, str) else facts_of(item, depth + 1)
    if isinstance(data, str):
        nested = nested_in(data)
        if nested is not None:
            yield from facts_of(nested, depth + 1)
    if not isinstance(data, dict):
        return
    yield data
    for key in _INNER:
        if isinstance(data.get(key), (dict, list, str)):
            yield from facts_of(data[key], depth + 1)
    exception = exception_in(data)
    if exception is not None:
        yield from facts_of(exception, depth + 1)


def exception_in(data: dict[str, Any]) -> dict[str, Any] | None:
    """Find the exception of a Bedrock stream, whose name is its key; None where there is none."""
    if len(data) != 1:
        return None
    name, value = next(iter(data.items()))
    return (
        {"type": name, **value} if name.endswith("Exception") and isinstance(value, dict) else None
    )


def nested_in(text: str) -> Any:
    """Read an object or list written inside a message, as JSON or as Python prints it (LiteLLM,
    OpenRouter's `metadata.raw`).
    """
    starts = [i for i in (text.find("{"), text.find("[{")) if i >= 0]
    found = relax(text[:TEXT_LIMIT], min(starts)) if starts else None
    return found.value if found and found.found else None


def messages_of(facts: list[dict[str, Any]], text: str, data: Any) -> tuple[str, str | None]:
    """Find the server's own message, and the one of a provider behind it."""
    texts = [m for fact in facts for m in _texts(fact)]
    if not texts:
        if _HTML.match(text):
            title = _TITLE.search(text[:TEXT_LIMIT])
            return clip(title.group(2).strip(), 200) if title else "an HTML page", None
        return (data if isinstance(data, str) else text)[:2000], None
    outer, inner = texts[0], texts[-1]
    if outer.lstrip()[:1] in ("{", "[") and nested_in(outer) is not None:
        return inner[:2000], None
    gateway = any(fact.get("provider_name") or "raw" in fact for fact in facts) or isinstance(
        nested_in(outer), dict
    )
    return outer[:2000], inner[:2000] if gateway and inner != outer else None


def _texts(fact: dict[str, Any]) -> Iterator[str]:
    for key in _TEXTS:
        value = fact.get(key)
        if isinstance(value, str) and value.strip():
            yield (
                f"{'.'.join(str(p) for p in fact['loc'])}: {value}"
                if key == "msg" and isinstance(fact.get("loc"), list)
                else value
            )
            return
    yield from (f"{key}: {fact[key]}" for key in fact if names_error(key) and fact[key])


def names_error(key: Any) -> bool:
    """Return whether a key tells what failed, as Ollama's `{"error parsing tool call": why}`."""
    return isinstance(key, str) and key[:6].lower() == "error "


def words_of(facts: list[dict[str, Any]]) -> str:
    """Join the codes and types of an error, without what a person would read."""
    return " ".join(str(f.get(k)) for f in facts for k in _WORDS if f.get(k))


def locations_of(facts: list[dict[str, Any]]) -> str:
    """Join what says where in the request the error is."""
    return " ".join(str(fact[k]) for fact in facts for k in ("param", "loc") if fact.get(k))


def quota_of(facts: list[dict[str, Any]]) -> str:
    """Join the names of the quotas that were passed (`google.rpc.QuotaFailure`)."""
    return " ".join(str(f[k]) for f in facts for k in ("quotaId", "quotaMetric") if f.get(k))


def status_of(facts: list[dict[str, Any]], message: str) -> int | None:
    """Find the HTTP status that the body itself tells, the outermost first: a number under a name
    of `STATUS_NAMES`, else one in the message's words.
    """
    for fact in facts:
        for key, value in fact.items():
            if str(key).lower() in STATUS_NAMES and (found := looks_like_status(value)):
                return found
    spoken = _IN_WORDS.search(message[:TEXT_LIMIT])
    return int(spoken.group(1)) if spoken else None


def looks_like_status(value: Any) -> int | None:
    """Return the number as an HTTP status of a failure, 400 to 599; None where it is none."""
    if isinstance(value, str):
        spoken = _STATUS_TEXT.fullmatch(value)
        value = int(spoken.group(1)) if spoken else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 400 <= value < 600 else None


def coded_kind(facts: list[dict[str, Any]]) -> str | None:
    """Find the kind that a provider's own number means; None where there is none."""
    for fact in facts:
        code = fact.get("status_code")
        if "status_msg" in fact and str(code) in BY_BASE_RESP:
            return BY_BASE_RESP[str(code)]
    codes = (str(fact["code"]) for fact in facts if type(fact.get("code")) in (str, int))
    return next((BY_NUMBER[code] for code in codes if code in BY_NUMBER), None)


def named_kind(facts: Iterable[dict[str, Any]]) -> str | None:
    """Find the kind that the name of an error's type or code means; None where there is none."""
    names = (
        fact[key].lower()
        for fact in facts
        for key in _WORDS
        if isinstance(fact.get(key), str) and len(fact[key]) < 100
    )
    return next((BY_NAME[name] for name in names if name in BY_NAME), None)
