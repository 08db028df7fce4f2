"""Holding across processes: an agent in another one, a kernel that dies, clients that take only some
signs of life, and a client that is watched from inside.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

import agentkit as ak
from tests.tap.hold.agents import Asking, Tapped, tapped, until
from tests.tap.hold.test_hold import first

pytestmark = pytest.mark.slow

QUESTION: Any = [{"role": "user", "content": "?"}]
BODY = {"model": "m", "messages": QUESTION}
PAYS = ak.testing.says("I pay.", ak.testing.calls("pay", amount=5))
AGENT = """
import openai
client = openai.OpenAI()
answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}])
print(answer.choices[0].message.content)
"""
KERNEL = """
import sys, time
import agentkit as ak
w = ak.watch(sys.argv[1], record=sys.argv[2])
w.hold(ak.break_on.request())
print(w.url, flush=True)
while not w.pending:
    time.sleep(0.01)
print("waits", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def tap() -> Iterator[Tapped]:
    with tapped() as made:
        yield made


def test_an_agent_of_another_process_waits_too(tap: Tapped) -> None:
    w = tap.play("Done.")
    w.hold(ak.break_on.request())
    env = {**os.environ, "OPENAI_API_KEY": "k", **w.env}
    command = [sys.executable, "-c", AGENT]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as agent:
        first(w).answer("By hand.")
        out, _ = agent.communicate(timeout=60)
    assert out.strip() == "By hand."


def test_nothing_waits_once_the_kernel_is_dead(tap: Tapped, tmp_path: Path) -> None:
    tap.play("Done.")
    record = tmp_path / "session.jsonl"
    command = [sys.executable, "-c", KERNEL, tap.server.url, str(record)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout is not None
        client = openai.OpenAI(base_url=kernel.stdout.readline().strip(), api_key="k")
        ask: Any = client.chat.completions.create
        asked = Asking(
            lambda: (ask(model="m", messages=QUESTION).choices[0].message.content or "", [])
        )
        assert kernel.stdout.readline().strip() == "waits"
        os.kill(kernel.pid, signal.SIGKILL)
        assert asked.answer() == ("Done.", [])
    client.close()
    until(lambda: len(record.read_text().splitlines()) == 2)


SAYS = {"x-stainless-read-timeout": "1.5"}
"""What these clients do not send, so that the test need not wait for the limit that is usual."""


def _by_requests(url: str) -> str:
    answer = requests.post(f"{url}/chat/completions", json=BODY, headers=SAYS, timeout=1.5)
    return str(answer.json()["choices"][0]["message"]["content"])


def _by_urllib(url: str, agent: str = "") -> str:
    headers = {"Content-Type": "application/json", **SAYS}
    headers |= {"User-Agent": agent} if agent else {}
    body = json.dumps(BODY).encode()
    request = urllib.request.Request(f"{url}/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=1.5) as answer:
        return str(json.loads(answer.read())["choices"][0]["message"]["content"])


def _as_dspy(url: str) -> str:
    return _by_urllib(url, "lm15/stdlib")


@pytest.mark.parametrize("ask", [_by_requests, _by_urllib, _as_dspy])
def test_each_client_gets_the_sign_of_life_that_it_takes(tap: Tapped, ask: Any) -> None:
    w = tap.play("Done.")
    w.hold(ak.break_on.request())
    asked = Asking(lambda: (ask(w.url), []))
    held = first(w)
    asked.thread.join(3.0)
    assert asked.thread.is_alive()
    held.answer("By hand.")
    assert asked.answer() == ("By hand.", [])


@pytest.mark.parametrize("streams", [False, True])
def test_a_watched_client_waits_too(tap: Tapped, streams: bool) -> None:
    tap.play(PAYS)
    w = ak.watch(openai.OpenAI(base_url=tap.server.url, api_key="k"))
    w.hold(ak.break_on.request(), ak.break_on.tool("pay"))

    def ask() -> tuple[str, list[Any]]:
        method: Any = w.client.chat.completions
        if not streams:
            call = method.create(**BODY).choices[0].message.tool_calls[0]
        else:
            with method.stream(**BODY) as stream:
                call = stream.get_final_completion().choices[0].message.tool_calls[0]
        return call.function.arguments, []

    asked = Asking(ask)
    first(w).change(temperature=0.5).send()
    held = until(lambda: [p for p in w.pending if p.side == "answer"])[0]
    held.change(arguments={"amount": 7}).send()
    assert json.loads(asked.answer()[0]) == {"amount": 7}
    assert tap.server.asked[-1].json["temperature"] == 0.5
    (flow,) = w.flows
    assert flow.original_body is not None
    assert flow.original_exchange is not None
    again = Asking(ask)
    first(w).answer(("pay", {"amount": 9}))
    assert json.loads(again.answer()[0]) == {"amount": 9}
    w.close()


def test_a_watched_async_client_waits_and_is_cancelled(tap: Tapped) -> None:
    tap.play("Done.")
    asked = len(tap.server.asked)

    async def run() -> list[str]:
        async with openai.AsyncOpenAI(base_url=tap.server.url, api_key="k") as client:
            w = ak.watch(client)
            w.hold(ak.break_on.request())
            ask: Any = w.client.chat.completions.create
            tasks = [asyncio.create_task(ask(**BODY)) for _ in range(2)]
            while len(w.pending) < 2:
                await asyncio.sleep(0.01)
            gone, stays = w.pending
            tasks[gone.number].cancel()
            while not gone.fate:
                await asyncio.sleep(0.01)
            stays.fail(404, "not here")
            with pytest.raises(openai.NotFoundError, match="not here"):
                await tasks[stays.number]
            w.close()
            return [gone.fate, stays.fate]

    assert asyncio.run(run()) == ["left", "failed"]
    assert len(tap.server.asked) == asked
