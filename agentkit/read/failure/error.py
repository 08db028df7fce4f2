"""A failed request, classified: the text of the body decides before the status, because config
faults come as 500 and exhausted quota as 429.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from agentkit.errors import checked_keywords
from agentkit.read.calls.tolerant_json import relax
from agentkit.read.failure.error_rules import BY_STATUS, HINTS, RETRYABLE, rules
from agentkit.read.plain import plain
from agentkit.types.record import clip
from agentkit.types.wire import ApiError, Exchange

_TRY_AGAIN = re.compile(
    r"(?:try again|retry)[^0-9]{0,30}?"
    r"((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|s|seconds?|m|minutes?|h|hours?)\s*)+)",
    re.IGNORECASE,
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli[a-z]*|s[a-z]*|m[a-z]*|h[a-z]*)", re.IGNORECASE)
_UNITS = {"mi": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_HTML = re.compile(r"\s*(?:<!doctype\s+html|<html|<head|<body)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^<>]*>([^<]{1,300})</", re.IGNORECASE)
_SSE_DATA = re.compile(r"^data:[ \t]*([{\[].*)$", re.MULTILINE)
_WAITS = ("retryDelay", "retry_after", "retry_after_seconds", "estimated_time")
_TEXT_LIMIT = 20_000


@checked_keywords
def read_error(status: int | None, headers: Any = None, body: Any = None) -> ApiError:
    """Read a request that failed as data: kind, retryable, retry_after, message, upstream message;
    never raises.

    Args:
        status: HTTP status; None where there was none (an error inside a stream or a 200).
        headers: a mapping or pairs, any case.
        body: bytes, text, or parsed JSON in any server's shape (object, list, plain text, HTML,
            nothing).
    """
    status = _number(status)
    named = _headers(headers)
    data, text = _parsed(body)
    facts = list(_facts(data))
    message, upstream = _messages(facts, text, data)
    words = " ".join(
        [
            *(
                str(f.get(k))
                for f in facts
                for k in ("code", "type", "status", "reason")
                if f.get(k)
            ),
            message,
            upstream or "",
        ]
    )
    kind = _kind(status, f"{words} {_locations(facts)}"[:_TEXT_LIMIT], data, text)
    fact = facts[-1] if facts else {}
    return ApiError(
        kind=kind,
        message=message or _status_message(status),
        status=status,
        retryable=_retryable(kind, status),
        retry_after=_retry_after(named, f"{message} {upstream or ''}", facts),
        upstream_message=upstream if upstream != message else None,
        code=_word(facts, ("code", "type", "status")),
        param=_word([fact, *facts], ("param",)),
        hint=HINTS.get(kind, ""),
    )


def is_error(body: dict[str, Any]) -> bool:
    """Return whether an answer that came as a success reports an error."""
    error = body.get("error") or body.get("errors")
    if any(error.values()) if isinstance(error, dict) else error:
        return True
    if body.get("choices"):
        return False
    status = (
        body["base_resp"].get("status_code") if isinstance(body.get("base_resp"), dict) else None
    )
    says = any(
        isinstance(body.get(key), str) and body[key]
        for key in ("message", "error_msg", "error_message")
    )
    return bool(
        body.get("object") == "error"
        or body.get("detail")
        or status
        or (says and not _is_foreign(body))
    )


def _is_foreign(body: dict[str, Any]) -> bool:
    return any(
        key in body for key in ("content", "output", "candidates", "generated_text", "response")
    )


def _number(status: Any) -> int | None:
    if isinstance(status, str):
        return int(status) if status.strip().isdecimal() else None
    return int(status) if isinstance(status, int) else None


def _headers(headers: Any) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    try:
        return {str(k).lower(): str(v) for k, v in pairs}
    except (TypeError, ValueError):
        return {}


def _parsed(body: Any) -> tuple[Any, str]:
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode(errors="replace")
    if not isinstance(body, str):
        return plain(body), ""
    text = body.removeprefix("\ufeff").strip()
    event = _SSE_DATA.search(text) if text.startswith(("data:", "event:")) else None
    if event:
        text = event.group(1).strip()
    try:
        return json.loads(text), text
    except (ValueError, RecursionError):
        return None, text


def _facts(data: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Collect the objects that may carry a message, outermost first."""
    if depth > 6:
        return
    if isinstance(data, list):
        for item in data[:5]:
            yield from [{"message": item}] if isinstance(item, str) else _facts(item, depth + 1)
    if isinstance(data, str):
        nested = _nested(data)
        if nested is not None:
            yield from _facts(nested, depth + 1)
    if not isinstance(data, dict):
        return
    yield data
    for key in (
        "error",
        "errors",
        "detail",
        "message",
        "metadata",
        "raw",
        "body",
        "cause",
        "details",
        "base_resp",
    ):
        if isinstance(data.get(key), (dict, list, str)):
            yield from _facts(data[key], depth + 1)


def _nested(text: str) -> Any:
    """Read an object or list written inside a message, as JSON or as Python prints it (LiteLLM,
    OpenRouter's `metadata.raw`).
    """
    starts = [i for i in (text.find("{"), text.find("[{")) if i >= 0]
    found = relax(text[:_TEXT_LIMIT], min(starts)) if starts else None
    return found.value if found and found.found else None


def _messages(facts: list[dict[str, Any]], text: str, data: Any) -> tuple[str, str | None]:
    """Find the server's own message, and the one of a provider behind it."""
    texts = [m for fact in facts for m in _texts(fact)]
    if not texts:
        if _HTML.match(text):
            title = _TITLE.search(text[:_TEXT_LIMIT])
            return clip(title.group(2).strip(), 200) if title else "an HTML page", None
        return (data if isinstance(data, str) else text)[:2000], None
    outer, inner = texts[0], texts[-1]
    if outer.lstrip()[:1] in ("{", "[") and _nested(outer) is not None:
        return inner[:2000], None
    gateway = any(fact.get("provider_name") or "raw" in fact for fact in facts) or isinstance(
        _nested(outer), dict
    )
    return outer[:2000], inner[:2000] if gateway and inner != outer else None


def _texts(fact: dict[str, Any]) -> Iterator[str]:
    for key in (
        "message",
        "error",
        "detail",
        "msg",
        "error_description",
        "error_message",
        "error_msg",
        "status_msg",
        "raw",
    ):
        value = fact.get(key)
        if isinstance(value, str) and value.strip():
            yield (
                f"{'.'.join(str(p) for p in fact['loc'])}: {value}"
                if key == "msg" and isinstance(fact.get("loc"), list)
                else value
            )
            return


def _locations(facts: list[dict[str, Any]]) -> str:
    return " ".join(str(fact[k]) for fact in facts for k in ("param", "loc") if fact.get(k))


def _kind(status: int | None, words: str, data: Any, text: str) -> str:
    kind = next((kind for kind, pattern in rules() if pattern.search(words)), None)
    if kind is not None:
        return "rate_limited" if kind == "quota_exhausted" and _TRY_AGAIN.search(words) else kind
    if status is not None and status < 400:
        if 300 <= status < 400:
            return "redirect"
        return "bad_response" if data is None else "server_error"
    if status is None:
        return "server_error" if data is not None or text else "bad_response"
    return BY_STATUS.get(status) or ("server_error" if status >= 500 else "bad_request")


def _retryable(kind: str, status: int | None) -> bool:
    return kind in RETRYABLE and not (kind == "server_error" and status in (501, 505))


def _retry_after(headers: dict[str, str], text: str, facts: list[dict[str, Any]]) -> float | None:
    """Find the seconds to wait, from `retry-after-ms`, `retry-after` (seconds or a date), Gemini's
    `retryDelay`, or the message.
    """
    for name, scale in (
        ("retry-after-ms", 0.001),
        ("x-ms-retry-after-ms", 0.001),
        ("retry-after", 1.0),
    ):
        try:
            seconds = float(headers[name]) * scale
            if 0 <= seconds < 1e7:
                return seconds
        except (KeyError, ValueError):
            continue
    try:
        return max(
            0.0,
            (
                parsedate_to_datetime(headers["retry-after"])
                - parsedate_to_datetime(headers["date"])
            ).total_seconds(),
        )
    except (KeyError, ValueError, TypeError):
        pass
    found = _TRY_AGAIN.search(text[:_TEXT_LIMIT])
    asked = [
        fact[key]
        for fact in facts
        for key in _WAITS
        if isinstance(fact.get(key), (str, int, float))
    ]
    delay = asked[0] if asked else found.group(1) if found else ""
    spans = _SPAN.findall(
        f"{delay} s"
        if isinstance(delay, (int, float)) or delay.replace(".", "", 1).isdigit()
        else delay
    )
    return sum(float(n) * _unit(unit) for n, unit in spans) if spans else None


def _unit(word: str) -> float:
    lowered = word.lower()
    if lowered.startswith(("ms", "milli")):
        return 0.001
    return _UNITS.get(lowered[:2]) or _UNITS[lowered[:1]]


def _word(facts: Iterable[dict[str, Any]], keys: tuple[str, ...]) -> str | None:
    """Find the value of the first of the keys with more than a status number, in the innermost
    object that has one.
    """
    values = [
        fact[key]
        for fact in facts
        for key in keys
        if isinstance(fact.get(key), (str, int)) and not isinstance(fact.get(key), bool)
    ]
    return next(
        (str(v) for v in values if isinstance(v, str) and v and v != "error" and not v.isdigit()),
        next((str(v) for v in values), None),
    )


def _status_message(status: int | None) -> str:
    return (
        f"the server answered {status} with an empty body" if status else "the server sent nothing"
    )


_PATH = "/chat/completions"
_VERSION = re.compile(r"/(?:v\d|openai|api/|deployments/|compatible-mode)", re.IGNORECASE)


def address_hint(exchange: Exchange) -> str:
    """Suggest what to change in the server's URL, where the exchange shows that it is wrong; ""
    where it does not.
    """
    base = exchange.url.partition("?")[0].removesuffix(_PATH)
    if exchange.status is None or not exchange.url:
        return ""
    if 300 <= exchange.status < 400:
        target = dict(exchange.headers).get("location", "another address")
        return (
            f"the server sends on to {target.partition('?')[0].removesuffix(_PATH)}; give that as"
            " the url if it is the right place"
        )
    web_page = exchange.status < 300 and exchange.body.lstrip()[:1] == "<"
    if (exchange.status in (404, 405) or web_page) and not _VERSION.search(urlsplit(base).path):
        return f"the url has no /v1, and most servers want it: {base}/v1"
    return ""
