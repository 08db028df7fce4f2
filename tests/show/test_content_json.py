"""JSON, tables of records and white space: every value is there, as it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.show.html import TAGS
from agentkit.show.render.limits import STATIC
from agentkit.show.render.parts.block import data
from tests.show.test_content_texts import letters
from tests.show.test_html import read
from tests.support.examples import examples
from tests.support.growth import assert_linear

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [s for name, inner in value.items() for s in [name, *strings(inner)]]
    if isinstance(value, list):
        return [s for inner in value for s in strings(inner)]
    return [value] if isinstance(value, str) else [json.dumps(value)]


@settings(max_examples=examples(100))
@given(st.lists(JSON, max_size=6) | st.dictionaries(st.text(max_size=9), JSON))
def test_a_tree_holds_every_value(value: Any) -> None:
    shown = read(data(json.dumps(value), STATIC, "at"))
    assert {tag for tag, _ in shown.tags} <= TAGS
    for text in strings(value):
        written = json.dumps(text, ensure_ascii=False)
        assert letters(written) in letters(shown.text) or letters(text) in letters(shown.text)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1.50, "a": 12345678901234567890123}', "[1e400, -0, 1E5]", '{"b": [true, null, "\\n"]}'],
)
def test_json_on_a_line_is_what_was_written(text: str) -> None:
    assert read(data(text, STATIC, "at")).text == text


def test_a_closed_level_says_what_it_holds() -> None:
    value = {"items": [["x" * 60, i] for i in range(40)], "b": dict.fromkeys("abcde", "y" * 30)}
    shown = data(json.dumps(value), STATIC, "at")
    assert "<details><summary><code>" in shown
    assert "<small>[ 40 items ]</small>" in shown
    assert "<small>{ a, b, c, 2 more }</small>" in shown


def test_a_long_list_says_how_many_there_are_more() -> None:
    shown = data(json.dumps([f"{i} {'x' * 60}" for i in range(900)]), STATIC, "at")
    assert "<summary>800 more items</summary>" in shown
    assert re.search(r"… \d+ more items", shown)
    assert 'data-more="at"' in shown
    few = data(json.dumps([f"{i} {'x' * 60}" for i in range(250)]), STATIC, "at")
    assert "data-more" not in few
    assert '"249 xx' in few


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "{broken", "[1, 2", "9" * 5000])
def test_what_is_no_json_stays_as_it_is(text: str) -> None:
    assert read(data(text, STATIC, "at")).text.startswith(text[:900])


@pytest.mark.parametrize("depth", [90, 400, 900, 5000])
def test_json_that_is_deep_is_there_as_text(depth: int) -> None:
    text = "[" * depth + "1" + "]" * depth
    assert text[:900] in read(data(text, STATIC, "at")).text


JSONS: dict[str, Callable[[int], Any]] = {
    "items": lambda n: ["word"] * n,
    "records": lambda n: [{"a": i, "b": "x"} for i in range(n)],
    "levels": lambda n: [[[i]] * 3 for i in range(n)],
    "text": lambda n: {"a": "line\n" * n},
    "names": lambda n: {str(i): i for i in range(n)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", JSONS)
def test_json_is_linear(name: str) -> None:
    def work(size: int) -> Callable[[], object]:
        text = json.dumps(JSONS[name](size))
        return lambda: data(text, STATIC, "at")

    assert_linear(work, 2_000, 16_000, what=name)


def hotels(number: int) -> list[dict[str, Any]]:
    return [{"name": f"Inn {i}", "eur": 90 + i, "free": i % 2 == 0} for i in range(number)]


def test_records_are_a_table_of_three_rows_and_a_fold() -> None:
    shown = data(json.dumps(hotels(40)), STATIC, "at")
    first, rest = shown.split("<details>")[:2]
    assert first.count("<tr>") == 4
    assert rest.startswith("<summary>37 more rows</summary>")
    assert rest.count("<tr>") == 37
    assert '<td>Inn 2</td><td class="ak-number">92</td>' in first
    widths = [re.findall(r"<col [^>]*>", part) for part in (first, rest)]
    assert widths[0] == widths[1] != []


def test_no_cell_is_cut_for_good() -> None:
    rows = [{"id": i, "text": f"{'word ' * 60}{i}", "of": {"a": [i] * 40}} for i in range(30)]
    shown = read(data(json.dumps(rows), STATIC, "at")).text
    assert all(f"{'word ' * 40}{i}" in shown.replace("more characters", "") for i in range(30))
    assert "[29, 29, 29" in shown


def test_records_can_be_read_as_a_tree() -> None:
    assert "<summary>as a tree</summary>" in data(json.dumps(hotels(9)), STATIC, "at")


def test_a_text_that_looks_like_a_number_keeps_its_quotes() -> None:
    rows = [{"id": "007", "of": "true", "x": "y" * 40}, {"id": "8", "of": "", "x": "z"}]
    text = read(data(json.dumps(rows), STATIC, "at")).text
    assert all(written in text for written in ('"007"', '"true"', '"8"', '""', "z"))


@pytest.mark.parametrize(
    "value", [[{"a": 1}, {"b": 2}, {"c": 3}], [1, 2], [{"a": 1}, 2], [{"a": {"b": [1]}}] * 3]
)
def test_what_has_no_columns_is_no_table(value: Any) -> None:
    long = [*value, "x" * 100] if not isinstance(value[0], dict) else value * 12
    assert "<table" not in data(json.dumps(long), STATIC, "at")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\n", ""),
        ("\n\na", "begins with ⏎⏎ 2 line feeds"),
        ("a  ", "ends with ·· 2 spaces"),
        (' {"a": 1}\t', "begins with · 1 space · ends with ⇥ 1 tab"),
        ("  ", "nothing but ·· 2 spaces"),
    ],
)
def test_white_space_around_a_text_is_said(text: str, said: str) -> None:
    shown = read(data(text, STATIC, "at")).text
    assert shown.strip("\n") == (text.strip() if "{" in text else text).strip("\n") + said
