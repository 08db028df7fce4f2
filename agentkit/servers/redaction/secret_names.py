"""Names that say their value is a secret: of environment variables, headers, query parameters and
fields.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(
    r"secret|passw(?:or)?d|passphrase|credential|token(?!i[sz])|api_?key"
    r"|(?:access|account|auth|admin|private)keys?(?![a-z])|(?<![a-z])keys?(?![a-z])"
    r"|(?<![a-z])(?:o?auth|authorization|cookies?|pass|pat|pwd|sig|signature)[^a-z]*$"
)
_GIVEN = re.compile(r"auth|key|token|secret|cookie|passw|credential|signature", re.IGNORECASE)

_NO_SECRET = re.compile(
    r"user-agent|accept(?:-.*)?|content-.*|host|connection|cache-control|pragma|date|via|te|prefer"
    r"|(?:http-)?referer|origin|x-title|x-openrouter-(?:title|categories)|(?:x-)?api-version"
    r"|openai-(?:organization|project|version|beta)|anthropic-(?:version|beta)|x-stainless-.*"
    r"|x-(?:client-)?request-id|x-correlation-id|traceparent|tracestate|baggage"
    r"|idempotency-key|x-goog-api-client|prompt_cache_key|(?:.*_)?cache_key|sort_key|key"
)
"""Names whose values say who asks, for what and in which form: headers, parameters and fields that
many servers repeat, and of which no word may be taken out of an answer.
"""
_ABOUT = frozenset(
    {
        "algorithm",
        "backend",
        "class",
        "dir",
        "endpoint",
        "file",
        "format",
        "header",
        "helper",
        "host",
        "method",
        "mode",
        "name",
        "path",
        "provider",
        "store",
        "type",
        "uri",
        "url",
    }
)
"""Last words of names that tell something about a secret and not the secret."""


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Tell whether what bears this name is a secret, whatever follows its kind: a number, an owner,
    a plural.

    >>> [names_secret(name) for name in ("OPENAI_API_KEY_2", "hfToken")]
    [True, True]
    >>> [names_secret(name) for name in ("TOKENIZERS_PARALLELISM", "TOKEN_TYPE")]
    [False, False]
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if words and words[-1] in _ABOUT:
        return False
    return any(map(_SECRET.search, ("_".join(words), name.lower())))


def is_given(name: str) -> bool:
    """Tell whether a header or query parameter of this name is a secret: wider than for a variable,
    whose value is taken out of every text.
    """
    return bool(_GIVEN.search(name)) or names_secret(name)


def holds_no_secret(name: str) -> bool:
    """Tell whether the header, parameter or field of this name is known to hold no secret."""
    return _NO_SECRET.fullmatch(name.lower()) is not None


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
