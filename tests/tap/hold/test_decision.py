"""What a person decided, done to the bytes that wait: packed ones, ones with secrets, large ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.servers.redaction.known_secrets import remember
from agentkit.tap.carrier.flow_record import FlowReader
from agentkit.tap.carrier.stops.decision import (
    changed_answer_of,
    changed_body_of,
    refusal,
    substitute_of,
)
from agentkit.tap.seam.passing import Passing
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.support.dialect_answers import answer
from tests.tap.hold.agent_requests import PATHS, body
from tests.tap.hold.agents import Asking
from tests.tap.hold.test_hold import first

KEY = "sk-proj-abcdefghij0123456789"


def passing(text: str, *headers: tuple[bytes, bytes], packed: bool = False) -> Passing:
    raw = gzip.compress(text.encode()) if packed else text.encode()
    made = Passing(0, "", "POST", PATHS["chat"], headers=headers)
    made.take(raw)
    return made


def test_a_packed_request_is_packed_again() -> None:
    came = passing(body("chat"), (b"Content-Encoding", b"gzip"), packed=True)
    made = gzip.decompress(changed_body_of(came, FlowReader(), [{"temperature": 0.5}]))
    assert made.decode() == body("chat").replace("1.0", "0.5")


def test_what_cannot_be_packed_again_does_not_pass() -> None:
    came = passing(body("chat"), (b"Content-Encoding", b"zstd"))
    with pytest.raises(ValueError, match="zstd"):
        changed_body_of(came, FlowReader(), [{"temperature": 0.5}])
    refused = refusal(ValueError("so it is"))
    assert refused.status == 500
    assert b"so it is" in refused.pieces[0]


def test_changes_follow_one_another() -> None:
    changes: list[dict[str, Any]] = [{"temperature": 0.5}, {"messages": "Pay 6."}, {"top_p": 1}]
    made = json.loads(changed_body_of(passing(body("chat")), FlowReader(), changes))
    assert (made["temperature"], made["top_p"]) == (0.5, 1)
    assert made["messages"][1]["content"] == "Pay 6."


def test_a_packed_answer_is_changed_and_leaves_as_it_is_read() -> None:
    came = passing(body("chat"))
    text = json.dumps(answer("chat", 1, "Old."))
    packed = gzip.compress(text.encode())
    headers = ((b"Content-Encoding", b"gzip"), (b"Content-Length", b"9"), (b"X-Id", b"r1"))
    came.answered(200, "OK", headers)
    came.add(packed[:20])
    came.add(packed[20:])
    made = changed_answer_of(came, FlowReader(), [{"text": "New.", "call": 0}])
    assert b"".join(made.pieces).decode() == text.replace("Old.", "New.")
    assert made.headers == (("X-Id", "r1"),)


def test_an_answer_by_hand_says_its_error_in_the_stream_where_a_200_was_sent() -> None:
    given = {"status": 429, "headers": [], "pieces": ["block"], "late": "data: {}\n\n"}
    early, late = (substitute_of({"answer": given}, late=late) for late in (False, True))
    assert early is not None
    assert late is not None
    assert (early.pieces, late.pieces) == ((b"block",), (b"data: {}\n\n",))
    assert substitute_of({}, late=False) is None


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with HttpServer(Answer(COMPLETION)) as server:
        yield server


@pytest.mark.slow
def test_secrets_are_not_shown_and_leave_as_they_came(http: HttpServer) -> None:
    """Constructed: the agent's own key stands in what a tool has read."""
    remember([KEY])
    w = ak.watch(http.url)
    w.hold(ak.break_on.request())
    messages: Any = [{"role": "user", "content": f"The file says {KEY}."}]
    with openai.OpenAI(base_url=w.url, api_key=KEY) as client:
        ask: Any = client.chat.completions.create
        asked = Asking(
            lambda: (ask(model="m", messages=messages).choices[0].message.content or "", [])
        )
        held = first(w)
        assert KEY not in repr((held, held.flow, held.request.messages))
        more = {"role": "user", "content": "And?"}
        held.change(messages=[*held.request.messages, more], temperature=0).send()
        assert asked.answer() == ("four", [])
    w.close()
    assert http.requests[0].json["messages"] == [*messages, more]
    assert http.requests[0].headers["authorization"] == f"Bearer {KEY}"
    (flow,) = w.flows
    assert KEY not in repr(flow)
    assert KEY not in repr(replace(flow, body=flow.original_body or ""))


@pytest.mark.slow
def test_what_is_too_large_to_be_kept_passes(http: HttpServer) -> None:
    """Constructed: an answer of 70 MB, which no memory is to hold."""
    text = json.dumps({**COMPLETION, "padding": "x" * (70 * 2**20)})
    http.answers = [Answer(text)]
    w = ak.watch(http.url)
    w.hold(ak.break_on.text("four"))
    with openai.OpenAI(base_url=w.url, api_key="k") as client:
        ask: Any = client.chat.completions.create
        made = ask(model="m", messages=[{"role": "user", "content": "?"}])
        assert made.choices[0].message.content == "four"
        assert len(made.padding) == 70 * 2**20
    w.close()
