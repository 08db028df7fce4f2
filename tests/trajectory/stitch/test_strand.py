"""What the rollout of a foreign agent holds while it is stitched (constructed requests)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.types.wire import Chunk, Exchange, Flow
from tests.trajectory.stitch.foreign_agent import (
    SYSTEM,
    TOOL,
    USER,
    assistant,
    call,
    chat_answer,
    result,
    user,
    wire,
)


def test_a_rollout_is_there_from_its_first_request_on() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER])
    (rollout,) = tap.stitcher.rollouts
    assert [message.wire for message in rollout.prompt] == [SYSTEM, USER]
    assert (rollout.turns, rollout.stop_reason, rollout.spec.model) == ((), None, "m")
    tap.answer(0, chat_answer(assistant(call("a"))))
    (rollout,) = tap.stitcher.rollouts
    assert [c.id for c in rollout.pending] == ["a"]
    tap.ask([SYSTEM, USER, assistant(call("a")), result("a")])
    (rollout,) = tap.stitcher.rollouts
    assert [r.content for r in rollout.turns[0].tool_results] == ["21"]


def test_the_time_between_answer_and_request_is_the_tools() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a"), call("b")))
    tap.ask([SYSTEM, USER, assistant(call("a"), call("b")), result("a"), result("b", "sun")])
    (rollout,) = tap.stitcher.rollouts
    found = rollout.turns[0].tool_results
    assert [(r.content, r.started, r.elapsed) for r in found] == [
        ("21", 1000.25, 0.75),
        ("sun", 1000.25, 0.75),
    ]
    assert rollout.turns[0].elapsed == 1.0


def test_a_call_that_was_never_answered_has_no_result() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a"), call("b")))
    tap.ask([SYSTEM, USER, assistant(call("a"), call("b")), result("b"), user("Stop.")])
    (rollout,) = tap.stitcher.rollouts
    assert [r.call_id for r in rollout.turns[0].tool_results] == ["b"]
    sent = rollout.request(1).messages
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "user"]


def test_reasoning_that_the_agent_drops_is_not_said_to_be_sent() -> None:
    for kept in ({}, {"reasoning_content": "Hm."}):
        tap = wire()
        tap.ask([SYSTEM, USER], assistant(call("a"), reasoning_content="Hm."))
        tap.ask([SYSTEM, USER, assistant(call("a"), **kept), result("a")])
        (rollout,) = tap.stitcher.rollouts
        assert rollout.turns[0].reasoning == "Hm."
        assert ("reasoning_content" in rollout.request(1).messages[2]) is bool(kept)


def test_what_else_a_request_asks_for_is_the_turns_own() -> None:
    tap = wire()
    tap.ask([USER], assistant(content="Where?"), temperature=0)
    tap.ask([USER, assistant(content="Where?"), user("Paris")], temperature=1, model="n")
    (rollout,) = tap.stitcher.rollouts
    assert rollout.request(0).body["temperature"] == 0
    body = rollout.request(1).body
    assert (body["temperature"], body["model"]) == (1, "n")


def test_a_stream_is_read_and_kept_piece_by_piece() -> None:
    tap = wire()
    pieces: list[dict[str, Any]] = [
        {
            "delta": {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"index": 0, **call("a")}],
            }
        },
        {"delta": {}, "finish_reason": "tool_calls"},
    ]
    number = tap.ask([SYSTEM, USER], stream=True)
    texts = [f"data: {json.dumps({'choices': [{'index': 0, **p}]})}\n\n" for p in pieces]
    chunks = tuple(Chunk(at=0.1, text=text) for text in [*texts, "data: [DONE]\n\n"])
    exchange = Exchange(status=200, chunks=chunks, started=1000.0, elapsed=0.1)
    tap.stitcher.add(replace(tap.flows[number], exchange=exchange))
    second = tap.ask([SYSTEM, USER, assistant(call("a")), result("a")])
    assert tap.link(second).previous == number
    (rollout,) = tap.stitcher.rollouts
    assert rollout.turns[0].response.exchange is exchange
    assert rollout.spec.stream


def test_a_request_that_a_person_changed_is_linked_by_what_the_agent_sent() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    history = [SYSTEM, USER, assistant(call("a")), result("a")]
    sent = json.dumps({"model": "m", "messages": history, "tools": [TOOL]})
    other = [*history[:3], result("a", "35")]
    got = json.dumps({"model": "m", "messages": other, "tools": [TOOL]})
    flow = Flow(number=1, path="/v1/chat/completions", body=got, original_body=sent, started=1001.0)
    answered = Exchange(body=chat_answer(assistant(content="Hot.")), status=200)
    tap.stitcher.add(replace(flow, exchange=answered))
    tap.sent = 2
    tap.flows.append(flow)
    assert tap.link(1).previous == 0
    (rollout,) = tap.stitcher.rollouts
    assert rollout.turns[0].tool_results[0].content == "35"
    third = tap.ask([*history, assistant(content="Hot."), user("Thanks.")])
    assert (tap.link(third).relation, tap.link(third).previous) == ("continue", 1)
    assert tap.stitcher.rollouts[0].request(2).messages[3]["content"] == "21"


def test_what_was_there_is_not_made_again() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")), label="one")
    tap.ask([SYSTEM, USER], assistant(call("b")), label="two")
    first, _ = tap.stitcher.rollouts
    tap.ask([SYSTEM, USER, assistant(call("b")), result("b")], label="two")
    assert tap.stitcher.rollouts[0] is first


def test_another_client_takes_no_equal_answer() -> None:
    tap, ours, theirs = wire(), {"user-agent": "ours"}, {"user-agent": "theirs"}
    tap.ask([USER], assistant(content="Where?"), headers=theirs)
    tap.ask([USER], assistant(content="Where?"), headers=ours)
    history = [USER, assistant(content="Where?"), user("Paris")]
    assert tap.link(tap.ask(history, headers=ours)).previous == 1
    assert tap.link(tap.ask(history, headers=theirs)).previous == 0


def test_a_stitcher_of_nothing_is_empty() -> None:
    stitcher = Stitcher()
    assert (stitcher.links, stitcher.rollouts, stitcher.link(0), stitcher.rollout(0)) == (
        [],
        [],
        None,
        None,
    )
