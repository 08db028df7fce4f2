"""What must never be kept: keys and tokens, wherever a server repeats them, and the answer headers
worth keeping.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from agentkit.servers.secret_names import names_secret

REDACTED = "[redacted]"

_NO_KEY = "EMPTY"

_SECRET_NAME = re.compile(r"auth|key|token|secret|cookie|passw|credential|signature", re.IGNORECASE)
_PLACEHOLDERS = frozenset(
    {
        "anything",
        "api-key",
        "api_key",
        "apikey",
        "ignored",
        "lm-studio",
        "localhost",
        "missing-api-key",
        "no-key",
        "no-key-required",
        "not-needed",
        "not_needed",
        "notneeded",
        "nothing",
        "ollama",
        "openai",
        "placeholder",
        "sk-no-key-required",
        "unused",
        "whatever",
    }
)
"""What people give to servers that want no key; some are words of ordinary text."""

_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:hf|gsk|nvapi|xai|pat|github_pat|gh[opsur])[_-][A-Za-z0-9_-]{20,}"
    r"|xox[abprs]-[\w-]{10,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{35})"
    r"|(?i:(?<=bearer ))[\w.~+/=-]{20,}"
    r"|(?<=://)[^\s/:@\"'\\]+:[^\s/@\"'\\]+(?=@)"
)
"""Keys by their look: those of well-known services, bearer tokens, and user and password in a
URL.
"""
_SK = re.compile(r"(?<![A-Za-z0-9])sk-[\w-]{16,}")
"""A key if there is a digit in it. To look for that within the pattern would read the rest of a
long word again at each `sk-` in it.
"""
_DIGIT = re.compile(r"\d")
_JWT = re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{10,}(\.eyJ[\w-]{10,}\.[\w-]{6,})?")
"""A JSON web token if it has its second part; a word that has none is passed over as a whole,
whatever begins in it.
"""

_met: set[str] = set()
"""Every secret a server of this process was given: none of them may leave it in an export."""

_KEPT = frozenset(
    {
        "content-type",
        "content-encoding",
        "x-request-id",
        "request-id",
        "apim-request-id",
        "retry-after",
        "retry-after-ms",
        "x-ms-retry-after-ms",
        "openai-processing-ms",
        "openai-version",
        "server",
        "via",
        "cf-ray",
        "date",
        "location",
        "x-should-retry",
    }
)
_KEPT_PREFIXES = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-")


class Secret:
    """A text that shows itself only when asked: neither its repr, nor the repr of what holds it,
    gives it away.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        # in a closure, so that nothing that prints attributes prints it
        self._value: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value()

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"


class Redactor:
    """Replaces secrets in text, in the forms in which servers repeat them (plain, in JSON, in a
    URL, in HTML).

    >>> Redactor(["sk-0123"])("bad key: sk-0123")
    'bad key: [redacted]'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(filter(_is_secret, secrets))
        self._forms = sorted(
            {form for secret in self._secrets for form in _forms(secret)}, key=len, reverse=True
        )

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def __call__(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, REDACTED)
        return text

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Find the start and end of each secret in the text; they may overlap."""
        for form in self._forms:
            at = text.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = text.find(form, at + 1)

    def with_secrets(self, secrets: Iterable[str]) -> Redactor:
        """Make one that knows these secrets too."""
        more = frozenset(filter(_is_secret, secrets))
        return self if more <= self._secrets else Redactor(self._secrets | more)

    def joined(self, other: Redactor) -> Redactor:
        """Make one that knows the secrets of both."""
        return self if other._secrets <= self._secrets else Redactor(self._secrets | other._secrets)

    def unfinished(self, text: str) -> int:
        """Count the characters at the end of the text that may be the beginning of a secret, which
        goes on in the next piece.
        """
        return max((_overlap(text, form) for form in self._forms), default=0)


def _overlap(text: str, form: str) -> int:
    start = max(0, len(text) - len(form) + 1)
    while (start := text.find(form[0], start)) >= 0:
        if form.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0


def _is_secret(value: str) -> bool:
    """Tell whether the value is worth redacting wherever it occurs; a few letters or a placeholder
    would take words out of ordinary text.
    """
    return len(value) >= 6 and value.lower() not in _PLACEHOLDERS


def _forms(secret: str) -> set[str]:
    return {
        secret,
        json.dumps(secret)[1:-1],
        secret.replace("/", "\\/"),
        quote(secret, safe=""),
        html.escape(secret),
    }


def remember(secrets: Iterable[str]) -> None:
    """Take note of secrets that were given to a server, so that `outgoing` knows them."""
    _met.update(filter(_is_secret, secrets))


def known_secrets(environment: Mapping[str, str]) -> Redactor:
    """Make a redactor of the secrets servers were given, and of the environment's."""
    return Redactor([*_met, *environment_secrets(environment)])


def outgoing(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Make a function that cleans a text which leaves the process: of the secrets servers were
    given, of the environment's, and of what looks like a key.

    >>> outgoing({"HF_TOKEN": "opensesame"})("it is opensesame, or sk-proj-0123456789abcdef")
    'it is [redacted], or [redacted]'
    """
    redact = known_secrets(environment)

    def clean(text: str) -> str:
        # Both are found in the text as it is: to take one out first would cut a key that holds it,
        # and leave the rest. A password that no URL can hold is only seen as one when the first
        # pass has taken out what is around it.
        once = _cut(text, [*redact.spans(text), *_shaped(text)])
        return _cut(once, _shaped(once))

    return clean


def _shaped(text: str) -> Iterator[tuple[int, int]]:
    yield from (found.span() for found in _SHAPES.finditer(text))
    yield from (found.span() for found in _SK.finditer(text) if _DIGIT.search(found[0]))
    yield from (found.span() for found in jwts(text))


def jwts(text: str) -> Iterator[re.Match[str]]:
    """Find JSON web tokens, in time that is linear in the length of the text."""
    return (found for found in _JWT.finditer(text) if found[1])


def _cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace each span, and spans that overlap as one."""
    parts: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        if start >= end:
            parts += [text[end:start], REDACTED]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def header_secrets(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Find the secret values among request headers by the header's name; of `Bearer xyz`, `xyz`
    alone where that is no everyday word.
    """
    found: list[str] = []
    for name, value in headers:
        if _is_given(name):
            scheme, _, token = value.strip().partition(" ")
            alone = scheme.isalpha() and (_is_secret(token.strip()) or token == _NO_KEY)
            found.append(token.strip() if alone else value.strip())
            if scheme.lower() == "basic":
                found += _basic_parts(token)
    return found


def _basic_parts(token: str) -> list[str]:
    try:
        user_and_password = base64.b64decode(token).decode()
    except ValueError:
        return []
    return [user_and_password, user_and_password.partition(":")[2]]


def environment_secrets(variables: Mapping[str, str]) -> list[str]:
    """Find the values of environment variables named like a key; not those that only point to one,
    as a path does.
    """
    named = (value.strip() for name, value in variables.items() if names_secret(name))
    return [
        value
        for value in named
        if len(value) >= 8 and not value.isdigit() and value[0] not in "/.~"
    ]


def _is_given(name: str) -> bool:
    """Tell whether a header or query parameter of this name is a secret: wider than for a variable,
    whose value is taken out of every text.
    """
    return bool(_SECRET_NAME.search(name)) or names_secret(name)


def url_secrets(url: str) -> list[str]:
    """Find the secret values in a URL: the password, and query parameters named like a key."""
    parts = urlsplit(url)
    query = [value for name, value in parse_qsl(parts.query) if _is_given(name)]
    return [parts.password, *query] if parts.password else query


def clean_url(url: str) -> str:
    """Take user, password and secret query values out of the URL."""
    parts = urlsplit(url)
    query = re.sub(
        r"(?<![^&=])([^&=]+)=([^&]*)",
        lambda m: f"{m[1]}={REDACTED}" if _is_given(unquote(m[1])) else m[0],
        parts.query,
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def kept_headers(headers: Any, redact: Redactor) -> tuple[tuple[str, str], ...]:
    """Pick the answer headers worth keeping, lower-case names, sorted; cookies and credentials are
    not among them.
    """
    pairs = sorted((str(name).lower(), str(value)) for name, value in headers.items())
    return tuple(
        _pair(name, redact(_shown(name, value)))
        for name, value in pairs
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    )


@lru_cache(maxsize=1024)
def _pair(name: str, value: str) -> tuple[str, str]:
    """Return the same pair for the same header, so that thousands of answers share it."""
    return name, value


def _shown(name: str, value: str) -> str:
    return clean_url(value) if name == "location" else value


_CREDENTIAL_ENDS = ("authorization", "cookie", "api-key", "api_key", "apikey", "secret", "password")
"""How the names of fields that hold credentials end, whatever is in them."""
_NO_CREDENTIALS = frozenset({"prompt_cache_key"})
"""What is named like a credential and is none."""


def masked(fields: Any) -> Any:
    """Give the fields with the values of credentials left out, at any depth of dicts and lists."""
    if isinstance(fields, dict):
        return {
            name: "[not shown]" if _holds_credential(name, value) else masked(value)
            for name, value in fields.items()
        }
    return [masked(item) for item in fields] if isinstance(fields, list) else fields


def _holds_credential(name: object, value: object) -> bool:
    if not isinstance(name, str) or name in _NO_CREDENTIALS:
        return False
    return name.lower().endswith(_CREDENTIAL_ENDS) or (
        isinstance(value, str) and names_secret(name)
    )
