"""Public fakes: a server that plays a script, and a clock that repeats. No key, no network, the same times at every run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agentkit.read.plain import plain
from agentkit.servers import Call, Emit
from agentkit.types import ApiError, Exchange

Script = Callable[[list[dict[str, Any]]], Any] | Sequence[Any]


class FixedClock:
    """Seconds that go on by the same amount at each look, so that recorded times repeat exactly."""

    def __init__(self, start: float = 0.0, tick: float = 0.05) -> None:
        self.now = start
        self.tick = tick

    def __call__(self) -> float:
        self.advance(self.tick)
        return self.now

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.now = round(self.now + seconds, 6)


def says(text: str | None, *calls: dict[str, Any], reasoning: str | None = None, finish_reason: str | None = None) -> dict[str, Any]:
    """An answer for a script, as a chat completion message with its finish reason.

    >>> says(None, calls("add", a=1, b=2))["finish_reason"]
    'tool_calls'
    """
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if reasoning is not None:
        message["reasoning"] = reasoning
    if calls:
        message["tool_calls"] = list(calls)
    return {"message": message, "finish_reason": finish_reason or ("tool_calls" if calls else "stop")}


def calls(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A tool call for `says`, without an id: the server that plays the script gives it one."""
    return {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}}


class ScriptedServer:
    """A server that answers from a script: a function of the messages, or a list of answers in order.

    An answer is a text, what `says` gives, a message, a whole body, an `Exchange`, an `ApiError` or an exception (a failed request), or a
    `(status, body)` pair. A list that has run out answers with an error that says so.
    """

    profile: str | None = None

    def __init__(
        self, script: Script, *, model: str = "scripted", clock: Callable[[], float] | None = None, latency: float = 0.4, answered: int = 0
    ) -> None:
        """A server.

        Args:
            answered: how many answers it has given before; the ids of its calls count on from there.
            latency: seconds every answer is recorded to have taken; nothing waits, but a `FixedClock` goes on by them.
        """
        self._script = script
        self._model = model
        self._clock = clock or FixedClock()
        self._latency = latency
        self._count = answered
        self.calls: list[Call] = []
        """What was asked, in order."""

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """The next answer of the script."""
        index, self._count = self._count, self._count + 1
        self.calls.append(call)
        answer = self._answer(index, [dict(message) for message in call.messages])
        started = self._clock()
        if isinstance(self._clock, FixedClock):
            self._clock.advance(self._latency)
        times: dict[str, Any] = {"started": started, "elapsed": self._latency}
        if isinstance(answer, Exchange):
            return answer
        if isinstance(answer, ApiError):
            return Exchange(transport_error=answer, **times)
        if isinstance(answer, BaseException):
            return Exchange(transport_error=ApiError(kind="server_error", message=f"{type(answer).__name__}: {answer}"), **times)
        status, body = answer if isinstance(answer, tuple) else (200, self._body(answer, index))
        text = body if isinstance(body, str) else json.dumps(plain(body), ensure_ascii=False)
        return Exchange(status=status, body=text, **times)

    def _answer(self, index: int, messages: list[dict[str, Any]]) -> Any:
        if callable(self._script):
            return self._script(messages)
        if index < len(self._script):
            return self._script[index]
        return ApiError(kind="server_error", message=f"the script holds {len(self._script)} answers and was asked for one more")

    def _body(self, answer: Any, index: int) -> dict[str, Any]:
        answer = says(answer) if isinstance(answer, str) else plain(answer)
        if "choices" in answer or "error" in answer:
            return dict(answer)
        choice = answer if "message" in answer else {"message": answer}
        message = choice["message"]
        listed: Iterable[Any] = message.get("tool_calls") or ()
        numbered = [{"id": f"call_{index}_{i}", **entry} if isinstance(entry, dict) else entry for i, entry in enumerate(listed)]
        if numbered:
            message = {**message, "tool_calls": numbered}
        finish = choice.get("finish_reason", "tool_calls" if numbered else "stop")
        written = len(json.dumps(message)) // 4
        return {
            "id": f"chatcmpl-{index}", "object": "chat.completion", "model": self._model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 40 + 30 * index, "completion_tokens": written, "total_tokens": 40 + 30 * index + written},
        }  # fmt: skip

    def __repr__(self) -> str:
        return "<ScriptedServer: no model, no network>"


def __getattr__(name: str) -> Any:
    """Faults are put into agents, which are built on these fakes."""
    if name in ("inject", "injected", "injections"):
        from agentkit import fault_injection

        return getattr(fault_injection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
