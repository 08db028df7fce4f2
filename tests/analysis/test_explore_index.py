"""The table of an index is the table of the rollouts, whatever they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.explore import groups
from agentkit.analysis.explore.columns import opened_source
from agentkit.analysis.explore.columns.index_source import IndexSource
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.groups import spread_text
from agentkit.show.notebook.views.explorer import table_cells
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
from agentkit.show.notebook.views.explorer.table_cells import TableCells
from agentkit.trajectory.loop import apply, start
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange
from tests.benchmarks.constructed_rollouts import write
from tests.support.paths import CORPUS

CASSETTES = [
    path
    for path in sorted((CORPUS / "cassettes" / "version_1").glob("*.jsonl"))
    if path.stem != "torn_last_line"  # a line without an end is taken in when it has one
]
QUERIES = (
    *("turns>1", "turns=2,3", "stop_reason=error", "ended!=answered", "model~a", "prompt~the"),
    *("calls>=1", "problems>0", "codes~error", "tools~e", "elapsed<1", "error=none", "final~i"),
    *("reward<0.5", "reward=1", "reward=none", "reward!=1", "reward~5", "rollout>1"),
    *("content~e", 'arguments~"{"', "reasoning~a", "result~o", "word=the", "word=Oslo"),
    *("tool_errors>0", "tool_errors=0,1", "tool_errors!=1", "tool_errors>=2", "codes=nothing"),
    *("oslo", '"the weather"', "weather turns>1", "content~straße", "content~STRASSE,ﬁ"),
)


def same_tables(rollouts: Sequence[Trajectory], path: Path) -> None:
    """Assert that both tables answer alike."""
    plain, indexed = ak.explore(list(rollouts)), ak.explore(ak.index(path, progress=False))
    assert isinstance(indexed.source, IndexSource)
    assert list(indexed) == list(plain)
    shared = [name for name in indexed.columns if name in plain.columns]
    assert shared == list(plain.columns)
    assert indexed.source.shown == plain.source.shown
    for name in plain.columns:
        assert values(indexed, name) == values(plain, name), name
        for descending in (False, True):
            order = indexed.sort(name, descending=descending).places
            assert list(order) == list(plain.sort(name, descending=descending).places), name
    pd.testing.assert_frame_equal(
        pd.DataFrame(indexed.frame)[shared], pd.DataFrame(plain.frame)[shared]
    )
    for query in filter(lambda query: known(query, plain), QUERIES):
        one, other = indexed.filter(query), plain.filter(query)
        assert list(one.places) == list(other.places), query
        assert one.facets() == other.facets()
        assert one.aggregates() == other.aggregates()
        assert one.groups() == other.groups()
        assert one.histogram() == other.histogram()
        assert one.histogram("turns") == other.histogram("turns")


def values(table: Explorer, name: str) -> list[str]:
    """List the values of a column; a whole number is the same as it is among others."""
    found = [table.value(name, place) for place in range(len(table))]
    return [repr(float(value) if type(value) is int else value) for value in found]


def known(query: str, table: Explorer) -> bool:
    return "reward" not in query or "reward" in table.columns


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_of_recorded_rollouts(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    same_tables(ak.load(copy, all=True), copy)


TEXTS = st.sampled_from(
    [
        "",
        "the weather in Oslo",
        "Straße und Café",
        "ﬁne ſun K",
        "<think>not sure</think>It rains.",
        "<think>cut off",
        "<|channel|>analysis<|message|>hm<|end|>",
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
        "a\ud800b",
        "天气 \u2028 next",
        "x" * 400,
        "line\nline two",
    ]
)
METAS = st.dictionaries(
    st.sampled_from(["reward", "task", "sample", "word", "notes", "content", "odd"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from([0.5, 0.25, 1.0, 1e300, float("nan"), 2**70, "text", "a\udfff", [1, "b"]]),
    ),
    max_size=4,
)
CALLS = st.lists(
    st.tuples(
        st.sampled_from(["weather", "pay", ""]),
        st.sampled_from(['{"city": "Oslo"}', "{}", '{"broken', '["a"]', ""]),
        st.sampled_from(["ok", "error", "timeout"]),
        TEXTS,
    ),
    max_size=2,
)
ANSWERS = st.lists(st.tuples(TEXTS, st.none() | TEXTS, CALLS, st.booleans()), max_size=3)
SPECS = st.sampled_from(
    [
        Spec(model="m"),
        Spec(model=None),
        Spec(model="m", parser="hermes"),
    ]
)


def body(content: str, reasoning: str | None, calls: Any, usage: bool) -> str:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = [
            {"id": f"c{i}", "type": "function", "function": {"name": n, "arguments": a}}
            for i, (n, a, *_) in enumerate(calls)
        ]
    finish = "tool_calls" if calls else "stop"
    answer: dict[str, Any] = {"choices": [{"message": message, "finish_reason": finish}]}
    if usage:
        answer["usage"] = {"prompt_tokens": 10, "completion_tokens": 3}
    return json.dumps(answer)


def rollout(spec: Spec, asked: str, answers: Any, meta: Any, fails: bool) -> Trajectory:
    """Make a constructed rollout as the loop makes one."""
    t = replace(start(asked, meta=meta), spec=spec)
    for number, (content, reasoning, calls, usage) in enumerate(answers):
        if t.stop_reason is not None:
            break
        exchange = Exchange(
            body=body(content, reasoning, calls, usage), started=1e9 + number, elapsed=0.5
        )
        t = apply(t, Answer(exchange=exchange))
        results = [(status, text) for _, _, status, text in calls]
        for call in t.pending:
            at = call.position
            status, text = results[at] if at < len(results) else ("ok", "")
            wrong = None if status == "ok" else "PermissionError: no"
            told: dict[str, Any] = {"status": status, "content": text, "error": wrong}
            result = ToolResult(call_id=call.id, name=call.name, **told)
            t = apply(t, Result(position=at, result=result))
    if fails and t.stop_reason is None:
        error = {"error": {"message": "no answer in Straße", "code": 500}}
        t = apply(t, Answer(exchange=Exchange(status=500, body=json.dumps(error))))
    return t


MADE = st.lists(
    st.builds(rollout, SPECS, TEXTS.filter(bool), ANSWERS, METAS, st.booleans()),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25)
@given(MADE)
def test_of_any_rollouts(tmp_path_factory: pytest.TempPathFactory, made: list[Trajectory]) -> None:
    path = tmp_path_factory.mktemp("made") / "made.jsonl"
    ak.save(made, path)
    same_tables(ak.load(path, all=True), path)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Three hundred constructed rollouts."""
    path = tmp_path / "many.jsonl"
    write(path, 300)
    return path


def test_a_large_file_is_indexed_on_first_use(
    many: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not isinstance(ak.explore(many).source, IndexSource)
    assert not many.with_name("many.jsonl.index").exists()
    monkeypatch.setattr(opened_source, "_MANY", 299)
    monkeypatch.setattr(opened_source, "_SMALL", 0)
    table = ak.explore(many)
    assert isinstance(table.source, IndexSource)
    assert "300 rollouts" in capsys.readouterr().err
    assert list(ak.explore(many).places) == list(range(300))
    monkeypatch.setattr(opened_source, "_MANY", 300)
    assert not isinstance(ak.explore(many).source, IndexSource)


def test_labels_are_those_of_the_file(many: Path) -> None:
    indexed = ak.explore(ak.index(many))
    indexed.label("odd", 7, 9)
    indexed.note("look here", 7)
    assert list(indexed.filter("label=odd").places) == [7, 9]
    assert list(ak.explore(many).filter("label=odd").places) == [7, 9]
    assert list(indexed.sort("label").places[:2]) == [7, 9]
    assert next(f for f in indexed.facets() if f.column == "label").choices[0].count == 2


def test_a_table_is_asked_in_sql(many: Path) -> None:
    plain, indexed = ak.explore(many), ak.explore(ak.index(many))
    wanted = (
        'select turns, count(*) as n, avg("meta.reward") as r from rollouts group by 1 order by 1'
    )
    calls = "select count(*) as n from calls where arguments like '%limit%'"
    whole = "select name, arguments, arguments::json->>'limit' as n from calls order by 1, 2"
    told = indexed.sql("select min(arguments) as a from calls")["a"][0]
    assert told.startswith("{")
    assert list(indexed.filter("arguments~search").places)  # a tool's name is searched, too
    for query in (wanted, calls, whole):
        pd.testing.assert_frame_equal(plain.sql(query), indexed.sql(query))
        few = [table.filter("turns>2") for table in (plain, indexed)]
        pd.testing.assert_frame_equal(few[0].sql(query), few[1].sql(query))
    with pytest.raises(ak.AgentkitError):
        plain.sql("select nothing from nowhere")


def test_the_places_of_a_group_read_as_a_tuple(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "_MANY", 100)
    table = ak.explore(ak.index(many))
    found, plain = table.groups(), ak.explore(many).groups()
    assert sorted(place for group in found for place in group.places) == list(table.places)
    for one, other in zip(found, plain, strict=True):
        assert one.places == other.places == tuple(other.places)
        assert (hash(one.places), repr(one.places)) == (hash((*one.places,)), repr((*one.places,)))
        assert (one.places[0], one.places[:2]) == (next(iter(one.places)), tuple(one.places)[:2])
        assert ak.explore(many)._with(one.places, "").places == one.places


def test_a_file_that_grew_is_taken_in(many: Path) -> None:
    lines = many.read_bytes().splitlines(keepends=True)
    many.write_bytes(b"".join(lines[: len(lines) // 2]))
    indexed, plain = ak.explore(ak.index(many)), ak.explore(many)
    assert 100 < len(indexed) < 300
    many.write_bytes(b"".join(lines))
    assert len(indexed.refresh()) == len(plain.refresh()) == 300


def test_the_page_of_an_index_is_the_page_of_the_rollouts(many: Path) -> None:
    pages = []
    for table in (ak.explore(ak.load(many, all=True)), ak.explore(ak.index(many))):
        view = ExplorerView(table)
        pages.append((view._page(0, 40), view.state()))
    assert pages[0][0] == pages[1][0]
    for name in ("columns", "in_facets", "in_figures", "in_same", "names"):
        assert pages[0][1][name] == pages[1][1][name], name


def test_columns_without_a_value_are_not_shown_of_many_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chat.jsonl"
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    path.write_text("".join(json.dumps({"messages": chat, "step": n}) + "\n" for n in range(9)))
    monkeypatch.setattr(table_cells, "_MANY", 8)
    cells = TableCells(ak.explore(ak.index(path, progress=False)))
    assert not {"codes", "elapsed", "ended"} & {*cells.usual}
    assert "step" in cells.usual


@pytest.mark.parametrize("query", ["content=x", "word~x", "reasoning<1"])
def test_a_search_by_another_sign_is_refused(many: Path, query: str) -> None:
    with pytest.raises(ak.AgentkitError) as refused:
        ak.explore(many).filter(query)
    assert "write" in str(refused.value)


def test_what_rollouts_come_to_over_steps(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    made = [
        rollout(
            Spec(), "go", [("x", None, [], True)], {"training_step": n // 4, "reward": n % 4}, False
        )
        for n in range(12)
    ]
    failed = rollout(Spec(), "go", [], {"training_step": 1}, True)
    ak.save([*made, failed, rollout(Spec(), "go", [], {}, False)], path)
    for table in (ak.explore(path), ak.explore(ak.index(path))):
        found = table.over("training_step")
        assert found["training_step"].tolist() == [0, 1, 2]
        assert found["rollouts"].tolist() == [4, 5, 4]
        assert found["failed"].tolist() == [0, 1, 0]
        assert found["reward"].tolist() == [1.5, 1.5, 1.5]
        assert table.filter("reward>1").over("training_step")["reward"].tolist() == [2.5] * 3
        with pytest.raises(ak.AgentkitError):
            table.over("nothing")


def test_versions_follow_each_other_by_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "versions.jsonl"
    names = [f"v{number}" for number in range(12)]
    ak.save([rollout(Spec(), "go", [], {"version": name}, False) for name in names], path)
    for table in (ak.explore(path), ak.explore(ak.index(path))):
        assert table.over("version")["version"].tolist() == names


def test_groups_of_many_are_those_of_few(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (ak.explore(many), ak.explore(ak.index(many))):
        few = table.groups()
        with monkeypatch.context() as patched:
            patched.setattr(groups, "_MANY", 10)
            found = table.groups()
        for one, other in zip(found, few, strict=True):
            assert one.places == other.places
            assert one.stop_reasons == other.stop_reasons
            assert one.reward_shape == other.reward_shape
            assert one.summary() == other.summary()
            assert spread_text(one.calls) == spread_text(other.calls)
