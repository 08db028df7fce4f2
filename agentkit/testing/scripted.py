"""Scripts of answers, a server that plays one without a network, and a clock that repeats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agentkit.dialects.codecs import CODECS, codec_of
from agentkit.errors import checked_keywords
from agentkit.read.plain import plain
from agentkit.read.response import read_response
from agentkit.servers.model_call import Call, Emit
from agentkit.types.answer import Dialect
from agentkit.types.wire import ApiError, Exchange

Script = Callable[[list[dict[str, Any]]], Any] | Sequence[Any]


@checked_keywords
class FixedClock:
    """A clock that advances by a fixed amount at each look, so that recorded times repeat."""

    def __init__(self, start: float = 0.0, tick: float = 0.05) -> None:
        self.now = start
        self.tick = tick

    def __call__(self) -> float:
        self.advance(self.tick)
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now = round(self.now + seconds, 6)


@checked_keywords
def says(
    text: str | None,
    *calls: dict[str, Any],
    reasoning: str | None = None,
    finish_reason: str | None = None,
) -> dict[str, Any]:
    """Write an answer for a script, as a chat completion message with its finish reason.

    Args:
        text: the content.
        calls: what `calls` makes.
        reasoning: what the model thought.
        finish_reason: None: `tool_calls` where there are calls, else `stop`.

    >>> says(None, calls("add", a=1, b=2))["finish_reason"]
    'tool_calls'
    """
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if reasoning is not None:
        message["reasoning"] = reasoning
    if calls:
        message["tool_calls"] = list(calls)
    return {
        "message": message,
        "finish_reason": finish_reason or ("tool_calls" if calls else "stop"),
    }


@checked_keywords
def calls(name: str, /, **arguments: Any) -> dict[str, Any]:
    """Write a tool call for `says`, without an id: the server that plays it gives it one."""
    return {
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
    }


@checked_keywords
def by_turn(*answers: Any) -> Callable[[list[dict[str, Any]]], Any]:
    """Make a script that gives each conversation its answers by turn, so that any number of
    rollouts can play it side by side.

    >>> script = by_turn("first", "second")
    >>> begun = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "first"}]
    >>> script([*begun, {"role": "user", "content": "and?"}])
    'second'
    """

    def script(messages: list[dict[str, Any]]) -> Any:
        turn = sum(message.get("role") == "assistant" for message in messages)
        return answers[turn] if turn < len(answers) else used_up(len(answers))

    return script


def used_up(count: int) -> ApiError:
    """Answer for a script that has no more answers."""
    return ApiError(
        kind="server_error", message=f"the script holds {count} answers and was asked for one more"
    )


def next_answer(script: Script, index: int, messages: list[dict[str, Any]]) -> Any:
    """Take the script's answer to one request.

    Args:
        script: the answers.
        index: how many requests came before.
        messages: the history of the request.
    """
    if callable(script):
        return script(messages)
    return script[index] if index < len(script) else used_up(len(script))


def as_choice(answer: Any) -> dict[str, Any]:
    """Turn a text, a message or an answer of `says` into a choice: its message and its finish
    reason; calls keep the ids they were given.

    >>> as_choice("It is cold.")
    {'message': {'role': 'assistant', 'content': 'It is cold.'}, 'finish_reason': 'stop'}
    """
    answer = says(answer) if isinstance(answer, str) or answer is None else plain(answer)
    if "choices" in answer:
        answer = next(
            (choice for choice in answer["choices"] or () if isinstance(choice, dict)), {}
        )
    choice = answer if "message" in answer else {"message": answer}
    finish = "tool_calls" if choice["message"].get("tool_calls") else "stop"
    return {"message": choice["message"], "finish_reason": choice.get("finish_reason", finish)}


@checked_keywords
class ScriptedServer:
    """A server that answers from a script: a function of the messages, or a list of answers in
    order.

    An answer is a text, what `says` gives, a message, a whole body, an `Exchange`, an `ApiError` or
    an exception (a failed request), or a `(status, body)` pair. A list that has run out answers
    with an error that says so.
    """

    profile: str | None = None

    def __init__(
        self,
        script: Script,
        *,
        dialect: Dialect | None = None,
        model: str = "scripted",
        clock: Callable[[], float] | None = None,
        latency: float = 0.4,
        answered: int = 0,
    ) -> None:
        """Make a server.

        Args:
            script: the answers.
            dialect: what an agent speaks to it that does not say so itself; it answers each
                request in the dialect it is asked in.
            model: the name of the model in the answers.
            clock: gives the times of the answers; None: a `FixedClock`.
            answered: how many answers it has given before; the ids of its calls count on from
                there.
            latency: seconds every answer is recorded to have taken; nothing waits, but a
                `FixedClock` goes on by them.
        """
        self.dialect = dialect
        """What an agent speaks to it; None: chat completions."""
        self._script = script
        self._model = model
        self._clock = clock or FixedClock()
        self._latency = latency
        self._count = answered
        self.calls: list[Call] = []
        """The requests, in order."""

    async def chat(self, call: Call, emit: Emit | None = None) -> Exchange:
        """Take the next answer of the script."""
        index, self._count = self._count, self._count + 1
        self.calls.append(call)
        answer = next_answer(self._script, index, [dict(message) for message in call.messages])
        started = self._clock()
        if isinstance(self._clock, FixedClock):
            self._clock.advance(self._latency)
        times: dict[str, Any] = {"started": started, "elapsed": self._latency}
        if isinstance(answer, Exchange):
            return answer
        if isinstance(answer, ApiError):
            return Exchange(transport_error=answer, **times)
        if isinstance(answer, BaseException):
            return Exchange(
                transport_error=ApiError(
                    kind="server_error", message=f"{type(answer).__name__}: {answer}"
                ),
                **times,
            )
        status, body = (
            answer if isinstance(answer, tuple) else (200, self._spoken(answer, index, call))
        )
        text = body if isinstance(body, str) else json.dumps(plain(body), ensure_ascii=False)
        return Exchange(status=status, body=text, **times)

    def _spoken(self, answer: Any, index: int, call: Call) -> dict[str, Any]:
        """Write an answer in the dialect of its request; a body of a dialect stays as it is."""
        given: Any = answer if isinstance(answer, str) or answer is None else plain(answer)
        if codec_of(given) is not None:
            return dict(given)
        body = self._body(given, index)
        if call.dialect not in CODECS or "error" in body:
            return body
        return CODECS[call.dialect].body_out(read_response(body))

    def _body(self, answer: Any, index: int) -> dict[str, Any]:
        if not isinstance(answer, str) and (
            "choices" in (answer := plain(answer)) or "error" in answer
        ):
            return dict(answer)
        choice = as_choice(answer)
        message = choice["message"]
        listed: Iterable[Any] = message.get("tool_calls") or ()
        numbered = [
            {"id": f"call_{index}_{i}", **entry} if isinstance(entry, dict) else entry
            for i, entry in enumerate(listed)
        ]
        if numbered:
            message = {**message, "tool_calls": numbered}
        written = len(json.dumps(message)) // 4
        return {
            "id": f"chatcmpl-{index}",
            "object": "chat.completion",
            "model": self._model,
            "choices": [{"index": 0, "message": message, "finish_reason": choice["finish_reason"]}],
            "usage": {
                "prompt_tokens": 40 + 30 * index,
                "completion_tokens": written,
                "total_tokens": 40 + 30 * index + written,
            },
        }

    def __repr__(self) -> str:
        return "<ScriptedServer: no model, no network>"
