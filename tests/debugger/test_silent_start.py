"""A rollout that begins with an answer is looked at like any other; to ask before that answer is
refused, with what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer, says

HELLO = {"role": "assistant", "content": "Hello"}
# constructed: files that hold no prompt
FILES: dict[str, Any] = {
    "a raw answer": '{"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}',
    "one message": [{"messages": [HELLO]}],
    "an answer before the user": [{"messages": [HELLO, {"role": "user", "content": "Hi"}, HELLO]}],
}


def agent() -> ak.Agent:
    return ak.Agent("m", server=ScriptedServer([says("Good."), says("Bye.")]))


ASKED: dict[str, Callable[[ak.Trajectory], Any]] = {
    "dbg.fork": lambda t: ak.debug(agent(), t).fork(turn=0).step(),
    "dbg.rerun": lambda t: ak.debug(agent(), t).rerun(0),
    "rollout.fork": lambda t: t.fork(0, server=ScriptedServer([says("x")]), model="m").step(),
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("way", ["dbg.fork", "dbg.rerun", "rollout.fork"])
def test_nothing_is_asked_without_a_message(file: str, way: str) -> None:
    (rollout,) = ak.load(FILES[file], all=True)
    with pytest.raises(UsageError, match="no message to send before turn 0") as caught:
        ASKED[way](rollout)
    assert "rollout.fork(turn=1)" in caught.value.hint


@pytest.mark.parametrize("file", FILES)
def test_what_the_hint_says_goes(file: str) -> None:
    (rollout,) = ak.load(FILES[file], all=True)
    dbg = ak.debug(agent(), rollout).fork(turn=0)
    dbg.say("Hi")
    assert dbg.run().turns[0].response.content == "Good."
    dbg = ak.debug(agent(), rollout)
    dbg.say("And now?")
    assert dbg.run().turns[-1].response.content == "Good."
    behind = rollout.fork(1, server=ScriptedServer([says("Good.")]), model="m")
    behind.say("Go on")
    assert behind.run().turns[1].response.content == "Good."


def test_a_rollout_without_a_prompt_is_replayed_all_the_same() -> None:
    dbg = ak.debug(agent(), ak.load(FILES["an answer before the user"]))
    dbg.goto(0)
    dbg.step()
    assert dbg.trajectory.turns[0].response.content == "Hello"
