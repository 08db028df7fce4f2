"""One captured vLLM in three dialects and two forms: what of the same answers really differs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

import agentkit as ak
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.divergence.answer_view import answer_views
from agentkit.analysis.divergence.detect import detect
from agentkit.dialects.responses.oddities import oddities
from agentkit.errors import UsageError
from agentkit.files.reader import rollouts_in
from tests.support.paths import CORPUS


@cache
def rows() -> tuple[dict[str, Any], ...]:
    found = []
    for name in ("vllm.jsonl", "vllm_chat.jsonl"):
        text = (CORPUS / "dialects" / name).read_text(encoding="utf-8")
        found += [json.loads(line) for line in text.splitlines()]
    return tuple(found)


def captured(dialect: str, case: str, form: str = "") -> list[dict[str, Any]]:
    """The rows of one case; of a rollout, all its turns."""
    return [
        row
        for row in rows()
        if row["dialect"] == dialect
        and row["case"].endswith("/stream") == (form == "stream")
        and row["case"].removesuffix("/stream").partition("/")[0] == case
    ]


def beside(left: tuple[str, str, str], right: tuple[str, str, str]) -> Comparison:
    return ak.compare({"left": captured(*left), "right": captured(*right)})


def captured_rollouts(row: dict[str, Any]) -> list[ak.Trajectory]:
    """The rollouts of a row; none where it asks for no answer."""
    try:
        return list(rollouts_in(row))
    except UsageError:
        return []


ROLLOUT = "rollout-00"
KNOWN: dict[tuple[str, str], tuple[str, str]] = {
    ("usage", "tokens of the reasoning are not counted apart"): ("messages", "any"),
    ("usage", "tokens from the cache are not counted"): ("any", "any"),
    ("usage", "no tokens are counted, include_usage was not asked for"): ("chat", "stream"),
    ("content_form", "the content is white space"): ("any", "stream"),
    ("content_form", "the content is null or missing"): ("any", "block"),
}
"""What vLLM 0.32 really does in one dialect or form, and in which."""
SIDES = [(d, ROLLOUT, form) for d in ("chat", "responses", "messages") for form in ("", "stream")]


@pytest.mark.parametrize("left", SIDES, ids="{0[0]} {0[2]}".format)
@pytest.mark.parametrize("right", SIDES, ids="{0[0]} {0[2]}".format)
def test_the_same_answers_differ_in_what_is_known_alone(left: Any, right: Any) -> None:
    found = beside(left, right)
    if left == right:
        assert not found
    sides = {"left": left, "right": right}
    for divergence in found.divergences:
        assert divergence.severity == "cosmetic"
        for told in divergence.cause.split("; "):
            side, _, cause = told.partition(": ")
            dialect, form = KNOWN[divergence.class_, cause]
            assert dialect in ("any", sides[side][0])
            assert form in ("any", sides[side][2] or "block")


def test_arguments_that_do_not_fit_are_the_same_fault_in_each_dialect() -> None:
    assert not [
        d
        for d in beside(("chat", "choice-named", ""), ("messages", "choice-named", "")).divergences
        if d.class_ != "usage"
    ]


def test_an_error_of_another_api_is_told_where_it_stands() -> None:
    found = beside(("chat", "temperature-9", ""), ("messages", "temperature-9", ""))
    (divergence,) = found.divergences
    assert (divergence.class_, divergence.at) == ("error_shape", "right")
    assert (
        "right: an error as HTTP 400, bad_request, not in the form of its API" in divergence.cause
    )


def test_a_cut_that_ends_as_a_whole_answer_is_named_with_what_to_go_by() -> None:
    found = beside(("responses", "max-8", ""), ("responses", "max-8", "stream"))
    (divergence,) = [d for d in found.divergences if d.class_ == "truncation"]
    assert divergence.at == "right"
    assert "its stream ends with response.completed" in divergence.cause
    assert "incomplete_details" in divergence.hint


def test_an_input_that_is_empty_because_the_answer_was_cut_is_no_fault() -> None:
    """Constructed: a stream of Messages that ends in a call."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"type": "message", "role": "assistant"}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {}},
        {"type": "message_stop"},
    ]

    def stream(reason: str) -> str:
        sent = [
            {**e, "delta": {"stop_reason": reason}} if e["type"] == "message_delta" else e
            for e in events
        ]
        return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in sent)

    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}

    def side(reason: str) -> dict[str, Any]:
        chunks = [[0.1, stream(reason)]]
        return {"path": "/v1/messages", "request": {**request, "stream": True}, "chunks": chunks}

    found = ak.compare({"cut": side("max_tokens"), "whole": side("tool_use")})
    told = [d.cause for d in found.divergences if d.class_ == "stream_vs_block"]
    assert told == ["whole: the input of a streamed call stays {}: no piece of it comes"]


def test_of_what_an_api_never_does_captured_answers_have_only_the_cuts_told_as_whole() -> None:
    odd = set()
    for row in rows():
        for trajectory in captured_rollouts(row):
            for view in answer_views(trajectory):
                odd |= {(view.dialect, found.name) for found in view.oddities}
                assert not detect(view, view, ("a", "b"), same_server=True)
    assert odd == {("responses", "item_complete"), ("responses", "cut_completed")}


def test_texts_that_come_only_at_the_end_and_a_stream_without_its_beginning_are_named() -> None:
    """Constructed: a stream of Responses with nothing but its last two events."""
    part = {"type": "output_text", "text": "Hello.", "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    whole = {**item, "content": [part]}
    body = {"object": "response", "id": "resp_1", "status": "completed", "output": [whole]}
    place = {"output_index": 0, "sequence_number": 1}
    added = {"type": "response.output_item.added", **place, "item": {**item, "content": []}}
    done = {"type": "response.output_item.done", **place, "sequence_number": 2, "item": whole}
    end = {"type": "response.completed", "sequence_number": 3, "response": body}
    found = {odd.name: odd.text for odd in oddities(body, [("", e) for e in (added, done, end)])}
    assert found.keys() == {"no created", "text_only_done"}
    created = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1"}}
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hello."}
    sound = [("", e) for e in (created, added, {**delta, "sequence_number": 2}, end)]
    assert {odd.name for odd in oddities(body, sound)} == {"no done"}
    assert not list(oddities(body, []))
