"""The tokens of a rollout: put together right, description to a reader without colour or script,
and sent as columns.
"""

from __future__ import annotations

import json
import math
import re
from array import array
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.analysis.tokens.likelihood import alternatives, chance, description
from agentkit.analysis.tokens.runs import entropy, trajectory_runs
from agentkit.analysis.tokens.spans import KINDS, output_kinds, prompt_kinds, runs
from agentkit.errors import UsageError
from agentkit.read.response import read_response
from agentkit.show.notebook.static_view import standalone
from agentkit.show.notebook.views.tokens.tokens_live import TokensView, columns
from agentkit.show.render.limits import STATIC, TEXT, WHOLE
from agentkit.types.answer import Response
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import TokenLogprob
from tests.analysis.token_samples import many_tokens
from tests.read.test_managed import node
from tests.show.render_samples import HOSTILE, call, message
from tests.show.test_html import read
from tests.support.captures import conversation


def spans(texts: list[str], kinds: list[Any]) -> list[tuple[str, str]]:
    return [(kind, "".join(texts[start:end])) for start, end, kind in runs(kinds)]


def test_spans_of_a_real_answer() -> None:
    response = conversation("hermes-qwen3", "rollout-03").turns[0].response
    texts = [p.token for p in response.logprobs]
    found = spans(texts, output_kinds(texts, response))
    assert [kind for kind, _ in found] == ["reasoning", "call", "template"]
    assert found[0][1].startswith("<think>\nTwo calls are needed")
    assert found[1][1].count("<tool_call>") == 2
    assert found[2][1] == "<|im_end|>"


@pytest.mark.parametrize(
    ("texts", "response", "expected"),
    [
        (["Hello", " there"], None, [("answer", "Hello there")]),
        (
            ["<think>", "hm", "</think>", "\n\n", "Yes"],
            None,
            [("reasoning", "<think>hm</think>"), ("answer", "\n\nYes")],
        ),
        (["hm", "</think>", "Yes"], None, [("reasoning", "hm</think>"), ("answer", "Yes")]),
        (
            ["I ", "think", ". ", "Yes"],
            Response(reasoning="I think."),
            [("reasoning", "I think. "), ("answer", "Yes")],
        ),
        (
            ['f({"a', '": 1})'],
            Response(tool_calls=(call(raw_arguments='{"a": 1}'),)),
            [("answer", 'f({"a'), ("call", '": 1})')],
        ),
        (["", ""], None, [("answer", "")]),
        ([], None, []),
    ],
    ids=range(7),
)
def test_spans_of_an_answer(
    texts: list[str], response: Any, expected: list[tuple[str, str]]
) -> None:
    assert spans(texts, output_kinds(texts, response)) == expected


def test_spans_of_a_prompt() -> None:
    texts = [
        "<|im_start|>",
        "user",
        "\n",
        "Hi",
        " you",
        "<|im_end|>",
        "\n",
        "tool",
        "\n",
        "3 deg",
        "rees",
        "<|im_end|>",
    ]
    messages = [message("user", "Hi you"), message("tool", "3 degrees")]
    assert spans(texts, prompt_kinds(texts, messages)) == [
        ("template", "<|im_start|>user\n"),
        ("prompt", "Hi you"),
        ("template", "<|im_end|>\ntool\n"),
        ("result", "3 degrees"),
        ("template", "<|im_end|>"),
    ]
    assert set(prompt_kinds(texts, [message("user", "not there")])) == {"template", "prompt"}, (
        "what is not found is not called a template"
    )
    holes = [*texts[:9], "3 deg", None, "<|im_end|>"]
    assert prompt_kinds(holes, messages)[9:] == ["result", "result", "template"], (
        "a token whose text is not known may be a part of it"
    )
    assert prompt_kinds([None, None]) == ["prompt", "prompt"]


@given(
    st.lists(st.text(max_size=6) | st.none(), max_size=30),
    st.lists(st.text(min_size=1, max_size=9), max_size=3),
)
def test_each_token_has_a_kind(texts: list[str | None], contents: list[str]) -> None:
    for kinds in (
        output_kinds(texts),
        prompt_kinds(texts, [message("user", text) for text in contents]),
    ):
        assert len(kinds) == len(texts)
        assert set(kinds) <= set(KINDS)


def turn(**response: Any) -> Trajectory:
    return Trajectory(turns=(Turn(index=0, response=Response(**response)),))


LOGPROBS = (
    TokenLogprob(token="Yes", logprob=-0.1, top=(("Yes", -0.1), ("No", -2.5))),
    TokenLogprob(token=".", logprob=-0.01),
)


def test_what_servers_tell_of_tokens() -> None:
    """vLLM with ids, OpenAI without, ids alone, and two lists that do not fit each other."""
    both = ak.tokens_df(
        turn(logprobs=LOGPROBS, token_ids=TokenIds([7, 8]), prompt_token_ids=TokenIds([1, 2, 3]))
    )
    assert both["id"].tolist() == [1, 2, 3, 7, 8]
    assert both["position"].tolist() == [0, 1, 2, 3, 4]
    assert both["rank"].tolist()[3] == 1
    openai = next(trajectory_runs(turn(logprobs=LOGPROBS)))
    assert openai.texts == ("Yes", ".")
    assert openai.ids == (None, None)
    assert openai.notes == ("the server returned no prompt token ids",)
    bare = next(
        trajectory_runs(
            turn(token_ids=TokenIds([7, 8]), prompt_token_ids=TokenIds([1])),
            decode=lambda i: f"<{i}>",
        )
    )
    assert bare.texts == ("<1>", "<7>", "<8>")
    assert bare.logprobs == (None, None, None)
    odd = next(trajectory_runs(turn(logprobs=LOGPROBS, token_ids=TokenIds([7]))))
    assert odd.ids == (None, None)
    assert "1 token ids and 2 logprobs" in odd.notes[0]
    assert next(trajectory_runs(turn(content="hi"))).notes == (
        "the server returned neither logprobs nor token ids",
    )


def test_ids_in_the_place_of_texts() -> None:
    """vLLM's `return_tokens_as_token_ids`."""
    entry = {"token": "token_id:42", "logprob": -0.5, "top_logprobs": []}
    body = {
        "choices": [
            {
                "message": {"role": "assistant", "content": "x"},
                "finish_reason": "stop",
                "logprobs": {"content": [entry]},
            }
        ]
    }
    found = next(trajectory_runs(Trajectory(turns=(Turn(index=0, response=read_response(body)),))))
    assert (found.ids, found.texts) == ((42,), (None,))
    drawn = ak.tokens(Trajectory(turns=(Turn(index=0, response=read_response(body)),))).html(STATIC)
    assert drawn.count("⟨42⟩") > 1
    assert "⟨42⟩</code>: a token by its id, its text was not sent" in drawn


def test_entropy_is_a_lower_bound() -> None:
    half = math.log(0.5)
    assert entropy((("a", half), ("b", half))) == pytest.approx(math.log(2))
    assert entropy((("a", half),)) == pytest.approx(math.log(2)), "the rest counts as one candidate"
    assert entropy((("a", 0.0), ("b", -9999.0))) == 0.0
    assert entropy(()) is None
    assert entropy((("a", float("nan")),)) is None


def test_prompts_are_kept_as_what_they_add() -> None:
    found = list(trajectory_runs(many_tokens(4000, turns=4)))
    assert sum(map(len, found)) == 4000
    assert [run.offset for run in found] == [0, 1000, 2000, 3000]


def test_a_page_without_script_or_colour_tells_all() -> None:
    shown = ak.tokens(conversation("hermes-qwen3", "rollout-03"))
    page = shown.html(STATIC)
    text = read(page).text
    for phrase in (
        "the least likely tokens",
        "' Tokyo'",
        "37 %",
        "reasoning",
        "call",
        "The prefix breaks here, position 88",
        "not in this prompt",
        "87 of 135 trained",
    ):
        assert phrase in text
    assert 'class="ak-t ak-s2" title="&#x27; Tokyo&#x27;; position 237; id 432' in page
    assert not re.search(r"<script|style=|onclick", page)
    masked = ak.tokens(conversation("hermes-qwen3", "rollout-03"), metric="mask").html(STATIC)
    assert all(f'class="ak-t ak-m{mask}"' in masked for mask in (1, 2, 3))


def test_the_tokens_off_policy_are_those_that_the_check_counts() -> None:
    shown = ak.tokens(conversation("hermes-qwen3", "rollout-03"))
    (broken,) = shown.breaks
    assert (broken.run, broken.step.at) == (1, 88)
    assert broken.missing.startswith("<think>\nTwo calls are needed")
    assert broken.missing.strip().endswith("</think>"), "the call is in the prompt again"
    assert [sum(off) for off in shown.off_policy] == [shown.checks[0].off_policy, 0]
    assert not ak.tokens(many_tokens()).breaks


@pytest.mark.slow
def test_a_very_long_rollout_is_kept_short_and_says_so() -> None:
    shown = ak.tokens(many_tokens())
    page = shown.html(STATIC)
    assert len(page) < 600_000
    assert "not shown" in read(page).text
    assert len(shown.text(TEXT)) < 10_000
    assert read(shown.html(WHOLE)).text.count("not shown") == 0
    assert len(shown) == 32_000


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_tokens_are_only_text(hostile: str) -> None:
    made = turn(
        logprobs=(
            TokenLogprob(token=hostile, logprob=-3.0, top=((hostile, -3.0), (hostile + "x", -4.0))),
        ),
        token_ids=TokenIds([1]),
    )
    shown = ak.tokens(made)
    for page in (shown.html(STATIC), standalone(shown)):
        page.encode()
        assert not {tag for tag, _ in read(page).tags} & {"script", "img", "a", "iframe"}
        assert not any(
            name.startswith("on") for _, attributes in read(page).tags for name, _ in attributes
        )
    for column in columns(shown)[:1]:
        assert "\u202e" not in (json.loads(column)[0][0] or "")
    shown.text(TEXT).encode()
    description(shown.runs[0], 0).encode()
    alternatives(shown.runs[0], 0).encode()


def test_the_columns_hold_what_is_known() -> None:
    shown = ak.tokens(conversation("hermes-qwen3", "rollout-03"))
    table, which, logprobs, entropies, flags, sizes = columns(shown)
    texts = json.loads(table)
    order = array("I", which)
    assert array("I", sizes).tolist() == [len(run) for run in shown.runs]
    flat = [
        (text, token) for run in shown.runs for text, token in zip(run.texts, run.ids, strict=True)
    ]
    assert [texts[i][1] for i in order] == [token for _, token in flat]
    assert [value != value for value in array("f", logprobs)] == [
        v is None for run in shown.runs for v in run.logprobs
    ]
    assert len(array("f", entropies)) == len(flags) == len(shown)
    assert [KINDS[flag & 7] for flag in flags] == [kind for run in shown.runs for kind in run.kinds]


def test_32_000_tokens_are_at_most_600_kilobytes() -> None:
    view = TokensView(ak.tokens(many_tokens()))
    assert sum(map(len, view.arrays())) + sum(map(len, view.fragments().values())) < 600_000


def test_nodes_are_shown_with_what_is_wrong_with_them() -> None:
    broken = node(masked_tokens=list(range(100, 110)))
    result = ak.AgentResult(messages=[], managed_state={"nodes": [broken]})
    for x in (result, {"nodes": [broken]}, [broken], broken):
        shown = ak.tokens(x, metric="mask")
        assert shown.state is not None
        text = read(shown.html(STATIC)).text
        for phrase in (
            "node 0",
            "node_trains_on_prompt",
            "the mask trains on tokens with the logprob 1.0",
        ):
            assert phrase in text
        assert shown.df["trained"].tolist() == [True] * 10
    assert "node 0" in shown.text(TEXT)


def test_several_rollouts_and_none() -> None:
    one = conversation("hermes-qwen3", "rollout-03")
    shown = ak.tokens([one, replace(one)])
    assert [run.title for run in shown.runs] == [
        "rollout 0, turn 0",
        "rollout 0, turn 1",
        "rollout 1, turn 0",
        "rollout 1, turn 1",
    ]
    assert len(ak.tokens([])) == 0
    assert ak.tokens([]).html(STATIC)
    with pytest.raises(UsageError, match="no metric"):
        ak.tokens(one, metric="colour")  # type: ignore[arg-type]


def test_chances_are_short() -> None:
    assert [chance(x) for x in (0.0, -0.05, -4.7, -9.0, -30.0)] == [
        "100 %",
        "95.1 %",
        "0.91 %",
        "0.012 %",
        "<0.01 %",
    ]


def test_the_least_likely_come_first() -> None:
    shown = ak.tokens(many_tokens(2000, turns=2))
    lowest = sorted(value for run in shown.runs for value in run.logprobs if value is not None)[:5]
    assert [
        f"logprob {value:.4f}" in line for value, line in zip(lowest, shown.low(5), strict=True)
    ] == [True] * 5
