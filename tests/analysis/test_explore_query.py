"""A filter finds what it says, or says what it cannot find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import agentkit as ak
from agentkit.analysis.explore.explorer import Explorer
from agentkit.errors import UsageError
from agentkit.testing import by_turn, calls, says, serve

SAID = 'say "hi" to Zürich\n\tor C:\\dir [a-z]* 100%_'
"""What the constructed tool gives: once as JSON with escapes, once as JSON without, once plain."""


def note(text: str, how: str) -> str:
    """Give a text back."""
    written = {"text": SAID}
    return {
        "escaped": json.dumps(written),
        "letters": json.dumps(written, ensure_ascii=False),
        "plain": SAID,
    }[how]


@pytest.fixture(scope="module", params=["index", "rows"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    path: Path = tmp_path_factory.mktemp("query") / "runs.jsonl"
    for how in ("escaped", "letters", "plain"):
        script = by_turn(says(None, calls("note", text=SAID, how=how)), says("done"))
        with serve(script) as server:
            agent = ak.Agent("m", tools=[note], server=server.url)
            ak.rollouts(agent, ["go"], record=path, progress=False)
    return ak.explore(ak.index(path, progress=False) if request.param == "index" else path)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("result~Zürich", 3),
        ("result~zÜRICH", 3),
        (r'result~"say \"hi\" to"', 3),
        ('result~"Zürich\n\tor"', 3),
        (r'result~"C:\\dir"', 3),
        ("result~[a-z]*", 3),
        ("result~100%_", 3),
        ("result~100_", 0),
        (r'arguments~"say \"hi\" to ZÜRICH"', 3),
        (r'"hi\" to zürich" "C:\\dir"', 3),
        (r"result~u00fc", 1),
        ("content~Zürich", 0),
        ("turns==2", 3),
        ('result~"or" turns>1', 3),
        ('"or" turns>1', 3),
        ('turns>1 "-tools=note"', 0),
    ],
)
def test_a_text_is_found_however_json_writes_it(table: Explorer, query: str, found: int) -> None:
    assert len(table.filter(query)) == found


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("turns=>3", "write turns>=3"),
        ("turns=<3", "write turns<=3"),
        ("turns=!3", "write turns!=3"),
        ("turns>>3", "write turns>3"),
        ("content~=>", 'write content~"text"'),
        ("-tools=note", "write tools!=note"),
        ("!turns==2", "write turns!=2"),
        ("(turns>1)", "write turns>1"),
        ("turns<", "write turns<0.5"),
        ("arguments~", "write arguments~text"),
        ("turns>1 or turns<1", '"or"'),
        ("turns>1 AND turns<1", '"AND"'),
        ("not tools=note", '"not"'),
    ],
)
def test_what_is_meant_as_a_condition_is_no_text(table: Explorer, query: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        table.filter(query)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("query", ["salt and pepper", "x=", "=>", "a-b", "->", "and"])
def test_words_without_a_condition_are_words(table: Explorer, query: str) -> None:
    assert len(table.filter(query)) == 0
