"""Wrong calls of a hurried user: each is refused in words that name the fault and the right call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest

import agentkit as ak
from agentkit.errors import AgentkitError, UsageError, WrongCall, checked_keywords
from agentkit.testing import ScriptedServer, serve

URL = "http://127.0.0.1:9/v1"


def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def agent() -> ak.Agent:
    return ak.Agent("m", [pay], ScriptedServer(lambda _: "done"))


def rollout() -> ak.Trajectory:
    return ak.rollout(agent(), "Go.")


SERVER = ak.Server(URL)
any_: Any = ak
WRONG: dict[str, tuple[Callable[[], Any], str, str]] = {
    "server first": (
        lambda: any_.Agent(SERVER, "qwen", [pay]),
        "model is a Server, not a name",
        "ak.Agent('qwen', tools=[pay], server=server)",
    ),
    "url first": (
        lambda: any_.Agent(URL, "qwen", [pay]),
        "model is 'http",
        f"ak.Agent('qwen', tools=[pay], server='{URL}')",
    ),
    "client first": (
        lambda: any_.Agent(openai.OpenAI(api_key="k"), "qwen"),
        "model is an OpenAI, not a name",
        "ak.Agent('qwen', ",
    ),
    "server second": (
        lambda: any_.Agent("qwen", SERVER),
        "tools is a list of functions, and came as a Server",
        "server=server",
    ),
    "url second": (
        lambda: any_.Agent("qwen", URL, [pay]),
        "tools is a list of functions, and came as 'http",
        f"server='{URL}'",
    ),
    "tools first": (
        lambda: any_.Agent([pay], "qwen", URL),
        "model is a list, not a name",
        f"ak.Agent('qwen', tools=[pay], server='{URL}')",
    ),
    "tools last": (
        lambda: any_.Agent("qwen", [pay], [pay]),
        "server is a URL",
        "ak.Agent('qwen', ",
    ),
    "no model": (lambda: any_.Agent(), "lacks model", "Agent(model, tools, server, "),
    "four by place": (
        lambda: any_.Agent("qwen", [pay], URL, "Be nice."),
        "takes 3 by place, not 4",
        "system=…",
    ),
    "max_turns as text": (
        lambda: any_.Agent("qwen", [pay], URL, max_turns="3"),
        "max_turns is '3'",
        "whole number",
    ),
    "rollout of nothing": (lambda: any_.rollout(), "lacks agent", "rollout(agent, prompt"),
    "rollout the other way": (
        lambda: any_.rollout("Go.", agent()),
        "changed places",
        "ak.rollout(agent, prompt)",
    ),
    "rollout of a server": (
        lambda: any_.rollout(SERVER, "Go."),
        "agent is a Server",
        "server=server",
    ),
    "rollouts the other way": (
        lambda: any_.rollouts(["Go."], agent()),
        "changed places",
        "agent comes first",
    ),
    "rollouts of nothing": (lambda: any_.rollouts(), "lacks agent", "rollouts(agent, prompts"),
    "debug nothing": (lambda: any_.debug(), "agent is a NoneType", "ak.Agent("),
    "debug the other way": (
        lambda: any_.debug("Go.", agent()),
        "changed places",
        "agent comes first",
    ),
    "approve by place": (
        lambda: any_.debug(agent(), "Go.", "pay"),
        "takes 2 by place, not 3",
        "approve=…",
    ),
    "record by place": (lambda: any_.watch(URL, "s.jsonl"), "takes 1 by place, not 2", "record=…"),
    "watch an agent": (
        lambda: any_.watch(agent()),
        "the Agent is no server",
        "ak.watch(agent.server)",
    ),
    "watch a slip": (
        lambda: any_.watch("opnai"),
        "no server is named 'opnai'",
        "did you mean 'openai'?",
    ),
    "compare without names": (
        lambda: any_.compare(rollout(), rollout()),
        "without names",
        'ak.compare({"a": …',
    ),
    "compare nothing": (lambda: any_.compare(), "compare() lacks sides", "compare(sides, prompts"),
    "compare servers": (
        lambda: any_.compare({"a": SERVER, "b": SERVER}, ["Go."]),
        "side 'a' is a Server",
        "ak.Agent(",
    ),
    "compare None": (
        lambda: any_.compare({"a": None, "b": rollout()}),
        "side 'a' is nothing",
        "give an agent",
    ),
    "load nothing": (lambda: any_.load(), "lacks path", "load(path"),
    "save nothing": (
        lambda: any_.save(),
        "lacks rollouts and path",
        "save(rollouts, path, format=…",
    ),
    "save without a path": (lambda: any_.save(rollout()), "lacks path", "save(rollouts, path"),
    "save twice": (
        lambda: any_.save(rollout(), "x.jsonl", path="x.jsonl"),
        "given path twice",
        "save(rollouts, path",
    ),
    "explore nothing": (lambda: any_.explore(), "lacks x", "explore(x"),
    "filter by a number": (
        lambda: any_.explore(rollout()).filter(5),
        "filter is an int",
        "give a text",
    ),
    "no column": (
        lambda: any_.explore(rollout()).value("turn", 0),
        "no column is named 'turn'",
        "did you mean 'turns'?",
    ),
    "index nothing": (lambda: any_.index(), "lacks paths", "index(paths"),
    "serve at a pace": (
        lambda: any_.testing.serve(["x"], pace="fast"),
        "pace is 'fast'",
        "give a number",
    ),
    "hold what makes breakpoints": (
        lambda: any_.debug(agent(), "Go.").run(until=any_.break_on.tool),
        "makes breakpoints, and is none",
        "call it: ak.break_on.tool(…)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_names_the_fault_and_the_right_call(name: str) -> None:
    call, fault, right = WRONG[name]
    with pytest.raises(AgentkitError) as caught:
        call()
    assert fault in caught.value.message
    assert right in caught.value.hint


def test_what_a_function_raises_itself_is_left_alone() -> None:
    @checked_keywords
    def fails(value: Any) -> Any:
        raise TypeError("its own")

    @checked_keywords
    async def waits(value: Any) -> Any:
        return value + None

    calls: list[Any] = [lambda: fails(1), lambda: asyncio.run(waits(1))]
    for call in calls:
        with pytest.raises(TypeError) as caught:
            call()
        assert not isinstance(caught.value, WrongCall)
    short: Any = fails
    long: Any = waits
    calls = [lambda: short(), lambda: asyncio.run(long(1, 2))]
    for call in calls:
        with pytest.raises(WrongCall):
            call()


def test_a_name_that_a_tap_or_a_table_does_not_have_is_told() -> None:
    with serve(["x"]) as server:
        w = ak.watch(server.url)
        with pytest.raises(AttributeError, match=r"no 'rollots'; did you mean w.rollouts"):
            _ = w.rollots  # type: ignore[attr-defined]
        with pytest.raises(UsageError, match="no server is named"):
            w.url_for("a", "b")
        with pytest.raises(WrongCall):
            w.pending.send(1)  # type: ignore[call-arg]
        w.close()
    with pytest.raises(AttributeError, match=r"no 'filtr'; did you mean table.filter"):
        _ = ak.explore(rollout()).filtr  # type: ignore[attr-defined]
