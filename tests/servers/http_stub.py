"""A real HTTP server for tests: scripted answers on 127.0.0.1, byte for byte, on a port of its own;
it records what it is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from threading import Semaphore
from typing import Any

from agentkit.testing.server.loopback import Asked, Loopback
from agentkit.testing.server.loopback import Reply as Answer
from agentkit.types.wire import Chunk

__all__ = ["COMPLETION", "Answer", "Asked", "HttpServer", "OneByOne", "sse"]

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}


def sse(*events: dict[str, Any] | str) -> Answer:
    """A stream of these events, each a piece of its own."""
    pieces = [
        f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events
    ]
    return Answer(headers={"Content-Type": "text/event-stream"}, pieces=pieces)


class OneByOne(list[bytes | str | float]):
    """Pieces of a stream, each sent when the client has told of the one before it: a network may
    put together what waits.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        super().__init__(pieces)
        self.told: list[Chunk] = []
        self._heard = Semaphore(1)

    def emit(self, chunk: Chunk) -> None:
        """Take what the client tells."""
        self.told.append(chunk)
        self._heard.release()

    def __iter__(self) -> Iterator[bytes | str | float]:
        for piece in super().__iter__():
            assert self._heard.acquire(timeout=60), f"not told: the piece before {piece!r}"
            yield piece


class HttpServer(Loopback):
    """Answers each POST with the next scripted answer, the last one again and again; a function
    gets the request.
    """

    def __init__(self, *answers: Answer | Callable[[Asked], Answer]) -> None:
        super().__init__(self._next, gap=0.005)
        self.answers = list(answers) or [Answer(COMPLETION)]
        self.requests: list[Asked] = []

    def _next(self, asked: Asked) -> Answer:
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(asked)
        return answer(asked) if callable(answer) else answer
