"""Reasoning that only its own server takes back is left out where one goes on elsewhere; the rest
of the history stays, and what was recorded does too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.tap.hold.rollout_fork import without_sealed
from agentkit.testing import by_turn, calls, says, serve
from agentkit.types.trajectory import Message, Trajectory

ASKED = {"role": "user", "content": "Weather in Oslo?"}


def weather(city: str) -> str:
    """The weather."""
    return f"cold in {city}"


SCRIPT = by_turn(
    says(None, calls("weather", city="Oslo"), reasoning="I look."),
    says("Cold.", reasoning="So."),
    says("As cold."),
)


def recorded(dialect: Any, manner: Any) -> Trajectory:
    with serve(SCRIPT, manner=manner) as server:
        thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
        agent = ak.Agent("m", [weather], server.url, dialect=dialect, sampling=thinking)
        return ak.rollout(agent, [ASKED])


# constructed: what another organisation sealed
SEALED: dict[str, dict[str, Any]] = {
    "messages: signed thinking": {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "I look.", "signature": "0" * 32},
            {"type": "text", "text": "Hello"},
        ],
    },
    "messages: redacted thinking": {
        "role": "assistant",
        "content": [{"type": "redacted_thinking", "data": "abc"}, {"type": "text", "text": "Hi"}],
    },
    "messages: thinking alone": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm.", "signature": "0" * 32}],
    },
    "responses: an encrypted item": {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "encrypted_content": "foreign",
    },
    "responses: an item that its server keeps": {"type": "reasoning", "id": "rs_1", "summary": []},
    "chat: reasoning_details": {
        "role": "assistant",
        "content": "Hi",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "abc"}],
    },
    "chat: a signature of Gemini": {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "abc"}},
            }
        ],
    },
}
OPEN: dict[str, dict[str, Any]] = {
    "a text": {"role": "assistant", "content": "Hi", "reasoning_content": "I greet."},
    "open thinking": {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]},
    "an open item": {
        "type": "reasoning",
        "id": "rs_1",
        "content": [{"type": "reasoning_text", "text": "Hm."}],
    },
}


def holding(message: dict[str, Any]) -> Trajectory:
    behind = {"role": "user", "content": "Go on"}
    return Trajectory(prompt=tuple(Message(wire=w) for w in (ASKED, message, behind)))


@pytest.mark.parametrize("name", SEALED)
def test_what_is_sealed_is_left_out_and_nothing_else(name: str) -> None:
    before = holding(SEALED[name])
    after = without_sealed(before)
    text = repr(after.messages)
    assert not any(
        word in text for word in ("signature", "redacted", "encrypted", "rs_1", "'data'")
    )
    assert after.messages[0] == ASKED
    assert after.messages[-1]["content"] == "Go on"
    assert (len(after.messages) == 3) == ("content" in SEALED[name] and "alone" not in name)
    assert after.prompt == before.prompt
    assert without_sealed(after) is after


@pytest.mark.parametrize("name", OPEN)
def test_what_is_not_sealed_stays(name: str) -> None:
    before = holding(OPEN[name])
    assert without_sealed(before) is before


def test_calls_lose_the_ids_that_tie_them_to_the_reasoning() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
    items = [SEALED["responses: an encrypted item"], call]
    after = without_sealed(Trajectory(prompt=tuple(Message(wire=w) for w in (ASKED, *items))))
    assert after.messages[1:] == [{key: value for key, value in call.items() if key != "id"}]


def test_another_server_takes_the_history_without_it(tmp_path: Path) -> None:
    """vLLM signs with a random number, which Anthropic refuses."""
    path = ak.save(recorded("messages", "vllm"), tmp_path / "run.jsonl")
    (rollout,) = ak.load(path, all=True)
    with serve(SCRIPT, manner="anthropic") as server:
        refused = rollout.fork(1, server=server.url, dialect="messages").run()
        assert refused.error is not None
        assert refused.error.kind == "history_reasoning_missing"
        assert "rollout.fork(turn, server=…, sealed=False)" in (refused.error.hint or "")
        dbg = rollout.fork(1, server=server.url, dialect="messages", sealed=False)
        done = dbg.run()
        assert done.stop_reason == "final"
        assert done.turns[0].response == rollout.turns[0].response
        assert done.messages[1]["tool_calls"] == rollout.messages[1]["tool_calls"]
        own = ak.Agent("m", [weather], server.url, dialect="messages")
        begun = rollout.fork(1, server=server.url, dialect="messages", sealed=False).trajectory
        assert ak.debug(begun, agent=own).run().stop_reason == "final"
        again = ak.load(ak.save(dbg, tmp_path / "on.jsonl"), all=True)[0]
        assert again.request(1).messages == done.request(1).messages


def test_what_the_new_server_seals_goes_back_to_it() -> None:
    rollout = recorded("messages", "vllm")
    with serve(SCRIPT, manner="anthropic") as server:
        dbg = rollout.fork(1, server=server.url, dialect="messages", sealed=False)
        dbg.run()
        dbg.say("And tomorrow?")
        done = dbg.run()
        assert done.error is None
        assert "signature" in repr(done.messages)
        assert "signature" not in repr(done.request(1).messages)


def test_an_answer_whose_calls_wait_is_said_to_need_them() -> None:
    with serve(SCRIPT, manner="vllm") as server:
        dbg = ak.debug(ak.Agent("m", [weather], server.url, dialect="messages"), [ASKED])
        dbg.step()
        with pytest.raises(UsageError, match="waits for results") as caught:
            dbg.trajectory.fork(1, server=server.url, sealed=False)
        assert "earlier turn" in caught.value.hint
