"""The proof that a prompt extends the tokens before it: real conversations for what a server did,
constructed ones for the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.types.answer import ReasoningBlock, Response
from agentkit.types.problem import problem
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import TokenLogprob, Usage
from tests.read.test_managed import node
from tests.show.render_samples import PROMPT, SPEC, call, message
from tests.support.captures import conversation
from tests.support.growth import assert_within


def test_a_server_that_keeps_the_reasoning_extends() -> None:
    for name in ("rollout-00", "rollout-03"):
        found = ak.prefix_check(conversation("hermes-no-reasoning", name))
        assert [step.status for step in found.steps] == ["first", "extends"]
        assert found.ok is True
        assert found.off_policy == 0


def test_a_template_that_strips_the_reasoning_is_named() -> None:
    trajectory = conversation("hermes-qwen3", "rollout-00")
    found = ak.prefix_check(trajectory)
    step = found.broken[0]
    assert found.ok is False
    assert (step.position, step.at, step.cause) == (
        1,
        len(trajectory.turns[0].response.prompt_token_ids),
        "reasoning_stripped",
    )
    assert step.before[0] == (499, "<think>")
    assert step.now[0] == (497, "<tool_call>")
    assert step.shared[-1] == (201, "\n")
    assert "sent back as 'reasoning'" in step.reason
    assert "16 tokens later" in step.reason
    assert (found.off_policy, found.trained) == (42, 64)


def test_without_ids_nothing_is_claimed() -> None:
    found = ak.prefix_check(conversation("hermes-qwen3", "rollout-01"))
    assert [step.status for step in found.steps] == ["first", "unknown"]
    assert found.ok is None
    assert "turn 0 has no prompt token ids" in found.steps[1].reason


def answer(
    prompt: list[int], output: list[int], texts: list[str] | None = None, **more: Any
) -> Response:
    logprobs = tuple(TokenLogprob(token=text, logprob=-0.1) for text in texts or ())
    return Response(
        prompt_token_ids=TokenIds(prompt), token_ids=TokenIds(output), logprobs=logprobs, **more
    )


FIRST = list(range(1, 41))
"""The tokens of a first prompt."""


def two(first: Response, later: list[int], *, spec: Any = SPEC, **turn: Any) -> Trajectory:
    turns = (
        Turn(index=0, response=first, results=(None,) * len(first.tool_calls)),
        Turn(index=1, response=answer(later, [900]), **turn),
    )
    return Trajectory(spec=spec, prompt=PROMPT, turns=turns)


def cause(trajectory: Trajectory) -> Any:
    step = ak.prefix_check(trajectory).steps[1]
    assert step.status == "differs"
    assert step.off_policy == sum(
        i >= (step.at or 0) for i in range(40, 40 + len(trajectory.turns[0].response.token_ids))
    )
    return step.cause


PLAIN: dict[str, Any] = {"content": "Hello there.", "wire_content": "Hello there."}


def test_the_same_text_in_other_tokens() -> None:
    first = answer(FIRST, [50, 51, 52], ["Hello", " there", "."], **PLAIN)
    assert cause(two(first, [*FIRST, 50, 60, 61, 52])) == "retokenized"
    known = answer(FIRST, [50, 51, 52, 53], ["Hello", " there", ".", "<|im_end|>"], **PLAIN)
    assert cause(two(known, [*FIRST, 60, 61, 53])) == "retokenized", (
        "the text that went back is the text that was sampled"
    )
    assert cause(two(answer(FIRST, [50, 51, 52], **PLAIN), [*FIRST, 60, 61])) == "retokenized", (
        "without any text: by the record"
    )


def test_a_decoder_tells_two_texts_apart() -> None:
    first = answer(FIRST, [50, 51, 52], ["Hello", " there", "."], **PLAIN)
    spelled = {60: "Hell", 61: "o there.", 62: "Good", 63: "bye now."}
    assert (
        ak.prefix_check(two(first, [*FIRST, 60, 61]), decode=lambda i: spelled.get(i, "?"))
        .steps[1]
        .cause
        == "retokenized"
    )
    assert (
        ak.prefix_check(two(first, [*FIRST, 62, 63]), decode=lambda i: spelled.get(i, "?"))
        .steps[1]
        .cause
        == "answer_rewritten"
    )


def test_a_call_that_the_template_writes_anew() -> None:
    compact = call(raw_arguments='{"city":"Oslo"}')
    assert (
        cause(two(answer(FIRST, [50, 51, 52], tool_calls=(compact,)), [*FIRST, 50, 60, 61]))
        == "call_rewritten"
    )
    odd = call(raw_arguments="", arguments={}, status="normalized")
    found = ak.prefix_check(
        two(answer(FIRST, [50, 51, 52], tool_calls=(odd,)), [*FIRST, 50, 60])
    ).steps[1]
    assert found.cause == "call_rewritten"
    assert "normalized" in found.reason


THOUGHT: dict[str, Any] = {
    "reasoning": "I think.",
    "reasoning_blocks": (ReasoningBlock(source="reasoning", text="I think."),),
    **PLAIN,
}


@pytest.mark.parametrize("profile", ["vllm", "openai"])
def test_reasoning_that_was_left_out(profile: str) -> None:
    first = answer(FIRST, [70, 71, 72, 73, 50, 51, 52], **THOUGHT)
    trajectory = two(first, [*FIRST, 50, 51, 52, 80], spec=replace(SPEC, profile=profile))
    found = ak.prefix_check(trajectory).steps[1]
    assert found.cause == "reasoning_stripped"
    assert "4 tokens later" in found.reason
    assert ("not sent back" in found.reason) is (profile == "openai")


def test_a_think_tag_of_the_template_itself() -> None:
    """As DeepSeek-R1's: the prompt ends with the tag that opens the reasoning, and the history has
    neither.
    """
    first = answer([*FIRST, 70], [71, 72, 50, 51], **THOUGHT)
    assert ak.prefix_check(two(first, [*FIRST, 50, 51, 80])).steps[1].cause == "reasoning_stripped"
    silent = answer([*FIRST, 70], [50, 51], **PLAIN)
    assert ak.prefix_check(two(silent, [*FIRST, 50, 51, 80])).steps[1].cause == "prompt_changed"


def test_what_the_caller_did() -> None:
    first = answer(FIRST, [50, 51, 52], **PLAIN)
    edited = two(
        first,
        [*FIRST, 60, 61],
        kept=2,
        added=(message("assistant", "Good day."), message("user", "Go on.")),
    )
    assert cause(edited) == "history_edited"
    system = (message("system", "You are a pirate."), message("user", "Go on."))
    assert cause(two(first, [1, 2, 99, *FIRST], kept=0, added=system)) == "prompt_changed"
    assert cause(two(first, [*FIRST[:20], 99])) == "prompt_changed"
    tools = ak.prefix_check(two(first, [*FIRST[:20], 99], sampling={"tools": []})).steps[1]
    assert tools.cause == "prompt_changed"
    assert "its own tools" in tools.reason
    assert cause(two(first, FIRST[:30])) == "cut_back"


def test_an_edit_behind_the_difference_is_not_blamed() -> None:
    """The answer that differs was kept; what the caller dropped came later."""
    turns = (
        Turn(index=0, response=answer(FIRST, [70, 71, 72, 73, 50, 51, 52], **THOUGHT)),
        Turn(
            index=1,
            response=answer([*FIRST, 70, 71, 72, 73, 50, 51, 52, 80], [81], **PLAIN),
            added=(message("user", "And?"),),
        ),
        Turn(
            index=2,
            response=answer([*FIRST, 50, 51, 52, 80, 83], [84]),
            kept=4,
            added=(message("user", "Well?"),),
        ),
    )
    found = ak.prefix_check(Trajectory(spec=SPEC, prompt=PROMPT, turns=turns))
    assert [step.cause for step in found.steps] == [None, None, "reasoning_stripped"]
    assert found.steps[2].off_policy == 8, "both answers: seven tokens and one"


def test_each_trained_token_is_counted_once() -> None:
    first = answer(FIRST, [50, 51, 52], **PLAIN)
    trajectory = two(first, [*FIRST, 60, 61])
    third = Turn(index=2, response=answer([*FIRST, 62], [901]))
    found = ak.prefix_check(replace(trajectory, turns=(*trajectory.turns, third)))
    assert [step.off_policy for step in found.steps] == [0, 3, 1]
    assert found.trained == 5


def test_one_rollout_at_a_time() -> None:
    with pytest.raises(UsageError, match="2 rollouts"):
        ak.prefix_check([conversation("hermes-qwen3", "rollout-00")] * 2)
    assert ak.prefix_check(Trajectory()).ok is None
    assert ak.prefix_check([conversation("hermes-qwen3", "rollout-00")]).ok is False


ids = st.lists(st.integers(0, 5), max_size=12)


@given(ids, ids, ids)
def test_it_is_the_ids_that_decide(prompt: list[int], output: list[int], later: list[int]) -> None:
    found = ak.prefix_check(two(answer(prompt, output), later)).steps[1]
    before = prompt + output
    if not prompt or not output or not later:
        assert found.status == "unknown"
    elif later[: len(before)] == before:
        assert found.status == "extends"
    else:
        at = found.at
        assert found.status == "differs"
        assert at is not None
        assert later[:at] == before[:at]
        assert later[at : at + 1] != before[at : at + 1]
        assert [i for i, _ in found.now] == later[at : at + 8]


def test_nodes_are_checked_too() -> None:
    """Two nodes of a linear chat: the template left the reasoning out, so that the second could not
    go on from the first.
    """
    first = node(full_text="Q<think>hm</think>A")
    second = node(
        full_text="QA Q2 A2",
        tokens=[*range(100, 105), 109, 7, 8],
        masked_tokens=[-100] * 7 + [8],
        logprobs=[1.0] * 7 + [-1.0],
    )
    found = ak.prefix_check({"nodes": [first, second]})
    assert found.unit == "node"
    assert (found.steps[1].status, found.steps[1].at, found.steps[1].cause) == (
        "differs",
        5,
        "reasoning_stripped",
    )
    assert (found.off_policy, found.trained) == (5, 6)
    grown = node(
        full_text=first["full_text"] + " more",
        tokens=[*range(100, 110), 7],
        masked_tokens=[-100] * 10 + [7],
        logprobs=[1.0] * 10 + [-1.0],
    )
    assert ak.prefix_check([first, grown]).ok is True
    cut = {**grown, "tokens": [*range(100, 107), 1, 2, 3, 7]}
    assert ak.prefix_check([first, cut]).steps[1].cause == "retokenized"
    sample = node(
        full_text="QB", tokens=[*range(100, 105), 9, 9, 9, 9, 9], masked_tokens=[-100] * 5 + [9] * 5
    )
    assert ak.prefix_check([first, sample]).steps[1].status == "first", (
        "another sample of the same prompt"
    )
    assert ak.prefix_check([first, node(tokens=[])]).steps[1].status == "unknown"
    result = ak.AgentResult(messages=[], managed_state={"nodes": [first, second]})
    assert ak.prefix_check(result).ok is False


@pytest.mark.slow
def test_a_thousand_turns_are_quick() -> None:
    prompt, turns = TokenIds(range(1000)), []
    for k in range(1000):
        output = list(range(k, k + 30))
        turns.append(
            Turn(index=k, response=Response(prompt_token_ids=prompt, token_ids=TokenIds(output)))
        )
        prompt = TokenIds([*prompt, *output, 7], base=prompt)
    trajectory = Trajectory(turns=tuple(turns))
    assert ak.prefix_check(trajectory).ok is True
    assert_within(3, lambda: ak.prefix_check(trajectory))


def test_ids_fewer_than_the_tokens_are_not_taken_for_the_whole_answer() -> None:
    usage = Usage(input_tokens=2, output_tokens=2)
    lost = problem("token_ids_missing", "1 token id for 2 tokens")
    first = Response(token_ids=(3,), prompt_token_ids=(1, 2), usage=usage, problems=(lost,))
    found = ak.prefix_check(two(first, [1, 2, 3, 4, 5]))
    assert (found.steps[1].status, found.ok) == ("unknown", None)
    assert "1 token id for 2 tokens" in found.steps[1].reason
    broken = ak.prefix_check(two(first, [1, 9, 3, 4, 5])).steps[1]
    assert (broken.status, broken.at) == ("differs", 1)
    assert "1 token id for 2 tokens" in broken.reason
    shown = ak.tokens(two(first, [1, 2, 3, 4, 5]))
    assert shown.runs[0].lost == 1
    assert "1 lost on the way" in repr(shown)
