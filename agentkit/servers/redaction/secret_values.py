"""Which values are secrets: of headers, URLs, fields of a request and the environment."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from agentkit.servers.redaction.secret_names import holds_no_secret, is_given, names_secret

_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_SHORT, _LONG = 8, 16
"""Characters from which on a value is a secret: with a letter and a digit in it, or without."""

_FILLING_WORDS = """
a an and any anything api apikey auth authorization basic bearer change changeme dummy empty
example fake foo bar goes here ignore ignored insert is key keys lm local localhost me missing mock
my needed no none not notneeded nothing null ollama openai or password placeholder pass put
real replace required sample secret sk some string studio test testing the this to todo token
undefined unused use user username value vllm whatever with without you your
"""
_FILLING = frozenset(_FILLING_WORDS.split())
"""The words of what people give to servers that want no key, and write where a key would be."""
_NO_KEY = "EMPTY"
_WORDS = re.compile(r"[A-Za-z0-9]+")
_NO_VALUE = re.compile(r"(?:[xX]{2,}|0+|1?2?3456?7?8?9?0?|\d{1,2}|abc)")
_ORDINARY = re.compile(
    r"(?:[A-Z]?[a-z]{1,14}|[A-Z]{1,14})(?:[\s\-_./,;:&+]+(?:[A-Z]?[a-z]{1,14}|[A-Z]{1,14}))*"
)
"""A word, or several with what stands between words."""
_PATH = re.compile(r"(?:~|\.{1,2})?/|\.\w|~")
_AWS = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9/+]{40}")
"""A secret key of AWS, which may begin with a slash and is no path then."""


@lru_cache(maxsize=4096)
def counts(value: str) -> bool:
    """Tell whether the value is worth looking for in every text; a few letters, or what people
    write in place of a key, would take words out of ordinary text.

    >>> [counts(value) for value in ("opensesame1", "opensesame", "open sesame, please")]
    [True, False, True]
    >>> counts("sk-no-key-required")
    False
    """
    if len(value) < _SHORT:
        return False
    if len(value) < _LONG and not (_LETTER.search(value) and _DIGIT.search(value)):
        return False
    words = _WORDS.findall(value)
    return not words or any(
        word.lower() not in _FILLING and not _NO_VALUE.fullmatch(word) for word in words
    )


def header_secrets(headers: Iterable[tuple[str, str]], *, given: bool = False) -> list[str]:
    """Find the secret values among request headers: of `Bearer xyz`, `xyz` alone where that is
    enough of a text to be looked for.

    Args:
        headers: names and values.
        given: whether the caller gave them; then each is one, whatever its name, that is not known
            to hold none and not just words.
    """
    found: list[str] = []
    for name, value in headers:
        value = value.strip()
        if holds_no_secret(name):
            continue
        if name.lower() in ("cookie", "set-cookie"):
            found += _cookies(value)
        elif is_given(name):
            found += _credentials(value)
        elif given and not _ORDINARY.fullmatch(value):
            found.append(value)
    return list(filter(counts, found))


def _cookies(value: str) -> Iterator[str]:
    yield value
    for part in value.split(";"):
        yield part.partition("=")[2].strip().strip('"')


def _credentials(value: str) -> list[str]:
    """Give the credentials of an authorization: without its scheme, where that does not make too
    little of them.
    """
    scheme, _, token = value.partition(" ")
    token = token.strip()
    found = [token if scheme.isalpha() and (counts(token) or token == _NO_KEY) else value]
    return found + _basic_parts(token) if scheme.lower() == "basic" else found


def _basic_parts(token: str) -> list[str]:
    try:
        login = base64.b64decode(token).decode()
    except ValueError:
        return []
    return login_secrets(login)


def login_secrets(login: str) -> list[str]:
    """Give the secrets of a `user:password`: it, the password, and a key in the user's place."""
    user, _, password = login.partition(":")
    return [secret for secret in (login, password, user) if counts(secret) and not _is_word(secret)]


def _is_word(text: str) -> bool:
    return text.isalpha() and text.islower() and len(text) <= 20


def url_secrets(url: str, *, given: bool = False) -> list[str]:
    """Find the secret values in a URL: user and password, and query parameters named like a key.

    Args:
        url: the whole of it.
        given: whether the caller gave it; then each parameter is one that is not known to hold
            none and not just words.
    """
    try:
        parts = urlsplit(url)
        login = unquote(f"{parts.username or ''}:{parts.password or ''}")
    except ValueError:
        return []
    query = parse_qsl(parts.query)
    return [*(login_secrets(login) if login != ":" else ()), *query_secrets(query, given=given)]


def query_secrets(query: Iterable[tuple[str, str]], *, given: bool = False) -> list[str]:
    """Find the secret values among query parameters, as `url_secrets` does."""
    return [
        value
        for name, value in query
        if counts(value)
        and not holds_no_secret(name)
        and (is_given(name) or (given and not _ORDINARY.fullmatch(value)))
    ]


def environment_secrets(variables: Mapping[str, str]) -> list[str]:
    """Find the secrets in environment variables: the values of those named like a key, not those
    that only point to one, as a path does; and the password of each URL.
    """
    found: list[str] = []
    for name, value in variables.items():
        value = value.strip()
        if names_secret(name):
            if not value.isdigit() and (not _PATH.match(value) or _AWS.fullmatch(value)):
                found.append(value)
                found += _within(value)
        elif "://" in value and "@" in value:
            found += url_secrets(value)
    return list(filter(counts, found))


def _within(value: str) -> Iterator[str]:
    """Give the secrets within a value that is JSON, as the credentials of a service account are."""
    if value.startswith("{"):
        try:
            yield from (secret for _, secret in field_secrets(json.loads(value)))
        except (ValueError, RecursionError):
            return


Path = tuple[str | int, ...]


def field_secrets(
    fields: Any, *, given: bool = False, path: Path = ()
) -> Iterator[tuple[Path, str]]:
    """Find the secret values among the fields of a request, each with the keys that lead to it.

    Args:
        fields: the fields, at any depth of dicts and lists.
        given: whether each text in it is one, as among headers.
        path: what leads to the fields.
    """
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(fields, dict):
        items = fields.items()
    elif isinstance(fields, (list, tuple)):
        items = enumerate(fields)
    for name, value in items:
        if isinstance(value, (dict, list, tuple)):
            inner = given or name in ("extra_headers", "extra_query", "headers", "extra_cookies")
            yield from field_secrets(value, given=inner, path=(*path, name))
        elif isinstance(value, str) and isinstance(name, str) and _is_field(name, value, given):
            yield (*path, name), value


def _is_field(name: str, value: str, given: bool) -> bool:
    if given:
        return bool(header_secrets([(name, value)], given=True))
    return names_secret(name) and not holds_no_secret(name) and counts(value)


def client_secrets(client: Any) -> list[str]:
    """Find what an openai client, or one like it, was given that is secret: its key or token, and
    its own headers, parameters and address.
    """
    keys = (
        getattr(client, name, None)
        for name in ("api_key", "auth_token", "_azure_ad_token", "admin_api_key", "webhook_secret")
    )
    headers = _pairs(getattr(client, "_custom_headers", None))
    query = _pairs(getattr(client, "_custom_query", None))
    return [
        *(key for key in keys if isinstance(key, str) and counts(key)),
        *header_secrets(headers, given=True),
        *query_secrets(query, given=True),
        *url_secrets(str(getattr(client, "base_url", "")), given=True),
    ]


def _pairs(fields: Any) -> list[tuple[str, str]]:
    if not isinstance(fields, Mapping):
        return []
    return [(str(name), value) for name, value in fields.items() if isinstance(value, str)]
