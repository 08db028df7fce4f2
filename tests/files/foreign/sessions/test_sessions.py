"""Sessions of other tools, constructed in the shape that each of them writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agentkit as ak
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.anything import gives_only_our_errors, goes_everywhere, mutated
from tests.files.foreign.sessions import session_samples as samples


def one(value: Any) -> Trajectory:
    """Read the one rollout of a value."""
    (rollout,) = ak.load(value, all=True)
    return rollout


def lost(rollout: Trajectory) -> dict[str, int]:
    """Give what the rollout says was lost."""
    found: dict[str, int] = rollout.meta["import"]["lost"]
    return found


@pytest.mark.parametrize("name", samples.SESSIONS)
def test_a_session_goes_wherever_a_rollout_goes(name: str, tmp_path: Path) -> None:
    rows = samples.SESSIONS[name]
    found = ak.load(rows, all=True)
    for rollout in found:
        goes_everywhere(rollout, tmp_path)
    path = tmp_path / "x.data"  # its name tells nothing
    path.write_text(samples.as_lines(rows))
    assert ak.load(path, all=True) == found
    path.write_text(json.dumps(rows))
    assert ak.load(path, all=True) == found


@pytest.mark.parametrize("name", samples.SESSIONS)
@settings(max_examples=60)
@given(data=st.data())
def test_whatever_is_in_a_session_nothing_but_our_errors_comes(name: str, data: Any) -> None:
    gives_only_our_errors(data.draw(mutated(samples.SESSIONS[name])))


# Claude Code


def test_the_lines_of_one_answer_are_one_turn_and_its_results_no_fork() -> None:
    rollout = one(samples.CLAUDE)
    first, last = rollout.turns
    assert (first.reasoning, first.response.content) == ("Look.", "I look.")
    assert [call.name for call in first.tool_calls] == ["Read", "Bash"]
    assert [(r.content, r.status, r.elapsed) for r in first.tool_results] == [
        ("7 m", "ok", 0.25),
        ("no", "error", 2.0),
    ]
    assert last.response.content == "Seven metres."
    assert rollout.spec.dialect == "messages"
    assert rollout.spec.model == "claude-x"
    assert first.usage.input_tokens == 15
    assert rollout.meta["title"] == "Tides of Brest"
    assert rollout.meta["session"] == "s-1"
    assert lost(rollout) == {"file-history-snapshot": 1}


def test_thoughts_go_back_with_their_signatures() -> None:
    body = one(samples.CLAUDE).request(1).body
    assert body["messages"][1]["content"][0]["signature"] == "c2ln"


def test_a_branch_says_where_it_left_the_other() -> None:
    first, second = ak.load(samples.FORKED, all=True)
    assert [turn.response.content for turn in first.turns] == ["One.", "Zero."]
    assert [turn.response.content for turn in second.turns] == ["One.", "Two."]
    assert second.parent is not None
    assert second.parent.turn == 1
    assert second.parent.trajectory == first


def test_an_end_that_nobody_answered_is_no_rollout_beside_another() -> None:
    rows = [*samples.FORKED[:4], samples.claude_line("user", "u9", "a1", "Or else?")]
    rollout = one(rows)
    assert len(rollout.turns) == 2
    assert lost(rollout) == {"branches without an answer": 1}


def test_behind_a_compaction_the_model_sees_the_summary_alone() -> None:
    rollout = one(samples.COMPACTED)
    asked = [message["content"] for message in rollout.request(1).messages]
    assert asked == ["It was begun.", "Go on."]
    assert len(rollout.turns) == 2


def test_a_sidechain_runs_in_the_call_that_began_it() -> None:
    rollout = one(samples.SIDECHAIN)
    (result,) = rollout.turns[0].tool_results
    assert result.trajectory is not None
    assert [len(t.tool_calls) for t in result.trajectory.turns] == [1, 0]
    assert result.trajectory.meta["agent"] == "ag1"


def test_a_sidechain_without_an_id_is_known_by_its_first_words() -> None:
    rows = json.loads(json.dumps(samples.SIDECHAIN).replace('"agentId": "ag1"', '"slug": "x"'))
    (result,) = one(rows).turns[0].tool_results
    assert result.trajectory is not None


def test_a_session_in_several_files_is_one(tmp_path: Path) -> None:
    (tmp_path / "s-1.jsonl").write_text(samples.as_lines(samples.SIDECHAIN[:3]))
    (tmp_path / "s-2.jsonl").write_text(samples.as_lines(samples.SIDECHAIN[2:4]))
    inside = tmp_path / "s-1" / "subagents"
    inside.mkdir(parents=True)
    (inside / "agent-ag1.jsonl").write_text(samples.as_lines(samples.SIDECHAIN[4:]))
    (inside / "agent-ag1.meta.json").write_text('{"agentType": "general"}')
    rollout = one(tmp_path)
    assert [turn.response.content for turn in rollout.turns] == [None, "They found it."]
    assert rollout.turns[0].tool_results[0].trajectory is not None


def test_a_request_that_failed_is_an_attempt() -> None:
    content = [{"type": "text", "text": "API Error: 529 overloaded"}]
    failed = samples.claude_line("assistant", "e1", "u0", content, isApiErrorMessage=True)
    rows = [samples.FORKED[0], failed, samples.claude_line("user", "u2", "e1", "Again.")]
    answer = samples.claude_line("assistant", "a3", "u2", [{"type": "text", "text": "One."}])
    rollout = one([*rows, answer])
    assert [turn.response.content for turn in rollout.turns] == ["One."]
    assert [attempt.error.message for attempt in rollout.attempts] == ["API Error: 529 overloaded"]


def test_what_claude_prints_as_a_stream_is_read_too() -> None:
    rollout = one(samples.STREAMED)
    assert [turn.response.content for turn in rollout.turns] == [None, "May."]
    assert rollout.meta["result"]["total_cost_usd"] == 0.1


def test_a_long_session_is_read_in_one_go() -> None:
    rows, before = [], None
    for number in range(3000):
        kind = "assistant" if number % 2 else "user"
        content: Any = [{"type": "text", "text": str(number)}] if number % 2 else str(number)
        line = samples.claude_line(
            kind, f"x{number % 60}", before, content, message_id=f"m{number}"
        )
        before = line["uuid"] = f"line-{number}"
        rows.append(line)
    assert len(one(rows).turns) == 1500


# Codex


def test_items_between_two_inputs_are_one_answer() -> None:
    rollout = one(samples.CODEX)
    first, second, third = rollout.turns
    assert first.reasoning == "Look."
    assert [call.name for call in first.tool_calls] == ["shell", "apply_patch"]
    assert first.tool_calls[1].raw_arguments == "*** Begin"
    assert [result.elapsed for result in first.tool_results] == [0.5, 2.0]
    assert (first.usage.cached_tokens, first.usage.reasoning_tokens) == (4, 1)
    assert second.response.content == "One file: a."
    asked = rollout.request(2)
    assert [message["content"] for message in asked.messages] == ["So far: one file.", "And now?"]
    assert asked.sampling["instructions"] == "Be short."
    assert third.response.model == "gpt-x"
    assert rollout.meta["session"] == "c-1"


def test_answers_that_a_compaction_left_are_messages_and_no_turns() -> None:
    rows = json.loads(json.dumps(samples.CODEX))
    left = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a"}],
    }
    rows[11]["payload"]["replacement_history"].append(left)
    rollout = one(rows)
    assert len(rollout.turns) == 3
    said = [message["content"] for message in rollout.request(2).messages]
    assert said == ["So far: one file.", "a", "And now?"]


def test_encrypted_reasoning_goes_back_as_it_came() -> None:
    body = one(samples.CODEX).request(1).body
    assert body["input"][1]["encrypted_content"] == "e"


def test_the_first_versions_had_no_envelope() -> None:
    rollout = one(samples.CODEX_OLD)
    (result,) = rollout.turns[0].tool_results
    assert (result.status, result.content) == ("error", "no")
    assert rollout.turns[1].response.content == "None."


def test_what_was_rolled_back_is_not_seen() -> None:
    rows = [*samples.CODEX[:3], samples.codex_message(4, "assistant", "Many.")]
    rows.append(samples.codex("event_msg", 5, type="thread_rolled_back", num_turns=1))
    rows += [
        samples.codex_message(6, "user", "Once more."),
        samples.codex_message(7, "assistant", "?"),
    ]
    rollout = one(rows)
    assert [m["content"] for m in rollout.request(1).messages] == ["Once more."]


def test_a_codex_agent_of_an_agent_runs_in_its_call(tmp_path: Path) -> None:
    spawn = samples.codex(
        "response_item", 2, type="function_call", name="spawn_agent", arguments="{}", call_id="c1"
    )
    gave = samples.codex(
        "response_item", 3, type="function_call_output", call_id="c1", output='{"agent_id": "sub"}'
    )
    rows = [
        samples.CODEX[0],
        samples.CODEX[2],
        spawn,
        gave,
        samples.codex_message(4, "assistant", "So."),
    ]
    (tmp_path / "a.jsonl").write_text(samples.as_lines(rows))
    begun = samples.codex("session_meta", 0, id="sub", source={"subagent": "review"})
    inner = [
        begun,
        samples.codex_message(1, "user", "Go."),
        samples.codex_message(2, "assistant", "Gone."),
    ]
    (tmp_path / "b.jsonl").write_text(samples.as_lines(inner))
    rollout = one(tmp_path)
    sub = rollout.turns[0].tool_results[0].trajectory
    assert sub is not None
    assert sub.final == "Gone."


# hermes-agent, smolagents, pydantic-ai, LangChain


def test_a_hermes_session_has_its_tools_and_reasoning() -> None:
    rollout = one(samples.HERMES)
    assert rollout.prompt[0].content == "Be brief."
    assert rollout.turns[0].reasoning == "Run it."
    assert len(rollout.spec.tools) == 1
    assert lost(rollout) == {"messages[].mood": 1}


def test_a_hermes_transcript_is_a_message_a_line(tmp_path: Path) -> None:
    head = {"role": "session_meta", "model": "hermes-x", "platform": "cli", "tools": []}
    path = tmp_path / "t.jsonl"
    path.write_text(samples.as_lines([head, *samples.HERMES["messages"]]))
    rollout = one(path)
    assert len(rollout.turns) == 2
    assert rollout.spec.model == "hermes-x"


def test_a_step_of_smolagents_is_a_turn() -> None:
    rollout = one(samples.SMOLAGENTS)
    first, last = rollout.turns
    assert first.tool_calls[0].raw_arguments == "1 + 1"
    assert first.tool_results[0].status == "error"
    assert (first.started, first.usage.input_tokens) == (100.0, 7)
    assert last.tool_results[0].value == 2
    assert rollout.stop_reason == "final"


def test_what_smolagents_says_when_there_are_no_more_steps_is_the_answer() -> None:
    raw = {"id": "c", "model": "m", "choices": [{"finish_reason": "stop"}]}
    said = {"role": "assistant", "content": "Hm.", "raw": raw}
    error = {"type": "AgentMaxStepsError", "message": "Reached max steps."}
    steps = [
        {"task": "How cold is it?"},
        {"step_number": 1, "model_output": "Hm.", "model_output_message": said, "tool_calls": []},
        {"step_number": 2, "tool_calls": [], "error": error, "action_output": "-3"},
    ]
    rollout = one(steps)
    assert (rollout.final, rollout.spec.model) == ("-3", "m")
    assert rollout.turns[0].response.finish_reason == "stop"
    assert [message.content for message in rollout.turns[1].added] == ["Reached max steps."]
    assert rollout.problems == ()


def test_pydantic_parts_become_messages() -> None:
    rollout = one(samples.PYDANTIC)
    first, last = rollout.turns
    assert [message.role for message in rollout.prompt] == ["system", "user"]
    assert (first.reasoning, first.response.finish_reason) == ("Ask.", "tool_calls")
    assert [(r.status, r.content) for r in first.tool_results] == [
        ("ok", '{"low": -3}'),
        ("error", '[{"type": "missing"}]'),
    ]
    assert first.elapsed == 2.0
    assert (first.usage.input_tokens, first.usage.reasoning_tokens) == (9, 1)
    assert last.response.content == "Cold."
    assert lost(rollout) == {"response.parts.file": 1}


def test_old_arguments_of_pydantic_lie_in_an_object() -> None:
    part = {"part_kind": "tool-call", "tool_name": "weather", "args": {"args_json": "{}"}}
    rollout = one([samples.PYDANTIC[0], {"kind": "response", "parts": [part]}])
    assert rollout.pending[0].raw_arguments == "{}"


@pytest.mark.parametrize("name", ["langchain", "langchain dumped", "langgraph"])
def test_langchain_messages_in_every_form(name: str) -> None:
    rollout = one(samples.SESSIONS[name])
    first, last = rollout.turns
    assert first.reasoning == "Ask."
    assert first.tool_calls[0].arguments == {"city": "Oslo"}
    assert [result.status for result in first.tool_results] == ["ok", "error"]
    assert (first.usage.input_tokens, first.usage.cached_tokens) == (4, 1)
    assert rollout.spec.model == "claude-x"
    assert last.response.content == "Cold."
    assert lost(rollout) == {"message.colour": 1}


def test_langchain_pairs_of_type_and_data() -> None:
    rows = [{"type": row["type"], "data": row} for row in samples.LANGCHAIN]
    assert one(rows) == one(samples.LANGCHAIN)


def test_several_conversations_of_one_file_are_several_rollouts() -> None:
    assert len(ak.load([samples.PYDANTIC, samples.PYDANTIC], all=True)) == 2
    text = samples.as_lines([{"messages": samples.LANGCHAIN}] * 3)
    assert len(ak.load(text, all=True)) == 3


def test_messages_may_be_the_objects_of_their_framework() -> None:
    class Message:
        def __init__(self, fields: dict[str, Any]) -> None:
            self.type, self.fields = fields["type"], fields

        def model_dump(self) -> dict[str, Any]:
            return self.fields

    @dataclass
    class Request:
        parts: list[Any]
        kind: str

    objects = [Message(row) for row in samples.LANGCHAIN]
    assert one(objects) == one(samples.LANGCHAIN)
    rows: list[Any] = [Request(row["parts"], row["kind"]) for row in samples.PYDANTIC]
    assert [turn.response.content for turn in one(rows).turns] == [None, "Cold."]
