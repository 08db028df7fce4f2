"""How a turn goes back to the server: every call paired with one result, and each profile's own
form of the same truth.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import read_stream
from agentkit.trajectory.history import (
    PROFILES,
    assistant_message,
    get_profile,
    messages,
    request,
    sent_id,
    sent_name,
    tool_message,
)
from agentkit.trajectory.loop import apply, cancelled, failure, say, start
from agentkit.trajectory.sent_history import encode_message
from agentkit.trajectory.trouble.preflight import preflight
from agentkit.types.answer import Response
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, ToolResult, Trajectory
from agentkit.types.wire import Exchange
from tests.support.corpus import captured, corpus_rows

PAIRING = {
    "history_tool_result_missing",
    "history_orphan_tool_result",
    "history_id_format",
    "history_empty_tool_calls",
    "history_bad_arguments",
    "history_bad_name",
    "history_bad_content",
    "unknown_field",
}
BODIES = [
    row["body"] if "body" in row else row["text"]
    for (row,) in (param.values for param in corpus_rows("response"))
]
BODIES += [row["body"] for row in captured("hermes-qwen3") if row.get("body")]
BODIES = [body if isinstance(body, str) else json.dumps(body) for body in BODIES]


def answered(body: Any, status: str = "ok", content: str = "done", **spec: Any) -> Trajectory:
    """A rollout after one answer, its calls all answered."""
    text = body if isinstance(body, str) else json.dumps(body)
    trajectory = apply(start("hi", Spec(**spec)), Answer(exchange=Exchange(body=text, status=200)))
    for call in trajectory.pending:
        result = ToolResult(call_id=call.id, name=call.name, status=status, content=content)  # type: ignore[arg-type]
        trajectory = apply(trajectory, Result(position=call.position, result=result))
    return trajectory


def sent(profile: str, **message: Any) -> dict[str, Any]:
    """The assistant message that goes back under a profile."""
    return assistant_message(
        read_response({"role": "assistant", "content": None, **message}), get_profile(profile)
    )


def call(
    arguments: Any = '{"city": "Oslo"}', name: Any = "get_weather", **more: Any
) -> dict[str, Any]:
    return {
        "id": "call_a",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    }


CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "policy"),
    [*((name, "normalize") for name in PROFILES), ("generic", "strict"), ("generic", "repair")],
)
def test_every_answer_pairs_under_every_profile(profile: str, policy: str) -> None:
    for body in BODIES:
        for parser in (None, "hermes"):
            trajectory = answered(body, profile=profile, policy=policy, parser=parser)
            check_history(messages(say(trajectory, "and now?")), profile)


def check_history(history: list[dict[str, Any]], profile: str) -> None:
    """Check what any server may rely on. An answer of nothing goes back as it was: two servers
    refuse it, which is reported and not hidden.
    """
    empty = any(
        m["role"] == "assistant" and not m.get("content") and "tool_calls" not in m for m in history
    )
    refused = {"history_bad_content"} if empty and not get_profile(profile).empty_answers else set()
    if re.search("[\ud800-\udfff]", json.dumps(history, ensure_ascii=False)):
        refused = {"history_bad_content"}  # half a surrogate pair of the model's, which is said
    assert {p.code for p in preflight(history, profile)} & PAIRING == refused, history
    for message in history:
        assert json.loads(encode_message(message)) == message
        for made in message.get("tool_calls", ()):
            assert isinstance(made["id"], str)
            assert made["id"]
            if made["type"] == "function":
                assert isinstance(json.loads(made["function"]["arguments"]), dict)
    json.dumps(history, allow_nan=False)


@pytest.mark.parametrize(
    ("given_arguments", "expected"),
    [
        ('{"city": "Oslo"}', '{"city": "Oslo"}'),
        ('{ "city":"Oslo" }', '{ "city":"Oslo" }'),
        ({"city": "Øslo"}, '{"city": "Øslo"}'),
        (json.dumps('{"city": "Oslo"}'), '{"city": "Oslo"}'),
        ("", "{}"),
        (None, "{}"),
        ("null", "{}"),
        ('{"city": "Os', "{}"),
        ("[1]", "{}"),
        ("prose", "{}"),
        ({"x": float("nan")}, "{}"),
        ("{'city': 'Oslo'}", "{}"),
        ('{"a": 1, "a": 2}', '{"a": 2}'),
        ('\ufeff{"a": 1}', '{"a": 1}'),
    ],
)
def test_arguments_in_the_history_are_always_json_text(given_arguments: Any, expected: str) -> None:
    (made,) = sent("generic", tool_calls=[call(given_arguments)])["tool_calls"]
    assert made == {
        "id": "call_a",
        "type": "function",
        "function": {"name": "get_weather", "arguments": expected},
    }


def test_the_model_s_own_text_goes_back_as_it_was() -> None:
    text = '{\n  "city" :  "\\u00d8slo"\n}'
    assert (
        sent("generic", tool_calls=[call(text)])["tool_calls"][0]["function"]["arguments"] == text
    )


REASONING = {
    "sglang": "reasoning_content",
    "kimi": "reasoning_content",
    "deepseek": "reasoning_content",
    "fireworks": "reasoning_content",
    "zai": "reasoning_content",
    "dashscope": "reasoning_content",
    "xai": "reasoning_content",
    "llamacpp": "reasoning_content",
    "vllm": "reasoning",
    "openrouter": "reasoning",
    "cerebras": "reasoning",
    "groq": "reasoning",
    "ollama": "reasoning",
    "openai": None,
    "mistral": None,
    "gemini": None,
}
"""Where each profile sends reasoning whatever it came in; those not named send what came."""


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "given_as", ["reasoning", "reasoning_content", "reasoning_text", "reasoning_details", "parts"]
)
def test_reasoning_goes_back_where_the_profile_wants_it(profile: str, given_as: str) -> None:
    given_fields: dict[str, Any] = {given_as: "Hm", "content": "Hi"}
    if given_as == "reasoning_details":
        given_fields["reasoning_details"] = [
            {"type": "reasoning.text", "text": "Hm", "signature": "s"}
        ]
    if given_as == "parts":
        given_fields = {
            "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Hi"}]
        }
    message = sent(profile, **given_fields)
    same = {"parts": "reasoning_content", "reasoning_details": None}.get(given_as, given_as)
    wanted = REASONING.get(profile, same)
    assert {
        name: value
        for name, value in message.items()
        if name.startswith("reasoning") and name != "reasoning_details"
    } == ({wanted: "Hm"} if wanted else {})
    assert message["content"] == "Hi"
    if given_as == "reasoning_details" and get_profile(profile).reasoning_details:
        assert message["reasoning_details"] == given_fields["reasoning_details"]
    else:
        assert "reasoning_details" not in message


WHAT_CAME = [
    {"reasoning": "Hm"},
    {"reasoning_content": "Hm"},
    {"reasoning_text": "Hm", "reasoning_opaque": "c2ln"},
    {"thinking": "Hm", "signature": "c2ln"},
    {"thoughts": "Hm"},
    {"reasoning": "A", "reasoning_details": [{"type": "reasoning.text", "text": "A"}]},
    {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
    {"reasoning_content": "A", "thinking_blocks": [{"type": "thinking", "thinking": "A"}]},
    {"reasoning_content": "A", "reasoning": "quite another"},
    {"reasoning": {"text": "Hm"}},
    {"extra_content": {"google": {"thought_signature": "c2ln"}}},
]


@pytest.mark.parametrize("fields", WHAT_CAME, ids=lambda fields: "-".join(fields))
def test_what_came_goes_back_block_and_streamed(fields: dict[str, Any]) -> None:
    whole = {"role": "assistant", "content": "Hi", **fields}
    chunks = [{"choices": [{"index": 0, "delta": {name: value}}]} for name, value in whole.items()]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    streamed = read_stream("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks))
    for response in (read_response(whole), streamed):
        assert assistant_message(response, get_profile("generic")) == whole


def test_reasoning_under_two_names_goes_back_once() -> None:
    assert sent("generic", content="Hi", reasoning="Hm", reasoning_content=" Hm\n") == {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": " Hm\n",
    }


def test_encrypted_details_go_back_as_they_came_or_not_at_all() -> None:
    details = [
        {"type": "reasoning.encrypted", "data": "abc"},
        {"type": "reasoning.summary", "summary": "S"},
    ]
    assert (
        sent("openrouter", content="Hi", reasoning_details=details)["reasoning_details"] == details
    )
    assert sent("deepseek", content="Hi", reasoning_details=details) == {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "S",
    }


@pytest.mark.parametrize(
    "text",
    [
        "<think>Hm</think>Hi",
        "Hm\n</think>\n\nHi",
        "<think>Hm",
        "[THINK]Hm[/THINK]Hi",
        "  Hi \n",
        "",
        "Use `<think>`.",
    ],
)
@pytest.mark.parametrize("profile", ["generic", "vllm", "openai"])
def test_the_wire_text_goes_back_verbatim(text: str, profile: str) -> None:
    assert sent(profile, content=text) == {"role": "assistant", "content": text}


def test_a_think_block_is_not_sent_twice() -> None:
    assert sent("generic", content="<think>B</think>Hi", reasoning="A") == {
        "role": "assistant",
        "content": "<think>B</think>Hi",
        "reasoning": "A",
    }


def test_calls_that_ran_are_cut_out_of_the_text() -> None:
    response = read_response(
        {"role": "assistant", "content": f"<think>Hm</think>I look.\n{CALL}\n"}, parser="hermes"
    )
    message = assistant_message(response, get_profile("generic"))
    assert message["content"] == "<think>Hm</think>I look."
    assert message["tool_calls"] == [
        {
            "id": "call_0",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
        }
    ]


def test_calls_that_did_not_run_stay_in_the_text() -> None:
    assert sent("generic", content=CALL) == {"role": "assistant", "content": CALL}


SIGNED = {
    "id": "a",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
    "extra_content": {"google": {"thought_signature": "c2ln"}},
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_thought_signature_goes_back_where_it_is_wanted(profile: str) -> None:
    chunk = {
        "choices": [
            {
                "index": 0,
                "delta": {"tool_calls": [{**SIGNED, "index": 0}]},
                "finish_reason": "tool_calls",
            }
        ]
    }
    streamed = read_stream([f"data: {json.dumps(chunk)}\n\n", "data: [DONE]\n\n"])
    for response in (
        read_response({"role": "assistant", "content": None, "tool_calls": [SIGNED]}),
        streamed,
    ):
        (call,) = assistant_message(response, get_profile(profile))["tool_calls"]
        assert call.get("extra_content") == (
            SIGNED["extra_content"] if get_profile(profile).extra_content else None
        )


def test_custom_calls_keep_their_form() -> None:
    custom = {"id": "call_a", "type": "custom", "custom": {"name": "run", "input": 'echo {"a": '}}
    assert sent("openai", tool_calls=[custom]) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [custom],
    }


@pytest.mark.parametrize(("profile", "content"), [("generic", ""), ("vllm", ""), ("openai", None)])
def test_a_call_without_text_has_the_content_the_server_expects(
    profile: str, content: str | None
) -> None:
    assert sent(profile, tool_calls=[call()])["content"] == content
    assert sent(profile, tool_calls=[call()], content="I look.")["content"] == "I look."


def test_no_empty_list_of_calls_goes_back() -> None:
    assert "tool_calls" not in sent("generic", content="Hi", tool_calls=[])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("get_weather", "get_weather"),
        ("", "unknown_tool"),
        ("a.b/c", "a_b_c"),
        ("ä" * 70, "_" * 64),
    ],
)
def test_names_are_sent_in_a_form_the_server_takes(name: str, expected: str) -> None:
    assert sent_name(name, get_profile("openai")) == expected


def test_ids_are_kept_or_mapped_always_the_same() -> None:
    (made,) = read_response(
        {"role": "assistant", "content": None, "tool_calls": [call()]}
    ).tool_calls
    assert {
        sent_id(made, get_profile(profile)) for profile in ("generic", "openai", "vllm", "deepseek")
    } == {"call_a"}
    assert sent_id(made, get_profile("kimi")) == "functions.get_weather:0"
    assert (
        sent_id(replace(made, id="functions.other:7"), get_profile("kimi")) == "functions.other:7"
    )
    short = sent_id(made, get_profile("mistral"))
    assert (len(short), short.isalnum()) == (9, True)
    assert short == sent_id(made, get_profile("mistral"))
    assert sent_id(replace(made, id="abcDEF123"), get_profile("mistral")) == "abcDEF123"
    long = replace(made, id="x" * 60)
    assert len(sent_id(long, get_profile("openai"))) <= 40
    assert sent_id(long, get_profile("generic")) == "x" * 60


def test_the_result_carries_the_id_of_its_call_under_every_profile() -> None:
    for profile in PROFILES.values():
        response = read_response(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [call(), call(), call(id=""), call(id="x" * 60)],
            },
            turn=2,
        )
        made = assistant_message(response, profile)["tool_calls"]
        result = ToolResult(call_id="?", name="f", status="ok", content="r")
        assert [c["id"] for c in made] == [
            tool_message(c, result, profile)["tool_call_id"] for c in response.tool_calls
        ]
        assert len({c["id"] for c in made}) == 4


def test_the_profile_can_be_changed_afterwards() -> None:
    trajectory = answered(
        {
            "choices": [
                {
                    "message": {"role": "assistant", "content": "Hi", "reasoning": "Hm"},
                    "finish_reason": "stop",
                }
            ]
        }
    )
    assert messages(trajectory)[1] == {
        "role": "assistant",
        "content": "Hi",
        "reasoning": "Hm",
    }
    other = replace(trajectory, spec=replace(trajectory.spec, profile="openai"))
    assert messages(other)[1] == {"role": "assistant", "content": "Hi"}


def test_a_request_is_the_prefix_of_the_history() -> None:
    trajectory = say(answered(BODIES_WITH_CALL, model="m", sampling={"temperature": 1}), "more")
    assert request(trajectory, 0).body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 1,
    }
    assert list(request(trajectory, 1).messages) == messages(trajectory)
    with pytest.raises(IndexError, match="turn 2"):
        request(trajectory, 2)


BODIES_WITH_CALL = {
    "choices": [
        {
            "message": {"role": "assistant", "content": None, "tool_calls": [call()]},
            "finish_reason": "tool_calls",
        }
    ]
}


def test_pending_calls_are_in_the_history_without_a_result() -> None:
    trajectory = apply(
        start("hi"), Answer(exchange=Exchange(body=json.dumps(BODIES_WITH_CALL), status=200))
    )
    assert [m["role"] for m in messages(trajectory)] == ["user", "assistant"]
    assert "history_tool_result_missing" in {p.code for p in preflight(trajectory)}
    assert preflight(say(trajectory, "never mind")) == ()


def test_the_given_messages_are_sent_as_they_are_and_are_not_shared() -> None:
    given_message = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "data:x"}}],
        "name": "me",
        "x": None,
    }
    trajectory = start([given_message])
    made = messages(trajectory)
    assert made == [given_message]
    made[0]["role"] = "changed"
    assert messages(trajectory) == [given_message]
    given_message["role"] = "changed"
    assert messages(trajectory)[0]["role"] == "user"


def test_a_result_that_utf8_cannot_carry_is_escaped() -> None:
    trajectory = answered(BODIES_WITH_CALL, content="half \ud83d")
    assert json.loads(encode_message(messages(trajectory)[-1]))["content"] == "half \ud83d"


names = st.sampled_from(["get_weather", "", " x ", "functions.y", "a.b", "ä", "x" * 80])
arguments = st.one_of(
    st.text(max_size=10),
    st.sampled_from(['{"a": 1}', "", "null", "{'a': 1}", '{"a":']),
    st.none(),
    st.dictionaries(st.text(max_size=3), st.integers()),
)
calls = st.one_of(
    st.fixed_dictionaries(
        {"function": st.fixed_dictionaries({"name": names, "arguments": arguments})},
        optional={"id": st.sampled_from(["a", "b", "", None, 7, "y" * 50])},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("custom"),
            "custom": st.fixed_dictionaries({"name": names, "input": st.text(max_size=5)}),
        },
        optional={"id": st.sampled_from(["a", "c"])},
    ),
    st.none(),
    st.text(max_size=5),
)
assistants = st.fixed_dictionaries(
    {
        "role": st.just("assistant"),
        "content": st.sampled_from(
            [None, "", "Hi", "<think>x</think>", CALL, f"{CALL}{CALL[:40]}", "\ud800"]
        ),
    },
    optional={
        "tool_calls": st.none() | st.lists(calls, max_size=4),
        "reasoning": st.sampled_from(["Hm", None, ["a"]]),
        "refusal": st.just("No"),
    },
)


@given(
    assistants,
    st.sampled_from(list(PROFILES)),
    st.sampled_from([None, "hermes"]),
    st.sampled_from(["ok", "error", "cancelled"]),
    st.text(max_size=5),
)
def test_any_answer_and_its_results_pair_exactly(
    message: dict[str, Any], profile: str, parser: str | None, status: str, result: str
) -> None:
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    response: Response = read_response(body, parser=parser)
    assert failure(Exchange(status=200), response) is None
    trajectory = answered(body, status=status, content=result, profile=profile, parser=parser)
    history = messages(say(trajectory, [Message(wire={"role": "user", "content": "on"})]))
    check_history(history, profile)
    made = next(
        (m for m in history if m["role"] == "assistant"), {}
    )  # an empty answer is left out where it would be refused
    assert made or not (
        get_profile(profile).empty_answers or response.tool_calls or response.content
    )
    results = [m for m in history if m["role"] == "tool"]
    assert [c["id"] for c in made.get("tool_calls", ())] == [m["tool_call_id"] for m in results]
    assert all(m["content"] == result for m in results)


def test_cancelled_results_are_json() -> None:
    (made,) = read_response(
        {"role": "assistant", "content": None, "tool_calls": [call()]}
    ).tool_calls
    assert json.loads(cancelled(made, 'he said "no"').content) == {"error": 'he said "no"'}
