"""The growing history equals the one derived from scratch, whatever the caller does to it between
turns.
"""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.servers.model_call import fresh
from agentkit.trajectory.loop import apply, rewrite, say, start
from agentkit.trajectory.sent_history import EncodedHistory, GivenHistory, SentHistory
from agentkit.types.request import Spec
from agentkit.types.steps import Answer, Result
from agentkit.types.trajectory import Message, ToolResult, Trajectory
from agentkit.types.wire import Exchange
from tests.agent.hermes.loop_cases import ECHO, Stub, answer, call, echo

texts = st.text(max_size=5) | st.just("\ud800")
messages = st.builds(
    lambda role, text: {"role": role, "content": text},
    st.sampled_from(["user", "system", "assistant"]),
    texts,
)
changes = st.one_of(
    st.builds(lambda m: ("append", m), messages),
    st.builds(lambda i, m: ("insert", i, m), st.integers(0, 9), messages),
    st.builds(lambda i: ("delete", i), st.integers(0, 9)),
    st.builds(lambda i, text: ("edit", i, text), st.integers(0, 9), texts),
    st.builds(lambda i: ("cut", i), st.integers(0, 9)),
    st.just(("nothing",)),
)


def change(given_list: list[dict[str, Any]], what: tuple[Any, ...]) -> None:
    place = (
        what[1] % len(given_list)
        if len(what) > 1 and isinstance(what[1], int) and given_list
        else 0
    )
    match what[0]:
        case "append":
            given_list.append(dict(what[1]))
        case "insert":
            given_list.insert(place, dict(what[2]))
        case "delete" if len(given_list) > 1:
            del given_list[place]
        case "edit" if given_list:
            given_list[place]["content"] = what[2]
        case "cut" if len(given_list) > 1:
            del given_list[max(1, place) :]


@given(st.lists(st.lists(changes, max_size=3), min_size=1, max_size=6), st.booleans())
def test_every_step_sends_the_list_as_it_is(
    rounds: list[list[tuple[Any, ...]]], failing: bool
) -> None:
    async def run() -> None:
        replies = [
            ConnectionError("x")
            if failing and i % 3 == 1
            else answer(None, call("echo", {}, f"c{i}"))
            for i in range(len(rounds))
        ]
        server = Stub(*replies)
        running = ak.AgentLoop(server, [ECHO], {"echo"}, dispatch=echo)
        mine: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
        running.start(mine)
        for whats in rounds:
            for what in whats:
                change(mine, what)
            wanted = copy.deepcopy(mine)
            await running.step()
            assert server.histories[-1] == wanted
            assert running.trajectory.messages == mine
        answered = [
            h for h, reply in zip(server.histories, replies, strict=True) if isinstance(reply, dict)
        ]
        assert [
            list(running.trajectory.request(turn).messages) for turn in range(len(answered))
        ] == answered

    asyncio.run(run())


doings = st.lists(
    st.sampled_from(["answer", "call", "result", "say", "rewrite", "fail", "back"]), max_size=25
)


def derived(trajectory: Trajectory) -> list[dict[str, Any]]:
    return list(trajectory.request(len(trajectory.turns)).messages)


def after(trajectory: Trajectory, doing: str, number: int) -> Trajectory:
    """The trajectory after one doing, or the same where it cannot be done now."""
    pending = trajectory.pending
    match doing:
        case "answer" | "call" if not pending:
            body = (
                answer("t", call("echo", {}, f"c{number}"))
                if doing == "call"
                else answer(f"text {number}", reasoning="why")
            )
            return apply(trajectory, Answer(exchange=Exchange(body=json.dumps(body), status=200)))
        case "result" if pending:
            tool_result = ToolResult(
                call_id=pending[0].id, name="echo", status="ok", content=f"r{number}"
            )
            return apply(trajectory, Result(position=pending[0].position, result=tool_result))
        case "say":
            return say(trajectory, f"said {number}")
        case "rewrite" if not pending:
            kept = number % (len(trajectory.messages) + 1)
            return rewrite(
                trajectory, kept, (Message(wire={"role": "user", "content": f"new {number}"}),)
            )
        case "fail" if not pending:
            return apply(trajectory, Answer(exchange=Exchange(body="no", status=500)))
    return trajectory


@given(doings)
def test_the_growing_history_equals_the_derived_one(doings: list[str]) -> None:
    encoded, sent, handed = EncodedHistory(), SentHistory(dict), GivenHistory(fresh)
    trajectory = start("go", Spec(tools=(ECHO,)))
    seen = [trajectory]
    keys: dict[str, str] = {}
    for number, doing in enumerate(doings):
        trajectory = (
            seen[number % len(seen)] if doing == "back" else after(trajectory, doing, number)
        )
        seen.append(trajectory)
        if trajectory.pending:
            continue
        wanted = derived(trajectory)
        assert json.loads(b"[%b]" % b",".join(encoded.encode(trajectory))) == wanted
        assert sent.messages(trajectory) == wanted
        mine = handed.messages(trajectory)
        assert mine == wanted
        mine[number % len(mine)]["content"] = "changed by whom it was given to"
        mine.pop()
        key = encoded.key(trajectory, {"model": "m"})
        assert EncodedHistory().key(trajectory, {"model": "m"}) == key
        assert keys.setdefault(key, json.dumps(wanted)) == json.dumps(wanted)
        assert encoded.key(trajectory, {"model": "n"}) != key
