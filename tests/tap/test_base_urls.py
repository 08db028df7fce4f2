"""What a tap says of itself: the right base URL where an agent has a wrong one."""

from __future__ import annotations

import pytest

from tests.tap.hold.agents import tapped, until
from tests.tap.tapped import ask

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("base", "path", "words"),
    [
        ("OPENAI_BASE_URL", "/v1/messages", "ANTHROPIC_BASE_URL"),
        ("ANTHROPIC_BASE_URL", "/chat/completions", "OPENAI_BASE_URL"),
    ],
)
def test_a_wrong_base_url_is_told_once(base: str, path: str, words: str) -> None:
    with tapped("Done.") as tap:
        for _ in range(2):
            got = ask(tap.w.env[base], path)
            assert got is not None
            assert got.status.startswith("404")
        (failure,) = until(lambda: tap.w.failures)
        assert words in failure
        assert str(tap.w.port) not in failure


def test_a_label_has_a_base_url_for_each_package() -> None:
    with tapped("Done.") as tap:
        of_openai, of_anthropic = tap.w.url_for("a"), tap.w.url_for("a", dialect="messages")
        assert of_openai == f"{of_anthropic}/v1"
        got = ask(of_anthropic, "/v1/messages", b'{"model": "m", "max_tokens": 9, "messages": []}')
        assert got is not None
        until(lambda: tap.w.flows)
        assert tap.w.flows[0].label == "a"
