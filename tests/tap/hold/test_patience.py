"""How long clients wait, by what they say (headers as they were recorded), and what keeps them."""

from __future__ import annotations

import pytest

from agentkit.tap.hold.patience import patience_of

OPENAI = {"user-agent": "OpenAI/Python 3.57.0", "x-stainless-lang": "python"}


@pytest.mark.parametrize(
    ("headers", "limit", "known", "beat"),
    [
        (OPENAI | {"x-stainless-read-timeout": "2.5"}, 2.5, True, "processing"),
        (OPENAI | {"x-stainless-read-timeout": "600"}, 600.0, True, "processing"),
        (OPENAI, None, True, "processing"),
        ({"user-agent": "langchain-anthropic/1.7"}, None, False, "processing"),
        ({"user-agent": "python-requests/2.32"}, 600.0, False, "continue"),
        ({"user-agent": "lm15/stdlib"}, 600.0, False, "blanks"),
        ({"user-agent": "Go-http-client/1.1"}, 600.0, False, "none"),
        ({"user-agent": "aiohttp/3.14"}, 600.0, False, "processing"),
        ({}, 600.0, False, "processing"),
    ],
)
def test_limits_and_beats(
    headers: dict[str, str], limit: float | None, known: bool, beat: str
) -> None:
    patience = patience_of(headers.items())
    assert (patience.limit, patience.known, patience.beat) == (limit, known, beat)
    assert patience.every is None or patience.every < (limit or 0.0)
    assert (patience.every is None) == (limit is None or beat == "none")
