"""One number of problems: in heads, tables, filters, charts, frames, live views and saved totals."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.files.cassette.index import index
from agentkit.files.columns import COLUMNS
from agentkit.show.charts.errors import errors_chart
from agentkit.show.notebook.views.conversation_view import ConversationView
from agentkit.show.render.parts.words import totals
from agentkit.trajectory.trouble.points import problem_count, problem_points, trouble_count
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import problem
from agentkit.types.request import Spec
from agentkit.types.trajectory import (
    Attempt,
    Message,
    OpenTurn,
    ResultStatus,
    StopReason,
    ToolResult,
    Trajectory,
    Turn,
)
from agentkit.types.wire import ApiError, Exchange
from tests.support.examples import examples
from tests.support.paths import CORPUS

TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}},
        },
    },
)
ARGUMENTS = (
    '{"n": 1}',
    '{"n": "x"}',
    '{"n": 1',
    "",
    "null",
    "{'n': True}",
    '"{\\"n\\": 1}"',
    "[1]",
)
TEXTS = ("", "hi", "<think>a</think>b", '<tool_call>{"name": "f", "arguments": {"n":</tool_call>')
ERROR = ApiError(kind="rate_limited", status=429, message="slow down", retryable=True)
WRONG: tuple[dict[str, Any], ...] = (
    {"role": "wizard", "content": "x"},
    {"role": "tool", "tool_call_id": "z", "content": "x"},
    {"role": "assistant", "content": "x", "tool_calls": []},
    {"role": "user", "content": [{"type": "tool_use"}]},
)
NUMBER = re.compile(r"([\d,]+) problems?\b")


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """An answer of a server, whole or with something wrong."""
    calls = [
        {
            "id": draw(st.sampled_from((f"c{i}", "c0", ""))),
            "type": "function",
            "function": {
                "name": draw(st.sampled_from(("f", "F()", "functions.f", ""))),
                "arguments": draw(st.sampled_from(ARGUMENTS)),
            },
        }
        for i in range(draw(st.integers(0, 3)))
    ]
    message = {"role": "assistant", "content": draw(st.sampled_from(TEXTS))}
    finish = draw(st.sampled_from(("stop", "tool_calls", "length", None)))
    choice = {"index": 0, "message": {**message, "tool_calls": calls}, "finish_reason": finish}
    choices = [choice] * draw(st.sampled_from((1, 1, 1, 2, 0)))
    return {"model": "m", "choices": choices}


@st.composite
def results(draw: st.DrawFn, name: str, inner: bool) -> ToolResult | None:
    """What became of a call, a rollout in it among them; None where it has not run."""
    status = draw(st.sampled_from((*get_args(ResultStatus), None)))
    if status is None:
        return None
    nested = draw(rollouts(inner=False)) if inner and draw(st.booleans()) else None
    return ToolResult(
        call_id="c0", name=name, status=status, content="x", error="E: x", trajectory=nested
    )


@st.composite
def turns(draw: st.DrawFn, index: int, inner: bool) -> Turn:
    """A turn: tries before it, what the caller put before it, an answer and results."""
    response = ak.read_response(draw(bodies()), TOOLS)
    retries = (ERROR,) * draw(st.sampled_from((0, 0, 1, 2)))
    response = replace(response, exchange=replace(response.exchange, retries=retries))
    if draw(st.booleans()):
        note = problem("secret_redacted", "a secret was taken out")
        response = replace(response, problems=(*response.problems, note))
    came = tuple(draw(results(call.name, inner)) for call in response.tool_calls)
    added = draw(st.lists(st.sampled_from(WRONG), max_size=1))
    sampling = draw(st.sampled_from((None, {"tool_choice": "g"})))
    messages = tuple(Message(wire=wire) for wire in added)
    return Turn(index=index, response=response, results=came, added=messages, sampling=sampling)


@st.composite
def rollouts(draw: st.DrawFn, *, inner: bool = True) -> Trajectory:
    """A rollout of any kind: ended or not, with an open turn, failed requests, wrong messages."""
    number = draw(st.integers(0, 3))
    made = tuple(draw(turns(index, inner)) for index in range(number))
    made = tuple(replace(t, results=tuple(map(_whole, t.results, count()))) for t in made)
    opened = None
    if draw(st.booleans()):
        last = draw(turns(number, inner))
        answer = last.response if draw(st.booleans()) and last.response.tool_calls else None
        came = last.results if answer is not None else ()
        opened = OpenTurn(added=last.added, response=answer, results=came)
    failed = sorted(draw(st.lists(st.integers(0, number), max_size=2)))
    attempts = tuple(Attempt(turn=t, error=ERROR, exchange=Exchange()) for t in failed)
    stop = draw(st.none() | st.sampled_from(get_args(StopReason))) if opened is None else None
    stop = None if stop == "final" and not made else stop
    prompt = [
        {"role": "user", "content": "hi"},
        *draw(st.lists(st.sampled_from(WRONG), max_size=1)),
    ]
    return Trajectory(
        spec=Spec(
            model="m", tools=TOOLS, sampling=draw(st.sampled_from(({}, {"tool_choice": "g"})))
        ),
        prompt=tuple(Message(wire=wire) for wire in prompt),
        turns=made,
        open=opened,
        stop_reason=stop,
        error=ERROR if stop in ("error", "content_filter") else None,
        attempts=attempts,
    )


def _whole(result: ToolResult | None, place: int) -> ToolResult:
    """A finished turn has a result of every call."""
    return result or ToolResult(call_id=f"c{place}", name="f", status="ok", content="x")


def shown(text: str) -> int:
    """Read the number of problems in the line of a head."""
    found = NUMBER.search(text)
    return int(found[1].replace(",", "")) if found else 0


def assert_one_number(t: Trajectory) -> int:
    """Assert that every place gives the same number of problems; return it."""
    number = problem_count(t)
    listed = list(problem_points(t))
    assert shown(t.summary()) == shown(repr(t)) == number
    in_answers = sum(found.severity != "info" for found in t.problems)
    assert ("(" in t.summary()) == (number > in_answers), "what is not in t.problems is named"
    assert totals(t).problems == number
    view = ConversationView(t)
    view.difference()
    assert shown(str(view.rows()["head"])) == number
    frame = ak.problems_df(t)
    assert len(frame) == len(listed)
    assert int((frame["severity"] != "info").sum()) == number
    assert Counter(frame["code"]) == Counter(point.code for point in listed)
    chart = errors_chart(listed)
    assert shown(chart.summary) == number
    assert sum(int(row.total.replace(",", "")) for row in chart.rows) == len(listed)
    assert_frames_agree(t, frame)
    column = {column.name: column for column in COLUMNS}["problems"]
    assert column.of(t) == number
    explorer = ak.explore([t])
    assert explorer.value("problems", 0) == number
    assert len(explorer.filter(f"problems={number}")) == 1
    assert len(explorer.filter("problems>0")) == (number > 0)
    codes = explorer.value("codes", 0)
    of_tools = frame["source"] == "tool"  # each named by what it raised, `tool:ValueError`
    named = set((codes or "").split())
    assert {code for code in named if not code.startswith("tool:")} == set(frame["code"][~of_tools])
    assert any(code.startswith("tool:") for code in named) == any(of_tools)
    green = "ak-good" in str(view.rows()["end"])
    assert not (number and green)
    return number


def assert_frames_agree(t: Trajectory, frame: Any) -> None:
    """Assert that the counts of turns and calls are those of the list of problems."""
    own = [p for p in problem_points(t) if p.source in ("file", "answer", "call", "found")]
    assert Counter(p.code for p in t.problems) == Counter(p.code for p in own)
    severities = Counter(zip(frame["turn"], frame["severity"], strict=True))
    failed = Counter(frame[frame["source"] == "tool"]["turn"])
    for row in ak.turns_df(t).itertuples():
        assert row.errors == severities[row.turn, "error"]
        assert row.warnings == severities[row.turn, "warning"]
        assert row.failed_calls == failed[row.turn]
    of_calls = frame[
        frame["source"].isin(("call", "tool", "found")) & (frame["severity"] != "info")
    ]
    assert ak.tool_calls_df(t)["problems"].sum() == len(of_calls)


@settings(max_examples=examples(25), deadline=None)
@given(t=rollouts())
def test_every_place_gives_the_same_number(t: Trajectory) -> None:
    number = assert_one_number(t)
    assert trouble_count(t) >= 0
    lost = replace(t, damage=(problem("file_damaged", "line 3 is torn"),))
    assert assert_one_number(lost) == number + 1
    assert "line 3 is torn" in str(ak.view(lost).html())


@settings(max_examples=examples(12), deadline=None)
@given(given_=st.lists(rollouts(), min_size=1, max_size=2))
def test_a_saved_rollout_has_the_same_number_before_and_after_it_is_read(
    given_: list[Trajectory], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("saved") / "x.jsonl"
    given_[0] = replace(given_[0], damage=(problem("file_damaged", "torn"),))
    ak.save(given_, path)
    loaded, explorer, entries = ak.load(path, all=True), ak.explore(path), index(path).entries
    for place, (was, again) in enumerate(zip(given_, loaded, strict=True)):
        number = assert_one_number(again)
        if again == was:  # of states that no run comes to, the reader keeps what fits
            assert number == problem_count(was)
            assert explorer.value("problems", place) == number
            assert entries[place].problems in (number, None)


def test_rollouts_of_old_cassettes_have_one_number() -> None:
    paths = sorted((CORPUS / "cassettes").rglob("recorded_*.jsonl"))
    assert paths
    for path in paths:
        loaded = ak.load(path, all=True)
        explorer = ak.explore(path)
        numbers = [assert_one_number(t) for t in loaded]
        assert [explorer.value("problems", place) for place in range(len(loaded))] == numbers


def test_what_counts_and_is_not_in_the_problems_is_named_in_the_repr() -> None:
    """Constructed: a failed tool, an unknown one, a request that failed."""
    failed = ToolResult(call_id="c", name="f", status="error", content="x", error="ValueError: x")
    unknown = replace(failed, status="unknown_tool")
    calls = tuple(
        ToolCall(position=i, id=f"c{i}", name="f", arguments={}, raw_arguments="{}", status="ok")
        for i in range(3)
    )
    turn = Turn(
        index=0, response=Response(tool_calls=calls), results=(failed, replace(failed), unknown)
    )
    asked = Message(wire={"role": "user", "content": "Go."})
    t = Trajectory(prompt=(asked,), turns=(turn,), stop_reason="error", error=ERROR)
    assert t.problems == ()
    named = f"(2 tool error, tool unknown_tool, request {ERROR.kind})"
    assert repr(t) == f"<Trajectory 1 turns, 3 calls, error, 4 problems {named}>"
