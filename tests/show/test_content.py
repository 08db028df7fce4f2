"""What models and tools wrote, drawn: every character is there, nothing acts, and the time is
linear.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.show.render.content.word_diff import one_text_diff, word_diff, word_pieces
from agentkit.types.words import visible
from tests.show.test_html import ANY_TEXT, read
from tests.support.growth import assert_linear

WORDS = st.lists(st.sampled_from(["a", "b", " ", "\n", "12.5", "-3", "x_y", "(", ", "]))


@given(WORDS, WORDS)
def test_a_diff_holds_both_texts(left: list[str], right: list[str]) -> None:
    a, b = "".join(left), "".join(right)
    pieces = word_pieces(a, b)
    assert ("".join(p.left for p in pieces), "".join(p.right for p in pieces)) == (a, b)
    assert all(p.left == p.right for p in pieces if not p.differs)
    assert (a == b) == (not any(p.differs for p in pieces))


@given(ANY_TEXT, ANY_TEXT)
def test_a_diff_makes_no_element_of_a_text(left: str, right: str) -> None:
    tags = {tag for side in word_diff(left, right) for tag, _ in read(side).tags}
    assert tags <= {"del", "ins", "span"}


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        ("amount: 104,", "amount: 99.5,", "amount: <del>104</del><ins>99.5</ins>,"),
        ("t = -3.5e-7", "t = 3.5e-7", "t = <del>-3.5e-7</del><ins>3.5e-7</ins>"),
        ("max_turns", "max_tokens", "<del>max_turns</del><ins>max_tokens</ins>"),
        ("10,000 EUR", "1,000 EUR", "<del>10,000</del><ins>1,000</ins> EUR"),
    ],
)
def test_numbers_and_names_differ_as_a_whole(left: str, right: str, shown: str) -> None:
    assert one_text_diff(left, right) == shown


@pytest.mark.parametrize(
    ("left", "right", "sign"),
    [
        ("a \nb", "a\nb", "·"),
        ("\tx", "    x", "⇥"),
        ("a b", "a\u00a0b", "⍽"),
        ("a\r\nb", "a\nb", "␍"),
        ("a\n", "a", "⏎"),
    ],
)
def test_white_space_that_differs_is_seen(left: str, right: str, sign: str) -> None:
    assert sign in read(one_text_diff(left, right)).text


DIFFS: dict[str, Callable[[int], tuple[str, str]]] = {
    "other words": lambda n: ("a b " * n, "c d " * n),
    "shuffled": lambda n: (
        " ".join(map(str, range(n))),
        " ".join(map(str, sorted(range(n), key=lambda i: i * 7919 % n))),
    ),
    "one word": lambda n: ("a " * n, "a " * (n // 2)),
    "every other": lambda n: ("a b " * n, "a c " * n),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DIFFS)
def test_a_diff_is_linear(name: str) -> None:
    def work(size: int) -> Callable[[], object]:
        left, right = DIFFS[name](size)
        return lambda: word_pieces(left, right)

    assert_linear(work, 3_000, 24_000, what=name)


def test_what_does_not_show_itself_is_written_out() -> None:
    assert read(word_diff("a\u202eb", "a")[0]).text == visible("a\u202eb")
