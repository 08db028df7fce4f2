"""Redaction: linear in the text, one meaning of a secret's name, and keys that overlap go as a
whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest

from agentkit.files.cassette.volatile import secrets
from agentkit.servers.redaction.kept_headers import clean_url
from agentkit.servers.redaction.key_shapes import outgoing
from agentkit.servers.redaction.secret_names import masked, names_secret
from agentkit.servers.redaction.secret_values import environment_secrets, url_secrets
from tests.support.growth import assert_linear

BEGINNINGS = (
    "sk-",
    "sk-a-",
    "1sk-sk-",
    "hf_",
    "gsk-",
    "ghp_",
    "github_pat_",
    "xoxb-",
    "AKIA",
    "AIza",
    "eyJ",
    "eyJ-",
    "eyJaaaaaaaaaaa.",
    "-eyJaaaaaaaaaa.eyJ",
    "Bearer ",
    "bearer",
    "://",
    "://a:",
    "://a:b",
    "key=",
    "api_key: ",
    "secret\"\\'",
    "password=[redacted]",
    "a",
    "=",
    "&",
    "&=",
    "a&",
    "%",
    "-----BEGIN ",
    "PRIVATE KEY",
    "keepsake",
    "keep",
)
MIXED = [
    "".join(pair)
    for pair in permutations(("sk-", "eyJ-", "bearer ", "://a:", "xoxb-", "key=", "."), 2)
]
ENVIRONMENT = {"SOME_KEY": "keepsake0", "OTHER_KEY": "aaaaaaaaaaaaaaab"}


def drain(text: str) -> None:
    list(secrets(text))


def urls(text: str) -> None:
    clean_url(f"http://host/?{text}")
    url_secrets(f"http://host/?{text}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "work",
    [outgoing(ENVIRONMENT), drain, urls, names_secret],
    ids=["outgoing", "doctor", "urls", "names"],
)
def test_a_beginning_that_repeats_costs_what_its_length_costs(
    work: Callable[[str], object],
) -> None:
    def make(unit: str, size: int) -> Callable[[], object]:
        return partial(work, (unit * size)[:size])

    for unit in (*BEGINNINGS, *MIXED):
        assert_linear(partial(make, unit), 1 << 13, 1 << 16, factor=20, what=repr(unit))


@pytest.mark.slow
def test_a_word_of_two_halves_costs_what_its_length_costs() -> None:
    def make(size: int) -> Callable[[], object]:
        half = "eyJ-" * (size // 8)
        return partial(outgoing({}), f"{half}.{half}.{'sk-' * (size // 8)}")

    assert_linear(make, 1 << 16, 1 << 20, factor=40)


NAMES = [
    "OPENAI_API_KEY",
    "OPENAI_API_KEY_2",
    "OPENAI_API_KEY2",
    "OPENAI_API_KEYS",
    "API_KEY_PROD",
    "HF_TOKEN_WRITE",
    "TOKEN_OF_MINE",
    "AWS_SECRET_ACCESS_KEY",
    "SECRET_KEY_BASE",
    "DJANGO_SECRET",
    "JWT_SECRET_DEV",
    "PGPASSWORD",
    "DB_PASSWORD_OLD",
    "DB_PASSWD",
    "MYSQL_PWD",
    "GPG_PASSPHRASE",
    "MODAL_TOKEN_ID",
    "VAULT_SECRET_ID",
    "openaiApiKey",
    "hfToken",
    "APIKEY",
    "apikey",
    "api_kEy",
    "NPM_CONFIG__AUTHTOKEN",
    "GITHUB_PAT",
    "REDIS_AUTH",
    "X-Api-Key",
    "my.access.token",
    "AZURE_CREDENTIALS",
    "STORAGE_ACCOUNTKEY",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_the_same_wherever_it_is_met(name: str) -> None:
    value = "open/sesame 7"
    assert names_secret(name)
    assert outgoing({name: f"{value}\n"})(f"it is {value}!") == "it is [redacted]!"
    assert environment_secrets({name: f"{value}\n"}) == [value]
    assert masked({"at": [{name: value}]}) == {"at": [{name: "[not shown]"}]}
    assert url_secrets(f"http://host/?{name}=opensesame1") == ["opensesame1"]
    assert (
        clean_url(f"http://host/?a=b&{name}=opensesame1") == f"http://host/?a=b&{name}=[redacted]"
    )


@pytest.mark.parametrize(
    "name",
    [
        "TOKENIZERS_PARALLELISM",
        "TOKENIZER",
        "KEYBOARD_LAYOUT",
        "MONKEY",
        "GIT_AUTHOR_NAME",
        "AUTHOR",
        "COMPASS",
        "BYPASS",
        "PATH",
        "PATTERN",
        "TOKEN_TYPE",
        "API_KEY_HEADER",
        "SECRET_NAME",
        "TOKEN_URL",
        "KEY_FILE",
        "PASSENGERS",
        "SIGNAL",
        "",
    ],
)
def test_other_names_take_no_word_out_of_a_text(name: str) -> None:
    assert not names_secret(name)
    assert outgoing({name: "production"})("in production") == "in production"


def test_every_name_that_was_a_secret_is_one() -> None:
    before = re.compile(
        r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE
    )
    kinds = (
        "API_KEY",
        "APIKEY",
        "KEY",
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "CREDENTIALS",
    )
    for kind in kinds:
        for front in ("", "_", "A_", "my-", "7_", "NAME_", "x__"):
            for name in (
                front + kind,
                front.lower() + kind.lower(),
                front + kind.capitalize(),
                front + kind.swapcase().title(),
            ):
                assert names_secret(name) or not before.search(name), name


def test_fields_that_are_no_credentials_are_shown() -> None:
    schema = {"properties": {"key": {"type": "string"}, "token": {"type": "string"}}}
    fields = {
        "max_tokens": 4096,
        "stop_token_ids": [1],
        "prompt_cache_key": "a",
        "skip_special_tokens": True,
        "tools": [schema],
    }
    assert masked(fields) == fields


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-0123456789abcdef",
        "sk-abcdefghijklmnopqrstuvwx1",
        f"sk-{'a' * 400}1",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "sk-a-hf_abcdefghijklmnopqrstuvwxyz",
        "ghp_0123456789abcdefghijABCDEFGHIJ",
        "xoxb-1234567890-abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        f"AIza{'x' * 35}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghij",
        "bearer abcdefghijklmnopqrstuv",
        "://user:password@",
        "sk-lettersonlyinthiskey-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghij",
    ],
)
def test_what_looks_like_a_key_goes_as_a_whole(text: str) -> None:
    shown = outgoing({})(f"it is {text} there")
    left = shown.removeprefix("it is ").removesuffix(" there")
    assert re.fullmatch(r"(?:bearer |://|sk-a-|sk-lettersonlyinthiskey-)?\[redacted\]@?", left), (
        shown
    )


@pytest.mark.parametrize(
    ("known", "text", "shown"),
    [
        (
            "opensesame1",
            "sk-opensesame1-0123456789abcdef",
            "[redacted]",
        ),  # the rest alone does not look like a key
        ("0123456789", "hf_0123456789abcdefghijklm", "[redacted]"),
        ("ab1ab1ab1ab1", "ab1ab1ab1ab1ab1ab1", "[redacted]"),
        ("pa@ss/word1", "http://user:pa@ss/word1@host", "http://[redacted]@host"),
        ("opensesame1", "opensesame1opensesame1", "[redacted][redacted]"),
    ],
)
def test_keys_that_overlap_go_as_one(known: str, text: str, shown: str) -> None:
    assert outgoing({"SOME_KEY": known})(text) == shown


def test_two_known_keys_that_overlap_leave_no_rest() -> None:
    assert outgoing({"A_KEY": "abcdef12", "B_KEY": "ef12ijklm"})("abcdef12ijklm") == "[redacted]"


def test_an_escaped_name_in_a_url_is_read() -> None:
    assert (
        clean_url("http://host/?api%5Fk%65y=opensesame1&a=b")
        == "http://host/?api%5Fk%65y=[redacted]&a=b"
    )
