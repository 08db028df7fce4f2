"""Whatever is asked of rollouts, a list of them, their file and their index answer the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.explore.columns.source import _TO_ASCII
from agentkit.analysis.explore.explorer import Explorer
from agentkit.errors import AgentkitError
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory
from tests.analysis.test_explore_index import ANSWERS, SPECS, TEXTS, rollout

NAMES = (
    *("reward", "task", "training_step", "version", "time", "a.b", "a b", 'q"uote', "ключ", "天"),
    *("Reward", "REWARD", "meta.x", "row", "turns", "label", "notes", "x=y", "", "select", "word"),
    *("e\u0301", "codes", "a\nb", "$.a", "file", "model", "content", "half \udc00", "nul\0"),
)
WORDS = (
    *("", "3", "0", "1", "0.5", "none", "true", "nan", "inf", "a,b", "v10", "v9", "2024-01-02"),
    *("STRASSE", "ss", "café", "cafe\u0301", "天气", "🙂 x", 'say "hi"', "back\\slash", "100%_"),
    *("'; drop view rollouts; --", "fi", "K", "ẞ", "İ", "i", "j", "oslo", "error", "weather"),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([0.5, -0.0, 1e300, float("nan"), float("inf"), 2**70, -(2**63), 2**53 + 1]),
    st.sampled_from(WORDS),
    st.sampled_from([[1, "b", None], {"a": {"b": 1}}, [], {}, "half \ud800", 10**301]),
)
METAS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)
MADE = st.lists(
    st.builds(rollout, SPECS, TEXTS.filter(bool), ANSWERS, METAS, st.booleans()),
    min_size=1,
    max_size=4,
)
SEARCHED = ("content", "reasoning", "arguments", "result")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


CONDITIONS = st.one_of(
    st.builds(
        lambda name, sign, text: f"{name}{sign}{quoted(text)}",
        st.sampled_from(["rollout", "turns", "stop_reason", "codes", "tools", "final", *NAMES]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~"]),
        st.sampled_from(WORDS),
    ),
    st.builds(lambda kind, text: f"{kind}~{quoted(text)}", st.sampled_from(SEARCHED), TEXTS),
    st.builds(
        lambda kind, text: f"{kind}~{quoted(text)}",
        st.sampled_from(SEARCHED),
        st.sampled_from(WORDS),
    ),
    st.builds(lambda text: f"word={quoted(text)}", st.sampled_from(WORDS)),
    st.sampled_from(WORDS).map(quoted),
    TEXTS.map(lambda text: quoted(text[2:7])),
)
QUERIES = st.lists(CONDITIONS, min_size=1, max_size=2).map(" ".join)


def asked(ask: Callable[[Any], Any], of: Any) -> Any:
    """Ask, or tell how it was refused."""
    try:
        return ask(of)
    except AgentkitError as exc:
        return str(exc)


def same_frames(one: Any, other: Any, what: Any) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other, what
        return
    names = list(one.columns)
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other)[names], obj=str(what))


def same_in_sql(one: Explorer, other: Explorer) -> None:
    """Ask for all three tables. The types of a column that is empty here say nothing."""
    for query in (
        "from rollouts order by row",
        "from turns order by all",
        "from calls order by all",
    ):
        found, wanted = one.sql(query), other.sql(query)
        alike = {name for name in {*found, *wanted} if name.lower().startswith("meta.reward")}
        assert set(found) - alike == set(wanted) - alike  # SQL tells no cases of names apart
        kept = sorted(set(found.columns) - alike - {"file"})
        texts = [
            each[kept].astype(str).replace({"None": "", "nan": ""}) for each in (found, wanted)
        ]
        pd.testing.assert_frame_equal(*texts)


def same(one: Explorer, other: Explorer, queries: list[str]) -> None:
    """Assert that both tables answer alike."""
    assert one.columns == other.columns
    assert one.axes == other.axes
    for name in one.columns:
        same_frames(one.over(name), other.over(name), name)
        assert repr(one.axis(name)) == repr(other.axis(name)), name
        assert one.histogram(name) == other.histogram(name), name
        for descending in (False, True):
            orders = [list(each.sort(name, descending=descending).places) for each in (one, other)]
            assert orders[0] == orders[1], name
    for query in queries:
        few = [asked(each.filter, query) for each in (one, other)]
        if isinstance(few[0], str):
            assert few[0] == few[1]
            continue
        a, b = few
        assert list(a.places) == list(b.places), query
        for what in ("facets", "aggregates", "groups", "histogram", "heading"):
            assert getattr(a, what)() == getattr(b, what)(), (query, what)
        same_frames(a.frame, b.frame, query)
        for of in (ak.turns_df, ak.tool_calls_df, ak.messages_df, ak.problems_df):
            same_frames(asked(of, a), asked(of, b), (query, of))
        if len(a):
            assert a.tree(0) == b.tree(0)
    same_in_sql(a, b) if queries and not isinstance(few[0], str) else same_in_sql(one, other)


@settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(MADE, st.lists(QUERIES, min_size=1, max_size=8))
def test_all_answer_the_same(
    tmp_path_factory: pytest.TempPathFactory, made: list[Trajectory], queries: list[str]
) -> None:
    path = tmp_path_factory.mktemp("made") / "made.jsonl"
    ak.save(made, path)
    plain = ak.explore(ak.load(path, all=True))
    for other in (ak.explore(path), ak.explore(ak.index(path, progress=False))):
        shown = Explorer(other.source, other.labels)
        same(plain, shown, queries)


@pytest.mark.parametrize("letter", _TO_ASCII)
@pytest.mark.parametrize("escaped", [False, True])
def test_a_letter_that_folds_to_plain_ones_is_found_by_them(
    tmp_path: Path, letter: str, escaped: bool
) -> None:
    told = f"a{letter}a"
    made = [rollout(Spec(), "go", [(text, None, [], True)], {}, False) for text in (told, "other")]
    ak.save(made, path := tmp_path / "letter.jsonl")
    if escaped:
        path.write_bytes(path.read_bytes().replace(letter.encode(), b"\\u%04x" % ord(letter)))
    for table in (ak.explore(path), ak.explore(ak.index(path))):
        for query in (told.casefold(), f"content~{told.casefold()}", f"content~{told}", told):
            assert list(table.filter(query).places) == [0], query


def test_every_letter_that_folds_to_plain_ones_is_known() -> None:
    others = map(chr, range(128, 0x110000))
    assert {one for one in others if any(map(str.isascii, one.casefold()))} == set(_TO_ASCII)


def test_a_table_goes_where_its_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    made = [rollout(Spec(), f"go {n}", [("x", None, [], True)], {}, False) for n in range(3)]
    monkeypatch.chdir(tmp_path)
    ak.save(made, "own.jsonl")
    tables = [ak.explore("own.jsonl"), ak.explore(ak.index("own.jsonl"))]
    kept = ak.explore(made, labels="kept.json")
    monkeypatch.chdir(tmp_path / "elsewhere")
    for table in tables:
        assert (table[1], len(table.refresh())) == (made[1], 3)
        assert list(table.filter('content~"x"').places) == [0, 1, 2]
        assert len(table.sql("from turns")) == 3
        table.label("odd", 1)
    kept.label("odd", 1)
    there = {path.name for path in tmp_path.iterdir()}
    assert {"own.jsonl.labels.json", "kept.json"} <= there
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_is_noted_late_is_a_column_too(tmp_path: Path) -> None:
    metas: list[dict[str, Any]] = [{"first": n} for n in range(250)]
    metas[240] |= {"late": "x", "Late": 1}
    metas[249] |= {"early": 2.5, "first": "text"}
    made = [rollout(Spec(), "go", [], meta, False) for meta in metas]
    ak.save(made, path := tmp_path / "late.jsonl")
    plain = ak.explore(made)
    assert plain.columns[-5:] == ("first", "Late", "early", "late", "label")
    for table in (plain, ak.explore(path), ak.explore(ak.index(path))):
        assert table.columns == plain.columns
        assert [table.source.columns[name].kind for name in ("first", "Late", "early", "late")] == [
            *("text", "number", "number", "text")
        ]
        assert list(table.filter("late=x").places) == [240]
        assert list(table.filter("early>2").places) == [249]
