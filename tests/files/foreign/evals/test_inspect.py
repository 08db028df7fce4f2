"""Logs of Inspect: samples, events, pools, archives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import CassetteError
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.evals.inspect_cases import HEAD, LOG, OLD, POOLED, archive, model
from tests.files.foreign.evals.one import load_one


def load(place: int) -> Trajectory:
    return ak.load(LOG, all=True)[place]


def test_an_answer_is_the_raw_one_where_the_log_kept_it() -> None:
    rollout = load(0)
    first = rollout.turns[0]
    assert first.raw["id"] == "chatcmpl-1"
    assert first.usage.input_tokens == 9
    assert first.elapsed is not None
    assert first.response.exchange.elapsed == 0.75
    assert first.started == 1767225602.0
    assert rollout.spec.model == "tide-1"
    assert rollout.spec.sampling == {"temperature": 0.5}
    assert [tool["function"]["name"] for tool in rollout.spec.tools] == ["tide"]


def test_texts_that_are_kept_once_are_put_in_their_place() -> None:
    assert load(0).prompt[0].content == "You know the sea."


def test_an_answer_is_what_the_model_gave_not_what_a_solver_made_of_it() -> None:
    last = load(0).turns[-1]
    assert last.response.content == "Done."
    assert last.reasoning == "so"
    assert [call.name for call in last.tool_calls] == ["submit"]
    assert last.tool_results[0].content == "14:20"  # the event alone holds it
    assert last.usage.input_tokens == 8
    assert last.usage.cached_tokens == 3


def test_a_result_has_its_times_and_its_error() -> None:
    slow = load(0).turns[0].tool_results[0]
    assert (slow.status, slow.error, slow.content) == ("timeout", "timeout: too slow", "too slow")
    assert (slow.started, slow.elapsed) == (1767225604.0, 2.0)


def test_an_agent_that_ran_in_a_tool_is_a_rollout_of_its_own() -> None:
    inner = load(0).turns[0].tool_results[1].trajectory
    assert inner is not None
    assert inner.prompt[0].content == "When?"
    assert inner.final == "At sea: 14:20."


def test_a_handoff_is_a_rollout_in_its_call_and_words_in_the_history() -> None:
    rollout = load(1)
    (handed,) = rollout.turns[0].tool_results
    assert handed.trajectory is not None
    assert handed.trajectory.turns[0].response.content == "At sea: 14:20."
    assert handed.trajectory.meta == {"agent": "sailor"}
    assert [m.role for m in rollout.turns[1].added] == ["assistant", "user"]
    assert len(rollout.turns) == 2
    assert rollout.stop_reason == "max_turns"
    assert rollout.meta["limit"] == {"type": "message", "limit": 6}
    assert rollout.meta["labels"] == {"a": 0.5, "b": "I"}
    assert "reward" not in rollout.meta


def test_requests_that_failed_are_attempts() -> None:
    rollout = load(0)
    assert [(a.turn, a.error.kind) for a in rollout.attempts] == [(0, "rate_limited")]
    assert rollout.meta["reward"] == 1.0
    assert (rollout.meta["task"], rollout.meta["sample"]) == ("tides", "brest")
    assert rollout.stop_reason == "final"


def test_what_is_in_no_rollout_is_counted() -> None:
    assert load(0).meta["import"]["lost"] == {
        "events[] of kind compaction": 1,
        "events[] of kind model, of a scorer": 1,
        "sample.store": 1,
    }


def test_a_log_without_ids_is_joined_by_what_its_answers_say() -> None:
    rollout = load(2)
    assert [turn.started for turn in rollout.turns] == [1767225601.0, 1767225605.0]
    assert rollout.turns[1].added[0].content == "Sure?"
    assert rollout.stop_reason == "error"
    assert rollout.meta["error"]["message"] == "RuntimeError('boom')"
    assert rollout.meta["labels"] == {"score": "I"}


@pytest.mark.parametrize("zstd", [False, True])
def test_an_archive_holds_a_sample_a_member(zstd: bool, tmp_path: Path) -> None:
    members: dict[str, Any] = {
        "_journal/start.json": {"eval": HEAD["eval"]},
        "samples/brest_epoch_2.json": POOLED,
        "samples/torn_epoch_1.json": b'{"id": 1, "mess',
        "samples/7_epoch_1.json": OLD,
        "summaries.json": [],
        "header.json": HEAD,
    }
    path = tmp_path / "log.eval"
    path.write_bytes(archive(members, zstd))
    found = ak.load(path, all=True)
    assert [rollout.meta["sample"] for rollout in found] == ["brest", 7]
    assert found[0] == load(0)
    assert ak.load(path.read_bytes(), all=True) == found
    (tmp_path / "other.eval").write_bytes(archive(members, zstd))
    assert len(ak.load(tmp_path, all=True)) == 4  # a folder of logs


def test_a_log_that_was_cut_short_has_the_samples_that_were_written() -> None:
    members = {"_journal/start.json": HEAD, "samples/7_epoch_1.json": OLD}
    assert load_one(archive(members)).meta["sample"] == 7


def test_a_sample_in_pieces_is_the_same_as_in_one() -> None:
    shell = {k: v for k, v in POOLED.items() if k not in ("events", "events_data", "attachments")}
    members: dict[str, Any] = {"header.json": HEAD}
    prefix = "samples/brest_epoch_2"
    text = json.dumps({**shell, "messages": []}).replace("attachment://long", "attachment://0")
    pool = POOLED["messages"]
    members[f"{prefix}/sample.json"] = {
        **json.loads(text),
        "metadata": {},
        "message_refs": [[0, len(pool)]],
    }
    members[f"{prefix}/metadata.json"] = POOLED["metadata"]
    members[f"{prefix}/attachments/0.json"] = ["You know the sea."]
    pooled = [*pool, {"id": "m6", "role": "user", "content": "When?"}]
    written = json.loads(json.dumps(pooled).replace("attachment://long", "attachment://0"))
    for start in range(0, len(written), 2):
        members[f"{prefix}/messages/{start}.json"] = written[start : start + 2]
    events = json.loads(json.dumps(POOLED["events"]).replace("[[2, 3]]", f"[[{len(pool)}, 99]]"))
    for start in range(0, len(events), 4):
        members[f"{prefix}/events/{start}.json"] = events[start : start + 4]
    members[f"{prefix}/events/stats.json"] = {}
    assert load_one(archive(members)) == load(0)


def test_a_log_of_its_head_alone_says_so() -> None:
    with pytest.raises(CassetteError, match="looks like Inspect, but it holds no samples"):
        ak.load(HEAD)


def test_a_pool_of_an_earlier_version_is_read_too() -> None:
    sample = {key: value for key, value in POOLED.items() if key != "events_data"}
    sample["message_pool"] = POOLED["events_data"]["messages"]
    assert load_one({**HEAD, "samples": [sample]}) == load(0)


def test_an_error_of_a_tool_in_the_prompt_is_named_as_lost() -> None:
    failed = {
        "role": "tool",
        "content": "",
        "tool_call_id": "c0",
        "error": {"type": "parsing", "message": "no JSON"},
    }
    call = {"id": "c0", "function": "tide", "arguments": {}, "type": "function"}
    example = {"role": "assistant", "content": "", "source": "input", "tool_calls": [call]}
    asked = [{"role": "user", "content": "When?"}, example, failed]
    answer = {"role": "assistant", "content": "At 14:20.", "source": "generate"}
    sample = {"id": 0, "epoch": 1, "input": asked, "messages": [*asked, answer]}
    rollout = load_one({**HEAD, "samples": [sample]})
    assert [message.role for message in rollout.prompt] == ["user", "assistant", "tool"]
    assert rollout.meta["sample"] == 0
    (lost,) = rollout.meta["import"]["lost"].items()
    assert lost == ("errors of tools in messages that answer no call of a turn", 1)


def interrupted(**fields: Any) -> dict[str, Any]:
    """Make a log of a sample that a limit broke off behind an answer with calls, whose id and
    whose calls' ids an earlier one had as well.
    """
    call = {"id": "c1", "function": "tide", "arguments": {"port": "Brest"}, "type": "function"}
    asked = {"id": "m1", "role": "user", "content": "When?", "source": "input"}
    first = {"id": "m2", "role": "assistant", "content": "I look.", "tool_calls": [call]}
    told = {"id": "m3", "role": "tool", "tool_call_id": "c1", "content": "14:20"}
    tool = {"event": "tool", "id": "c1", "function": "tide", "result": "14:20", "message_id": "m3"}
    spent = {"limit": {"type": "token", "limit": 30}}
    sample = {
        "id": 1,
        "messages": [asked, first, told],
        "events": [
            model(1, first, input=[asked]),
            {**tool, "timestamp": "2026-01-01T00:00:02+00:00"},
            model(4, {**first, "id": "m4", "content": "Once more."}, input=[asked, first, told]),
        ],
        **spent,
        **fields,
    }
    return {**HEAD, "samples": [sample]}


def test_the_answer_that_broke_a_limit_is_the_last_one() -> None:
    (rollout,) = ak.load(interrupted(), all=True)
    assert [turn.response.content for turn in rollout.all_turns] == ["I look.", "Once more."]
    assert rollout.stop_reason == "length"
    assert [call.name for call in rollout.pending] == ["tide"]
    assert rollout.turns[0].tool_results[0].started == 1767225602.0
    assert rollout.meta["import"]["lost"] == {}


def test_an_answer_beside_the_conversation_is_not_its_last_one() -> None:
    (rollout,) = ak.load(interrupted(limit=None), all=True)
    assert len(rollout.all_turns) == 1
    log = interrupted()
    log["samples"][0]["events"][-1]["input"].pop()
    (rollout,) = ak.load(log, all=True)
    assert len(rollout.all_turns) == 1
    assert rollout.meta["import"]["lost"] == {"events[] of kind model, beside the conversation": 1}


def test_a_rollout_that_was_broken_off_goes_on_when_its_calls_are_answered() -> None:
    (rollout,) = ak.load(interrupted(), all=True)
    agent = ak.Agent("m", server=ak.testing.ScriptedServer([ak.testing.says("At 14:20.")]))
    dbg = ak.debug(rollout, agent=agent)
    dbg.pending.answer(0, "14:20")
    assert dbg.run().final == "At 14:20."


def test_results_of_calls_of_one_id_are_each_from_their_own_event() -> None:
    log = interrupted(limit=None)
    sample = log["samples"][0]
    first, told = sample["messages"][1:]
    sample["messages"] += [{**first, "id": "m4"}, {**told, "id": "m5"}]
    again = {**sample["events"][1], "message_id": "m5", "timestamp": "2026-01-01T00:00:09+00:00"}
    sample["events"].append(again)
    (rollout,) = ak.load(log, all=True)
    results = [turn.tool_results[0] for turn in rollout.turns]
    assert [one.started for one in results] == [1767225602.0, 1767225609.0]
    for event in sample["events"]:
        event.pop("message_id", None)
    (rollout,) = ak.load(log, all=True)
    results = [turn.tool_results[0] for turn in rollout.turns]
    assert [one.started for one in results] == [1767225602.0, 1767225609.0]


@pytest.mark.parametrize(("arguments", "text"), [({}, '{"port": "Br'), ({"tide": "Br"}, "Br")])
def test_arguments_that_inspect_could_not_read_are_what_the_model_wrote(
    arguments: dict[str, Any], text: str
) -> None:
    why = f"Error parsing the following tool call arguments:\n\n{text}\n\nError details: cut"
    call = {"id": "c1", "function": "tide", "arguments": arguments, "parse_error": why}
    said = {"id": "m2", "role": "assistant", "content": "", "tool_calls": [call]}
    (rollout,) = ak.load({**HEAD, "samples": [{"id": 1, "messages": [said]}]}, all=True)
    (pending,) = rollout.pending
    assert (pending.raw_arguments, pending.status) == (text, "invalid")
