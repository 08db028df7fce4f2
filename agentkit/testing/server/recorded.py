"""Recorded rollouts as a script: the exchange that answered this conversation when it was recorded,
found by its prompt and its turn, and sent as the bytes that came, or as its message where another
form is asked for.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agentkit.dialects.codecs import codec_of, event_codec
from agentkit.files.reader import rollouts_in
from agentkit.read.stream.assembly import Assembly
from agentkit.read.stream.sse import SSE
from agentkit.testing.scripted import as_choice
from agentkit.testing.server.loopback import Reply
from agentkit.types.answer import Dialect
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange


class Recorded:
    """A script that plays trajectories. Rollouts of one prompt are played in the order they were
    recorded, then from the first again.

    A conversation goes on with the recorded rollout whose calls it repeats, so a client need not
    send the history exactly as it was sent.
    """

    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        self.trajectories = tuple(trajectories)
        self._begun: Counter[str] = Counter()

    def __call__(self, messages: list[dict[str, Any]]) -> Exchange | ApiError:
        """Find what was answered to this history."""
        same = [t for t in self.trajectories if _begins(messages, t)]
        if not same:
            return _refused(
                "no rollout of this prompt was recorded; recorded are:"
                f" {_prompts(self.trajectories)}"
            )
        turn = _assistants(messages) - _assistants([m.wire for m in same[0].prompt])
        if turn == 0:
            key = repr(_asked(messages))
            self._begun[key] += 1
            return _exchange(same[(self._begun[key] - 1) % len(same)], 0)
        answers = [message for message in messages if message.get("role") == "assistant"][-turn:]
        return _exchange(max(same, key=lambda t: _alike(answers, t)), turn)


def is_recorded(script: Any) -> bool:
    """Tell whether a script is recorded rollouts: a trajectory, several, the path of a file, or
    what holds a trajectory.
    """
    if isinstance(script, (str, os.PathLike, Trajectory)):
        return True
    if isinstance(script, (list, tuple)):
        return bool(script) and all(isinstance(item, Trajectory) for item in script)
    return not callable(script) and isinstance(getattr(script, "trajectory", None), Trajectory)


def recorded(source: Any) -> Recorded:
    """Make a script that plays these rollouts.

    Raises:
        FileNotFoundError: there is no such file.
        CassetteError: it holds no rollouts.
    """
    return Recorded(rollouts_in(source))


def _assistants(messages: Sequence[dict[str, Any]]) -> int:
    return sum(message.get("role") == "assistant" for message in messages)


def _asked(messages: Sequence[dict[str, Any]]) -> Any:
    """Give the content of the first user message."""
    return next(
        (message.get("content") for message in messages if message.get("role") == "user"), None
    )


def _begins(messages: Sequence[dict[str, Any]], trajectory: Trajectory) -> bool:
    prompt = [message.wire for message in trajectory.prompt]
    return _asked(messages) == _asked(prompt) and _assistants(messages) >= _assistants(prompt)


def _alike(answers: Sequence[dict[str, Any]], trajectory: Trajectory) -> int:
    """Count the assistant messages that make the calls which the recorded turns made."""
    turns = trajectory.all_turns
    return sum(
        _ids(message) == [call.id for call in turn.tool_calls]
        for message, turn in zip(answers, turns, strict=False)
    )


def _ids(message: dict[str, Any]) -> list[Any]:
    return [call.get("id") for call in message.get("tool_calls") or () if isinstance(call, dict)]


def _exchange(trajectory: Trajectory, turn: int) -> Exchange | ApiError:
    turns = trajectory.all_turns
    if turn < len(turns):
        return turns[turn].response.exchange
    failed = [attempt for attempt in trajectory.attempts if attempt.turn == turn]
    if failed:
        return failed[-1].exchange
    return _refused(f"the recorded rollout ended after {len(turns)} turn(s)")


def _refused(message: str) -> ApiError:
    return ApiError(kind="bad_request", message=message, status=400)


def _prompts(trajectories: Sequence[Trajectory]) -> str:
    return ", ".join(repr(str(_asked([m.wire for m in t.prompt]))[:60]) for t in trajectories[:5])


_NOT_PLAYED = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})


def reply_of(exchange: Exchange) -> Reply:
    """Send the exchange as it came; one that broke off breaks off again."""
    headers = {name: value for name, value in exchange.headers if name not in _NOT_PLAYED}
    pieces = [chunk.text for chunk in exchange.chunks] or None
    kind = {"content-type": "text/event-stream; charset=utf-8"} if pieces else {}
    cut = exchange.transport_error is not None and (pieces is not None or bool(exchange.body))
    length = len(exchange.body.encode()) + 1 if cut and pieces is None else None
    return Reply(
        exchange.body, exchange.status or 200, {**kind, **headers}, pieces, cut=cut, length=length
    )


def is_answer(exchange: Exchange) -> bool:
    """Tell whether it holds an answer that can be put into another form."""
    if exchange.transport_error is not None or (exchange.status or 200) >= 300:
        return False
    return codec_of(body_of(exchange)) is not None or bool(choice_of(exchange).get("message"))


def dialect_of(exchange: Exchange) -> Dialect:
    """Tell which dialect the exchange is in."""
    codec = codec_of(body_of(exchange))
    return codec.dialect if codec else "chat"


def is_completion(body: Any) -> bool:
    """Tell whether a body has the form of a chat completion, a message in its first choice."""
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and isinstance(first.get("message"), dict)


def choice_of(exchange: Exchange) -> dict[str, Any]:
    """Give the message of the exchange and its finish reason; empty where it holds none."""
    body = body_of(exchange)
    return as_choice(body) if isinstance(body, dict) and body.get("choices") else {}


def body_of(exchange: Exchange) -> Any:
    """Give the body of the exchange; of a stream the one a server would have sent in one piece,
    None where no event holds any of it.
    """
    if not exchange.chunks:
        return exchange.raw
    found = [data for _, data in events_of(exchange) if isinstance(data, dict)]
    codec = next((codec for data in found if (codec := event_codec(data))), None)
    if codec is not None:
        events = codec.events()
        for data in found:
            events.add(data)
        return events.body()
    assembly = Assembly()
    for data in found:
        assembly.add(data)
    return assembly.body() if assembly.chunks else None


def events_of(exchange: Exchange) -> list[tuple[float, Any]]:
    """Cut a stream into events: when each was complete, and its data, as text where it is not
    JSON.
    """
    sse, last = SSE(), exchange.chunks[-1].at if exchange.chunks else 0.0
    found = [(chunk.at, event.data) for chunk in exchange.chunks for event in sse.feed(chunk.text)]
    found += [(last, event.data) for event in sse.finish()]
    return [(at, _data(text)) for at, text in found]


def _data(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
