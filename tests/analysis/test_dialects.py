"""Rollouts of each dialect in all that looks at rollouts: frames, tokens, diff, the table, samples,
another reading. The reference server answers; its answers are constructed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.testing import by_turn, calls, says, serve
from agentkit.types.answer import Dialect
from tests.support.dialect_answers import DIALECTS, NATIVE

CHARTS = [name for name in dir(ak.charts) if callable(getattr(ak.charts, name)) and name[0] != "_"]


def get_weather(city: str) -> dict[str, Any]:
    """Current weather of a city."""
    return {"city": city, "temp_c": -3}


def asked(dialect: Dialect, stream: bool = False, *faults: str) -> ak.Trajectory:
    """A rollout of two turns with a server in vLLM's manner."""
    first = says("I look.", calls("get_weather", city="Oslo"), reasoning="Where is that?")
    script = by_turn(first, says("It is cold."))
    with serve(script, manner="vllm", faults=faults) as server:
        agent = ak.Agent("m", [get_weather], server.url, dialect=dialect, stream=stream)
        return ak.rollout(agent, "Do I need a coat in Oslo?")


@pytest.fixture(scope="module")
def rollouts() -> dict[tuple[Dialect, bool], ak.Trajectory]:
    return {(d, stream): asked(d, stream) for d in DIALECTS for stream in (False, True)}


def test_the_frames_name_the_dialect(rollouts: dict[Any, ak.Trajectory]) -> None:
    each = [d for d, _ in rollouts]
    turns, used = ak.turns_df(list(rollouts.values())), ak.tool_calls_df(list(rollouts.values()))
    assert turns["dialect"].tolist() == [d for d in each for _ in range(2)]
    assert used["dialect"].tolist() == each
    assert set(used["origin"]) == {"tool_calls", "responses:function_call", "messages:tool_use"}


def test_what_went_wrong_names_the_dialect() -> None:
    wrong = [asked(d, False, "arguments_invalid_json") for d in ("chat", "responses")]
    found = ak.problems_df(wrong)
    assert set(zip(found["rollout"], found["dialect"], strict=True)) == {
        (0, "chat"),
        (1, "responses"),
    }
    refused = ak.Agent("m", server="http://127.0.0.1:9/v1", dialect="messages")
    assert ak.problems_df(ak.rollout(refused, "Hi"))["dialect"].tolist() == ["messages"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_history_has_the_reasoning_that_goes_back(
    rollouts: dict[Any, ak.Trajectory], dialect: Dialect
) -> None:
    answer = ak.messages_df(rollouts[dialect, False]).query("source == 'answer'")
    assert answer["content"].tolist() == ["I look.", "It is cold."]
    kept = answer["reasoning"].tolist()[0]
    assert kept == "Where is that?" if dialect != "chat" else True


def test_sealed_reasoning_goes_back_without_a_text() -> None:
    sealed = [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}]
    said = [{"type": "message", "role": "assistant", "content": [{"type": "output_text"}]}]
    said[0]["content"][0]["text"] = "Yes."  # type: ignore[index]
    one = ak.load([{"object": "response", "status": "completed", "output": [*sealed, *said]}])
    assert ak.messages_df(one)["reasoning"].tolist() == [""]


def test_finish_words_of_two_dialects_are_no_difference(rollouts: dict[Any, ak.Trajectory]) -> None:
    for dialect in NATIVE:
        found = ak.diff(rollouts["chat", False], rollouts[dialect, True])
        assert [(d.what, d.before, d.after) for d in found.differences] == [
            ("dialect", "chat", dialect)
        ]
        assert "finish" not in found.text()


def test_an_answer_that_was_cut_differs_from_one_that_was_not(
    rollouts: dict[Any, ak.Trajectory],
) -> None:
    cut = asked("responses", False, "finish_length")
    found = ak.diff(rollouts["chat", False], cut)
    assert "finish_reason" in [d.what for d in found.differences]


def test_the_table_is_filtered_by_dialect(
    rollouts: dict[Any, ak.Trajectory], tmp_path: Path
) -> None:
    path = ak.save(list(rollouts.values()), tmp_path / "three.jsonl")
    for table in (ak.explore(list(rollouts.values())), ak.explore(path)):
        facet = next(f for f in table.facets() if f.column == "dialect")
        assert {choice.value: choice.count for choice in facet.choices} == dict.fromkeys(
            DIALECTS, 2
        )
        assert len(table.filter("dialect=responses")) == 2
        assert "dialect" in table.text().splitlines()[1].split()
    alone = ak.explore([rollouts["chat", False], rollouts["chat", True]])
    assert "dialect" not in alone.text()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_samples_of_all_dialects_do_the_same(
    rollouts: dict[Any, ak.Trajectory], dialect: Dialect
) -> None:
    tree = ak.sample_tree([rollouts["chat", False], rollouts[dialect, True]])
    assert "all samples did the same" in tree.text()
    assert not ak.reparse(rollouts[dialect, True], parser="hermes").changes


@pytest.mark.parametrize("dialect", DIALECTS)
def test_calls_left_in_a_text_are_read_again(dialect: Dialect) -> None:
    text = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    with serve([says(text)], manner="vllm") as server:
        agent = ak.Agent("m", [get_weather], server.url, dialect=dialect)
        left = ak.rollout(agent, "Weather in Oslo?")
    assert not left.turns[0].tool_calls
    again = ak.reparse(left, parser="hermes")
    read = again.trajectory.all_turns[0].response
    assert [(c.name, c.arguments) for c in read.tool_calls] == [("get_weather", {"city": "Oslo"})]
    assert read.dialect == dialect


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tokens_say_what_can_be_asked_for(
    rollouts: dict[Any, ak.Trajectory], dialect: Dialect
) -> None:
    told = ak.tokens(rollouts[dialect, False]).text()
    assert "neither log probabilities nor token ids" in told
    assert ("sampling=" in told) == (dialect != "messages")
    assert ak.prefix_check(rollouts[dialect, False]).broken == ()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", CHARTS)
def test_charts_take_each_dialect(
    rollouts: dict[Any, ak.Trajectory], dialect: Dialect, name: str
) -> None:
    def drawn(which: Dialect) -> set[str]:
        return {trace.name for trace in getattr(ak.charts, name)(rollouts[which, True]).data}

    missing = drawn("chat") - drawn(dialect)
    assert missing == (
        {"written, reasoning"} if (dialect, name) == ("messages", "context") else set()
    )


def test_a_file_in_a_dialect_of_a_newer_version_says_so(
    rollouts: dict[Any, ak.Trajectory], tmp_path: Path
) -> None:
    path = Path(ak.save(rollouts["messages", False], tmp_path / "newer.jsonl"))
    path.write_text(path.read_text("utf-8").replace('"dialect":"messages"', '"dialect":"next"'))
    with pytest.raises(ak.AgentkitError, match="the rollout speaks 'next'"):
        ak.load(path)
    assert ak.explore(path).frame["dialect"].tolist() == ["next"]
