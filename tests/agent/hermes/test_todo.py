"""`todo` is answered inside the loop, from a list that lives as long as a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

import agentkit as ak
from tests.agent.hermes.loop_cases import TASKS, USER, Stub, answer, call, contents


async def todo_results(*arguments: Any) -> list[Any]:
    """Give the results of a run of todo calls, one call a turn."""
    turns = [answer(None, call("todo", given, f"c{i}")) for i, given in enumerate(arguments)]
    result = await ak.AgentLoop(Stub(*turns, answer("done")), [TASKS], {"todo"}).run(list(USER))
    return [json.loads(reply) for reply in contents(result.messages)]


def item(id: str, content: str = "x", status: str = "pending") -> dict[str, str]:
    return {"id": id, "content": content, "status": status}


async def test_todo_replaces_merges_and_reads() -> None:
    first = [item("1", "look"), item("2", "act", "in_progress")]
    replaced, merged, read = await todo_results(
        {"todos": first},
        {
            "todos": [{"id": "1", "status": "completed"}, item("3", "new", "cancelled")],
            "merge": True,
        },
        {},
    )
    assert replaced == {
        "todos": first,
        "summary": {"total": 2, "pending": 1, "in_progress": 1, "completed": 0, "cancelled": 0},
    }
    assert merged["todos"] == [
        item("1", "look", "completed"),
        item("2", "act", "in_progress"),
        item("3", "new", "cancelled"),
    ]
    assert merged["summary"] == {
        "total": 3,
        "pending": 0,
        "in_progress": 1,
        "completed": 1,
        "cancelled": 1,
    }
    assert read == merged


async def test_todo_takes_json_text_and_keeps_the_last_of_two_ids() -> None:
    from_text, replaced = await todo_results(
        {"todos": json.dumps([item("1", "a"), item("1", "b", "bogus")])},
        {"todos": [item("2", "c")], "merge": "false"},
    )
    assert from_text["todos"] == [item("1", "b")]
    assert replaced["todos"] == [item("2", "c")]


@pytest.mark.parametrize(
    "bad", ["not json", "3", 3, {"id": "1"}, True, ["text"], [1], '{"id": "1"}']
)
async def test_todo_says_what_is_wrong_and_leaves_the_list(bad: Any) -> None:
    _, reply, after = await todo_results({"todos": [item("1")]}, {"todos": bad}, {"todos": None})
    assert "todo" in reply["error"]
    assert after["todos"] == [item("1")]


async def test_todo_has_limits() -> None:
    (reply,) = await todo_results({"todos": [item(str(i), "y" * 5000) for i in range(300)]})
    assert reply["summary"]["total"] == len(reply["todos"]) == 256
    assert {len(entry["content"]) for entry in reply["todos"]} == {4000}


async def test_a_new_run_has_an_empty_todo_list_and_loops_do_not_share_one() -> None:
    server = Stub(
        answer(None, call("todo", {"todos": [item("1")]})),
        answer("done"),
        answer(None, call("todo", {})),
        answer("done"),
    )
    running = ak.AgentLoop(server, [TASKS], {"todo"})
    await running.run(list(USER))
    result = await running.run(list(USER))
    assert json.loads(contents(result.messages)[0])["todos"] == []


async def test_the_caller_may_bring_a_todo_of_its_own() -> None:
    def todo(text: str) -> str:
        """Note it."""
        return f"noted {text}"

    result = await ak.AgentLoop(
        Stub(answer(None, call("todo", {"text": "a"})), answer("done")), tools=[todo]
    ).run(list(USER))
    assert contents(result.messages) == ["noted a"]
