"""The reference server as its users meet it: with plain openai clients, many at once, with recorded
rollouts, and gone without a trace.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import NotFound, UsageError
from agentkit.testing import Asked, by_turn, calls, says, serve
from agentkit.testing.faults.catalogue import faults, find_faults
from agentkit.testing.faults.message_faults import WRITTEN, write_calls
from agentkit.types.problem import SEVERITIES
from agentkit.types.wire import ApiError
from tests.support.corpus import captured
from tests.testing.test_reference_faults import get_weather
from tests.testing.test_reference_manners import exchange_of

MANNERS = ("openai", "vllm", "sglang")
SCRIPT = by_turn(
    says(None, calls("get_weather", city="Oslo"), reasoning="I need it."), "It is cold."
)
MESSAGES: Any = [{"role": "user", "content": "Oslo?"}]
NOT_OF_AN_ANSWER = {
    "connection_failed": "nobody listens, so that there is no server that could be at fault",
    "reasoning_unsigned": "no answer shows it: it is told of a history that is to be sent",
    "history_changed": "an agent that is not ours changed it, which is seen between two requests",
    "flow_cut": "a tap kept no more of it, which is no matter of the server",
    "flow_not_read": "a tap could not read it",
    "flow_not_recorded": "a tap could not write it into its record",
    "history_shortened": "an agent that is not ours cut it, which is seen between two requests",
}
"""Codes that no fault is read as, and why; each has a test here, those of histories with the
stitching.
"""
TOO_LONG = ("context_length_exceeded",)
"""Faults that were captured with a request of more than 32,000 characters, which is not kept."""
TOOLS: Any = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
]


@pytest.mark.parametrize("manner", MANNERS)
def test_a_plain_openai_client(manner: Any) -> None:
    with (
        serve(SCRIPT, manner=manner) as server,
        openai.OpenAI(base_url=server.url, api_key="x") as client,
    ):
        block = client.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS)
        assert block.choices[0].message.tool_calls is not None
        assert block.choices[0].message.tool_calls[0].function.arguments == '{"city": "Oslo"}'  # type: ignore[union-attr]
        assert [model.id for model in client.models.list()] == ["reference"]
        with client.chat.completions.stream(
            model="m", messages=MESSAGES, tools=TOOLS, stream_options={"include_usage": True}
        ) as stream:
            final = stream.get_final_completion()
        assert final.choices[0].message.tool_calls[0].function.arguments == '{"city": "Oslo"}'  # type: ignore[index]
        assert final.choices[0].finish_reason == "tool_calls"
        assert final.usage == block.usage or final.usage.total_tokens == block.usage.total_tokens  # type: ignore[union-attr]


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_plain_async_client(manner: Any) -> None:
    async with (
        serve(SCRIPT, manner=manner) as server,
        openai.AsyncOpenAI(base_url=server.url, api_key="x") as client,
    ):
        answers = await asyncio.gather(
            *(
                client.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS)
                for _ in range(20)
            )
        )
        stream = await client.chat.completions.create(
            model="m", messages=[*MESSAGES, {"role": "assistant", "content": "?"}], stream=True
        )
        text = "".join(
            [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        )
    assert text == "It is cold."
    assert len({answer.choices[0].message.tool_calls[0].id for answer in answers}) == 20  # type: ignore[index]


def test_a_head_is_answered_without_a_body() -> None:
    with serve(SCRIPT) as server, httpx.Client() as client:
        for path in ("/models", "/chat/completions"):
            answer = client.head(server.url + path)
            assert int(answer.headers["content-length"]) > 0
            assert answer.content == b""
            assert client.get(server.url + "/models").status_code == 200  # on the same connection


def test_the_openai_client_raises_what_it_should() -> None:
    with (
        serve(SCRIPT, faults="rate_limited") as server,
        openai.OpenAI(base_url=server.url, api_key="x", max_retries=0) as client,
    ):
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="m", messages=MESSAGES)
        assert caught.value.response.headers["retry-after-ms"] == "120"


def test_every_run_is_the_same() -> None:
    def bodies() -> list[str]:
        with serve(SCRIPT, manner="vllm") as server:
            rollout = ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?")
        return [turn.response.exchange.body for turn in rollout.turns]

    assert bodies() == bodies()


@pytest.mark.slow
def test_some_answers_are_faulty() -> None:
    agent_prompts = [f"Oslo {i}?" for i in range(40)]
    with serve(SCRIPT, faults=["id_missing"], rate=0.5, seed=1) as server:
        agent = ak.Agent("m", tools=[get_weather], server=server.url)
        seen = [bool(ak.rollout(agent, prompt).problems) for prompt in agent_prompts]
    with serve(SCRIPT, faults=["id_missing"], rate=0.5, seed=1) as server:
        agent = ak.Agent("m", tools=[get_weather], server=server.url)
        again = [bool(ak.rollout(agent, prompt).problems) for prompt in reversed(agent_prompts)]
    assert 8 < sum(seen) < 32
    assert again == seen[::-1]


def test_a_fault_of_one_turn() -> None:
    with serve(SCRIPT, faults=["finish_empty_string"], turn=1) as server:
        rollout = ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?")
    assert [[p.code for p in turn.problems] for turn in rollout.turns] == [
        [],
        ["finish_empty_string"],
    ]


def test_several_faults_at_once() -> None:
    with serve(
        SCRIPT, faults=["arguments_object", "name_prefix", "finish_reason"], turn=0
    ) as server:
        rollout = ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?")
    assert {p.code for p in rollout.problems} == {
        "arguments_object",
        "name_prefix",
        "finish_stop_with_tool_calls",
    }
    assert rollout.final == "It is cold."


def test_an_unknown_fault_says_what_is_like_it() -> None:
    with pytest.raises(NotFound, match="argument_object") as caught:
        serve([], faults=["argument_object"])
    assert "arguments_object" in caught.value.hint
    with pytest.raises(UsageError, match="ollama"):
        serve([], manner="ollama")  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="there is no file"):
        serve("It is cold.")
    with pytest.raises(UsageError, match="a dict is no script"):
        serve({"role": "assistant"})


def test_the_catalogue_holds_the_whole_vocabulary() -> None:
    caused = {code for fault in faults() for code in fault.codes}
    ours = {
        code
        for code in SEVERITIES
        if code.startswith(("node", "fault_injected", "file_", "secret_redacted"))
    }  # no server causes these
    assert set(SEVERITIES) - caused - ours == NOT_OF_AN_ANSWER.keys()
    assert len({fault.name for fault in faults()}) == len(faults())
    assert all(
        fault.says and fault.source.startswith(("constructed", "captured: ")) for fault in faults()
    )
    text = "completion_integrity error_shape request_ignored context_limit finish_reason usage logprobs truncation call_id arguments_encoding"
    text += " content_form reasoning_field stream_identity stream_vs_block call_in_text arguments_syntax tool_name token_leak history_rejected"
    text += " reasoning_roundtrip prefix_broken tool_selection parallel_calls arguments_value arguments_schema tool_choice_semantics"
    assert len(find_faults(text.split())) == len(text.split())


@pytest.mark.parametrize("fault", ["signature_missing", "signature_meaningless"])
def test_thinking_that_is_not_signed_is_told_before_it_goes_to_anthropic(fault: str) -> None:
    with serve(SCRIPT, "anthropic", fault, turn=0) as server:
        agent = ak.Agent(
            "m",
            tools=[get_weather],
            server=server.url,
            dialect="messages",
            sampling={"thinking": {"type": "adaptive"}},
        )
        rollout = ak.rollout(agent, "Oslo?")
    assert not rollout.problems
    assert {p.code for p in ak.preflight(rollout, "anthropic")} == {"reasoning_unsigned"}


def test_a_server_that_is_gone_is_no_fault_of_a_server() -> None:
    with serve(SCRIPT) as server:
        agent = ak.Agent("m", server=server.url, retries=0)
    error = ak.rollout(agent, "Oslo?").error
    assert error is not None
    assert error.kind == "connection_failed"


def test_what_is_called_captured_was_captured() -> None:
    seen: list[set[str]] = []
    for name in ("hermes-qwen3", "hermes-no-reasoning", "no-parsers", "wrong-parser"):
        for row in captured(name):
            if not row["path"].endswith("/chat/completions"):
                continue
            exchange = exchange_of(row)
            if row["status"] == 200:
                seen.append(
                    {
                        p.code
                        for p in ak.read_response(
                            exchange, row["request"].get("tools")
                        ).all_problems
                    }
                )
            else:
                seen.append({ak.read_error(row["status"], row["headers"], exchange.text).kind})
    for fault in faults():
        if fault.captured and fault.name not in TOO_LONG:
            assert any(set(fault.codes) <= codes for codes in seen), fault.name


@pytest.mark.parametrize(
    "name", [f.name for f in faults() if f.divergence and not f.codes and "chat" in f.dialects]
)
def test_a_divergence_without_a_problem_shows_on_the_wire(name: str) -> None:
    (fault,) = find_faults(name)
    sampling = {
        "logprobs": True,
        "return_token_ids": True,
        **({"tool_choice": "required"} if fault.needs == "forced" else {}),
    }
    script = by_turn(
        says(
            None,
            calls("get_weather", city="Oslo"),
            calls("clock", zone="CET"),
            reasoning="I need it.",
        )
    )

    def clock(zone: str = "UTC") -> str:
        """Time."""
        return zone

    def body(on: tuple[str, ...], stream: bool) -> str:
        with serve(script, manner="vllm", faults=on) as server:
            agent = ak.Agent(
                "m",
                tools=[get_weather, clock],
                server=server.url,
                stream=stream,
                sampling=sampling,
                max_turns=1,
            )
            rollout = ak.rollout(agent, "Oslo?")
        assert not rollout.problems
        return rollout.turns[0].response.exchange.text

    for mode in fault.modes:
        assert body((name,), mode == "stream") != body((), mode == "stream")


@pytest.mark.parametrize("form", WRITTEN)
def test_calls_are_written_as_their_parser_reads_them(form: str) -> None:
    text = write_calls([calls("get_weather", city="Zürich"), calls("clock", zone="CET")], form)
    read = ak.parsers.get_parser(form).parse(text, [get_weather])
    assert [(call.name, call.arguments) for call in read.tool_calls] == [
        ("get_weather", {"city": "Zürich"}),
        ("clock", {"zone": "CET"}),
    ]


def test_a_recorded_rollout_is_played_to_any_client(tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl"
    for stream, prompt in ((False, "Oslo?"), (True, "Rome?")):
        with serve(SCRIPT, manner="vllm") as server:
            agent = ak.Agent("m", tools=[get_weather], server=server.url, stream=stream)
            ak.rollout(ak.record(agent, path), prompt)
    first, second = ak.load(path, all=True)
    with serve(path, manner="vllm") as server:
        for played, stream in ((first, False), (second, True)):
            prompt = played.prompt[0].content
            again = ak.rollout(
                ak.Agent("other", tools=[get_weather], server=server.url, stream=stream), prompt
            )
            assert [t.response.exchange.text for t in again.turns] == [
                t.response.exchange.text for t in played.turns
            ]
            turned = ak.rollout(
                ak.Agent("other", tools=[get_weather], server=server.url, stream=not stream), prompt
            )
            assert turned.turns == again.turns
        lost = ak.rollout(ak.Agent("m", server=server.url, retries=0), "Lima?")
    assert lost.error is not None
    assert "no rollout of this prompt was recorded" in lost.error.message


def test_recorded_samples_are_played_in_turn_and_followed_by_their_calls() -> None:
    answers = iter(["It is cold.", "It is warm."])
    with serve(
        lambda messages: says(None, calls("get_weather")) if len(messages) == 1 else next(answers),
        manner="vllm",
    ) as server:
        samples = [
            ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?")
            for _ in range(2)
        ]
    with serve(samples) as server:
        again = [
            ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?").final
            for _ in range(3)
        ]
    assert again == ["It is cold.", "It is warm.", "It is cold."]


def test_a_fault_strikes_a_recorded_answer() -> None:
    with serve(SCRIPT, manner="vllm") as server:
        rollout = ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?")
    with serve(rollout, manner="vllm", faults=["arguments_object"]) as server:
        again = ak.rollout(ak.Agent("m", tools=[get_weather], server=server.url), "Oslo?")
    assert [p.code for p in again.problems] == ["arguments_object"]


def test_what_a_script_may_answer() -> None:
    script = [
        ApiError(kind="server_error", message="busy", status=503, retry_after=0.0),
        RuntimeError("lost"),
        (404, {"detail": "gone"}),
        {
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "a body"},
                    "finish_reason": "stop",
                }
            ]
        },
        {"role": "assistant", "content": "a message"},
    ]
    with serve(script) as server:
        agent = ak.Agent("m", server=server.url, retries=0)
        found = [ak.rollout(agent, "hi") for _ in range(6)]
    assert [t.final or (t.error and (t.error.kind, t.error.message)) for t in found] == [
        ("server_error", "busy"),
        ("server_error", "RuntimeError: lost"),
        ("endpoint_not_found", "gone"),
        "a body",
        "a message",
        ("server_error", "the script holds 5 answers and was asked for one more"),
    ]


def test_a_script_that_fails_fails_its_request() -> None:
    def script(messages: list[dict[str, Any]]) -> str:
        raise KeyError("city")

    with serve(script) as server:
        rollout = ak.rollout(ak.Agent("m", server=server.url, retries=0), "hi")
    assert rollout.error is not None
    assert rollout.error.message == "KeyError: 'city'"


def test_it_leaves_nothing() -> None:
    threads = threading.active_count()
    for _ in range(20):
        with serve(["hi"]) as server:
            assert server.url.startswith("http://127.0.0.1:")
    assert threading.active_count() == threads
    with (
        pytest.raises(openai.APIConnectionError),
        openai.OpenAI(base_url=server.url, api_key="x", max_retries=0) as client,
    ):
        client.models.list()


def test_it_is_started_and_stopped_by_hand_again_and_again() -> None:
    server = serve(["one", "two"])
    with pytest.raises(UsageError, match="not started"):
        server.url  # noqa: B018
    finals = []
    for _ in range(2):
        server.start()
        with pytest.raises(UsageError, match="running already"):
            server.start()
        finals.append(ak.rollout(ak.Agent("m", server=server.url), "hi").final)
        server.stop()
    server.stop()
    assert finals == ["one", "two"]
    assert len(server.asked) == 2


@pytest.mark.slow
async def test_many_conversations_at_once() -> None:
    async with (
        serve(SCRIPT, manner="sglang", latency=0.1) as server,
        openai.AsyncOpenAI(base_url=server.url, api_key="x") as client,
    ):
        answers = await asyncio.gather(
            *(client.chat.completions.create(model="m", messages=MESSAGES) for _ in range(100))
        )
        assert server._http.peak > 10
    assert Counter(answer.choices[0].finish_reason for answer in answers) == {"tool_calls": 100}
    assert len(server.asked) == 100


def test_reprs_repeat() -> None:
    assert (
        repr(serve([], manner="vllm", faults="call_in_text"))
        == "<ReferenceServer in the manner of vllm with tool_call_in_content:hermes: no model>"
    )
    assert (
        repr(find_faults("id_missing")[0]) == "<Fault id_missing: the call has no id (constructed)>"
    )


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = (
    "messages",
    "tools",
    "tool_choice",
    "stream",
    "stream_options",
    "n",
    "logprobs",
    "top_logprobs",
    "temperature",
    "max_tokens",
    "model",
)


@given(
    request=JSON
    | st.dictionaries(st.sampled_from(FIELDS), JSON | st.just(MESSAGES) | st.just(TOOLS)),
    manner=st.sampled_from(MANNERS),
)
def test_any_request_gets_an_answer(request: Any, manner: Any) -> None:
    server = serve(SCRIPT, manner=manner)
    reply = server._respond(Asked("POST", "/v1/chat/completions", {}, json.dumps(request).encode()))
    assert reply.status in (200, 400, 404)
    pieces = [str(piece) for piece in reply.pieces] if reply.pieces is not None else None
    assert json.loads(reply.content) if pieces is None else pieces[-1] == "data: [DONE]\n\n"


@given(
    text=st.none() | st.text(max_size=30),
    thought=st.none() | st.text(max_size=20),
    names=st.lists(st.sampled_from(["a", "b"]), max_size=3),
    values=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=6), max_size=3),
    manner=st.sampled_from(MANNERS),
)
def test_a_stream_says_what_the_block_answer_says(
    text: Any, thought: Any, names: list[str], values: dict[str, Any], manner: Any
) -> None:
    answer = says(text, *(calls(name, x=values) for name in names), reasoning=thought)
    request: dict[str, Any] = {"model": "m", "messages": MESSAGES}
    server = serve(lambda messages: answer, manner=manner)
    block = server._respond(Asked("POST", "/v1/chat/completions", {}, json.dumps(request).encode()))
    stream = server._respond(
        Asked("POST", "/v1/chat/completions", {}, json.dumps({**request, "stream": True}).encode())
    )
    read = ak.read_response(block.content)
    streamed = ak.read_stream([str(piece) for piece in stream.pieces or ()])
    assert (read.content or "", read.reasoning or "", read.finish_reason) == (
        streamed.content or "",
        streamed.reasoning or "",
        streamed.finish_reason,
    )
    assert [(c.name, c.arguments) for c in read.tool_calls] == [
        (c.name, c.arguments) for c in streamed.tool_calls
    ]


@given(
    names=st.lists(st.sampled_from([fault.name for fault in faults()]), max_size=4),
    stream=st.booleans(),
    manner=st.sampled_from(MANNERS),
)
def test_any_faults_go_together(names: list[str], stream: bool, manner: Any) -> None:
    answer = says(
        "Look.",
        calls("get_weather", city="Oslo"),
        calls("get_weather", city="Rome"),
        reasoning="I need it.",
    )
    server = serve(lambda messages: answer, manner=manner, faults=names)
    request = {
        "model": "m",
        "messages": MESSAGES,
        "tools": TOOLS,
        "stream": stream,
        "logprobs": True,
    }
    reply = server._respond(Asked("POST", "/v1/chat/completions", {}, json.dumps(request).encode()))
    assert reply.content is not None
    assert answer["message"]["tool_calls"][0]["function"]["arguments"] == '{"city": "Oslo"}'


def test_a_server_that_cannot_listen_raises_where_it_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*args: Any, **options: Any) -> None:
        raise OSError("no port is free")

    server = serve(["hi"])
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "start_server", refuse)
        with pytest.raises(OSError, match="no port is free"):
            server.start()
    with server:
        assert ak.rollout(ak.Agent("m", server=server.url), "hi").final == "hi"
