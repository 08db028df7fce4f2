"""The loop as pure functions over values: what comes next, what a step makes of a trajectory, and
that nothing given ever changes.
"""

from __future__ import annotations

import copy
import json
from dataclasses import FrozenInstanceError, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import UsageError
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.trajectory.loop import (
    apply,
    cancelled,
    close,
    next_step,
    resume,
    rewrite,
    say,
    start,
    stop,
)
from agentkit.trajectory.person.prompt import prompt_messages
from agentkit.trajectory.trouble.preflight import preflight
from agentkit.types.request import Spec
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.steps import Answer, ModelStep, Result, ToolStep
from agentkit.types.trajectory import Message, OpenTurn, ToolResult, Trajectory
from agentkit.types.wire import ApiError, Chunk, Exchange
from tests.support.growth import assert_linear


def exchange(
    content: Any = None,
    *calls: Any,
    finish: str | None = None,
    status: int | None = 200,
    **body: Any,
) -> Exchange:
    """An answer with text and calls, as the wire carries it."""
    message = {
        "role": "assistant",
        "content": content,
        **({"tool_calls": list(calls)} if calls else {}),
    }
    finish = finish or ("tool_calls" if calls else "stop")
    return Exchange(
        body=json.dumps(
            {"choices": [{"index": 0, "message": message, "finish_reason": finish}], **body}
        ),
        status=status,
    )


def call(name: str = "f", arguments: str = "{}", id: Any = "a") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def done(trajectory: Trajectory, position: int = 0, content: str = "r", **more: Any) -> Trajectory:
    """The trajectory with a result for a call of its open turn."""
    assert trajectory.open is not None
    assert trajectory.open.response is not None
    made = trajectory.open.response.tool_calls[position]
    return apply(
        trajectory,
        Result(
            position=position,
            result=ToolResult(
                call_id=made.id, name=made.name, status="ok", content=content, **more
            ),
        ),
    )


def state(trajectory: Trajectory) -> list[str]:
    """Everything a trajectory holds, as text."""
    return [encode_line(line) for line in dump(trajectory)]


FINAL = exchange("Hi")
ONE = exchange(None, call())
TWO = exchange(None, call(id="a"), call("g", id="b"))
BUSY = Exchange(body='{"error": {"message": "overloaded"}}', status=503)
REFUSED = Exchange(
    transport_error=ApiError(kind="connection_failed", message="refused", retryable=True)
)

# starting


@pytest.mark.parametrize(
    "prompt",
    [
        "hi",
        [{"role": "user", "content": "hi"}],
        [SimpleNamespace(role="user", content="hi")],
        Message(wire={"role": "user", "content": "hi"}),
    ],
)
def test_a_prompt_is_a_text_or_messages(prompt: Any) -> None:
    trajectory = start(prompt)
    assert trajectory.messages == [{"role": "user", "content": "hi"}]
    assert isinstance(next_step(trajectory), ModelStep)
    assert (trajectory.turns, trajectory.stop_reason, trajectory.pending) == ((), None, ())


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "  \n",
        None,
        5,
        b"hi",
        [],
        [{"content": "hi"}],
        ["hi"],
        [None],
        {"role": "user", "content": "hi"},
        [{"role": None}],
    ],
)
def test_anything_else_is_refused_with_the_mend(prompt: Any) -> None:
    with pytest.raises(UsageError) as caught:
        start(prompt)
    assert "pass a text, or a list of messages" in caught.value.hint


def test_the_caller_s_list_is_copied() -> None:
    given_list: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    trajectory = start(given_list)
    given_list[0]["content"][0]["text"] = "changed"
    given_list.append({"role": "user", "content": "more"})
    assert trajectory.prompt[0].content == "hi"
    assert len(trajectory.prompt) == 1


def test_an_sdk_message_is_sent_without_the_fields_it_never_had() -> None:
    from openai.types.chat import ChatCompletionMessage

    (message,) = prompt_messages([ChatCompletionMessage(role="assistant", content="Hi")])
    assert message.wire == {"role": "assistant", "content": "Hi"}


def test_no_turn_is_left_where_none_is_allowed() -> None:
    trajectory = start("hi", Spec(max_turns=0))
    assert (trajectory.stop_reason, next_step(trajectory)) == ("max_turns", None)


# steps


def test_a_rollout_step_by_step() -> None:
    asked = start("hi")
    called = apply(asked, Answer(exchange=TWO))
    step = next_step(called)
    assert isinstance(step, ToolStep)
    assert (step.call.name, step.turn, len(called.turns)) == ("f", 0, 0)
    half = done(called, 0, "one")
    step = next_step(half)
    assert isinstance(step, ToolStep)
    assert step.call.name == "g"
    assert [c.name for c in half.pending] == ["g"]
    whole = done(half, 1, "two")
    assert isinstance(next_step(whole), ModelStep)
    assert [m["role"] for m in whole.messages] == ["user", "assistant", "tool", "tool"]
    ended = apply(whole, Answer(exchange=FINAL))
    assert (ended.stop_reason, ended.final, next_step(ended), len(ended.turns)) == (
        "final",
        "Hi",
        None,
        2,
    )
    assert [turn.index for turn in ended.turns] == [0, 1]
    assert [r.content for r in ended.turns[0].tool_results] == ["one", "two"]


def test_results_may_come_in_any_order() -> None:
    called = apply(start("hi"), Answer(exchange=TWO))
    one, other = done(done(called, 0, "x"), 1, "y"), done(done(called, 1, "y"), 0, "x")
    assert one == other
    assert state(one) == state(other)


def test_a_result_can_be_put_again_while_the_turn_is_open() -> None:
    called = done(apply(start("hi"), Answer(exchange=TWO)), 0, "first")
    ended = done(done(called, 0, "second"), 1)
    assert [r.content for r in ended.turns[0].tool_results] == ["second", "r"]


def test_an_invalid_call_waits_for_a_result_too() -> None:
    called = apply(start("hi"), Answer(exchange=exchange(None, call(arguments='{"a'))))
    assert [c.valid for c in called.pending] == [False]
    assert isinstance(next_step(called), ToolStep)


def test_what_is_no_outcome_is_refused() -> None:
    fresh, called = start("hi"), apply(start("hi"), Answer(exchange=ONE))
    result = ToolResult(call_id="a", name="f", status="ok", content="r")
    for trajectory, outcome in (
        (fresh, Result(position=0, result=result)),
        (called, Result(position=1, result=result)),
        (called, Result(position=-1, result=result)),
        (done(called), Result(position=0, result=result)),
        (called, Answer(exchange=FINAL)),
    ):
        with pytest.raises(UsageError):
            apply(trajectory, outcome)


def test_a_value_cannot_be_changed() -> None:
    trajectory = start("hi")
    with pytest.raises((FrozenInstanceError, AttributeError)):
        trajectory.stop_reason = "final"  # type: ignore[misc]


# why it ends


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (FINAL, "final"),
        (exchange("Hi", finish="length"), "length"),
        (exchange("Hi", finish="MAX_TOKENS"), "length"),
        (exchange(None), "final"),
        (exchange("Hi", finish="content_filter"), "content_filter"),
        (exchange("Hi", finish="SAFETY"), "content_filter"),
        (exchange("Hi", finish="error"), "error"),
        (exchange("Hi", finish="tool_calls"), "final"),
        (BUSY, "error"),
        (REFUSED, "error"),
        (exchange("Hi", finish="weird"), "final"),
        (Exchange(body="", status=200), "error"),
        (Exchange(body="<html></html>", status=200), "error"),
        (Exchange(body='{"choices": []}', status=200), "error"),
        (Exchange(body='{"error": "x"}', status=200), "error"),
        (Exchange(body='{"choices": [{"message": {"content": "Hi"}}]}'), "final"),
        (Exchange(status=204), "error"),
    ],
)
def test_stop_reasons(answer: Exchange, reason: str) -> None:
    ended = apply(start("hi"), Answer(exchange=answer))
    assert ended.stop_reason == reason
    assert next_step(ended) is None
    failed = reason in ("error", "content_filter")
    assert (ended.error is not None) == failed
    assert len(ended.turns) == (0 if failed else 1)
    assert len(ended.attempts) == (1 if failed else 0)


def test_a_cut_answer_with_whole_calls_goes_on() -> None:
    called = apply(start("hi"), Answer(exchange=exchange(None, call(), finish="length")))
    assert (called.stop_reason, len(called.pending)) == (None, 1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_max_turns_ends_behind_the_results(count: int) -> None:
    trajectory = start("hi", Spec(max_turns=count))
    for index in range(count):
        assert trajectory.stop_reason is None
        trajectory = apply(trajectory, Answer(exchange=ONE))
        assert trajectory.stop_reason is None, "the calls of the last turn are still answered"
        trajectory = done(trajectory)
        assert len(trajectory.turns) == index + 1
    assert (trajectory.stop_reason, next_step(trajectory)) == ("max_turns", None)
    assert apply(start("hi", Spec(max_turns=1)), Answer(exchange=FINAL)).stop_reason == "final"


# failures


def test_a_failed_request_is_kept_and_is_no_turn() -> None:
    failed = apply(start("hi"), Answer(exchange=BUSY))
    (attempt,) = failed.attempts
    assert (attempt.turn, attempt.error.kind, attempt.error.status, attempt.exchange) == (
        0,
        "server_error",
        503,
        BUSY,
    )
    assert failed.error is attempt.error
    assert failed.messages == [{"role": "user", "content": "hi"}]


def test_it_goes_on_after_a_failure() -> None:
    failed = apply(start("hi"), Answer(exchange=BUSY))
    again = apply(resume(failed), Answer(exchange=REFUSED))
    assert [a.error.kind for a in again.attempts] == ["server_error", "connection_failed"]
    ended = apply(resume(again), Answer(exchange=FINAL))
    assert (ended.stop_reason, ended.error, len(ended.attempts), len(ended.turns)) == (
        "final",
        None,
        2,
        1,
    )
    later = apply(say(ended, "more"), Answer(exchange=BUSY))
    assert [a.turn for a in later.attempts] == [0, 0, 1]


def test_a_failure_after_calls_keeps_their_results() -> None:
    failed = apply(done(apply(start("hi"), Answer(exchange=ONE))), Answer(exchange=BUSY))
    assert [m["role"] for m in failed.messages] == ["user", "assistant", "tool"]
    assert resume(failed).messages == failed.messages


def test_the_error_in_a_success_is_classified() -> None:
    failed = apply(
        start("hi"),
        Answer(
            exchange=Exchange(
                body='{"error": {"message": "Rate limit reached, try again in 2s"}}', status=200
            )
        ),
    )
    assert failed.error is not None
    assert (failed.error.kind, failed.error.status, failed.error.retry_after) == (
        "rate_limited",
        200,
        2.0,
    )


# stop, resume, say, rewrite, close


def test_stop_and_resume() -> None:
    called = apply(start("hi"), Answer(exchange=ONE))
    stopped = stop(called)
    assert (stopped.stop_reason, next_step(stopped)) == ("stopped", None)
    assert resume(stopped) == called
    ended = apply(start("hi"), Answer(exchange=FINAL))
    assert stop(ended) is ended
    assert resume(ended) is ended
    assert resume(start("hi")).stop_reason is None


def test_say_goes_on_after_the_end() -> None:
    ended = apply(start("hi"), Answer(exchange=FINAL))
    asked_again = say(say(ended, "and?"), [{"role": "user", "content": "well?"}])
    assert isinstance(next_step(asked_again), ModelStep)
    assert [m["content"] for m in asked_again.messages] == ["hi", "Hi", "and?", "well?"]
    more = apply(asked_again, Answer(exchange=exchange("Yes")))
    assert (more.final, [m.content for m in more.turns[1].added]) == ("Yes", ["and?", "well?"])
    assert more.messages[-1]["content"] == "Yes"


def test_say_answers_what_is_pending() -> None:
    called = done(apply(start("hi"), Answer(exchange=TWO)), 0)
    asked_again = say(called, "stop that")
    assert [r.status for r in asked_again.turns[0].tool_results] == ["ok", "cancelled"]
    assert preflight(asked_again) == ()
    assert [m["role"] for m in asked_again.messages] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]


def test_say_nothing_is_refused() -> None:
    with pytest.raises(UsageError):
        say(start("hi"), "")


def test_rewrite_sends_another_history() -> None:
    ended = apply(
        done(
            apply(
                start([{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]),
                Answer(exchange=ONE),
            )
        ),
        Answer(exchange=FINAL),
    )
    changed = rewrite(ended, 1, (Message(wire={"role": "user", "content": "other"}),))
    assert [m["content"] for m in changed.messages] == ["s", "other"]
    assert isinstance(next_step(changed), ModelStep)
    again = apply(changed, Answer(exchange=exchange("Yes")))
    assert [m["content"] for m in again.messages] == ["s", "other", "Yes"]
    assert [m["content"] for m in again.request(1).messages] == ["s", "hi", "", "r"]
    assert len(again.turns) == 3


def test_close_leaves_calls_unanswered() -> None:
    called = done(apply(start("hi"), Answer(exchange=TWO)), 1)
    closed = close(called)
    assert [r and r.name for r in closed.turns[0].results] == [None, "g"]
    assert (closed.open, closed.pending, isinstance(next_step(closed), ModelStep)) == (
        None,
        (),
        True,
    )
    assert close(start("hi")) == start("hi")


def test_cancelled_says_why() -> None:
    called = apply(start("hi"), Answer(exchange=ONE))
    result = cancelled(called.pending[0], "interrupted")
    assert (result.status, result.call_id, result.name, result.error) == (
        "cancelled",
        "a",
        "f",
        "interrupted",
    )


# what is kept


def test_prompt_token_ids_share_what_they_have_in_common() -> None:
    trajectory = start("hi")
    ids = list(range(5000))
    for index in range(50):
        ids += [index]
        trajectory = done(
            apply(trajectory, Answer(exchange=exchange(None, call(), prompt_token_ids=ids)))
        )
    last = trajectory.turns[-1].response.prompt_token_ids
    assert isinstance(last, TokenIds)
    assert list(last) == ids
    assert last.shared == len(ids) - 1


def test_problems_and_usage_of_all_turns_are_at_hand() -> None:
    trajectory = apply(
        done(apply(start("hi"), Answer(exchange=exchange(None, call(id=None), finish="stop")))),
        Answer(exchange=exchange("", finish="stop")),
    )
    assert [p.code for p in trajectory.problems] == [
        "finish_stop_with_tool_calls",
        "id_missing",
        "empty_response",
    ]
    assert trajectory.turns[0].tool_calls[0].id == "call_0_0"


def test_the_answer_is_read_as_the_spec_says() -> None:
    text = exchange('<tool_call>{"name": "f", "arguments": {}}</tool_call>')
    assert apply(start("hi"), Answer(exchange=text)).stop_reason == "final"
    assert [
        c.origin for c in apply(start("hi", Spec(parser="hermes")), Answer(exchange=text)).pending
    ] == ["content:hermes"]
    doubled = exchange(None, call(arguments='{"a": 1,}'))
    assert [
        apply(start("hi", Spec(policy=p)), Answer(exchange=doubled)).pending[0].valid
        for p in ("strict", "normalize", "repair")
    ] == [False, False, True]
    tools = ({"type": "function", "function": {"name": "g"}},)
    assert [
        p.code for p in apply(start("hi", Spec(tools=tools)), Answer(exchange=ONE)).problems
    ] == ["name_unknown"]


ANSWERS = [
    FINAL,
    ONE,
    TWO,
    BUSY,
    REFUSED,
    exchange("cut", finish="length"),
    exchange(None, call(arguments="{"), finish="stop"),
    Exchange(
        chunks=(
            Chunk(at=0.1, text='data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n'),
            Chunk(at=0.2, text="data: [DONE]\n\n"),
        ),
        status=200,
    ),
]
operations = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from(ANSWERS)),
        st.tuples(st.just("result"), st.integers(0, 2)),
        st.tuples(st.just("say"), st.text(min_size=1)),
        st.tuples(st.just("stop"), st.none()),
        st.tuples(st.just("resume"), st.none()),
        st.tuples(st.just("rewrite"), st.integers(0, 3)),
        st.tuples(st.just("close"), st.none()),
    ),
    max_size=12,
)


def perform(trajectory: Trajectory, name: str, value: Any) -> Trajectory:
    match name:
        case "answer":
            return apply(trajectory, Answer(exchange=value))
        case "result":
            return apply(
                trajectory,
                Result(
                    position=value,
                    result=ToolResult(call_id="?", name="f", status="ok", content="r"),
                ),
            )
        case "rewrite":
            return rewrite(trajectory, value, (Message(wire={"role": "user", "content": "x"}),))
        case "say":
            return say(trajectory, value)
    plain_functions = {"stop": stop, "resume": resume, "close": close}
    return plain_functions[name](trajectory)


@given(operations)
def test_nothing_that_happens_changes_what_was(steps: list[tuple[str, Any]]) -> None:
    trajectory = start("hi", Spec(max_turns=3))
    for name, value in steps:
        before, held = state(trajectory), copy.deepcopy(trajectory)
        try:
            after = perform(trajectory, name, value)
        except UsageError:
            after = trajectory
        assert state(trajectory) == before
        assert trajectory == held
        assert [turn.index for turn in after.turns] == list(range(len(after.turns)))
        assert (next_step(after) is None) == (after.stop_reason is not None)
        assert not (after.error and after.stop_reason != "error")
        trajectory = after


def test_a_long_rollout_is_linear_enough() -> None:
    def roll_out(turns: int) -> None:
        trajectory = start("hi")
        for _ in range(turns):
            trajectory = done(apply(trajectory, Answer(exchange=ONE)))
        assert len(trajectory.messages) == 1 + 2 * turns

    assert_linear(lambda turns: partial(roll_out, turns), 100, 400)
    assert replace(start("x"), meta={}) == start("x")


@pytest.mark.parametrize("place", ["spec", "turn", "extra_body"])
def test_a_named_tool_that_ends_with_stop_is_no_finding(place: str) -> None:
    choice = {"tool_choice": {"type": "function", "function": {"name": "f"}}}
    sampling = {"extra_body": choice} if place == "extra_body" else choice
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})
    begun = start("hi", Spec(sampling={} if place == "turn" else sampling))
    if place == "turn":
        begun = replace(begun, open=OpenTurn(sampling=sampling))
    exchange = Exchange(status=200, body=body)
    assert [p.code for p in apply(begun, Answer(exchange=exchange)).problems] == []
    plain = apply(start("hi", Spec()), Answer(exchange=exchange))
    assert [p.code for p in plain.problems] == ["finish_stop_with_tool_calls"]
