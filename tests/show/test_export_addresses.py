"""A recorded address that is none of a server: no export writes it, and each says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer, says
from agentkit.types.trajectory import Trajectory

HOSTILE = [
    "file:///etc/passwd",
    "gopher://localhost:70/x",
    "javascript:alert(1)",
    "-o/etc/passwd",
    "http://-o/etc/passwd",
    "http://localhost/v1\n--output /tmp/x",
    "http://localhost/v1' --output '/tmp/x",
    'http://localhost/v1" --output "/tmp/x',
    "http://localhost/v1 -o /tmp/x",
    "http://localhost/`id`",
    "http://localhost/v1\\x",
    "http://localhost/\u202ev1",
    "http://l\u00f6calhost/v1",
    "http://localhost/\ud800",
    "http://[::1/v1",
    "http:///v1",
    "http://localhost:0/v1",
]
EXPORTS = [ak.export.curl, ak.export.python, ak.export.pytest, ak.export.notebook, ak.export.issue]


def recorded_at(url: str) -> Trajectory:
    """A rollout of one answer that came from this address."""
    rollout = ak.rollout(ak.Agent("m", server=ScriptedServer([says("hello")])), "hi")
    turn = rollout.turns[0]
    exchange = replace(turn.response.exchange, url=url)
    moved = replace(turn, response=replace(turn.response, exchange=exchange))
    return replace(rollout, turns=(moved,))


@pytest.mark.parametrize("url", HOSTILE)
@pytest.mark.parametrize("export", EXPORTS)
def test_a_hostile_address_is_an_error_with_a_hint(export: Any, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        export(recorded_at(url))
    assert "server=" in caught.value.hint
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("url", HOSTILE)
def test_another_address_is_asked_in_its_place(url: str) -> None:
    text = str(ak.export.curl(recorded_at(url), server="http://localhost:8000/v1"))
    assert "--proto '=http,https'" in text
    assert "--url 'http://localhost:8000/v1/chat/completions'" in text


@pytest.mark.parametrize("url", HOSTILE)
def test_no_page_links_to_it(url: str) -> None:
    assert "href" not in str(ak.export.html(recorded_at(url))).partition("<body")[2]
