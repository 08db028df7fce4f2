"""The same tests in every dialect: scripted servers answer in it, and agents speak what their server
does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agentkit.dialects.codecs import CODECS
from agentkit.read.response import read_response
from agentkit.servers.model_call import Call, Emit
from agentkit.testing.scripted import ScriptedServer
from agentkit.types.wire import Exchange
from tests.support.dialect_answers import DIALECTS, NATIVE


def _written(exchange: Exchange, dialect: str) -> Exchange:
    """Write an answer in a dialect; what is no plain answer stays as it is."""
    if exchange.status != 200 or exchange.chunks or exchange.transport_error:
        return exchange
    response = read_response(exchange)
    broken = any(call.status not in ("ok", "custom") for call in response.tool_calls)
    if broken or not response.usable or response.dialect != "chat":
        return exchange
    return replace(exchange, body=json.dumps(CODECS[dialect].body_out(response)))


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in NATIVE else []) for name in DIALECTS
    ]
)
def spoken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the agents of a test speak a dialect."""
    dialect: str = request.param
    if dialect == "chat":
        yield dialect
        return
    chat: Any = ScriptedServer.chat

    async def spoken_chat(self: Any, call: Call, emit: Emit | None = None) -> Exchange:
        answer: Exchange = await chat(self, call, emit)
        return answer if call.dialect == "chat" else _written(answer, dialect)

    monkeypatch.setattr(ScriptedServer, "chat", spoken_chat)
    monkeypatch.setattr(ScriptedServer, "dialect", dialect, raising=False)
    yield dialect
