"""Whatever agents and servers send, stitching never fails, and no request is lost (constructed)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.types.wire import ApiError, Chunk, Exchange, Flow
from tests.trajectory.stitch.foreign_agent import assistant, call, chat_answer, result

ids = st.sampled_from(["a", "b", "", None, 7])
words = st.sampled_from(
    ["", "Weather?", "Observation:\n21", "Calling tools: [{'id': 'a'}]", "x" * 40]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(words, v, max_size=2),
    max_leaves=5,
)
calls = st.lists(
    st.builds(
        call,
        ids,
        st.sampled_from(
            ["{}", "{", '{"t": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}', "[1]", ""]
        ),
        st.sampled_from(["f", "", None]),
    ),
    max_size=2,
)
replies: Any = st.builds(lambda made, content: assistant(*made, content=content), calls, words)
messages = st.one_of(
    replies,
    st.builds(result, ids, words | json_values),
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "developer", "assistant", "odd", None])},
        optional={"content": words | json_values},
    ),
    json_values,
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["function_call", "function_call_output", "message", "reasoning"]
            )
        },
        optional={"call_id": ids, "name": words, "arguments": words, "output": json_values},
    ),
)
histories = st.lists(messages, max_size=5)
bodies: Any = st.one_of(
    st.fixed_dictionaries(
        {"messages": histories},
        optional={"tools": json_values, "system": json_values, "thread": json_values},
    ),
    st.fixed_dictionaries(
        {"input": histories | words},
        optional={
            "previous_response_id": st.sampled_from(["r1", None, 3]),
            "instructions": words,
            "conversation": json_values,
        },
    ),
    json_values,
)
items = st.fixed_dictionaries(
    {"type": st.sampled_from(["function_call", "message", "reasoning", "odd"])},
    optional={"call_id": ids, "name": words, "arguments": words, "content": json_values},
)
answers: Any = st.one_of(
    replies.map(chat_answer),
    st.builds(
        lambda output: json.dumps({"id": "r1", "object": "response", "output": output}),
        st.lists(items, max_size=2),
    ),
    json_values.map(json.dumps),
    st.sampled_from(["", "<html>", "\ud83d", "data: {}\n\n"]),
)
exchanges = st.one_of(
    st.builds(Exchange, body=answers, status=st.sampled_from([200, 429, None]), elapsed=st.none()),
    st.builds(
        lambda text: Exchange(status=200, chunks=(Chunk(at=0.1, text=text),)),
        replies.map(lambda m: f"data: {json.dumps({'choices': [{'delta': m}]})}\n\n"),
    ),
    st.just(Exchange(transport_error=ApiError(kind="timeout", message="no"))),
)
flows = st.lists(
    st.tuples(
        st.sampled_from(["/v1/chat/completions", "/v1/responses", "/v1/messages", "/", "x"]),
        bodies.map(json.dumps) | st.sampled_from(["", "{", "\ud83d"]),
        st.sampled_from(["", "a"]),
        st.sampled_from([(), (("x-stainless-retry-count", "1"),), (("x-session-id", "s"),)]),
        exchanges | st.none(),
        st.booleans(),
    ),
    max_size=6,
)


@given(flows)
def test_nothing_makes_it_fail(given_flows: list[Any]) -> None:
    stitcher, late = Stitcher(), []
    for number, (path, body, label, headers, exchange, at_once) in enumerate(given_flows):
        fields = {"number": number, "path": path, "body": body, "label": label, "headers": headers}
        stitcher.add(Flow(**fields))
        done = Flow(**fields, exchange=exchange)
        if at_once:
            stitcher.add(done)
        else:
            late.append(done)
    for done in reversed(late):
        stitcher.add(done)
        stitcher.add(done)
    for link in stitcher.links:
        rollout = stitcher.rollout(link.rollout)
        assert rollout is not None
        assert all(turn.request is not None for turn in rollout.all_turns)
    for rollout in stitcher.rollouts:
        assert isinstance(rollout.messages, list)


def test_numbers_that_are_no_json_keep_their_words() -> None:
    """Python's clients write them, and vLLM takes them."""
    body = '{"model": "m", "input": "Weather?", "temperature": Infinity, "top_p": NaN}'
    stitcher = Stitcher()
    stitcher.add(Flow(number=0, path="/v1/responses", body=body))
    (rollout,) = stitcher.rollouts
    assert rollout.request(0).body["temperature"] == "Infinity"
    assert rollout == stitcher.rollouts[0]
    assert ak.preflight(rollout, "openai") is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": {"id": "pmpt_1"}},
        {"conversation": "conv_1", "input": None},
        {"previous_response_id": "resp_1"},
    ],
)
def test_a_request_whose_words_the_server_has_is_a_rollout(fields: dict[str, Any]) -> None:
    stitcher = Stitcher()
    stitcher.add(Flow(number=0, path="/v1/responses", body=json.dumps({"model": "m", **fields})))
    (rollout,) = stitcher.rollouts
    assert rollout.spec.dialect == "responses"
    assert rollout.prompt == ()
