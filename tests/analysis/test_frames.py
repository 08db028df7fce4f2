"""The frames: documented columns whose dtypes never depend on the data, one row for each thing,
nothing guessed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import agentkit as ak
from agentkit.analysis.frames import messages, problems, tool_calls, turns
from agentkit.analysis.tokens import tokens_frame
from agentkit.errors import UsageError
from agentkit.read.body.usage import queue_of
from agentkit.types.answer import Response
from agentkit.types.trajectory import OpenTurn, Trajectory, Turn
from agentkit.types.wire import Chunk, Exchange
from tests.show.render_samples import (
    HOSTILE,
    call,
    first_turn,
    long,
    message,
    result,
    troubled,
    waiting,
    weather,
)
from tests.support.growth import assert_linear
from tests.support.paths import CORPUS

CAPTURES = CORPUS / "captures"
FRAMES = {
    "turns_df": turns.COLUMNS,
    "tool_calls_df": tool_calls.COLUMNS,
    "messages_df": messages.COLUMNS,
    "problems_df": problems.COLUMNS,
    "tokens_df": tokens_frame.COLUMNS,
}
ROLLOUTS = [weather(), troubled(), waiting()]


@pytest.mark.parametrize("name", FRAMES)
def test_columns_and_dtypes_are_the_same_for_everything(name: str) -> None:
    make, columns = getattr(ak, name), FRAMES[name]
    given = [[], [Trajectory()], weather(), ROLLOUTS, long(3), CAPTURES / "hermes-qwen3.jsonl"]
    for found in map(make, given):
        assert list(found.columns) == list(columns)
        assert {c: str(d).removesuffix("[python]") for c, d in found.dtypes.items()} == {
            c: d.removesuffix("[python]") for c, d in columns.items()
        }
        assert list(found.index) == list(range(len(found)))


@pytest.mark.parametrize("name", FRAMES)
def test_every_column_is_documented(name: str) -> None:
    text = getattr(ak, name).__doc__
    assert [column for column in FRAMES[name] if column not in text] == []


@pytest.mark.parametrize("name", FRAMES)
def test_nothing_is_not_a_number(name: str) -> None:
    """What is not known is <NA>, which no comparison or sum takes for a value."""
    found = getattr(ak, name)(ROLLOUTS)
    for column in found.columns:
        assert not any(
            isinstance(value, float) and value != value for value in found[column].tolist()
        )


def test_a_turn_is_a_row() -> None:
    found = ak.turns_df(ROLLOUTS)
    assert found["rollout"].tolist() == [0, 0, 1, 1, 2, 2]
    assert found["turn"].tolist() == [0, 1, 0, 1, 0, 1], "the open turn is there too"
    assert found["input_tokens"].tolist()[:3] == [187, 251, 1234]
    assert found["stop_reason"].isna().tolist() == [False, False, False, False, True, True]
    assert found["last"].tolist() == [False, True] * 3
    assert found["reward"].tolist()[:2] == [1.0, 1.0]
    assert found.loc[2, ["errors", "warnings", "failed_calls", "retries"]].tolist() == [9, 6, 3, 1]


def timed(start: float, elapsed: float, **more: Any) -> Any:
    return result(started=start, elapsed=elapsed, **more)


def test_times_add_up() -> None:
    """Two tools side by side count once; without a stream there is no first token to know of."""
    exchange = Exchange(
        body="{}", started=100.0, elapsed=2.0, url="https://user:key@host:8000/v1?key=S3CRET"
    )
    response = Response(
        tool_calls=(call(), call(position=1)), time_to_first_token=0.5, exchange=exchange
    )
    turn = Turn(
        index=0, response=response, results=(timed(102.0, 3.0), timed(103.0, 4.0, queued=0.25))
    )
    found = ak.turns_df(Trajectory(turns=(turn,))).iloc[0]
    times = [
        "started",
        "elapsed",
        "model_elapsed",
        "time_to_first_token",
        "generation",
        "tools_elapsed",
    ]
    assert found[times].tolist() == [100.0, 7.0, 2.0, 0.5, 1.5, 5.0]
    assert found["server"] == "host:8000", "neither the user, the key nor the path"
    assert ak.tool_calls_df(turn)["queued"].tolist()[1] == 0.25
    plain = replace(
        turn, response=replace(response, time_to_first_token=None), results=(result(),) * 2
    )
    assert (
        ak.turns_df(plain)
        .iloc[0][["time_to_first_token", "generation", "tools_elapsed"]]
        .isna()
        .all()
    )


@pytest.mark.parametrize(
    ("exchange", "seconds"),
    [
        (Exchange(body='{"usage": {"queue_time": 0.25}}'), 0.25),
        (Exchange(body='{"x_groq": {"usage": {"queue_time": 1}}}'), 1.0),
        (Exchange(body='{"choices": [{"meta_info": {"queue_time": 0.5}}]}'), 0.5),
        (
            Exchange(
                chunks=(
                    Chunk(
                        at=0.1,
                        text='data: {"x_groq": {"usage": {"queue_time": 0.125}}}\n\ndata: [DONE]\n\n',
                    ),
                )
            ),
            0.125,
        ),
        (Exchange(body='{"choices": [{"message": {"content": "\\"queue_time\\": 3"}}]}'), None),
        (Exchange(body='{"usage": {"queue_time": "soon"}}'), None),
        (Exchange(body='"queue_time" is no JSON'), None),
        (Exchange(), None),
    ],
    ids=range(8),
)
def test_the_queue_is_what_the_server_says(exchange: Exchange, seconds: float | None) -> None:
    assert queue_of(exchange) == seconds


def test_a_call_is_a_row_and_one_found_in_text_too() -> None:
    found = ak.tool_calls_df(troubled())
    assert found["call"].tolist() == [*range(7), 0]
    assert found["recoverable"].tolist() == [False] * 7 + [True]
    assert found["valid"].tolist() == [True, True, True, False, True, True, True, True]
    assert found["result_status"].tolist()[:4] == ["ok", "ok", "timeout", "invalid_call"]
    assert found.loc[1, "problem_codes"] == "arguments_object id_missing name_prefix"
    assert pd.isna(found.loc[6, "result_status"])
    assert found.loc[4, "arguments"] == "select 1"


def test_messages_are_the_conversation_as_it_stands() -> None:
    for rollout in ROLLOUTS:
        found = ak.messages_df(rollout)
        assert found["role"].tolist() == [m["role"] for m in rollout.messages]
    found = ak.messages_df(troubled())
    assert found["source"].tolist() == ["prompt", "prompt", "added", "answer"], (
        "the first turn was rewritten away"
    )
    assert found["turn"].tolist() == [pd.NA, pd.NA, 1, 1]
    opened = ak.messages_df(Trajectory(open=OpenTurn(added=(message("user", "hi"),))))
    assert opened["source"].tolist() == ["added"]


def test_every_problem_is_a_row() -> None:
    found = ak.problems_df(troubled())
    counted = found[found["source"].isin(["answer", "call", "found"])]
    assert sorted(counted["code"]) == sorted(p.code for p in troubled().problems)
    assert found[found["source"] == "request"]["code"].tolist() == [
        "rate_limited",
        "rate_limited",
        "context_length_exceeded",
    ]
    assert found[found["source"] == "request"]["severity"].tolist() == ["error", "warning", "error"]
    assert found[found["source"] == "tool"]["code"].tolist() == [
        "timeout",
        "invalid_call",
        "unknown_tool",
    ]
    assert ak.problems_df(weather()).empty


def test_anything_that_holds_rollouts_will_do(tmp_path: Path) -> None:
    trajectory = weather()
    ak.save([trajectory, trajectory], tmp_path / "two.jsonl")
    (tmp_path / "chat.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}\n'
    )
    holder = ak.AgentResult(messages=[], trajectory=trajectory)
    debugger = ak.debug(ak.demo())
    for given, rows in (
        (trajectory, 2),
        ([trajectory, holder], 4),
        (ak.view([trajectory]), 2),
        (tmp_path / "two.jsonl", 4),
        (str(tmp_path / "chat.jsonl"), 1),
        ([[trajectory], [trajectory, trajectory]], 6),
        (debugger, 0),
        (first_turn(), 1),
        ((t for t in [trajectory]), 2),
        ([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}], 1),
        ([], 0),
        ({"choices": [{"message": {"content": "x"}}]}, 1),
    ):
        assert len(ak.turns_df(given)) == rows
    for wrong in (3, None, object()):
        with pytest.raises(UsageError):
            ak.turns_df(wrong)
    with pytest.raises(FileNotFoundError):
        ak.turns_df(tmp_path / "none.jsonl")


def test_a_sample_and_the_prompt_tell_rollouts_apart() -> None:
    made = [
        replace(weather(), meta={"sample": 3, "reward": True}),
        replace(weather(), prompt=(), meta={"sample": "x", "reward": "high"}),
    ]
    found = ak.turns_df(made)
    assert found["sample"].tolist() == [3, 3, pd.NA, pd.NA]
    assert found["prompt"].tolist() == ["Do I need a coat in Oslo?"] * 2 + [pd.NA] * 2
    assert found["reward"].tolist() == [1.0, 1.0, pd.NA, pd.NA]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_frame_takes_any_text(text: str) -> None:
    made = Trajectory(
        prompt=(message("user", text),),
        turns=(
            Turn(index=0, response=Response(tool_calls=(call(text),)), results=(result(text),)),
        ),
    )
    assert ak.tool_calls_df(made)["name"].tolist() == [text]
    assert ak.messages_df(made)["content"].tolist()[0] == text


@pytest.mark.slow
def test_work_grows_with_the_rollouts_and_not_faster() -> None:
    def make(many: int) -> None:
        for name in FRAMES:
            getattr(ak, name)(ROLLOUTS * (many // 3))

    assert_linear(lambda many: partial(make, many), 500, 4000, factor=16)


@pytest.mark.parametrize("large", [(1 << 63, 1 << 80), (1 << 63,), ((1 << 64) - 1, 1 << 63)])
def test_a_count_that_no_column_holds_is_not_known(large: tuple[int, ...]) -> None:
    rollouts = [ak.rollout(ak.demo(), meta={"sample": sample}) for sample in (3, *large)]
    assert ak.turns_df(rollouts)["sample"].dropna().tolist() == [3] * len(rollouts[0].turns)
