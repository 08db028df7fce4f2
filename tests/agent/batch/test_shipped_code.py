"""What goes to a worker by value fails there as it fails here: the same place, the same line."""

from __future__ import annotations

import linecache
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import agentkit as ak
from agentkit.agent.batch.executors.processes import Processes
from agentkit.errors import UsageError, raised_at
from agentkit.servers.redaction.known_secrets import remember
from agentkit.servers.transport.shipment import opened, packed
from agentkit.testing import ReferenceServer, by_turn, calls, says, serve

NAME = "Cell In[3]"
CELL = '''def missing(city: str) -> str:
    """Fails in a function of its own."""

    def inner() -> str:
        return {}[city]

    return inner()
'''
"""A constructed cell: its text is in no file."""


def of_cell(text: str, name: str = NAME) -> dict[str, Any]:
    """Run a text as a cell is run, under a name that is in no module."""
    lines = text.splitlines(keepends=True)
    linecache.cache[name] = len(text), None, lines, name
    made: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), made)
    return made


def sent(function: Any) -> Any:
    """Send a function as it is sent to a process that does not know the text of the cell."""
    data = packed("a test", function, lambda: [("it", function)])
    linecache.cache.pop(NAME, None)
    return opened(data)


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    with serve(by_turn(says(None, calls("missing", city="Oslo")), says("done"))) as running:
        yield running


def test_code_of_a_cell_keeps_its_name_and_its_lines() -> None:
    again = sent(of_cell(CELL)["missing"])
    with pytest.raises(KeyError) as caught:
        again("Oslo")
    assert raised_at(caught.value) == f" at {NAME}, line 5: return {{}}[city]"
    missing = sent(of_cell("\n" * 8 + "other = lambda x: x / 0\n")["other"])
    with pytest.raises(ZeroDivisionError) as divided:
        missing(1)
    assert raised_at(divided.value) == f" at {NAME}, line 9: other = lambda x: x / 0"


def test_a_line_with_a_secret_stays_here() -> None:
    secret = "sk-proj-abcdefghij0123456789"
    remember([secret])
    made = of_cell(f"key = {secret!r}; fails = lambda x: x / 0\n")
    del made["key"]
    again = sent(made["fails"])
    with pytest.raises(ZeroDivisionError) as caught:
        again(1)
    assert raised_at(caught.value) == f" at {NAME}, line 1"


@pytest.mark.slow
def test_errors_and_rewards_of_a_worker_are_those_of_this_process(server: ReferenceServer) -> None:
    agent = ak.Agent("m", [of_cell(CELL)["missing"]], server.url)
    fails = of_cell("fails = lambda trajectory: 1 / 0\n", "Cell In[4]")["fails"]
    for reward in (fails, lambda trajectory: None):
        here, there = (
            ak.rollouts(agent, ["go"], reward=reward, executor=executor, progress=False)
            for executor in (None, Processes(1))
        )
        assert here[0].meta == there[0].meta
        assert here[0].meta["reward"] is None
        tracebacks = [one[0].turns[0].tool_results[0].traceback for one in (here, there)]
        assert tracebacks[0] == tracebacks[1]
        assert NAME in str(tracebacks[0])


def test_a_prompt_that_cannot_be_used_is_named(server: ReferenceServer) -> None:
    agent = ak.Agent("m", server=server.url)
    for prompts, said in (
        (["a", " ", "b"], "prompt 1: the prompt is an empty text"),
        (["a", "b", None], "prompt 2: there is no prompt"),
        ([{"prompt": "a"}, {"promt": "b"}], "prompt 1: a prompt is a dict without"),
        ([""], "the prompt is an empty text"),
    ):
        with pytest.raises(UsageError) as caught:
            ak.rollouts(agent, prompts, progress=False)
        assert caught.value.message.startswith(said)
    assert not server.asked
    with pytest.raises(UsageError, match="prompt 1: "):
        list(ak.rollouts_iter(agent, iter(["a", 3]), ordered=True, progress=False))


def test_meta_that_cannot_be_sent_is_named(server: ReferenceServer) -> None:
    agent = ak.Agent("m", server=server.url)
    gate = (line for line in "never sent")
    prompts = [{"prompt": "a", "n": 1}, {"prompt": "b", "words": ["x"], "gate": gate}]
    with pytest.raises(UsageError, match="'gate' in the meta of prompt 1 holds what cannot go"):
        ak.rollouts(agent, prompts, executor="processes", progress=False)
    assert not server.asked


ABANDONED = """
import agentkit as ak
rollouts = iter(ak.rollouts_iter(ak.demo(), ["a"] * 20, concurrency=2, progress=False))
print(next(rollouts).stop_reason)
"""


def test_a_stream_that_nobody_ends_ends_quietly_with_python() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ABANDONED], capture_output=True, text=True, check=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("final\n", "")


def test_an_agent_fails_in_a_pickle_as_it_did(server: ReferenceServer) -> None:
    agent = ak.Agent("m", [of_cell(CELL)["missing"]], server.url)
    before = ak.rollout(agent, "go")
    after = ak.rollout(pickle.loads(pickle.dumps(agent)), "go")
    seen = [one.turns[0].tool_results[0].traceback for one in (before, after)]
    assert seen[0] == seen[1]
