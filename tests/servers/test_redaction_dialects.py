"""Keys in answers of Responses and Messages: in whatever pieces they come, they are in no stream,
record or reading, and what is left is what a server could have sent.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import agentkit as ak
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.redaction.passage import Passage
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.types.answer import Dialect, Response
from agentkit.types.request import Spec
from agentkit.types.wire import ApiError, Chunk, Exchange
from tests.servers.dialect_stub import (
    cut,
    message,
    message_events,
    response,
    response_events,
    written,
)
from tests.servers.http_stub import Answer, HttpServer

KEY = 'sk-proj-0123/4567+89ab=="c'
WORD = "completed1"
"""A secret that begins as a word of the protocol does."""
SHOWN = re.compile(r"x sk?-?\[")
"""Three characters of a key may be shown before what follows says that they are of one."""
PLACES = ("text", "thought", "arguments")
KINDS = {
    "text": ("response.output_text", "text_delta"),
    "thought": ("response.reasoning_summary_text", "thinking_delta"),
    "arguments": ("response.function_call_arguments", "input_json_delta"),
}


@pytest.fixture(autouse=True)
def known() -> None:
    """Give a server of this process the key."""
    remember([KEY, WORD])


def holding(place: str) -> str:
    """A text of this place with the key in it, as it is there."""
    return json.dumps({"k": f"x {KEY} y"}) if place == "arguments" else f"x {KEY} y"


def pieces_of(dialect: Dialect, place: str, parts: Sequence[str]) -> list[str]:
    """A stream with the key in one place, in these parts."""
    text = holding(place)
    deltas = dict.fromkeys(KINDS[place], parts)
    if dialect == "responses":
        return written(response_events(response(**{place: text}), deltas=deltas))
    return written(message_events(message(**{place: text}), deltas=deltas))


def streamed(pieces: list[str], **rest: Any) -> Exchange:
    chunks = tuple(Chunk(at=float(n), text=piece) for n, piece in enumerate(pieces))
    return Exchange(status=200, chunks=chunks, **rest)


def passed(pieces: list[str]) -> str:
    """What whoever watches the stream has seen in the end."""
    seen: list[str] = []
    secrecy = Secrecy()
    passage = Passage(lambda: secrecy.redact, lambda chunk: seen.append(chunk.text))
    for chunk in streamed(pieces).chunks:
        passage(chunk)
    passage.close()
    return "".join(seen)


def kept(exchange: Exchange) -> tuple[Exchange, Response]:
    """What is committed of an answer."""
    answer = Secrecy().answer(Spec(), exchange, 0)
    assert answer.response is not None
    return answer.exchange, answer.response


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def texts_of(stream: str) -> list[str]:
    """Each text of a stream: what its deltas come together to, and what it says as a whole."""
    joined: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    whole: list[str] = []
    for line in stream.splitlines():
        if line.startswith("data: "):
            event = json.loads(line[6:])
            delta = event.pop("delta", None)
            place = event["type"], str(event.get("output_index")), str(event.get("index"))
            if isinstance(delta, str):
                joined[place].append(delta)
            elif isinstance(delta, dict):
                for name, text in delta.items():
                    joined[(*place, name)].append(str(text))
            whole += strings(event)
    return [*whole, *("".join(parts) for parts in joined.values())]


def is_clean(stream: str, place: str, *, live: bool = False) -> None:
    """Check that no text holds the key or a good part of it, and that every text agrees."""
    texts = [SHOWN.sub("x [", text) if live else text for text in texts_of(stream)]
    assert not [text for text in texts if "0123/4" in text or "4567+8" in text]
    marked = {text for text in texts if "[redacted]" in text}
    expected = holding(place).replace(json.dumps(KEY)[1:-1], "[redacted]")
    assert marked == {expected.replace(KEY, "[redacted]")}


@pytest.mark.parametrize("dialect", ["responses", "messages"])
@pytest.mark.parametrize("place", PLACES)
def test_a_key_in_pieces_is_in_no_stream_record_or_reading(dialect: Dialect, place: str) -> None:
    text = holding(place)
    for parts in (
        *(cut(text, size) for size in (1, 2, 5, 99)),
        *([text[:at], text[at:]] for at in range(1, len(text))),
    ):
        pieces = pieces_of(dialect, place, parts)
        is_clean(passed(pieces), place, live=True)
        exchange, read = kept(streamed(pieces))
        is_clean(exchange.text, place)
        assert exchange.redacted
        assert KEY not in repr(read)
        assert [p.code for p in read.problems] == ["secret_redacted"]
        assert len(exchange.chunks) == len(pieces)


@pytest.mark.parametrize("dialect", ["responses", "messages"])
@pytest.mark.parametrize("place", PLACES)
def test_a_key_in_a_block_is_redacted(dialect: Dialect, place: str) -> None:
    make = response if dialect == "responses" else message
    for ascii_only in (True, False):
        body = json.dumps(make(**{place: holding(place)}), ensure_ascii=ascii_only)
        exchange, read = kept(Exchange(status=200, body=body))
        assert KEY not in " ".join(strings(exchange.raw))
        assert "[redacted]" in exchange.body
        assert [p.code for p in read.problems] == ["secret_redacted"]


@pytest.mark.parametrize("dialect", ["responses", "messages"])
@pytest.mark.parametrize("place", PLACES)
def test_a_stream_that_breaks_off_in_a_key_shows_no_part_of_it(
    dialect: Dialect, place: str
) -> None:
    pieces = pieces_of(dialect, place, cut(holding(place), 3))
    reset = ApiError(kind="connection_reset", message="cut", retryable=True)
    for count in range(1, len(pieces)):
        for broken in (pieces[:count], [*pieces[: count - 1], pieces[count - 1][:-9]]):
            exchange, _ = kept(streamed(broken, transport_error=reset))
            for text in (passed(broken), exchange.text):
                lines = [line for line in text.splitlines() if _is_json(line)]
                found = texts_of("\n".join(lines))
                assert not [said for said in found if "sk-proj" in said], broken[-1]


def _is_json(line: str) -> bool:
    try:
        json.loads(line.removeprefix("data: "))
    except ValueError:
        return False
    return True


def test_the_tokens_of_a_key_go_with_it() -> None:
    tokens = cut(f"x {KEY} y", 4)
    listed = [
        {"token": t, "logprob": -1.0, "bytes": list(t.encode()), "top_logprobs": []} for t in tokens
    ]
    body = response(text=f"x {KEY} y")
    body["output"][1]["content"][0]["logprobs"] = listed
    events = []
    for event in response_events(body, deltas={"response.output_text": tokens}):
        if event["type"] == "response.output_text.delta":
            event["logprobs"] = [listed[tokens.index(event["delta"])]]
        elif event["type"] == "response.output_text.done":
            event["logprobs"] = listed
        events.append(event)
    for exchange in (streamed(written(iter(events))), Exchange(status=200, body=json.dumps(body))):
        clean, _ = kept(exchange)
        spelt = "".join(_spelt(clean.raw or clean.text))
        assert "0123" not in spelt
        assert "4567" not in spelt


def _spelt(value: Any) -> Iterator[str]:
    """What tokens spell, as text and as bytes."""
    if isinstance(value, str):
        for line in value.splitlines():
            if line.startswith("data: "):
                yield from _spelt(json.loads(line[6:]))
    elif isinstance(value, dict):
        if "token" in value:
            yield value["token"]
            yield bytes(value.get("bytes") or ()).decode("utf-8", "replace")
        for item in value.values():
            yield from _spelt(item) if isinstance(item, (dict, list)) else ()
    elif isinstance(value, list):
        for item in value:
            yield from _spelt(item)


@pytest.mark.parametrize("dialect", ["responses", "messages"])
def test_what_holds_no_key_stays_as_it_is(dialect: Dialect) -> None:
    """Signatures and encrypted content are no secrets of ours, whatever they look like, and a word
    of the protocol is not the beginning of one.
    """
    opaque = "gAAAAABo_sk-proj-0123_eyJhbGciOiJI.Es0BCkYIBxgCKkBhZG1pbg=="
    if dialect == "responses":
        body = response()
        body["output"][0]["encrypted_content"] = opaque
        pieces = written(response_events(body))
    else:
        body = message()
        body["content"][0]["signature"] = opaque
        body["content"].insert(0, {"type": "redacted_thinking", "data": opaque})
        body["content"] = body["content"][1:]
        pieces = written(message_events(body))
    exchange, read = kept(streamed(pieces))
    assert exchange.text == passed(pieces) == "".join(pieces)
    assert not exchange.redacted
    assert opaque in repr(read.items)
    block, _ = kept(Exchange(status=200, body=json.dumps(body)))
    assert block.raw == body


@pytest.mark.parametrize("dialect", ["responses", "messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_runs_with_the_key_and_the_server_never_sees_it_again(
    dialect: Dialect, stream: bool
) -> None:
    got: list[str] = []

    def weather(k: str) -> str:
        """Tell the weather."""
        got.append(k)
        return f"I was given {k}"

    text = holding("arguments")
    done: dict[str, Any] = {}
    if dialect == "responses":
        first, final = response(arguments=text), response()
        final["output"] = final["output"][1:2]
        events = response_events(first)
    else:
        first, final = message(arguments=text), message(stop_reason="end_turn")
        final["content"] = final["content"][1:2]
        events = message_events(first)
    answer = Answer(first)
    if stream:
        answer = Answer(pieces=written(events), headers={"Content-Type": "text/event-stream"})
    with HttpServer(answer, Answer(final)) as http:
        server = ak.Server(http.url, KEY)
        agent = ak.Agent("m", tools=[weather], server=server, dialect=dialect, stream=stream)
        done["rollout"] = ak.rollout(agent, f"Use {KEY}")
    trajectory = done["rollout"]
    assert trajectory.stop_reason == "final"
    assert got == [f"x {KEY} y"]
    assert KEY not in repr(trajectory)
    sent = json.dumps([asked.json for asked in http.requests])
    assert "0123/4567" not in sent
    assert sent.count("[redacted]") >= 4
