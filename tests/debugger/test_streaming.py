"""A debugger asks for its answers in pieces, where the server gives them."""

from __future__ import annotations

import json
import logging

import pytest

import agentkit as ak
from agentkit.agent.events import Event, Streamed
from agentkit.testing import ScriptedServer, serve
from tests.servers.http_stub import Answer, Asked, HttpServer


def pieces(dbg: ak.Debugger) -> int:
    """Run to the end, and count the pieces that came."""
    came: list[Event] = []
    dbg.watch(came.append)
    dbg.run()
    return sum(isinstance(event, Streamed) for event in came)


def test_a_debugger_streams_and_a_rollout_does_not() -> None:
    with serve(["one two three"]) as server:
        agent = ak.Agent("m", server=server.url)
        dbg = ak.debug(agent, "go")
        assert pieces(dbg) >= 1
        assert dbg.trajectory.spec.stream
        assert dbg.trajectory.turns[0].response.time_to_first_token is not None
    assert not agent.spec.stream


def test_what_was_asked_for_is_done() -> None:
    with serve(["one two three"]) as server:
        dbg = ak.debug(ak.Agent("m", server=server.url, stream=False), "go")
        assert pieces(dbg) == 0
        assert dbg.trajectory.final == "one two three"


def test_a_server_that_has_no_pieces_is_asked_for_the_whole() -> None:
    dbg = ak.debug(ak.Agent("m", server=ScriptedServer(["hi"])), "go")
    assert not dbg.trajectory.spec.stream
    assert dbg.run().final == "hi"


def test_a_server_that_refuses_is_asked_for_the_whole_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def block(asked: Asked) -> Answer:
        if json.loads(asked.body).get("stream"):
            return Answer({"error": {"message": "streaming is not supported"}}, status=400)
        return Answer({"choices": [{"message": {"role": "assistant", "content": "whole"}}]})

    caplog.set_level(logging.WARNING, "agentkit")
    with HttpServer(block) as server:
        dbg = ak.debug(ak.Agent("m", server=server.url, retries=0), "go")
        assert dbg.run().final == "whole"
        assert "streaming" in dbg.trajectory.turns[0].response.exchange.retries[0].message
        dbg.say("and?")
        assert dbg.run().final == "whole"
    assert [r.message for r in caplog.records].count(
        "the server does not stream; its answers are asked for as a whole"
    ) == 1
