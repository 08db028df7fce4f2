"""Markdown and code: nothing that a model wrote is lost or acts, and the time is linear."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.show.html import TAGS
from agentkit.show.render.content.colours import MOST, coloured
from agentkit.show.render.content.markdown import blocks
from agentkit.show.render.limits import STATIC, TEXT
from agentkit.show.render.parts.block import prose
from agentkit.types.words import visible
from tests.show.test_html import ANY_TEXT, read
from tests.support.examples import examples
from tests.support.growth import assert_linear

_SIGNS = """
# |> |- |* |1. |** |_ |` |``` |~~~ |~~ |[a](b) |![a](http://x/y.png) |<b> |</b> |<think>|</think>
|<tool_call>|</tool_call>|&lt;|\\|a |word |x_y |$5 |\\( |---|<script>alert(1)</script>|    |\t
"""
TABLE = ["|", "|---|--:|\n", "| a | b |\n", "\n", "\n\n", "\u202e"]
SIGNS = st.lists(st.sampled_from([*_SIGNS.split("|"), *TABLE]), max_size=40).map("".join)


def drawn(text: str) -> str:
    return prose(text, STATIC, "at")


@settings(max_examples=examples(200))
@given(SIGNS | ANY_TEXT)
def test_no_markdown_acts(text: str) -> None:
    for tag, attributes in read(drawn(text)).tags:
        assert tag in TAGS
        for name, value in attributes:
            assert name in {"class", "dir", "start", "data-source"}
            assert re.fullmatch(r"[\w -]*", value or "")


def letters(text: str) -> str:
    return "".join(ch for ch in visible(text) if ch.isalnum())


@settings(max_examples=examples(200))
@given(SIGNS)
def test_no_word_is_lost(text: str) -> None:
    """Numbers of lists are drawn by the page, languages of code beside it; all else is there, each
    letter in its order.
    """
    shown = iter(letters(read(drawn(text)).text))
    assert all(letter in shown for letter in letters(re.sub(r"\d+\.|[~`]{3}.*", "", text)))


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("# A\n###### B", "<h3>A</h3><h6>B</h6>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("- a\n  - **b**", "<ul><li>a<ul><li><strong>b</strong></li></ul></li></ul>"),
        ("> a", "<blockquote><p>a</p></blockquote>"),
        ("*a* ~~b~~ `c*`", '<p><em>a</em> <s>b</s> <code dir="auto">c*</code></p>'),
        ("a\n\n---", "<p>a</p><hr>"),
        (
            "|a|b|\n|-|-:|\n|1|2|",
            '<table><thead><tr><th>a</th><th class="ak-number">b</th></tr></thead>'
            '<tbody><tr><td>1</td><td class="ak-number">2</td></tr></tbody></table>',
        ),
        (
            "see [it](http://x/y)",
            '<p>see <span class="ak-link">it <code dir="auto">http://x/y</code></span></p>',
        ),
        (
            "![a cat](http://x/y.png)",
            '<p><span class="ak-link">image a cat <code dir="auto">http://x/y.png</code></span></p>',
        ),
        ("*a* $5 and $6", "<p><em>a</em> <span>$</span>5 and <span>$</span>6</p>"),
        (r"\[*x*\] &lt;b", r"<p>\[<em>x</em>\] &amp;lt;b</p>"),
        ("**a**\nb", "<p><strong>a</strong><br>b</p>"),
    ],
)
def test_markdown(text: str, markup: str) -> None:
    found = blocks(text)
    assert found is not None
    assert "".join(block.html for block in found) == markup


@pytest.mark.parametrize("text", ["", "Hello.\nHow are you?\n\nFine!", "5 < 6 & 7 > 2", "a [b] c"])
def test_what_is_no_markdown_stays_as_it_is(text: str) -> None:
    assert blocks(text) is None
    assert read(drawn(text)).text == text


def test_calls_and_thoughts_in_a_text_are_shown_as_they_are_written() -> None:
    call = '<tool_call>\n{"name": "__x__",\n\n"a": "*b*"}\n</tool_call>'
    shown = drawn(f"I *think*.\n{call}\nDone <think>__y__</think>.")
    assert call in read(shown).text
    assert "<think>__y__</think>" in read(shown).text


def test_a_long_text_folds_between_its_blocks() -> None:
    text = "\n\n".join(f"**{i}** {'word ' * 40}" for i in range(60))
    shown = drawn(text)
    assert 0 < shown.index("<details") < len(shown) // 2
    assert letters(text) in letters(read(re.sub(r"<summary>.*?</summary>", "", shown)).text)


def test_plain_text_is_what_was_written() -> None:
    assert prose("# A *b*", TEXT, "at") == '<pre class="ak-prose" dir="auto"># A *b*</pre>'


HOSTILE_MARKDOWN = [
    "[",
    "![",
    "*",
    ">",
    "> ",
    "`",
    "`a``b",
    "**a ",
    "_a",
    "[a](",
    "- ",
    "1. ",
    "~~a ",
]
HOSTILE_MARKDOWN += ["<a>\n", "<think>", "|a", "|a|b|\n|-|-|\n", "\\", "a\n", "# a\n", "\t- a\n"]


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE_MARKDOWN)
def test_markdown_is_linear(piece: str) -> None:
    def work(size: int) -> Callable[[], object]:
        text = piece * (size // len(piece))
        return lambda: blocks(text)

    assert_linear(work, 4_000, 32_000, what=piece)


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE_MARKDOWN)
def test_a_megabyte_is_drawn_in_linear_time(piece: str) -> None:
    def work(size: int) -> Callable[[], object]:
        text = piece * (size // len(piece))
        return lambda: drawn(text)

    assert_linear(work, 100_000, 1_000_000, what=piece)


def test_code_has_colours() -> None:
    shown = coloured("def f(x):\n    return 'a' # b", "python")
    assert '<span class="ak-k">def</span>' in shown
    assert read(shown).text == "def f(x):\n    return 'a' # b"
    assert coloured("def", "klingon") == "def"
    assert coloured("x" * (MOST + 1), "python") == "x" * (MOST + 1)


@settings(max_examples=examples(60))
@given(ANY_TEXT, st.sampled_from(["python", "json", "bash", "html", "diff", "sql", "javascript"]))
def test_colours_lose_nothing(code: str, language: str) -> None:
    shown = coloured(code, language)
    assert read(shown if shown != code else "").text in (visible(code), "")
