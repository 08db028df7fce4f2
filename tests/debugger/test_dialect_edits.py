"""What a person changes in a rollout of each dialect: all else goes back as it came."""

from __future__ import annotations

from typing import Any

import pytest

import agentkit as ak
from agentkit.types.answer import Dialect
from tests.support.dialect_answers import (
    NATIVE,
    DialectServer,
    agent,
    answer,
    answered_items,
    sent_items,
)


@pytest.fixture(params=NATIVE)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Each dialect that keeps more than chat completions do."""
    named: Dialect = request.param
    return named


def begun(dialect: Dialect) -> tuple[ak.Debugger, DialectServer, dict[str, Any]]:
    """Begin a rollout that has answered with text and two calls, which are run."""
    first = answer(dialect, 1, "let me see", [{"n": 1}, {"n": 2}])
    made = agent(dialect, [first, answer(dialect, 2, "done")])
    dbg = ak.debug(made, "go")
    dbg.next()
    server: Any = made.server
    return dbg, server, first


def test_an_answer_goes_back_as_it_came(dialect: Dialect) -> None:
    dbg, server, first = begun(dialect)
    dbg.run()
    assert answered_items(server) == sent_items(first)


def test_other_arguments_change_that_call_alone(dialect: Dialect) -> None:
    dbg, server, first = begun(dialect)
    dbg.edit(turn=0, call=1, arguments={"n": 7})
    dbg.run()
    was, now = sent_items(first), answered_items(server)
    assert now[:-1] == was[:-1]
    name = "input" if dialect == "messages" else "arguments"
    assert {k: v for k, v in now[-1].items() if k != name} == {
        k: v for k, v in was[-1].items() if k != name
    }
    assert now[-1][name] in ({"n": 7}, '{"n": 7}')
    assert [r.content for r in dbg.trajectory.turns[0].tool_results] == ["2", "14"]


def test_another_text_keeps_the_reasoning(dialect: Dialect) -> None:
    dbg, server, first = begun(dialect)
    dbg.edit(turn=0, message="another text")
    dbg.say("go on")
    dbg.run()
    now = answered_items(server)
    assert now[0] == sent_items(first)[0]
    assert len(now) == 2
    assert dbg.trajectory.turns[0].response.content == "another text"
    assert dbg.trajectory.turns[0].response.exchange.by_hand


def chat_message(text: str | None, *calls: tuple[str, str]) -> dict[str, Any]:
    """Write an assistant message in OpenAI's form with calls of `double`, by id and arguments."""
    listed = [
        {"id": id, "type": "function", "function": {"name": "double", "arguments": arguments}}
        for id, arguments in calls
    ]
    return {"role": "assistant", "content": text, "tool_calls": listed}


def test_a_call_that_is_cut_is_gone_and_all_else_stays(dialect: Dialect) -> None:
    dbg, server, first = begun(dialect)
    last = dbg.trajectory.turns[0].tool_calls[1]
    dbg.edit(turn=0, message=chat_message("let me see", (last.id, last.raw_arguments)))
    assert dbg.trajectory.turns[0].tool_results[0].content == "4"
    dbg.run()
    was = sent_items(first)
    assert answered_items(server) == [was[0], was[1], was[3]]


def test_a_call_that_is_added_comes_behind_the_others(dialect: Dialect) -> None:
    dbg, server, first = begun(dialect)
    old = [(call.id, call.raw_arguments) for call in dbg.trajectory.turns[0].tool_calls]
    dbg.edit(turn=0, message=chat_message("let me see", *old, ("own", '{"n": 9}')))
    dbg.run()
    now = answered_items(server)
    assert now[:-1] == sent_items(first)
    assert now[-1]["name"] == "double"
    assert [r.content for r in dbg.trajectory.turns[0].tool_results] == ["2", "4", "18"]


def test_a_text_where_there_was_none_comes_before_the_calls(dialect: Dialect) -> None:
    first = answer(dialect, 1, None, [{"n": 1}])
    made = agent(dialect, [first, answer(dialect, 2, "done")])
    dbg = ak.debug(made, "go")
    dbg.step()
    call = dbg.trajectory.pending[0]
    dbg.edit(turn=0, message=chat_message("look", (call.id, call.raw_arguments)))
    dbg.run()
    server: Any = made.server
    now, was = answered_items(server), sent_items(first)
    assert [now[0], now[2]] == was
    assert "look" in str(now[1])


def test_a_whole_answer_of_the_dialect_is_taken_to_the_letter(dialect: Dialect) -> None:
    dbg, server, _ = begun(dialect)
    by_hand = answer(dialect, 5, "by hand", [{"n": 3}])
    dbg.edit(turn=0, message=by_hand)
    dbg.run()
    assert answered_items(server) == sent_items(by_hand)


def test_an_answer_before_any_was_asked_for_is_written_in_the_dialect(dialect: Dialect) -> None:
    made = agent(dialect, [answer(dialect, 2, "done")])
    dbg = ak.debug(made, "go")
    dbg.edit(turn=0, message=chat_message("look", ("own", '{"n": 9}')))
    dbg.run()
    assert dbg.trajectory.turns[0].response.dialect == dialect
    server: Any = made.server
    assert [item.get("name") for item in answered_items(server)][-1] == "double"


def test_a_changed_rollout_is_saved_and_loaded(dialect: Dialect, tmp_path: Any) -> None:
    dbg, _, _ = begun(dialect)
    dbg.edit(turn=0, call=1, arguments={"n": 7})
    dbg.run()
    ak.save(dbg.trajectory, tmp_path / "t.jsonl")
    loaded = ak.load(tmp_path / "t.jsonl")
    assert loaded == dbg.trajectory
    assert loaded.request(1).body == dbg.trajectory.request(1).body
