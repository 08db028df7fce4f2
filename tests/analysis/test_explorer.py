"""Rollouts as a table: what a filter means, orders and groups, labels that outlive the session,
files that are not read whole.
"""

from __future__ import annotations

import gc
import json
import math
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.explore.prompts import beginning_of, parted
from agentkit.analysis.explore.query import parse_query
from agentkit.errors import CassetteError, UsageError
from agentkit.files.cassette.index import Index
from agentkit.show.notebook import display
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
from agentkit.trajectory.loop import apply, start
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.wire import Exchange

NAMES = ("rollout", "prompt", "turns", "reward", "stop_reason", "task", "label")


def rollout(
    prompt: str, text: str = "done", *, calls: Sequence[str] = (), status: int = 200, **meta: Any
) -> Trajectory:
    t = start(prompt, meta=meta)
    if calls:
        made = [
            {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": "{}"}}
            for i, name in enumerate(calls)
        ]
        body = {
            "choices": [
                {
                    "message": {"role": "assistant", "content": None, "tool_calls": made},
                    "finish_reason": "tool_calls",
                }
            ]
        }
        t = apply(t, Answer(exchange=Exchange(body=json.dumps(body))))
        for call in t.pending:
            t = apply(
                t,
                Result(
                    position=call.position,
                    result=ToolResult(call_id=call.id, name=call.name, status="ok", content="snow"),
                ),
            )
    body = {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]
    }
    usage = {"usage": {"prompt_tokens": 5, "completion_tokens": len(text)}}
    return apply(
        t,
        Answer(
            exchange=Exchange(
                body=json.dumps({**body, **usage}) if status == 200 else "{}", status=status
            )
        ),
    )


ROLLOUTS = (
    rollout("coat in Oslo?", "take a coat", calls=("get_weather",), reward=1.0, task="coat"),
    rollout("coat in Oslo?", "no idea", reward=0.0, task="coat"),
    rollout("sum of 2 and 3", "5 — füñf", calls=("add", "add"), reward=0.5, task="sum"),
    rollout("sum of 2 and 3", status=500, task="sum"),
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return ak.save(ROLLOUTS, tmp_path / "runs.jsonl")


@pytest.fixture(params=["memory", "file"])
def table(request: pytest.FixtureRequest, saved: Path) -> Explorer:
    return ak.explore(ROLLOUTS if request.param == "memory" else saved)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2, 3]),
        ("reward<0.5", [1]),
        ("reward>=0.5", [0, 2]),
        ("reward!=1", [1, 2, 3]),
        ("reward=none", [3]),
        ("stop_reason=error", [3]),
        ("stop_reason = final turns > 1", [0, 2]),
        ("task=coat,nothing", [0, 1]),
        ("prompt~OSLO", [0, 1]),
        ("turns=2", [0, 2]),
        ("calls=2", [2]),
        ("Coat", [0, 1]),
        ("get_weather", [0]),
        ("snow add", [2]),
        ('"take a coat"', [0]),
        ("füñf", [2]),
        ("rollout=1,3", [1, 3]),
        ("tools=get_weather", [0]),
        ("final~idea", [1]),
        ("error~server", [3]),
        ("nowhere", []),
    ],
)
def test_a_filter_finds_what_it_says(table: Explorer, query: str, found: list[int]) -> None:
    assert list(table.filter(query).places) == found


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("rewrd<1", "reward"),
        ("reward<low", "wants a number"),
        ('"open', "cannot be read"),
        ("turns=1 zzz=3", "no column"),
    ],
)
def test_a_filter_that_cannot_be_read_hints_at_the_right_form(query: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        ak.explore(ROLLOUTS).filter(query)
    assert hint in f"{caught.value} {caught.value.hint}"


@given(st.text(max_size=30))
def test_any_line_of_text_is_read_or_refused(text: str) -> None:
    try:
        parse_query(text, NAMES)
    except UsageError:
        pass


def test_sorting_puts_what_is_not_known_last(table: Explorer) -> None:
    assert list(table.sort("reward").places) == [1, 2, 0, 3]
    assert list(table.sort("reward", descending=True).places) == [0, 2, 1, 3]
    assert list(table.sort("prompt").places) == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="no column"):
        table.sort("beauty")


@pytest.mark.parametrize("asked", ["-reward", "- reward", "reward desc", "reward DESCENDING"])
def test_sorting_takes_the_order_as_it_is_written_elsewhere(table: Explorer, asked: str) -> None:
    assert table.sort(asked).places == table.sort("reward", descending=True).places
    assert table.sort(asked).asked == "by reward descending"
    for upwards in ("+reward", "reward asc", "reward ascending"):
        assert table.sort(upwards).places == table.sort("reward").places
    with pytest.raises(UsageError, match="no column is named '-beauty'"):
        table.sort("-beauty")


def test_a_repr_tells_what_is_asked_and_what_is_slow(tmp_path: Path, table: Explorer) -> None:
    assert repr(table) == "<Explorer 4 rollouts, not filtered or sorted>"
    shown = repr(table.filter("turns>0").sort("-reward"))
    assert shown == "<Explorer 3 of 4 rollouts, turns>0 by reward descending>"
    path = ak.save(list(table), tmp_path / "older.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line.pop("columns", None)  # as an older version wrote them
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    opened = ak.explore(path)
    slow = "problems, ended, elapsed, cost, server, tools, codes, tool_errors, error, final"
    assert f"slow, each rollout is read for it: {slow}" in repr(opened)
    opened.sort("elapsed")
    assert "slow" not in repr(opened)


def test_groups_have_their_spread(table: Explorer) -> None:
    coat, total = table.groups()
    assert (coat.prompt, coat.count, total.count) == ("coat in Oslo?", 2, 2)
    assert coat.reward is not None
    assert (coat.reward.mean, coat.reward.deviation, coat.reward.least, coat.reward.greatest) == (
        0.5,
        0.5,
        0.0,
        1.0,
    )
    assert total.reward is not None
    assert total.reward.mean == 0.5
    assert dict(total.stop_reasons) == {"final": 1, "error": 1}


def test_a_rollout_is_opened_and_two_are_compared(table: Explorer) -> None:
    assert table[0] == ROLLOUTS[0]
    assert [t.final for t in table[:2]] == ["take a coat", "no idea"]
    assert bool(table.compare(0, 1))
    assert not table.compare(0, 0)
    assert table.tree().parts_at == 0


def test_labels_are_kept_beside_the_file(saved: Path) -> None:
    table = ak.explore(saved)
    table.label("wrong city", 1).label("check", 1, 2)
    again = ak.explore(saved)
    assert again.labels_of(1) == ("wrong city", "check")
    assert list(again.filter("label=check").places) == [1, 2]
    assert list(again.filter('label="wrong city"').places) == [1]
    assert list(again.filter("label!=check").places) == [0, 3]
    again.unlabel("check", 1)
    assert list(ak.explore(saved).filter("label=check").places) == [2]
    assert ak.load(saved) == list(ROLLOUTS)


def test_labels_of_what_is_in_memory_are_saved_when_asked(tmp_path: Path) -> None:
    table = ak.explore(ROLLOUTS).label("good", 0)
    assert table.labels.path is None
    table.labels.save(tmp_path / "labels.json")
    assert ak.explore(ROLLOUTS, labels=tmp_path / "labels.json").labels_of(0) == ("good",)


def test_saving_labels_over_those_of_another_session_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    ak.explore(ROLLOUTS).label("good", 0).label("odd", 1).labels.save(path)
    kept = path.read_text()
    mine = ak.explore(ROLLOUTS).label("good", 0, 2)
    with pytest.raises(
        UsageError, match=r"'labels.json' holds labels of 1 rollout that are not among these"
    ) as caught:
        mine.labels.save(path)
    assert "labels=" in caught.value.hint
    assert (path.read_text(), mine.labels.path) == (kept, None)
    mine.label("odd", 1).labels.save(path)  # it has no label that is missing here
    other = ak.explore(ROLLOUTS, labels=path).label("late", 3)
    mine.labels.save(path)  # its own file, which another table has written to meanwhile
    assert (
        mine.labels.all
        == other.labels.all
        == {0: ("good",), 1: ("odd",), 2: ("good",), 3: ("late",)}
    )
    path.write_text("mine")
    with pytest.raises(CassetteError, match="not a file of labels"):
        ak.explore(ROLLOUTS).label("good", 0).labels.save(path)
    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["labels.json"]


@pytest.mark.parametrize("label", ["", "a,b", 3, "x" * 300])
def test_a_label_that_cannot_be_one_is_refused(label: Any) -> None:
    with pytest.raises(UsageError, match="cannot be a label"):
        ak.explore(ROLLOUTS).label(label, 0)


def test_a_file_that_holds_no_labels_is_not_overwritten(saved: Path) -> None:
    beside = saved.with_name("runs.jsonl.labels.json")
    beside.write_text("mine")
    with pytest.raises(CassetteError, match="not a file of labels"):
        ak.explore(saved)
    assert beside.read_text() == "mine"


def test_the_frame_has_every_column(table: Explorer) -> None:
    frame = table.sort("reward", descending=True).frame
    assert list(frame["rollout"]) == [0, 2, 1, 3]
    assert {"prompt", "turns", "elapsed", "tools", "codes", "task", "reward", "label"} <= set(
        frame.columns
    )
    assert math.isnan(frame["reward"].iloc[3])


def test_a_file_is_opened_without_reading_its_rollouts(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = ak.explore(saved)

    def read(*_: Any) -> Any:
        raise AssertionError("a rollout was read")

    monkeypatch.setattr(Index, "load", read)
    assert len(table.filter("reward<1 stop_reason=final").sort("turns")) == 2
    assert len(table.groups()) == 2
    assert "coat in Oslo?" in table._repr_mimebundle_()["text/html"]
    assert len(table.filter("zebra")) == 0


def test_what_is_shown_is_small_and_escaped() -> None:
    many = [replace(ROLLOUTS[0], meta={"note": "<img src=x onerror=alert(1)>" * 40})] * 5_000
    bundle = ak.explore(many)._repr_mimebundle_()
    assert len(bundle["text/html"]) < 50_000
    assert "<img" not in bundle["text/html"]
    assert "4,980 more rollouts" in bundle["text/html"]
    assert repr(ak.explore(many)) == "<Explorer 5,000 rollouts, not filtered or sorted>"


def test_fifty_thousand_rows_are_fifty_kilobytes_with_everything() -> None:
    """The first table a page shows: what is kept of it, its first rows, its style sheet and its
    script.
    """
    table = ak.explore([ROLLOUTS[i % 4] for i in range(50_000)])
    sent: list[Any] = []
    view = ExplorerView(table)
    view.send = lambda content, buffers=None: sent.append(
        (content, [len(buffer) for buffer in buffers or ()])
    )
    view._heard({"type": "ready", "view": "page"})
    assert len(sent) == 1, "the first rows come with the table"
    state = view.get_state()
    raw = sum(len(value) for value in state.values() if isinstance(value, bytes))
    texts = {name: value for name, value in state.items() if not isinstance(value, bytes)}
    parts = [table._repr_mimebundle_(), texts, sent]
    assert raw + sum(len(json.dumps(part)) for part in parts) < 54_000, (
        "and 6,000 for the messages around them"
    )


def test_what_holds_no_rollouts_is_refused() -> None:
    with pytest.raises(UsageError):
        ak.explore(3)


def kept(thing: Any) -> str:
    html: str = thing._repr_mimebundle_()["text/html"]
    return html


def test_few_rollouts_keep_their_conversations_and_many_are_one_table(tmp_path: Path) -> None:
    many = ROLLOUTS * 10
    path = ak.save(many, tmp_path / "many.jsonl")
    tables = [
        kept(x)
        for x in (ak.view(many), ak.view(path), Rollouts(many), ak.explore(many), ak.explore(path))
    ]
    heads = [html.index("<thead>") for html in tables]
    rows = [
        html[head : html.index("</tbody>", head)] for html, head in zip(tables, heads, strict=True)
    ]
    assert len(set(rows)) == 1
    assert all("take a coat" not in html for html in tables)
    assert "take a coat" in kept(ak.view(ROLLOUTS))
    for i, x in enumerate((ak.view(many), ak.explore(many), ak.cassette.open(path))):
        assert ak.save(x, tmp_path / f"{i}.html").read_text("utf-8").count("take a coat") >= 10


def test_a_large_file_is_viewed_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentkit.show.notebook.view._LARGE", 1000)
    path = ak.save(ROLLOUTS * 10, tmp_path / "large.jsonl")
    view = ak.view(path)

    def read(*_: Any) -> Any:
        raise AssertionError("a rollout was read")

    with monkeypatch.context() as patch:
        patch.setattr(Index, "load", read)
        assert "coat in Oslo?" in kept(view)
        assert "coat in Oslo?" in view._repr_mimebundle_()["text/plain"]
    assert view[38] == ROLLOUTS[2]
    assert len(ak.view(ak.save(ROLLOUTS[0], tmp_path / "one.jsonl"))) == 1


def test_labels_of_a_viewed_file_are_kept_beside_it(saved: Path) -> None:
    ak.explore(ak.view(saved)[1:]).label("odd", 0)
    assert ak.explore(saved).labels_of(1) == ("odd",)
    assert ak.explore(ak.view(saved)).labels_of(1) == ("odd",)


def test_an_index_and_an_opened_file_are_tables_too(saved: Path) -> None:
    index = ak.cassette.index(saved)
    assert "task" in kept(index)
    for x in (index, ak.cassette.open(saved), ak.cassette.open(saved)[1:]):
        assert list(ak.explore(x).filter("prompt~sum"))[-1] == ROLLOUTS[3]


def test_two_tables_of_one_file_lose_no_label(saved: Path) -> None:
    first, second = ak.explore(saved), ak.explore(saved)
    first.label("a", 0)
    second.label("b", 0, 1)
    first.unlabel("b", 1)
    assert ak.explore(saved).labels.all == {0: ("a", "b")}
    assert first.labels.names == ["a", "b"]


def test_the_rewards_of_a_group_have_a_shape() -> None:
    rewards = [0.0, 0.0, 0.0, 0.0, 1.0]
    (group,) = ak.explore(
        [replace(ROLLOUTS[0], meta={"reward": reward}) for reward in rewards]
    ).groups()
    assert group.reward_shape == "█▁▁▁▃"
    assert (
        ak.explore([replace(ROLLOUTS[0], meta={"reward": 1.0})] * 3).groups()[0].reward_shape == ""
    )
    odd = ak.explore(
        [
            replace(ROLLOUTS[0], meta={"reward": reward})
            for reward in (math.nan, 1.0, math.inf, None, 0.0)
        ]
    )
    (group,) = odd.groups()
    assert group.reward is not None
    assert (group.count, group.reward.mean, group.reward.deviation) == (5, 0.5, 0.5)
    assert list(odd.sort("reward").places) == [4, 1, 2, 0, 3]
    assert odd.tree().branches[0].rewards == (1.0, 0.0)


def test_a_view_of_what_is_gone_ends() -> None:
    rollouts = Rollouts(ROLLOUTS)
    view = display.live_view(rollouts)
    assert view is not None
    assert view is display.live_view(rollouts)
    assert view is not display.live_view(Rollouts(ROLLOUTS)), "equal is not the same"
    assert not isinstance(display.live_view(ak.view(ROLLOUTS[0])), ExplorerView)
    assert display.live_view(ak.view(ROLLOUTS)) is not None
    known = weakref.ref(rollouts)
    view.forget("page")  # none shows it any longer
    del rollouts
    gc.collect()
    assert known() is None


def test_facets_count_what_other_conditions_leave(table: Explorer) -> None:
    some = table.filter("ended=answered reward>=0.5")
    by_column = {facet.column: facet.choices for facet in some.facets()}
    ended = {choice.value: choice.count for choice in by_column["ended"]}
    assert ended["answered"] == 2
    assert ended["error"] == 0, "it has no reward"
    assert [choice.chosen for choice in by_column["ended"] if choice.value == "answered"] == [True]
    histogram = some.histogram()
    assert histogram is not None
    assert (histogram.counts[0], histogram.counts[5], histogram.counts[9]) == (1, 1, 1)
    assert histogram.chosen == (*[False] * 5, *[True] * 5)
    whole = table.aggregates()
    assert (whole.count, whole.failed, some.aggregates().count) == (4, 1, 2)
    assert whole.reward is not None
    assert whole.reward.mean == 0.5


def test_a_query_is_written_as_it_is_read() -> None:
    query = parse_query(
        'ended="with problems",error reward<0.5 "two words" Oslo', (*NAMES, "ended")
    )
    again = query.summary()
    assert again == 'ended="with problems",error reward<0.5 "two words" Oslo'
    assert parse_query(again, (*NAMES, "ended")) == query
    assert query.chosen("ended") == ("with problems", "error")
    assert query.choosing("ended", ()).summary() == 'reward<0.5 "two words" Oslo'
    ranged = query.between("reward", 0.2, 1.0, upto=True)
    assert "reward>=0.2 reward<=1" in ranged.summary()


def test_tools_and_labels_are_found_one_by_one() -> None:
    table = ak.explore(ROLLOUTS).label("odd", 0).label("late", 0)
    assert list(table.filter("label=late").places) == [0]
    assert list(table.filter("label!=late").places) == [1, 2, 3]
    both = ak.explore([rollout("x", calls=("a", "b")), rollout("x", calls=("b",))])
    assert list(both.filter("tools=a").places) == [0]
    assert list(both.filter("tools=b").places) == [0, 1]


def test_notes_and_labels_go_with_the_rollouts(saved: Path, tmp_path: Path) -> None:
    table = ak.explore(saved).note("looks twice", 2, turn=0, call=1).label("slow", 2, turn=0)
    table.label("check", 2)
    assert table.labels_of(2) == ("check", "slow")
    kept = ak.load(ak.save(table, tmp_path / "noted.jsonl"))
    again = ak.explore(kept)
    assert list(again.filter("label=slow").places) == [2]
    assert {remark.text for remark in again.remarks_of(2)} == {"looks twice", "slow", "check"}
    assert ak.load(saved) == list(ROLLOUTS), "its own file is as it was"
    table.note("", 2, turn=0, call=1)
    assert all(remark.is_label for remark in ak.explore(saved).remarks_of(2))
    with pytest.raises(UsageError, match="cannot be a note"):
        table.note(3, 0)  # type: ignore[arg-type]


def test_prompts_are_told_apart_by_what_differs() -> None:
    prompts = ("Two days in Oslo, whichever", "Two days in Oslo or Bergen", "Two days in Rome.")
    assert beginning_of(prompts) == "Two days in "
    assert parted(prompts[0], "Two days in ") == ("Oslo", ", whichever")
    assert beginning_of(("Hello", "Help me")) == ""
    assert parted("Hello", "") == ("", "Hello")


def test_what_an_earlier_run_had_ended_is_said() -> None:
    assert "3 from the file · 1 asked again" in Rollouts(ROLLOUTS, earlier=3).title
