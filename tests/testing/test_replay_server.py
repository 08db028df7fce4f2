"""A record as a server: the same agent offline, whatever form it asks for, and what a miss says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import by_turn, calls, says, serve
from agentkit.testing.replay.changes import changes
from agentkit.testing.replay.normal_form import key
from agentkit.testing.replay.reply_form import reply_from
from agentkit.types.wire import ApiError, Chunk, Exchange, Flow

SCRIPT = by_turn(
    says("Let me see.", calls("get_weather", city="Oslo"), reasoning="I need it."), "It is cold."
)
DIALECTS = ("chat", "responses", "messages")
MANNER: dict[str, Any] = {"messages": "anthropic"}
CHAT = "/v1/chat/completions"


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"4 degrees in {city}"


def rollout(url: str, dialect: Any, *, stream: bool, prompt: str = "Oslo?") -> ak.Trajectory:
    server = ak.Server(url, "sk-of-a-test-0123456789")
    agent = ak.Agent("m", tools=[get_weather], server=server, dialect=dialect, stream=stream)
    return ak.rollout(agent, prompt)


def recorded(dialect: Any, *, stream: bool) -> ak.Trajectory:
    with serve(SCRIPT, manner=MANNER.get(dialect, "openai")) as server:
        return rollout(server.url, dialect, stream=stream)


def flow(body: Any, answer: str | Exchange = "", number: int = 0, path: str = CHAT) -> Flow:
    exchange = answer if isinstance(answer, Exchange) else Exchange(body=answer, status=200)
    text = body if isinstance(body, str) else json.dumps(body)
    return Flow(number=number, path=path, body=text, exchange=exchange)


def completion(text: str, **message: Any) -> str:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice]})


def ask(url: str, body: Any, path: str = CHAT) -> tuple[int, Any]:
    with openai.OpenAI(base_url=url, api_key="x", max_retries=0) as client:
        raw = client._client.post(url.removesuffix("/v1") + path, json=body)
    return raw.status_code, raw.json()


def hello(text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **fields}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("asked", [False, True])
def test_an_agent_gets_what_it_got_in_the_form_it_asks_for(
    dialect: Any, streamed: bool, asked: bool
) -> None:
    before = recorded(dialect, stream=streamed)
    with serve(record=before) as server:
        again = rollout(server.url, dialect, stream=asked)
    assert not server.misses
    assert not server.unused
    assert again.final == before.final == "It is cold."
    assert again.problems == before.problems
    for old, new in zip(before.turns, again.turns, strict=True):
        assert new.reasoning == old.reasoning
        assert [(c.id, c.name, c.raw_arguments) for c in new.tool_calls] == [
            (c.id, c.name, c.raw_arguments) for c in old.tool_calls
        ]
        assert bool(new.response.exchange.chunks) == asked
        if streamed == asked:
            assert new.response.exchange.text == old.response.exchange.text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_miss_is_refused_in_the_dialect_with_what_changed(dialect: Any) -> None:
    with serve(record=recorded(dialect, stream=False)) as server:
        failed = rollout(server.url, dialect, stream=True, prompt="Rome?")
    assert failed.error is not None
    assert failed.error.status == 400
    assert not failed.error.retryable
    assert "was 'Oslo?' and is 'Rome?'" in failed.error.message
    assert [miss.message for miss in server.misses] == [failed.error.message]
    assert len(server.unused) == 2
    assert len(server.asked) == 1


def test_the_clients_of_people_do_not_try_a_miss_again() -> None:
    with serve(record=[flow(hello(), completion("Hello."))]) as server:
        with (
            openai.OpenAI(base_url=server.env["OPENAI_BASE_URL"], api_key="x") as client,
            pytest.raises(openai.BadRequestError, match="'hi' and is 'ho'"),
        ):
            client.chat.completions.create(**hello("ho"))
        with (
            anthropic.Anthropic(base_url=server.env["ANTHROPIC_BASE_URL"], api_key="x") as other,
            pytest.raises(anthropic.BadRequestError, match="no request to POST /v1/messages"),
        ):
            other.messages.create(max_tokens=9, **hello("ho"))
        with (
            openai.OpenAI(base_url=server.url, api_key="x") as third,
            pytest.raises(openai.NotFoundError),
        ):
            third.models.list()
    assert len(server.asked) == len(server.misses) == 3


def test_equal_requests_are_answered_in_order_and_then_anew() -> None:
    late = Exchange(
        status=429, body='{"error": {"message": "slow"}}', headers=(("retry-after", "0"),)
    )
    flows = [flow(hello(), late), flow(hello(), completion("one"), 1)]
    flows += [flow(hello(), completion("two"), 2), flow(hello("ho"), completion("three"), 3)]
    with serve(record=flows) as server:
        client = openai.OpenAI(base_url=server.url, api_key="x", max_retries=1)
        heard = [
            client.chat.completions.create(**hello()).choices[0].message.content for _ in "123"
        ]
        client.close()
    assert heard == ["one", "two", "one"]
    assert [f.number for f in server.unused] == [3]


def test_what_answered_nothing_answers_nothing_again() -> None:
    lost = Exchange(transport_error=ApiError(kind="connection_error", message="reset"))
    cut = Exchange(
        status=200,
        chunks=(Chunk(at=0.1, text='data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'),),
        transport_error=ApiError(kind="stream_cut", message="reset"),
    )
    flows = [flow(hello(), lost), flow(hello("ho", stream=True), cut, 1)]
    with (
        serve(record=flows) as server,
        openai.OpenAI(base_url=server.url, api_key="x", max_retries=0) as client,
    ):
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(**hello())
        stream = client.chat.completions.create(**hello("ho", stream=True))
        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_other_paths_are_answered_as_recorded() -> None:
    models = Flow(
        number=0,
        method="GET",
        path="/v1/models",
        exchange=Exchange(body='{"data": []}', status=200),
    )
    with (
        serve(record=[models]) as server,
        openai.OpenAI(base_url=server.url, api_key="x") as client,
    ):
        assert list(client.models.list()) == []
    assert not server.misses


def test_a_label_has_its_own_answers() -> None:
    flows = [
        Flow(
            number=n,
            label=label,
            path=CHAT,
            body=json.dumps(hello()),
            exchange=Exchange(body=completion(label), status=200),
        )
        for n, label in enumerate(["run 1/1", "run-2"])
    ]
    with serve(record=flows) as server:
        for label in ("run-2", "run-2", "run 1/1"):
            status, body = ask(server.url_for(label), hello(), CHAT)
            assert (status, body["choices"][0]["message"]["content"]) == (200, label)
        assert server.url_for("run-2").endswith("/run-2/v1")


def test_what_a_person_changed_on_its_way_is_played_as_the_agent_had_it() -> None:
    changed = Flow(
        number=0,
        path=CHAT,
        body=json.dumps(hello("changed")),
        original_body=json.dumps(hello()),
        exchange=Exchange(body=completion("by hand"), status=200, by_hand=True),
        original_exchange=Exchange(body=completion("the server's"), status=200),
    )
    with serve(record=[changed]) as server:
        answer = ask(server.url, hello())[1]
    assert answer["choices"][0]["message"]["content"] == "by hand"


def test_keys_are_not_kept() -> None:
    with (
        serve(record=[flow(hello(), completion("Hello."))]) as server,
        openai.OpenAI(base_url=server.url, api_key="sk-secret-0123456789") as client,
    ):
        client.chat.completions.create(**hello())
    assert "sk-secret" not in repr(server.asked)


def test_a_secret_of_the_environment_is_compared_as_it_was_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "shop-4f6a8b0c2d4e6f80")
    with serve(record=[flow(hello("use [redacted]"), completion("Hello."))]) as server:
        assert ask(server.url, hello("use shop-4f6a8b0c2d4e6f80"))[0] == 200
    assert "shop-4f6a8b0c2d4e6f80" not in repr(server.asked)


def test_a_record_goes_with_nothing_else() -> None:
    made: Callable[..., Any] = serve
    with pytest.raises(UsageError, match="played as it is"):
        made(record=[flow(hello(), completion("x"))], faults="rate_limited")
    with pytest.raises(UsageError, match="holds no answer"):
        serve(record=[Flow(number=0)])


VOLATILE: dict[str, tuple[Any, Any]] = {
    "stream": (hello(), hello(stream=True, stream_options={"include_usage": True})),
    "order of keys": (hello(temperature=1), {"temperature": 1, **hello()}),
    "who asks": (hello(), hello(user="u1", metadata={"run": "1"})),
    "empty members": (hello(), hello(tools=None, stop=[])),
    "blocks": (
        hello(),
        {
            "model": "m",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
                    ],
                }
            ],
        },
    ),
    "arguments": (
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}],
                }
            ]
        },
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "b", "function": {"name": "f", "arguments": '{"x": 1}'}}],
                    "reasoning_content": "so",
                }
            ]
        },
    ),
    "white space around": (hello("hi"), hello("\nhi ")),
    "thinking": (
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "so", "signature": "s"},
                        {"type": "text", "text": "yes"},
                    ],
                }
            ]
        },
        {"messages": [{"role": "assistant", "content": "yes"}]},
    ),
    "items": (
        {
            "input": [
                {"role": "user", "content": "hi"},
                {"type": "reasoning", "id": "rs_1"},
                {
                    "type": "function_call",
                    "id": "fc_1",
                    "call_id": "c",
                    "name": "f",
                    "arguments": "{}",
                    "status": "completed",
                },
            ]
        },
        {
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "hi"}],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            ]
        },
    ),
    "clock": (
        {"messages": [{"role": "system", "content": "It is 2026-11-30 12:01:07."}]},
        {"messages": [{"role": "system", "content": "It is 2026-12-01 09:59:59."}]},
    ),
}


@pytest.mark.parametrize("name", VOLATILE)
def test_what_is_volatile_makes_no_difference(name: str) -> None:
    before, after = VOLATILE[name]
    assert key(before, "clock") == key(after, "clock")
    assert name == "clock" or key(before, "form") == key(after, "form")
    assert name == "order of keys" or key(before, "same") != key(after, "same")


OTHER: dict[str, tuple[Any, Any]] = {
    "text": (hello("hi"), hello("ho")),
    "sampling": (hello(temperature=0), hello(temperature=1)),
    "tools": (hello(tools=[{"name": "f"}]), hello(tools=[{"name": "g"}])),
    "day asked for": (hello("weather on 2026-11-30"), hello("weather on 2026-12-01")),
    "error": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": "x",
                            "is_error": True,
                        }
                    ],
                }
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": "x",
                            "is_error": False,
                        }
                    ],
                }
            ]
        },
    ),
    "results swapped": (
        {
            "messages": [
                {"role": "tool", "tool_call_id": "a", "content": "1"},
                {"role": "tool", "tool_call_id": "b", "content": "2"},
                {"role": "tool", "tool_call_id": "a", "content": "3"},
            ]
        },
        {
            "messages": [
                {"role": "tool", "tool_call_id": "a", "content": "1"},
                {"role": "tool", "tool_call_id": "b", "content": "2"},
                {"role": "tool", "tool_call_id": "b", "content": "3"},
            ]
        },
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_asked_makes_a_difference(name: str) -> None:
    before, after = OTHER[name]
    assert key(before, "clock") != key(after, "clock")


def test_ids_of_the_record_are_compared() -> None:
    flows = []
    for number, run in enumerate("ab"):
        call = [
            {"id": f"call_{run}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]
        body = {"messages": [{"role": "tool", "tool_call_id": f"call_{run}", "content": "1"}]}
        flows.append(flow(hello(), completion("", tool_calls=call), 2 * number))
        flows.append(flow(body, completion(run), 2 * number + 1))
    with serve(record=flows) as server:
        for run in "bab":
            asked = {
                "messages": [{"content": "1", "role": "tool", "tool_call_id": f"call_{run}"}],
                "stream": False,
            }
            assert ask(server.url, asked)[1]["choices"][0]["message"]["content"] == run


def test_a_clock_counts_where_both_readings_were_recorded() -> None:
    early, late = hello("it is 12:00:00, greet"), hello("it is 18:00:00, greet")
    with serve(
        record=[flow(early, completion("day")), flow(late, completion("evening"), 1)]
    ) as server:
        heard = [
            ask(server.url, one)[1]["choices"][0]["message"]["content"] for one in (late, early)
        ]
    assert heard == ["evening", "day"]


def test_answers_come_in_recorded_time_if_asked() -> None:
    chunks = (Chunk(at=0.5, text="data: a\n\n"), Chunk(at=0.75, text="data: b\n\n"))
    paced = reply_from(Exchange(status=200, chunks=chunks), {"stream": True}, paced=True)
    assert paced.pieces == [0.5, b"data: a\n\n", 0.25, b"data: b\n\n"]
    assert reply_from(Exchange(body="{}", status=200, elapsed=2.5), {}, paced=True).delay == 2.5
    assert reply_from(Exchange(body="{}", status=200, elapsed=2.5), {}).delay == 0


def test_bytes_that_are_no_text_come_back() -> None:
    raw = b"data: \xff\xfe\n\n"
    text = raw.decode(errors="surrogateescape")
    assert reply_from(Exchange(body=text, status=200), None).content == raw
    streamed = Exchange(chunks=(Chunk(at=0.0, text=text),), status=200)
    assert reply_from(streamed, {"stream": True}).pieces == [raw]


def test_changes_are_told_where_they_begin() -> None:
    before = {"messages": [{"content": "a" * 200 + " cold"}], "n": 1, "tools": [{"name": "f"}]}
    after = {"messages": [{"content": "a" * 200 + " warm"}, {}], "n": None, "top_p": 1}
    told = changes(before, after, most=9)
    assert "messages[0].content was '…" in told
    assert "cold' and is '…" in told
    assert "messages has 2 entries, not 1" in told
    assert "n was 1 and is null" in told
    assert 'tools is gone, it was [{"name":"f"}]' in told
    assert "top_p is new: 1" in told
    assert changes([1, 2, 3, 4, 5], [0, 0, 0, 0, 0]).endswith("and 2 more")


def test_the_log_of_a_tap_is_played(tmp_path: Any) -> None:
    from agentkit.files.foreign.logs.flow_log import flow_line, head_line

    path = tmp_path / "session.jsonl"
    lines = [
        head_line({"": "http://127.0.0.1:1/v1"}),
        flow_line(flow(hello(), completion("Hello."))),
    ]
    path.write_text("".join([*lines, '{"number": 1, "pa']), "utf-8")
    with serve(record=path) as server:
        assert ask(server.url, hello(stream=False))[0] == 200
    assert [problem.code for problem in server.problems] == ["file_damaged"]


CORPUS = Path(__file__).parents[1] / "corpus"


def texts_of(folder: str, name: str) -> list[str]:
    """Give what the cases of a folder of the corpus send."""
    cases = [
        json.loads(path.read_text("utf-8")) for path in sorted((CORPUS / folder).glob("*.json"))
    ]
    sent = [case[name] for case in cases if isinstance(case, dict) and name in case]
    return [one if isinstance(one, str) else json.dumps(one) for one in sent]


def calls_of(response: ak.Response) -> list[tuple[str | None, str]]:
    return [(call.name, call.raw_arguments) for call in response.tool_calls]


def is_plain(body: str) -> bool:
    """Tell whether the calls of a chat completion have the form that OpenAI's have."""
    listed = json.loads(body)["choices"][0]["message"].get("tool_calls", [])
    return isinstance(listed, list) and all(
        isinstance(call, dict)
        and isinstance(call.get("function"), dict)
        and isinstance(call["function"].get("arguments"), str)
        and isinstance(call["function"].get("name"), str)
        for call in listed
    )


@pytest.mark.parametrize("body", texts_of("response", "body"))
def test_any_whole_answer_is_streamed_or_sent_as_it_came(body: str) -> None:
    reply = reply_from(Exchange(body=body, status=200), {"stream": True})
    if reply.pieces is None:
        assert reply.content.decode() == body
    else:
        streamed = ak.read_stream([piece for piece in reply.pieces if isinstance(piece, bytes)])
        whole = ak.read_response(json.loads(body))
        assert whole.problems or calls_of(streamed) == calls_of(whole) or not is_plain(body)


@pytest.mark.parametrize("text", texts_of("stream", "text"))
def test_any_stream_is_sent_whole_or_as_it_came(text: str) -> None:
    exchange = Exchange(chunks=(Chunk(at=0.0, text=text),), status=200)
    reply = reply_from(exchange, {"stream": False})
    if reply.pieces is None:
        whole = ak.read_response(json.loads(reply.content))
        assert calls_of(whole) == calls_of(ak.read_stream([text]))
    else:
        assert reply.pieces == [text.encode()]


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\xfe", b"[" * 90_000, b"[" * 900 + b"]" * 900])
def test_any_request_is_answered(sent: bytes) -> None:
    flows = [flow(sent.decode(errors="surrogateescape"), completion("odd")), flow(hello(), "{}", 1)]
    with (
        serve(record=flows) as server,
        openai.OpenAI(base_url=server.url, api_key="x") as client,
    ):
        post: Any = client._client.post
        assert post(server.url + "/chat/completions", content=sent).status_code == 200
        assert post(server.url + "/chat/completions", content=sent + b"x").status_code == 400
