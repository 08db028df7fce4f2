"""Plain text made of the markup: aligned, indented, and nothing of a model at the margin."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.show.html import Html, el
from agentkit.show.render.limits import STATIC, TEXT
from agentkit.show.render.parts.block import bar, code, facts, fold, note, row
from agentkit.show.render.parts.plain_text import plain_text
from agentkit.show.render.render import html_of, text_of
from tests.show.render_samples import HOSTILE, SAMPLES, call, filled, weather

ANY_TEXT = st.text(st.characters(categories=None)) | st.sampled_from(HOSTILE)


def written(*parts: Html) -> list[str]:
    return plain_text(parts).split("\n")


def table(*rows: tuple[str, ...]) -> Html:
    head, *body = [el("tr", [el("td", cell) for cell in cells]) for cells in rows]
    return el("table", el("caption", "two"), el("thead", head), el("tbody", body))


def test_a_row_is_its_label_and_what_belongs_to_it() -> None:
    said = el("pre", "one\ntwo", class_="ak-prose")
    assert written(row("k", "user", (el("strong", "user"), [said, note("more")]))) == [
        "user: one",
        "      two",
        "    more",
    ]


def test_what_is_beside_each_other_is_on_a_line_and_a_long_text_below_it() -> None:
    laid_out = el("pre", '{\n  "a": 1\n}', class_="ak-data")
    assert written(bar(code("f"), laid_out, facts("1 s", "late"))) == [
        "f  1 s · late",
        "  {",
        '    "a": 1',
        "  }",
    ]


def test_a_table_is_aligned() -> None:
    assert written(table(("name", "n"), ("Oslo", "7"), ("Å", "1,200"))) == [
        "two",
        "name      n",
        "Oslo      7",
        "Å     1,200",
    ]


def test_a_fold_is_open() -> None:
    assert written(fold("title", note("a"))) == ["title: a"]
    assert written(fold("title", note("a"), note("b"))) == ["title", "  a", "  b"]
    assert written(fold("title", None)) == ["title"]


def test_two_columns_are_below_each_other_with_what_differs_marked() -> None:
    left = el("pre", el("del", "a"), " ", el("del", "b"), " c")
    right = el("pre", el("ins", "x"))
    sides = [el("div", side, class_="ak-side") for side in (left, right)]
    assert written(el("div", sides, class_="ak-two")) == ["- [-a b-] c", "+ x"]


def test_a_list_and_a_heading() -> None:
    assert written(el("ul", [el("li", "a"), el("li", "b")])) == ["- a", "- b"]
    assert written(el("p", el("strong", "Tree"), " ", el("code", "x"), class_="ak-title")) == [
        "Tree: x"
    ]


def test_a_text_alone_stays_as_it_is() -> None:
    assert plain_text([el("pre", "  a \n\n b ")]) == "  a \n\n b "


@given(ANY_TEXT)
def test_no_text_of_a_model_stands_at_the_margin(said: str) -> None:
    shown = text_of(weather(), TEXT)
    ours = {line[:4] for line in shown.splitlines()}
    answered = text_of(dataclasses.replace(weather().turns[0].response, content=said), TEXT)
    first, *rest = answered.split("\n")
    assert first.startswith("Answer: ")
    assert all(line[:4] in {*ours, "    ", ""} for line in rest)
    answered.encode()


@pytest.mark.parametrize("name", SAMPLES)
def test_it_has_the_words_of_the_page(name: str) -> None:
    """Nothing is in the text that the page does not show."""
    sample = SAMPLES[name]()
    brief = dataclasses.replace(STATIC, details=False)
    assert text_of(sample, STATIC) == text_of(sample, brief)
    assert html_of(sample, STATIC)


def test_ids_and_the_wire_are_for_the_page() -> None:
    assert "call_1" in html_of(call())
    assert "call_1" not in text_of(call())
    assert "x" * 30 in text_of(filled("x" * 30))
