"""Each rule by which a request is put where it belongs (constructed requests, see `foreign_agent`)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import assert_linear
from tests.trajectory.stitch.foreign_agent import (
    SYSTEM,
    TRANSFER,
    USER,
    assistant,
    call,
    chat_answer,
    result,
    user,
    wire,
)


def test_a_run_is_one_rollout() -> None:
    tap = wire()
    first = tap.ask([SYSTEM, USER], assistant(call("a")))
    history = [SYSTEM, USER, assistant(call("a")), result("a")]
    second = tap.ask(history, assistant(content="It is 21."))
    assert tap.link(first).relation == "start"
    link = tap.link(second)
    assert (link.relation, link.previous, link.ground, link.turn) == ("continue", first, "id", 1)
    assert link.certain
    assert len(tap.stitcher.rollouts) == 1


REWRITTEN = {
    "arguments in other spacing": assistant(call("a", '{"city": "Paris"}')),
    "compact arguments": assistant(call("a", '{"city":"Paris"}')),
    "an empty text": assistant(call("a"), content="") | {"content": ""},
    "no content at all": {"role": "assistant", "tool_calls": [call("a")]},
    "reasoning sent back": assistant(call("a"), reasoning_content="Hm."),
    "members of the SDK": {
        **assistant(
            {
                **call("a"),
                "index": 0,
                "function": {**call("a")["function"], "parsed_arguments": None},
            }
        ),
        "refusal": None,
        "annotations": [],
    },
}


@pytest.mark.parametrize("written", REWRITTEN)
def test_however_the_agent_writes_the_answer(written: str) -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a"), reasoning_content="Hm."))
    tap.ask([SYSTEM, USER, REWRITTEN[written], result("a")], assistant(content="21"))
    assert tap.link(1).relation == "continue"
    (rollout,) = tap.stitcher.rollouts
    assert rollout.turns[1].kept is None
    assert not rollout.problems


def test_cache_markers_move_and_texts_become_blocks() -> None:
    tap = wire()
    marked = {
        "role": "user",
        "content": [
            {"type": "text", "text": "Weather in Paris?", "cache_control": {"type": "ephemeral"}}
        ],
    }
    tap.ask([SYSTEM, marked], assistant(content="Where?"))
    block = [{"type": "text", "text": "Paris", "cache_control": {"type": "ephemeral"}}]
    tap.ask([SYSTEM, USER, assistant(content="Where?"), {"role": "user", "content": block}])
    assert tap.link(1).relation == "continue"


def test_equal_runs_with_ids_are_never_mixed() -> None:
    tap, runs = wire(), range(8)
    for _ in runs:
        tap.ask([SYSTEM, USER])
    for run in reversed(runs):
        tap.answer(run, chat_answer(assistant(call(f"c{run}"))))
    asked = {}
    for run in (3, 0, 7, 1, 2, 6, 5, 4):
        history = [SYSTEM, USER, assistant(call(f"c{run}")), result(f"c{run}")]
        asked[run] = tap.ask(history, assistant(content="same"))
    assert {run: tap.link(number).previous for run, number in asked.items()} == {
        run: run for run in runs
    }
    assert len(tap.stitcher.rollouts) == 8


def test_equal_texts_without_ids_are_shared_out() -> None:
    tap = wire()
    for _ in range(3):
        tap.ask([USER], assistant(content="Where?"), tools=None)
    later = [tap.ask([USER, assistant(content="Where?"), user("Paris")], tools=None) for _ in "abc"]
    assert [tap.link(number).previous for number in later] == [0, 1, 2]
    assert {tap.link(number).certain for number in later} == {False}


def test_a_label_keeps_equal_runs_apart() -> None:
    tap = wire()
    for label in "abc":
        tap.ask([USER], assistant(content="Where?"), label=label)
    history = [USER, assistant(content="Where?"), user("Paris")]
    found = {label: tap.ask(history, label=label) for label in "cab"}
    assert {label: tap.link(n).previous for label, n in found.items()} == {"a": 0, "b": 1, "c": 2}
    assert all(tap.link(number).certain for number in found.values())
    assert [rollout.meta for rollout in tap.stitcher.rollouts] == [{"label": n} for n in "abc"]


def test_a_session_keeps_equal_runs_apart() -> None:
    tap = wire()
    for name in "ab":
        tap.ask([USER], assistant(content="Where?"), headers={"x-session-id": name})
    history = [USER, assistant(content="Where?"), user("Paris")]
    second = tap.ask(history, headers={"x-session-id": "b"})
    assert tap.link(second).previous == 1


# retries


def test_a_counted_retry_is_one_more_attempt() -> None:
    tap = wire()
    tap.fail(tap.ask([SYSTEM, USER]), 429)
    again = tap.ask(
        [SYSTEM, USER], assistant(content="21"), headers={"x-stainless-retry-count": "1"}
    )
    assert (tap.link(again).relation, tap.link(again).previous) == ("retry", 0)
    (rollout,) = tap.stitcher.rollouts
    assert [attempt.error.kind for attempt in rollout.attempts] == ["rate_limited"]
    assert rollout.stop_reason == "final"


def test_another_run_after_a_failure_is_no_retry() -> None:
    tap = wire()
    tap.fail(tap.ask([SYSTEM, USER]), 429)
    other = tap.ask([SYSTEM, USER], assistant(content="21"))
    assert tap.link(other).relation == "start"


def test_with_ids_a_retry_needs_no_count() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    history = [SYSTEM, USER, assistant(call("a")), result("a")]
    tap.fail(tap.ask(history))
    again = tap.ask(history, assistant(content="21"))
    assert (tap.link(again).relation, tap.link(again).previous) == ("retry", 1)
    (rollout,) = tap.stitcher.rollouts
    assert len(rollout.turns) == 2
    assert len(rollout.attempts) == 1
    behind = [*history, assistant(content="21"), user("And now?")]
    assert tap.link(tap.ask(behind)).previous == again


def test_a_client_that_never_counts_asks_again() -> None:
    tap, client = wire(), {"user-agent": "lm15/stdlib"}
    tap.fail(tap.ask([USER], headers=client), 500)
    again = tap.ask([USER], assistant(content="21"), headers=client)
    assert tap.link(again).relation == "retry"
    tap.fail(tap.ask([user("Other")], headers=client), 500)
    tap.clock += 3600
    assert tap.link(tap.ask([user("Other")], headers=client)).relation == "start"


def test_what_failed_does_not_use_an_answer_up() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    history = [SYSTEM, USER, assistant(call("a")), result("a")]
    tap.fail(tap.ask(history, top_k=3), 400)
    changed = tap.ask(history, assistant(content="21"))
    assert (tap.link(changed).relation, tap.link(changed).previous) == ("continue", 0)
    (rollout,) = tap.stitcher.rollouts
    assert [turn.index for turn in rollout.turns] == [0, 1]
    assert rollout.turns[0].tool_results[0].content == "21"


def test_a_request_that_was_sent_again_while_it_ran() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER])
    again = tap.ask(
        [SYSTEM, USER], assistant(content="21"), headers={"x-stainless-retry-count": "1"}
    )
    tap.fail(0)
    assert tap.link(again).relation == "retry"
    (rollout,) = tap.stitcher.rollouts
    assert (rollout.stop_reason, len(rollout.attempts)) == ("final", 1)


# what leaves a rollout, or runs beside it


def test_a_second_request_behind_an_answer_is_a_branch() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    history = [SYSTEM, USER, assistant(call("a")), result("a")]
    tap.ask(history, assistant(content="21"))
    branch = tap.ask([*history[:3], result("a", "22")], assistant(call("b")))
    assert (tap.link(branch).relation, tap.link(branch).previous) == ("branch", 0)
    first, second = tap.stitcher.rollouts
    assert second.parent is not None
    assert second.parent.turn == 1
    assert second.turns[0].tool_results[0].content == "22"
    assert first.turns[0].tool_results[0].content == "21"
    after = [*history[:3], result("a", "22"), assistant(call("b")), result("b")]
    assert tap.link(tap.ask(after)).rollout == tap.link(branch).rollout


def test_a_request_beside_the_rollout_does_not_use_the_answer_up() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a")))
    history = [SYSTEM, USER, assistant(call("a")), result("a")]
    planner = {"role": "system", "content": "Make a plan."}
    side = tap.ask(
        [planner, *history[1:], user("Write a plan.")], assistant(content="1."), tools=None
    )
    assert (tap.link(side).relation, tap.link(side).beside) == ("side", 0)
    assert tap.link(tap.ask(history)).relation == "continue"
    assert [r.meta.get("relation") for r in tap.stitcher.rollouts] == [None, "side"]


def test_a_guardrail_runs_beside_the_first_request() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER])
    guard = tap.ask([{"role": "system", "content": "Is it allowed?"}, USER], tools=None)
    assert (tap.link(guard).relation, tap.link(guard).beside) == ("side", 0)
    tap.clock += 3600
    later = tap.ask([{"role": "system", "content": "Is it allowed?"}, USER], tools=None)
    assert tap.link(later).relation == "start"


def test_a_sub_agent_is_inside_the_result_of_its_call() -> None:
    tap = wire()
    task = '{"task": "Look the weather of Paris up."}'
    tap.ask([SYSTEM, USER], assistant(call("a", task, "ask")), tools=[TRANSFER])
    expert = {"role": "system", "content": "You know the weather."}
    asked = user("New task:\nLook the weather of Paris up.\nBe thorough.")
    sub = tap.ask([expert, asked], assistant(call("b")))
    tap.ask([expert, asked, assistant(call("b")), result("b")], assistant(content="It is 21."))
    assert (tap.link(sub).relation, tap.link(sub).beside) == ("sub", 0)
    assert len(tap.stitcher.rollouts) == 2
    history = [SYSTEM, USER, assistant(call("a", task, "ask")), result("a", "It is 21.")]
    tap.ask(history, assistant(content="21"), tools=[TRANSFER])
    (rollout,) = tap.stitcher.rollouts
    inside = rollout.turns[0].tool_results[0].trajectory
    assert inside is not None
    assert inside.final == "It is 21."


def test_another_run_with_the_same_words_is_no_sub_agent() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER], assistant(call("a", '{"city": "San Francisco"}')))
    other = tap.ask([SYSTEM, user("How is the weather in San Francisco today?")])
    assert tap.link(other).relation == "start"


# the order of what is seen


def test_a_request_that_is_seen_before_the_end_of_the_answer_before_it() -> None:
    tap = wire()
    tap.ask([SYSTEM, USER])
    late = tap.ask([SYSTEM, USER, assistant(call("a")), result("a")], assistant(content="21"))
    assert tap.link(late).relation == "start"
    tap.answer(0, chat_answer(assistant(call("a"))))
    assert (tap.link(late).relation, tap.link(late).previous) == ("continue", 0)
    (rollout,) = tap.stitcher.rollouts
    assert rollout.final == "21"


def test_what_asks_for_no_answer_is_left_out() -> None:
    tap = wire()
    for body in ("", "no json", "[]", '{"name": "x"}'):
        assert tap.stitcher.link(tap.send("/v1/models", body)) is None
    assert tap.stitcher.rollouts == []


def test_an_unknown_dialect_is_one_request_a_rollout() -> None:
    tap = wire()
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    number = tap.send("/v1beta/models/x:generateContent", body)
    tap.answer(number, '{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}')
    assert tap.link(number).relation == "start"
    assert len(tap.stitcher.rollouts) == 1


@given(st.integers(0, 10_000), st.booleans())
def test_interleaved_runs_are_stitched_right(seed: int, labelled: bool) -> None:
    """Equal runs: with ids that are unique, or without any and each under a label of its own."""
    chance, tap = random.Random(seed), wire()
    runs = {run: [SYSTEM, USER] for run in range(6)}
    last: dict[int, int | None] = dict.fromkeys(runs)
    for _ in range(30):
        run = chance.choice(list(runs))
        name = f"c{tap.sent}"
        answer = assistant(content="Go on.") if labelled else assistant(call(name))
        number = tap.ask(runs[run], answer, label=f"run {run}" if labelled else "")
        assert tap.link(number).previous == last[run]
        last[run] = number
        behind: Any = user("More.") if labelled else result(name)
        runs[run] = [*runs[run], answer, behind]
    assert len(tap.stitcher.rollouts) == sum(number is not None for number in last.values())


@pytest.mark.slow
def test_a_request_costs_the_same_however_many_rollouts_are_open() -> None:
    def stitch(number: int) -> None:
        tap = wire()
        for run in range(number):
            tap.ask([SYSTEM, USER], assistant(call(f"c{run}")))
        for run in range(number):
            tap.ask([SYSTEM, USER, assistant(call(f"c{run}")), result(f"c{run}")])

    assert_linear(lambda number: lambda: stitch(number), 40, 320)
