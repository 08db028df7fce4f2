"""What only Responses and Messages have, as rows of a turn and in its tabs. All answers are
constructed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.show.html import Html, fragment
from agentkit.show.notebook.views.debugger.hits import hits
from agentkit.show.notebook.views.stream_rows import StreamRows
from agentkit.show.notebook.views.turns.request_tab import request_tab
from agentkit.show.notebook.views.turns.response_tab import response_tab
from agentkit.show.render.render import render
from agentkit.show.render.render import text_of as text
from agentkit.testing import ScriptedServer
from agentkit.types.answer import Dialect, Response
from agentkit.types.request import Request
from agentkit.types.trajectory import Message, Trajectory, Turn
from notebooks import gallery
from notebooks.dialect_answers import MESSAGES, RESPONSES
from tests.show.test_hostile_rollout import HOSTILE, assert_harmless
from tests.show.test_html import read

ANSWERS: dict[Dialect, list[dict[str, Any]]] = {"responses": RESPONSES, "messages": MESSAGES}


def turn_of(body: dict[str, Any], **changes: Any) -> dict[str, Html]:
    """Draw an answer as a turn."""
    return render(Turn(index=0, response=replace(ak.read_response(body), **changes)))


def rows(body: dict[str, Any], **changes: Any) -> list[str]:
    """The rows of a turn, without its head and what is behind a click."""
    keys = [key.partition("/")[2] for key in turn_of(body, **changes)]
    return [key for key in keys if key and key not in ("details", "problems")]


def words(html: Html) -> str:
    return " ".join(read(html).text.split())


def rollout(dialect: Dialect) -> Trajectory:
    tools = [ak.tool(lambda **given: "ok", name=name) for name in ("find_trains", "pay", "reserve")]
    server = ScriptedServer(ANSWERS[dialect])
    return ak.rollout(
        ak.Agent("m", tools, server=server, dialect=dialect, system="Be kind."), "Go."
    )


def test_what_an_answer_holds_stands_in_the_order_in_which_it_came() -> None:
    calls = ["call-0", "call-1"]
    in_order = ["reasoning", "step-0", "reasoning-1", "text", *calls]
    assert rows(RESPONSES[0]) == in_order
    assert rows(MESSAGES[0]) == ["reasoning", "text", "step-0", "text-1", *calls]
    assert rows(RESPONSES[1]) == ["step-0", "step-1", "step-2", *calls]


def test_an_answer_that_was_changed_is_shown_as_it_is_now() -> None:
    drawn = turn_of(MESSAGES[0], content="Changed.", wire_content="Changed.")
    assert rows(MESSAGES[0], content="Changed.", wire_content="Changed.")[:3] == [
        "reasoning", "step-0", "text",
    ]  # fmt: skip
    assert words(drawn["turn-0/text"]) == "Changed."


def test_a_step_of_the_server_says_its_name_its_state_and_what_it_did() -> None:
    drawn = turn_of(RESPONSES[1])
    failed = words(drawn["turn-0/step-1"])
    assert failed.startswith("⟲ balance done by the server · mcp_call")
    assert "failed" in failed
    assert "the bank is closed" in failed
    assert "completed" in words(drawn["turn-0/step-2"])
    assert '"print(min(549, 899, 749, 399))"' in words(drawn["turn-0/step-2"])
    searched = words(turn_of(MESSAGES[0])["turn-0/step-0"])
    assert "web_search" in searched
    assert "trains Oslo Bergen Friday" in searched
    assert "Oslo to Bergen: timetable" in searched


def test_what_only_the_server_can_read_is_told_by_its_size() -> None:
    compacted = words(turn_of(RESPONSES[2])["turn-0/step-0"])
    assert compacted.startswith("⟲ compaction done by the server 630 characters")
    sealed = words(turn_of(RESPONSES[0])["turn-0/reasoning"])
    assert "encrypted: 1 part of 1,274 characters" in sealed
    redacted = words(turn_of(MESSAGES[1])["turn-0/reasoning"])
    assert "redacted by the server: 1 part of 720 characters" in redacted
    hidden = {"type": "thinking", "thinking": "", "signature": "x" * 90}
    body = {**MESSAGES[0], "content": [hidden, {"type": "text", "text": "Hi."}]}
    assert "not shown by the server: 1 part of 90" in words(turn_of(body)["turn-0/reasoning"])


@pytest.mark.parametrize("long", [1, 40])
@pytest.mark.parametrize(("given", "mark"), [("abc", "signed"), ("", "▲ unsigned")])
def test_thinking_says_whether_it_is_signed(given: str, mark: str, long: int) -> None:
    thinking = {"type": "thinking", "thinking": "I think. " * long, "signature": given}
    body = {**MESSAGES[0], "content": [thinking, {"type": "text", "text": "Hi."}]}
    assert f" {mark} " in words(turn_of(body)["turn-0/reasoning"]).replace(":", " ")
    assert "signed" not in words(turn_of(RESPONSES[0])["turn-0/reasoning"])


def test_a_text_names_what_it_cites_and_leads_nowhere() -> None:
    drawn = turn_of(RESPONSES[0])["turn-0/text"]
    cites = "cites Oslo to Bergen: timetable https://trains.example/oslo-bergen · prices.pdf"
    assert cites in words(drawn)
    assert "<a" not in drawn
    many = [{"type": "url_citation", "url": f"https://{i}.example", "title": "t"} for i in range(9)]
    part = {"type": "output_text", "text": "Hi.", "annotations": many}
    body = {**RESPONSES[0], "output": [{"type": "message", "role": "assistant", "content": [part]}]}
    folded = words(turn_of(body)["turn-0/text"])
    assert "cites 9 sources" in folded
    assert "https://8.example" in folded


def test_a_refusal_stands_behind_the_text() -> None:
    said = words(turn_of(RESPONSES[2])["turn-0/text"])
    assert said.endswith("refusal I cannot mail it: no address is known.")
    assert said.startswith("R23 at 23:25 is paid.")


@pytest.mark.parametrize("dialect", ANSWERS)
def test_the_dialect_is_named_once(dialect: Dialect) -> None:
    drawn = render(rollout(dialect))
    assert f"{dialect} API" in drawn["head"]
    assert not any(f"{dialect} API" in part for key, part in drawn.items() if key != "head")
    assert f"{dialect} API" in text(rollout(dialect)).splitlines()[0]


def test_an_item_without_a_role_is_named_by_its_type() -> None:
    item = {"type": "function_call_output", "call_id": "c", "output": "3 degrees"}
    row = words(render(Message(wire=item))["message"])
    assert row.startswith("function_call_output")
    assert "no role" not in row
    shown = render(Request(model="m", messages=(item,), dialect="responses"))
    assert "no role" not in "".join(shown.values())


def test_a_search_finds_each_text_in_its_own_row() -> None:
    found = hits(rollout("messages"), "night train")["hits"]
    assert [hit[1] for hit in found] == ["turn-0/text-1"]
    assert [hit[1] for hit in hits(rollout("responses"), "no address")["hits"]][:1] == [
        "turn-2/text"
    ]


# tabs


def test_a_request_is_shown_in_its_own_dialect() -> None:
    asked = words(request_tab(rollout("responses"), 1))
    assert asked.startswith("POST /v1/responses")
    assert "input 10; the first 2 as in turn 0" in asked
    for item in ("reasoning", "web_search_call", "function_call", "function_call_output"):
        assert f" {item} " in asked
    assert "no role" not in asked
    asked = words(request_tab(rollout("messages"), 1))
    assert asked.startswith("POST /v1/messages")
    assert "system Be kind." in asked
    assert "messages 3; the first 1 as in turn 0" in asked
    assert "tool_result toolu_1, tool_result toolu_2" in asked
    assert "tools 3: find_trains, pay, reserve" in asked


def test_the_events_of_an_answer_are_named() -> None:
    known: dict[Dialect, tuple[str, ...]] = {
        "responses": ("response.created", "response.output_text.delta", "response.completed"),
        "messages": ("message_start", "content_block_delta", "message_stop"),
    }
    for dialect, names in known.items():
        came = gallery.streamed(ANSWERS[dialect][0])
        turn = Turn(index=0, response=ak.read_response(came))
        shown = words(response_tab(Trajectory(turns=(turn,)), 0))
        assert f"dialect {dialect}" in shown
        assert all(name in shown for name in names)


# while it streams


@pytest.mark.parametrize("dialect", ANSWERS)
def test_reasoning_text_and_arguments_grow_as_they_come(dialect: Dialect) -> None:
    growing = StreamRows(0)
    came = gallery.streamed(ANSWERS[dialect][0])
    seen: list[str] = []
    for chunk in came.chunks:
        growing.feed(chunk)
        for op in growing.ops("prompt-0"):
            seen += [op[1].partition("/")[2].partition("/")[0]]
    kinds = list(dict.fromkeys(seen))
    assert kinds == ["head", "reasoning", "content", "call-0", "call-1"]
    shown = words(fragment(*growing.rows().values()))
    for part in ("The", "compare", "find_trains", '"day": "Saturday"'):
        assert part in shown


# hostile


def poisoned(value: Any) -> Any:
    """Put hostile text wherever a text stands that is no type."""
    if isinstance(value, dict):
        kept = ("type", "role", "object", "status", "stop_reason", "id", "tool_use_id")
        return {k: v if k in kept else poisoned(v) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


@pytest.mark.parametrize("dialect", ANSWERS)
def test_nothing_a_server_sends_becomes_markup(dialect: Dialect) -> None:
    for body in ANSWERS[dialect]:
        response = ak.read_response(json.loads(json.dumps(poisoned(body))))
        assert isinstance(response, Response)
        turn = Turn(index=0, response=response)
        shown = Trajectory(turns=(turn,), stop_reason="final")
        for name, html in {**render(shown), "tab": response_tab(shown, 0)}.items():
            assert_harmless(name, html, html=True)
        assert_harmless("text", text(shown))
    kinds = {"type": HOSTILE, "name": HOSTILE, "status": HOSTILE, "id": HOSTILE, HOSTILE: HOSTILE}
    body = {**MESSAGES[0], "content": [kinds]} if dialect == "messages" else {"output": [kinds]}
    odd = ak.read_response({**body, "object": "response", "status": "completed"})
    for name, html in render(Turn(index=0, response=odd)).items():
        assert_harmless(name, html, html=True)
