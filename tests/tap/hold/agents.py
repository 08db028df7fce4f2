"""Agents that are not ours: one question through the openai or the anthropic package, in each
dialect, as block or stream, sync or async, in a thread of their own.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anthropic
import openai

import agentkit as ak
from tests.tap.hold.agent_requests import TOOLS

T = TypeVar("T")
Call = tuple[str, dict[str, Any]]
QUESTION = "Pay 5."


def until(look: Callable[[], T], seconds: float = 10.0) -> T:
    """Look again and again until there is something to see."""
    for _ in range(int(seconds / 0.01)):
        if seen := look():
            return seen
        time.sleep(0.01)
    raise TimeoutError("it did not come")


@dataclass
class Asking:
    """A question on its way, and what came of it."""

    work: Callable[[], tuple[str, list[Call]]]
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.text, self.calls = self.work()
        except BaseException as exc:
            self.error = exc

    def done(self) -> Asking:
        """Wait until the agent has its answer."""
        self.thread.join(10.0)
        assert not self.thread.is_alive()
        return self

    def answer(self) -> tuple[str, list[Call]]:
        """Wait for the answer."""
        self.done()
        if self.error is not None:
            raise self.error
        return self.text, self.calls


def asks(
    w: ak.Watch,
    dialect: str = "chat",
    *,
    streams: bool = False,
    is_async: bool = False,
    **options: Any,
) -> Asking:
    """Let an agent ask; it waits in a thread of its own."""
    asked = {name: options.pop(name) for name in ("temperature",) if name in options}
    options = {"api_key": "k", "base_url": _url(dialect, w), "max_retries": 0, **options}
    if is_async:
        return Asking(lambda: asyncio.run(_ask_async(dialect, streams, asked, options)))
    return Asking(lambda: _ask(dialect, streams, asked, options))


def _url(dialect: str, w: ak.Watch) -> str:
    return str(w.env["ANTHROPIC_BASE_URL" if dialect == "messages" else "OPENAI_BASE_URL"])


def _fields(dialect: str) -> dict[str, Any]:
    listed = [{"role": "user", "content": QUESTION}]
    asked = {"input": listed} if dialect == "responses" else {"messages": listed}
    limit = {"max_tokens": 64} if dialect == "messages" else {}
    return {"model": "m", "tools": TOOLS[dialect], **asked, **limit}


def _ask(dialect: str, streams: bool, asked: Any, options: Any) -> tuple[str, list[Call]]:
    maker: Any = anthropic.Anthropic if dialect == "messages" else openai.OpenAI
    with maker(**options) as client:
        asked = {**_fields(dialect), **asked}
        if not streams:
            return READ[dialect](_method(client, dialect).create(**asked))
        with _method(client, dialect).stream(**asked) as stream:
            return READ[dialect](getattr(stream, _FINAL[dialect])())


async def _ask_async(
    dialect: str, streams: bool, asked: Any, options: Any
) -> tuple[str, list[Call]]:
    maker: Any = anthropic.AsyncAnthropic if dialect == "messages" else openai.AsyncOpenAI
    async with maker(**options) as client:
        asked = {**_fields(dialect), **asked}
        if not streams:
            return READ[dialect](await _method(client, dialect).create(**asked))
        async with _method(client, dialect).stream(**asked) as stream:
            return READ[dialect](await getattr(stream, _FINAL[dialect])())


_FINAL = {
    "chat": "get_final_completion",
    "responses": "get_final_response",
    "messages": "get_final_message",
}


def _method(client: Any, dialect: str) -> Any:
    named = {"responses": "responses", "messages": "messages"}
    return getattr(client, named[dialect]) if dialect in named else client.chat.completions


def _chat(answer: Any) -> tuple[str, list[Call]]:
    message = answer.choices[0].message
    calls = [
        (call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or ()
    ]
    return message.content or "", calls


def _response(answer: Any) -> tuple[str, list[Call]]:
    calls = [i for i in answer.output if i.type == "function_call"]
    return answer.output_text, [(call.name, json.loads(call.arguments)) for call in calls]


def _message(answer: Any) -> tuple[str, list[Call]]:
    texts = [block.text for block in answer.content if block.type == "text"]
    calls = [(b.name, b.input) for b in answer.content if b.type == "tool_use"]
    return "".join(texts), calls


READ: dict[str, Callable[[Any], tuple[str, list[Call]]]] = {
    "chat": _chat,
    "responses": _response,
    "messages": _message,
}


@dataclass
class Tapped:
    """A reference server of all dialects, which plays its answers by turn, and a watch on it."""

    w: ak.Watch
    server: Any
    answers: tuple[Any, ...] = ()

    def play(self, *answers: Any) -> ak.Watch:
        """Begin anew with other answers."""
        self.w.release()
        self.w.breakpoints.clear()
        self.server.asked.clear()
        self.answers = answers
        return self.w


@contextmanager
def tapped(*answers: Any, **options: Any) -> Iterator[Tapped]:
    """Give a watch on a reference server."""

    def script(messages: Any) -> Any:
        return ak.testing.by_turn(*made.answers)(messages)

    with ak.testing.serve(script, manner="vllm") as server:
        w = ak.watch(server.url, **options)
        made = Tapped(w, server, answers)
        try:
            yield made
        finally:
            w.close()
