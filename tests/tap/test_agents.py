"""Agents that are not ours, loops on the packages of OpenAI and Anthropic, watched in all dialects, as
blocks and streams, sync and async, cancelled, and 512 at once.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import agentkit as ak
from tests.servers.http_stub import COMPLETION, Answer, HttpServer
from tests.tap.tapped import KEY

pytestmark = pytest.mark.slow

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "get_weather", "description": "Look it up.", "parameters": SCHEMA}
QUESTION = "Do I need a coat in Oslo?"
SCRIPT = [
    ak.testing.says(None, ak.testing.calls("get_weather", city="Oslo")),
    ak.testing.says("Yes, take one."),
]


def in_chat(client: openai.OpenAI, stream: bool) -> str:
    tools: Any = [{"type": "function", "function": FUNCTION}]
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    while True:
        asked: dict[str, Any] = {"model": "m", "messages": messages, "tools": tools}
        if stream:
            with client.chat.completions.stream(**asked) as events:
                message: Any = events.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**asked).choices[0].message
        if not message.tool_calls:
            return str(message.content)
        messages.append(
            message.model_dump(exclude_none=True, include={"role", "content", "tool_calls"})
        )
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"}
            for call in message.tool_calls
        ]


def in_responses(client: openai.OpenAI, stream: bool) -> str:
    tools: Any = [{"type": "function", "strict": False, **FUNCTION}]
    items: list[Any] = [{"role": "user", "content": QUESTION}]
    while True:
        asked: dict[str, Any] = {"model": "m", "input": items, "tools": tools}
        if stream:
            with client.responses.stream(**asked) as events:
                for _ in events:
                    pass
                response: Any = events.get_final_response()
        else:
            response = client.responses.create(**asked)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return str(response.output_text)
        items += [
            item.model_dump(exclude={"parsed_arguments"}, exclude_none=True)
            for item in response.output
        ]
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "4 degrees"}
            for call in calls
        ]


def in_messages(client: anthropic.Anthropic, stream: bool) -> str:
    tools: Any = [{"name": "get_weather", "input_schema": SCHEMA}]
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    while True:
        asked: dict[str, Any] = {
            "model": "m",
            "max_tokens": 99,
            "messages": messages,
            "tools": tools,
        }
        if stream:
            with client.messages.stream(**asked) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**asked)
        calls: Any = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            return str(message.content[0].text)  # type: ignore[union-attr]
        messages += [
            {
                "role": "assistant",
                "content": [block.model_dump(exclude_none=True) for block in message.content],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": call.id, "content": "4 degrees"}
                    for call in calls
                ],
            },
        ]


LOOPS: dict[str, tuple[Callable[[Any, bool], str], Any]] = {
    "chat": (in_chat, openai.OpenAI),
    "responses": (in_responses, openai.OpenAI),
    "messages": (in_messages, anthropic.Anthropic),
}


@pytest.mark.parametrize("stream", [False, True], ids=["block", "stream"])
@pytest.mark.parametrize("dialect", LOOPS)
def test_an_agent_goes_on_as_without_and_is_one_rollout(
    dialect: str, stream: bool, tmp_path: Path
) -> None:
    loop, package = LOOPS[dialect]
    record = tmp_path / "session.jsonl"
    manner: Any = "anthropic" if dialect == "messages" else "openai"
    with ak.testing.serve(SCRIPT * 2, manner) as server:
        root = server.url.removesuffix("/v1") if dialect == "messages" else server.url
        with package(base_url=root, api_key=KEY) as client:
            direct = loop(client, stream)
        watch = ak.watch(server.url, record=record)
        with watch, package() as client:
            assert str(client.base_url).startswith("http://127.0.0.1:")
            assert loop(client, stream) == direct == "Yes, take one."
        (rollout,) = watch.rollouts
        watch.close()
    assert rollout.turns[0].tool_calls[0].arguments == {"city": "Oslo"}
    assert rollout.turns[0].tool_results[0].content == "4 degrees"
    assert rollout.turns[1].response.content == "Yes, take one."
    assert rollout.turns[0].response.dialect == dialect
    assert not [problem for turn in rollout.turns for problem in turn.problems]
    assert len(ak.turns_df(watch)) == 2
    assert not watch.failures


async def test_an_async_agent_that_is_cancelled_frees_its_server() -> None:
    piece: list[Any] = ['data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n', 0.02]
    endless: list[Any] = piece * 2000
    answer = Answer(headers={"Content-Type": "text/event-stream"}, pieces=endless)
    async with HttpServer(answer) as http:
        watch = await asyncio.to_thread(ak.watch, http.url)
        async with openai.AsyncOpenAI(base_url=watch.url, api_key=KEY) as client:

            async def read() -> None:
                stream: Any = await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "x"}], stream=True
                )
                async for _ in stream:
                    came.set()

            came = asyncio.Event()
            task = asyncio.create_task(read())
            await asyncio.wait_for(came.wait(), 20)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            while http._writers:
                await asyncio.sleep(0.01)
        (flow,) = await asyncio.to_thread(lambda: watch.flows)
        assert flow.exchange is not None
        assert flow.exchange.transport_error is not None
        assert flow.exchange.transport_error.kind == "connection_reset"
        await asyncio.to_thread(watch.close)


def memory(watch: Any) -> int:
    """Bytes of memory of the carrier."""
    status = Path(f"/proc/{watch._channel._process.pid}/statm").read_text()
    return int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def http() -> Iterator[HttpServer]:
    slow: list[Any] = [json.dumps(COMPLETION)[:20], 0.5, json.dumps(COMPLETION)[20:]]
    with HttpServer(Answer(headers={"Content-Type": "application/json"}, pieces=slow)) as server:
        yield server


async def test_512_at_once_and_none_is_lost(http: HttpServer, tmp_path: Path) -> None:
    record = tmp_path / "session.jsonl"
    watch = await asyncio.to_thread(ak.watch, http.url, record=record)
    sizes = []
    import aiohttp

    text = "what is the weather? " * 200

    async def ask(session: Any, number: int) -> Any:
        body = {"model": "m", "messages": [{"role": "user", "content": f"{number}: {text}"}]}
        url = f"{watch.url_for(f'run-{number % 7}')}/chat/completions"
        async with session.post(url, json=body) as response:
            return await response.json()

    for _ in range(3):
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            answers = await asyncio.gather(*(ask(session, number) for number in range(512)))
        assert answers == [COMPLETION] * 512
        assert await asyncio.to_thread(lambda: len(watch.flows)) in (512, 1024, 1536)
        sizes.append(memory(watch))
    flows = await asyncio.to_thread(lambda: watch.flows)
    await asyncio.to_thread(watch.close)
    assert http.peak > 400
    assert len(flows) == 1536
    assert all(flow.exchange and flow.exchange.raw == COMPLETION for flow in flows)
    assert len(record.read_text().splitlines()) == 1537
    assert sizes[2] - sizes[0] < 20_000_000, sizes
    assert not watch.failures
