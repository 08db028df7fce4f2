"""The head of a text on one line, as outlines and lists show it: without the marks of Markdown, and
with every letter that is no mark.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.show.notebook.views.debugger.turn_list import TurnList
from agentkit.show.render.content.markdown import headline
from agentkit.show.render.limits import WHOLE
from agentkit.show.render.rollout.table import short_turns
from agentkit.show.render.rollout.turn.thinking import thoughts
from agentkit.types.trajectory import Trajectory
from tests.show.debugger_view_samples import payloads
from tests.show.render_samples import long


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## What I found\n\n**Oslo** is *cold*.", "What I found Oslo is cold."),
        ("Use `get_weather` for ~~all~~ **both** cities", "Use get_weather for all both cities"),
        ("- one\n- two\n1. three", "one two three"),
        ("> said\n\n```python\nx = 2 ** 3\n```", "said x = 2 ** 3"),
        ("| city | temp |\n| --- | --- |\n| Oslo | -3 |", "city temp Oslo -3"),
        ("[the page](https://a.example) and ![a map](m.png)", "the page and a map"),
        (
            "snake_case_name, 2 * 3 * 4, a_b and x__y",
            "snake_case_name, 2 * 3 * 4, a_b and x__y",
        ),
        ("C# and #5, a > b, x|y, [0], <b>bold</b>", "C# and #5, a > b, x|y, [0], <b>bold</b>"),
        ("**a mark that is not closed", "**a mark that is not closed"),
        ("a\tb\n\nc", "a b c"),
        ("a\x1b[31mb\u202ec", "a\\x1b[31mb\\u202ec"),
        ("", ""),
    ],
)
def test_marks_are_not_shown(text: str, shown: str) -> None:
    assert headline(text) == shown


@given(st.text(alphabet="ab *_`#>-[]()!|~<\\\n\t\x1b\u202e0.", max_size=400), st.integers(4, 80))
def test_it_is_one_line_of_so_many_letters(text: str, limit: int) -> None:
    shown = headline(text, limit)
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert len(shown) <= limit
    assert headline("**" + "word " * 200 + "**", limit).endswith("…")


def told(text: str) -> Trajectory:
    rollout = long(1)
    turn = rollout.turns[0]
    return replace(rollout, turns=(replace(turn, response=replace(turn.response, content=text)),))


def test_outline_and_lists_show_no_marks() -> None:
    rollout = told("# Weather\n\nIt is **cold** in `Oslo`.")
    entries = TurnList().reach(rollout, rollout.turns)
    assert entries is not None
    assert entries[1][0][0] == "Weather It is cold in Oslo."
    bare = replace(rollout.turns[0].response, tool_calls=())
    turn = replace(rollout.turns[0], response=bare, results=())
    shown = short_turns(replace(rollout, turns=(turn,)))
    assert "Weather It is cold in Oslo." in shown


def test_the_head_of_folded_reasoning_shows_no_marks() -> None:
    thought = "**Plan.** First `look`, " + "then think about it at length. " * 40
    assert "Plan. First look, then" in thoughts(thought, WHOLE, "")


@pytest.mark.parametrize("text", payloads())
def test_no_text_is_markup(text: str) -> None:
    """A head is text, which is written as such like any other."""
    shown = headline(text, 200)
    assert shown.isprintable()
    assert str(short_turns(told(text))).count("<b>") == 0
