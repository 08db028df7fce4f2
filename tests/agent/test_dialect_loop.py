"""The loop in each dialect: how an answer ends, and what the prompt may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.types.answer import Dialect
from tests.support.dialect_answers import DIALECTS, NATIVE, DialectServer, agent, answer


def rolled(dialect: Dialect, *bodies: dict[str, Any]) -> tuple[ak.Trajectory, DialectServer]:
    """Run an agent that is answered so."""
    made = agent(dialect, bodies, max_turns=4)
    trajectory = ak.rollout(made, "go")
    server: Any = made.server
    return trajectory, server


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tools_run_until_the_model_answers(dialect: Dialect) -> None:
    calls = answer(dialect, 1, "see", [{"n": 1}, {"n": 2}])
    trajectory, server = rolled(dialect, calls, answer(dialect, 2, "done"))
    assert trajectory.final == "done"
    assert [r.content for r in trajectory.turns[0].tool_results] == ["2", "4"]
    assert trajectory.problems == ()
    assert len(server.asked) == 2


def test_a_paused_answer_goes_on_by_itself() -> None:
    paused = {**answer("messages", 1, "part"), "stop_reason": "pause_turn"}
    trajectory, server = rolled("messages", paused, answer("messages", 2, "done"))
    assert trajectory.final == "done"
    assert server.history[-1] == {"role": "assistant", "content": paused["content"]}


def test_one_that_pauses_for_ever_ends_at_the_limit() -> None:
    trajectory, server = rolled(
        "messages", {**answer("messages", 1, "part"), "stop_reason": "pause_turn"}
    )
    assert trajectory.stop_reason == "max_turns"
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_that_is_still_worked_on_is_told_and_not_asked_for_again(status: str) -> None:
    body = {**answer("responses", 1), "status": status}
    trajectory, server = rolled("responses", body)
    assert trajectory.stop_reason == "error"
    assert trajectory.error is not None
    assert status in trajectory.error.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("dialect", "change", "reason"),
    [
        ("responses", {"status": "failed", "error": {"code": "x", "message": "boom"}}, "error"),
        ("responses", {"status": "cancelled"}, "error"),
        (
            "responses",
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
        ),
        (
            "responses",
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ("messages", {"stop_reason": "max_tokens"}, "length"),
        ("messages", {"stop_reason": "model_context_window_exceeded"}, "length"),
        ("messages", {"stop_reason": "refusal"}, "content_filter"),
        ("messages", {"stop_reason": "stop_sequence"}, "final"),
    ],
)
def test_an_answer_ends_as_its_dialect_says(
    dialect: Dialect, change: dict[str, Any], reason: str
) -> None:
    trajectory, _ = rolled(dialect, {**answer(dialect, 1, "text"), **change})
    assert trajectory.stop_reason == reason


def test_a_prompt_may_be_items_of_the_dialect() -> None:
    made = agent("responses", [answer("responses", 1, "done")])
    call = {"type": "function_call", "call_id": "a", "name": "double", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "a", "output": "4"}
    ak.rollout(made, [{"role": "user", "content": "go"}, call, result])
    server: Any = made.server
    assert server.history[1:] == [call, result]


@pytest.mark.parametrize("dialect", NATIVE)
def test_a_prompt_may_be_the_parts_of_one_message(dialect: Dialect) -> None:
    made = agent(dialect, [answer(dialect, 1, "done")])
    kind = "input_text" if dialect == "responses" else "text"
    ak.rollout(made, [{"type": kind, "text": "go"}])
    server: Any = made.server
    assert server.history == [{"role": "user", "content": [{"type": kind, "text": "go"}]}]


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_items_of_another_dialect_are_refused(dialect: Dialect) -> None:
    made = agent(dialect, [answer(dialect, 1, "done")])
    with pytest.raises(UsageError, match="no role"):
        ak.rollout(made, [{"type": "function_call_output", "call_id": "a", "output": "4"}])


@pytest.mark.parametrize("dialect", NATIVE)
def test_the_system_text_and_the_limit_stand_where_they_belong(dialect: Dialect) -> None:
    made = agent(dialect, [answer(dialect, 1, "done")], system="be brief", max_tokens=9)
    ak.rollout(made, "go")
    server: Any = made.server
    (body,) = server.asked
    if dialect == "messages":
        assert (body["system"], body["max_tokens"]) == ("be brief", 9)
    else:
        assert body["max_output_tokens"] == 9
        assert body["input"][0] == {"role": "system", "content": "be brief"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_secret_in_arguments_reaches_the_tool_and_nothing_else(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-proj-" + "Zq8vT3mK9w" * 4
    monkeypatch.setenv("SOME_API_KEY", secret)
    ran: list[str] = []

    def double(n: str) -> str:
        """Take a text."""
        ran.append(n)
        return f"got {n}"

    first = answer(dialect, 1, "see", [{"n": secret}])
    server = DialectServer(dialect, [first, answer(dialect, 2, "done")])
    trajectory = ak.rollout(ak.Agent("m", [double], server), "go")
    assert ran == [secret]
    assert trajectory.final == "done"
    assert secret not in str(server.asked[1])
    assert "[redacted]" in str(server.asked[1])
    assert secret not in str(trajectory.turns[0].raw)


@pytest.mark.parametrize("dialect", NATIVE)
def test_a_batch_and_a_comparison_take_agents_of_any_dialect(dialect: Dialect) -> None:
    made = agent(dialect, [answer(dialect, 1, "done")])
    assert [t.final for t in ak.rollouts(made, ["a", "b"], n=2)] == ["done"] * 4
    other = agent("chat", [answer("chat", 1, "done")])
    sides = ak.compare({"one": made, "two": other}, ["a"])
    assert "one beside two" in repr(sides)


def test_messages_says_which_results_are_failures() -> None:
    calls = answer("messages", 1, None, [{"n": 1}, {"n": "x"}, {}])
    trajectory, server = rolled("messages", calls, answer("messages", 2, "done"))
    assert trajectory.turns[0].tool_results[0].status == "ok"
    results = server.history[-1]["content"]
    failed = [r.status != "ok" for r in trajectory.turns[0].tool_results]
    assert [result.get("is_error", False) for result in results] == failed
    assert any(failed)
    chat, asked = rolled("chat", answer("chat", 1, None, [{}]), answer("chat", 2, "done"))
    assert chat.turns[0].tool_results[0].status != "ok"
    assert all("is_error" not in message for message in asked.history)


@pytest.mark.parametrize("dialect", ["chat", "responses"])
def test_a_history_goes_on_in_another_dialect_without_what_only_the_first_can_send(
    dialect: Dialect,
) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    used = {"type": "tool_use", "id": "toolu_1", "name": "double", "input": {"n": 1}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": True}
    history = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [thought, used]},
        {"role": "user", "content": [result]},
    ]
    body = {"model": "m", "max_tokens": 9, "messages": history}
    said = {"role": "assistant", "content": "Failed.", "type": "message", "stop_reason": "end_turn"}
    row = {"request": body, "path": "/v1/messages", "body": json.dumps(said)}
    (loaded,) = ak.load([row], all=True)
    assert loaded.request(0).body["messages"] == history
    made = agent(dialect, [answer(dialect, 1, "done")])
    dbg = ak.debug(made, loaded)
    dbg.say("and now?")
    dbg.run()
    server: Any = made.server
    sent = json.dumps(server.asked[-1])
    assert '"items"' not in sent
    assert "is_error" not in sent
    assert "tool_use" not in sent
    assert sent.count("toolu_1") == 2, "the call and its result"
