"""Shrinking: the fault stays, the history stays one that servers take, the asks are counted, and an
interrupt keeps what was found.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.show.export.reductions import fewest, reductions
from agentkit.testing import ScriptedServer, says
from agentkit.trajectory.loop import start
from agentkit.trajectory.trouble.preflight import preflight
from agentkit.types.request import Request, Spec
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.show.export_samples import run_shell, weather

LEAK = says("a </think> b")


def long_rollout(turns: int = 6) -> Trajectory:
    """Constructed: many turns with two calls each, tools with described properties, long texts."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are careful. " * 40},
        {"role": "user", "content": "first line\nthe odd word here: zebra\nlast line"},
    ]
    for i in range(turns):
        calls = [
            {
                "id": f"c{i}_{j}",
                "type": "function",
                "function": {"name": "look", "arguments": json.dumps({"n": j})},
            }
            for j in range(2)
        ]
        messages.append(
            {"role": "assistant", "content": "", "tool_calls": calls, "reasoning": "hm"}
        )
        messages += [
            {"role": "tool", "tool_call_id": f"c{i}_{j}", "content": f"result {i} {j} " * 10}
            for j in range(2)
        ]
    properties = {
        name: {"type": "string", "description": f"the {name}"} for name in ("n", "odd", "other")
    }
    schema = {"type": "object", "properties": properties, "required": ["n", "odd"], "title": "T"}
    tools = tuple(
        {
            "type": "function",
            "function": {
                "name": f"look{i or ''}",
                "description": "looks " * 9,
                "parameters": schema,
            },
        }
        for i in range(5)
    )
    return start(
        messages, Spec(model="m", tools=tools, sampling={"temperature": 0, "top_p": 0.9, "seed": 7})
    )


def needs(*parts: str) -> Any:
    """A model that shows its fault when the request holds all of these."""

    def ask(request: Request) -> Any:
        text = json.dumps(request.body)
        return LEAK if all(part in text for part in parts) else says("fine")

    return ask


def test_what_the_fault_needs_is_left() -> None:
    shrunk = ak.export.shrink(
        long_rollout(),
        "orphan_think_close",
        needs("zebra", "look3", '"seed"'),
        limit=2000,
        progress=None,
    )
    body = shrunk.request.body
    assert shrunk.ended == "smallest"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look3"]
    assert body["tools"][0]["function"]["parameters"].get("properties", {}) == {}
    assert [m["content"].strip() for m in body["messages"]] == ["zebra"]
    assert {name for name in body if name not in ("model", "messages", "tools")} == {"seed"}
    assert shrunk.size_after < 0.05 * shrunk.size_before
    assert shrunk.response is not None
    assert "orphan_think_close" in [p.code for p in shrunk.response.all_problems]


def test_a_call_keeps_its_result() -> None:
    shrunk = ak.export.shrink(
        long_rollout(),
        lambda response: "</think>" in str(response.raw),
        needs("c3_1"),
        limit=2000,
        progress=None,
    )
    assert [message["role"] for message in shrunk.request.messages] == ["assistant", "tool"]
    assert [call["id"] for call in shrunk.request.messages[0]["tool_calls"]] == ["c3_1"]


@given(
    st.sets(
        st.sampled_from(
            [f"c{i}_{j}" for i in range(3) for j in range(2)]
            + ["zebra", "careful", "look2", '"odd"', "top_p", "result 1 0"]
        ),
        max_size=4,
    )
)
def test_every_request_on_the_way_is_one_that_servers_take(parts: set[str]) -> None:
    seen: list[Request] = []
    judge = needs(*parts)

    def ask(request: Request) -> Any:
        seen.append(request)
        return judge(request)

    shrunk = ak.export.shrink(long_rollout(3), "orphan_think_close", ask, limit=5000, progress=None)
    assert all(not preflight(list(request.messages)) for request in seen)
    assert all(request.messages[-1]["role"] in ("tool", "user") for request in seen)
    assert (
        len({json.dumps(request.body, sort_keys=True) for request in seen})
        == len(seen)
        == shrunk.asks
    )
    assert all(part in json.dumps(shrunk.request.body) for part in parts)
    for tool in shrunk.request.tools:
        schema = tool["function"]["parameters"]
        assert set(schema.get("required", ())) <= set(schema.get("properties", {}))


@given(st.lists(st.integers(0, 30), unique=True, max_size=30), st.data())
def test_the_fewest_pieces_are_found(pieces: list[int], data: st.DataObject) -> None:
    needed = set(data.draw(st.lists(st.sampled_from(pieces), max_size=3))) if pieces else set()
    found = fewest(pieces, lambda kept: needed <= set(kept))
    assert found == [piece for piece in pieces if piece in needed]


def test_reductions_leave_the_body_as_it_was() -> None:
    body = long_rollout().request(0).body
    before = json.dumps(body)
    for way in reductions(body):
        for reduction in way(body):
            assert reduction.build(reduction.pieces) == body, reduction.what
            for index in range(len(reduction.pieces)):
                reduction.build([piece for i, piece in enumerate(reduction.pieces) if i != index])
    assert json.dumps(body) == before


def test_the_limit_holds_and_the_best_so_far_is_given() -> None:
    shrunk = ak.export.shrink(
        long_rollout(), "orphan_think_close", needs("zebra"), limit=7, progress=None
    )
    assert (shrunk.ended, shrunk.asks) == ("limit", 7)
    assert shrunk.size_after < shrunk.size_before


def test_an_interrupt_keeps_the_best_so_far() -> None:
    asks = 0

    def ask(request: Request) -> Any:
        nonlocal asks
        asks += 1
        if asks > 5:
            raise KeyboardInterrupt
        return LEAK

    shrunk = ak.export.shrink(long_rollout(), "orphan_think_close", ask, progress=None)
    assert shrunk.ended == "interrupted"
    assert shrunk.size_after < shrunk.size_before


def test_a_fault_that_does_not_show_is_said_first() -> None:
    with pytest.raises(UsageError, match="does not show the fault in 3 tries"):
        ak.export.shrink(long_rollout(), "markup_leak", lambda request: says("fine"), tries=3)


def test_a_fault_that_shows_sometimes_is_asked_for_again() -> None:
    asks = 0

    def ask(request: Request) -> Any:
        nonlocal asks
        asks += 1
        return LEAK if "zebra" in json.dumps(request.body) and asks % 3 == 0 else says("fine")

    shrunk = ak.export.shrink(
        long_rollout(2), "orphan_think_close", ask, limit=3000, tries=3, progress=None
    )
    assert [m["content"].strip() for m in shrunk.request.messages] == ["zebra"]


def test_a_refused_request_is_a_fault_by_its_kind_alone() -> None:
    def ask(request: Request) -> Any:
        if "zebra" in json.dumps(request.body):
            return Exchange(
                status=400,
                body='{"error": {"message": "maximum context length is 10 tokens", "code": "context_length_exceeded"}}',
            )
        return ApiError(kind="server_error", message="no")

    shrunk = ak.export.shrink(
        long_rollout(), "context_length_exceeded", ask, limit=2000, progress=None
    )
    assert shrunk.response is None
    assert [m["content"].strip() for m in shrunk.request.messages] == ["zebra"]
    assert shrunk.trajectory.error is not None
    assert "context_length_exceeded" in ak.export.pytest(shrunk)
    with pytest.raises(UsageError):
        ak.export.shrink(long_rollout(), lambda response: True, ask)


def test_a_request_that_cannot_be_answered_shows_nothing() -> None:
    def ask(request: Request) -> Any:
        if "careful" not in json.dumps(request.body):
            raise KeyError("no system message")
        return LEAK

    shrunk = ak.export.shrink(long_rollout(), "orphan_think_close", ask, limit=2000, progress=None)
    assert [m["content"].strip() for m in shrunk.request.messages if m["role"] == "system"] == [
        "careful."
    ]
    with pytest.raises(ZeroDivisionError):
        ak.export.shrink(long_rollout(), "orphan_think_close", lambda request: 1 / 0)


def test_progress_is_told_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    ak.export.shrink(long_rollout(), "orphan_think_close", needs("zebra"), limit=500)
    printed = capsys.readouterr().out.splitlines()
    assert 2 <= len(printed) <= 15
    assert all("characters: fewer" in line for line in printed)


def test_a_server_is_asked_where_the_turn_was(tmp_path: Path) -> None:
    """The recorded address, streaming kept, and the small request runs as a command."""

    def answer(asked: Any) -> Answer:
        body = {
            **COMPLETION,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "a </think> b"},
                    "finish_reason": "stop",
                }
            ],
        }
        return Answer(body) if "Oslo" in json.dumps(asked.json) else Answer(COMPLETION)

    with HttpServer(answer) as server:
        agent = ak.Agent("m", tools=[], server=server.url, sampling={"top_p": 0.5})
        turn = ak.rollout(agent, "Is it cold in Oslo today, and what should I wear?").turns[0]
        shrunk = ak.export.shrink(turn, "orphan_think_close", progress=None)
        assert len(server.requests) == shrunk.asks + 1
        assert [m["content"].strip() for m in shrunk.request.messages] == ["Oslo"]
        assert shrunk.request.sampling == {}
        script = ak.export.curl(shrunk)
        assert "</think>" in run_shell(script, tmp_path).stdout
        assert server.requests[-1].json == shrunk.request.body


def test_an_agent_a_debugger_and_an_async_function_can_be_asked() -> None:
    agent = ak.Agent("m", server=ScriptedServer(lambda messages: LEAK), sampling={"seed": 1})
    dbg = ak.debug(agent, "hello there, this is a long text")
    dbg.run()

    async def ask(request: Request) -> Any:
        return LEAK

    for who in (None, agent, agent.server, ask):
        shrunk = ak.export.shrink(dbg, "orphan_think_close", who, progress=None)
        assert shrunk.request.body == {"model": "m", "messages": [{"role": "user", "content": ""}]}
    with pytest.raises(UsageError, match="nobody to ask"):
        ak.export.shrink(dbg.trajectory, "orphan_think_close")


def test_what_was_found_is_shown() -> None:
    shrunk = ak.export.shrink(
        weather()[0], lambda response: True, lambda request: says("x"), turn=0, progress=None
    )
    assert "nothing more can be left out" in repr(shrunk)
    bundle = shrunk._repr_mimebundle_()
    assert repr(shrunk)[8:-1] in bundle["text/plain"]
    assert "ak-root" in bundle["text/html"]
