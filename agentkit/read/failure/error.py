"""A failed request, classified: the text of the body decides before the status, because config
faults come as 500 and exhausted quota as 429.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from agentkit.dialects.codecs import CODECS
from agentkit.errors import checked_keywords
from agentkit.read.failure.error_body import (
    TEXT_LIMIT,
    coded_kind,
    facts_of,
    locations_of,
    messages_of,
    named_kind,
    names_error,
    parsed,
    quota_of,
    status_of,
    words_of,
)
from agentkit.read.failure.error_codes import BY_STATUS
from agentkit.read.failure.error_rules import JSON_WORDS, RETRYABLE, hint_of, rules
from agentkit.types.wire import ApiError, Exchange

_TRY_AGAIN = re.compile(
    r"(?:try again|retry)[^0-9]{0,30}?"
    r"((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|s|seconds?|m|minutes?|h|hours?)\s*)+)",
    re.IGNORECASE,
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli[a-z]*|s[a-z]*|m[a-z]*|h[a-z]*)", re.IGNORECASE)
_UNITS = {"mi": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_PER_DAY = re.compile(r"per[ _-]?(day|week|month)|\b(daily|weekly|monthly)\b", re.IGNORECASE)
_PER_MINUTE = re.compile(r"per[ _-]?(minute|min\b|second|hour)", re.IGNORECASE)
_WAITS = ("retryDelay", "retry_after", "retry_after_seconds", "estimated_time")


@checked_keywords
def read_error(status: int | None, headers: Any = None, body: Any = None) -> ApiError:
    """Read a request that failed as data: kind, retryable, retry_after, message, upstream message;
    never raises.

    Args:
        status: HTTP status; None where there was none, as for an error inside a stream: a number
            in the body that looks like a status is then taken for it.
        headers: a mapping or pairs, any case.
        body: bytes, text, or parsed JSON in any server's shape (object, list, plain text, HTML,
            an event of a stream, nothing).
    """
    status = _number(status)
    named = _headers(headers)
    data, text = parsed(body)
    facts = list(facts_of(data))
    message, upstream = messages_of(facts, text, data)
    inside = status_of(facts, f"{message} {upstream or ''}")
    status = inside if status is None else status
    words = f"{words_of(facts)} {message} {upstream or ''}"
    deciding = inside if inside and (status is None or _vague(status)) else status
    kind = _kind(deciding, f"{words} {locations_of(facts)}"[:TEXT_LIMIT], facts, data, text)
    fact = facts[-1] if facts else {}
    return ApiError(
        kind=kind,
        message=message or _status_message(status),
        status=status,
        retryable=_retryable(kind, status, named),
        retry_after=_retry_after(named, f"{message} {upstream or ''}", facts),
        upstream_message=upstream if upstream != message else None,
        code=_word(facts, ("code", "type", "status")),
        param=_word([fact, *facts], ("param",)),
        hint=hint_of(kind, words[:TEXT_LIMIT]),
    )


def _vague(status: int) -> bool:
    """Tell whether a status says less than one in the body: a success, or a fault of a gateway."""
    return status < 400 or status in (500, 502)


def is_error(body: dict[str, Any]) -> bool:
    """Return whether an answer that came as a success reports an error."""
    error = body.get("error") or body.get("errors")
    if isinstance(error, dict):
        error = any(error.values()) and not _is_success(error)
    if error or _refused(body):
        return True
    if body.get("choices"):
        return False
    says = any(isinstance(body.get(key), str) and body[key] for key in _SAYS)
    failed = body.get("success") is False or body.get("status") in ("error", "failed")
    failed = failed or any(map(names_error, body))
    return bool(
        body.get("object") == "error"
        or (body.get("type") == "error" and len(body) > 1)
        or body.get("detail")
        or ((says or failed) and not _is_foreign(body) and not _is_success(body))
    )


_SAYS = ("message", "error_msg", "error_message", "msg", "Message")


def _refused(body: dict[str, Any]) -> bool:
    """Tell whether MiniMax's `base_resp` reports a failure."""
    base = body.get("base_resp")
    return isinstance(base, dict) and base.get("status_code") not in (None, 0, "0", "")


def _is_success(fact: dict[str, Any]) -> bool:
    """Tell whether an object that looks like an error says that all is well."""
    code = fact.get("code", fact.get("status"))
    said = str(fact.get("message") or fact.get("msg") or "").strip().lower()
    return code in (0, "0", 200, "200") and said in ("", "ok", "success")


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


def _kind(status: int | None, words: str, facts: list[dict[str, Any]], data: Any, text: str) -> str:
    kind = next((kind for kind, pattern in rules() if pattern.search(words)), None)
    if kind in ("quota_exhausted", "rate_limited"):
        return _limit(kind, words, quota_of(facts))
    kind = kind or coded_kind(facts)
    if kind is not None:
        return kind
    if status in (None, 400, 422) and JSON_WORDS.search(words):
        return "history_bad_arguments"
    if status is not None and status >= 400:
        return BY_STATUS.get(status) or ("server_error" if status >= 500 else "bad_request")
    if status is not None and 300 <= status < 400:
        return "redirect"
    kind = named_kind(facts)
    if kind is not None:
        return kind
    if status is None and any(isinstance(fact.get("loc"), list) for fact in facts):
        return "bad_request"
    if status is None:
        return "server_error" if data is not None or text else "bad_response"
    return "bad_response" if data is None else "server_error"


def _limit(kind: str, words: str, quota: str) -> str:
    """Tell a limit that is gone in a moment from one that is used up for the day.

    Gemini names the quotas it means (`…PerDayPerProjectPerModel-FreeTier`), and asks to wait for a
    moment in both cases.
    """
    if quota and _PER_DAY.search(quota):
        return "quota_exhausted"
    if quota and _PER_MINUTE.search(quota):
        return "rate_limited"
    return "rate_limited" if _TRY_AGAIN.search(words) else kind


def _retryable(kind: str, status: int | None, headers: dict[str, str]) -> bool:
    asked = headers.get("x-should-retry", "").strip().lower()
    if asked in ("true", "false"):
        return asked == "true"
    return kind in RETRYABLE and not (kind == "server_error" and status in (501, 505))


def _until_reset(headers: dict[str, str]) -> float | None:
    """Count the seconds until the last of Anthropic's limits that are used up is reset, by the
    server's own clock; None where it names none
    (https://docs.anthropic.com/en/api/rate-limits#response-headers).
    """
    used_up = [
        headers.get(f"{name.removesuffix('remaining')}reset", "")
        for name, left in headers.items()
        if name.startswith("anthropic-ratelimit-") and name.endswith("-remaining") and left == "0"
    ]
    try:
        now = parsedate_to_datetime(headers["date"])
        waits = [(datetime.fromisoformat(at) - now).total_seconds() for at in used_up]
    except (KeyError, ValueError, TypeError):
        return None
    return max(0.0, *waits) if waits else None


def _retry_after(headers: dict[str, str], text: str, facts: list[dict[str, Any]]) -> float | None:
    """Find the seconds to wait, from `retry-after-ms`, `retry-after` (seconds or a date), the times
    at which Anthropic's limits end, Gemini's `retryDelay`, or the message.
    """
    inner = [_headers(fact["headers"]) for fact in facts if isinstance(fact.get("headers"), dict)]
    headers = {**(inner[0] if inner else {}), **headers}
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
    if (until_reset := _until_reset(headers)) is not None:
        return until_reset
    found = _TRY_AGAIN.search(text[:TEXT_LIMIT])
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


_PATHS = ("/chat/completions", *(codec.path for codec in CODECS.values()))
_VERSION = re.compile(r"/(?:v\d|openai|api/|deployments/|compatible-mode)", re.IGNORECASE)


def _base(url: str) -> str:
    """Give the base URL of a request's, without its query."""
    whole = url.partition("?")[0]
    return whole.removesuffix(next((path for path in _PATHS if whole.endswith(path)), ""))


def address_hint(exchange: Exchange) -> str:
    """Suggest what to change in the server's URL, where the exchange shows that it is wrong; ""
    where it does not.
    """
    base = _base(exchange.url)
    if exchange.status is None or not exchange.url:
        return ""
    if 300 <= exchange.status < 400:
        target = dict(exchange.headers).get("location", "another address")
        return (
            f"the server sends on to {_base(target)}; give that as the url if it is the right place"
        )
    page = exchange.body.lstrip()[:1] == "<"
    if exchange.status == 407:
        return (
            "the proxy wants a login: http://USER:PASSWORD@HOST in HTTPS_PROXY or HTTP_PROXY, or"
            " the server's host in NO_PROXY"
        )
    if page and exchange.status in (400, 401, 403, 501):
        return (
            f"a web page came back, not an API's error: is {base} the API? a firewall, a proxy or"
            " another program on this port may have answered"
        )
    missed = exchange.status in (404, 405) or (page and exchange.status < 300)
    if missed and not _VERSION.search(urlsplit(base).path):
        return f"the url has no /v1, and most servers want it: {base}/v1"
    return ""
