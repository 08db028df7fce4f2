"""OpenHands: events of both generations, and rows of its evaluations."""

from __future__ import annotations

from tests.files.foreign.evals.one import load_one
from tests.files.foreign.evals.openhands_cases import EVENTS, RESOLVED, ROW, SDK


def test_actions_of_one_answer_are_one_turn_with_the_raw_answer() -> None:
    rollout = load_one(EVENTS)
    assert [m.role for m in rollout.prompt] == ["system", "user"]
    assert [part["type"] for part in rollout.prompt[1].wire["content"]] == ["text", "image_url"]
    first, code, last = rollout.turns
    assert first.raw["id"] == "resp-1"
    assert first.usage.output_tokens == 3
    assert [(r.status, r.content, r.elapsed) for r in first.tool_results] == [
        ("ok", "tides", 2.0),
        ("error", "no such file", 1.0),
    ]
    assert [(c.name, c.arguments) for c in code.tool_calls] == [("run_ipython", {"code": "1+1"})]
    assert code.response.content == "Now this."
    assert code.tool_results[0].content == "2"
    assert (rollout.final, last.response.content) == ("There are two.", "There are two.")
    assert rollout.spec.model == "tide-1"
    assert rollout.spec.tools[0]["function"]["name"] == "execute_bash"
    assert rollout.meta["import"]["lost"] == {
        "an action of kind condensation": 1,
        "an action of kind recall, of nobody's answer": 1,
    }


def test_a_row_of_an_evaluation_has_its_task_patch_and_report() -> None:
    rollout = load_one([ROW])
    assert len(rollout.turns) == 2
    assert (rollout.meta["task"], rollout.meta["submission"]) == ("tides-1", "diff")
    assert rollout.meta["labels"] == {"resolved": True}
    assert (rollout.meta["cost"], rollout.spec.model) == (0.5, "acme/tide-1")


def test_events_of_the_sdk_are_read_too() -> None:
    rollout = load_one(SDK)
    first, last = rollout.turns
    assert rollout.prompt[1].content == "Count."
    assert [(c.name, c.arguments) for c in first.tool_calls] == [
        ("terminal", {"command": "ls"}),
        ("think", {"thought": "so"}),
    ]
    assert first.reasoning == "hm"
    assert [(r.status, r.content) for r in first.tool_results] == [
        ("ok", "tides"),
        ("error", "no such tool"),
    ]
    assert first.tool_results[0].elapsed == 2.0
    assert last.response.content == "Two."
    assert rollout.meta["import"]["lost"] == {"an event of kind Condensation": 1}


def test_a_row_of_the_resolver_says_of_which_issue_it_is_and_how_it_judged_itself() -> None:
    rollout = load_one([RESOLVED])
    meta = rollout.meta
    assert (meta["task"], meta["submission"], meta["cost"]) == ("o/r#7", "diff --git a b", 0.5)
    assert meta["labels"] == {"success": False, "explanation": "The test still fails."}
    assert meta["import"]["lost"] == load_one(EVENTS).meta["import"]["lost"]
