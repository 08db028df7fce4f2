"""What one side answered at one turn, as the detectors look at it: read, raw, and with the settings
of its request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from agentkit.analysis.alignment import ABSENT
from agentkit.read.body.message import Envelope, open_envelope
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.stream.assembly import Assembly
from agentkit.read.stream.sse import SSE
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import excerpt
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange


class AnswerView:
    """One answer, or the failure in its place."""

    def __init__(
        self,
        exchange: Exchange,
        response: Response | None,
        error: ApiError | None,
        asked: Mapping[str, Any],
        tools: KnownTools | None,
        before: AnswerView | None = None,
        has_history: bool = False,
        reused: bool = False,
    ) -> None:
        self.exchange = exchange
        self.response = response
        self.error = error
        self.asked = asked
        """The fields of the request without its messages and tools, those of `extra_body` included;
        empty if the request is not known.
        """
        self.tools = tools
        self.before = before
        """The answer of the turn before."""
        self.has_history = has_history
        """Whether the request contained earlier answers or results."""
        self.reused = reused
        """Whether a call bears the id of a call of an earlier turn."""

    @property
    def answer(self) -> Response:
        """The answer as it was read; an empty one if the request failed."""
        return self.response or _NOTHING

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the answer."""
        return self.answer.tool_calls

    @property
    def streamed(self) -> bool:
        """Whether the answer came in pieces."""
        return bool(self.exchange.chunks)

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes of everything that was wrong with the answer and its calls."""
        return frozenset(p.code for p in self.answer.all_problems)

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """The chunks of a stream as data; events that are no JSON object are left out."""
        sse = SSE()
        fed = [event for chunk in self.exchange.chunks for event in sse.feed(chunk.text)]
        found = []
        for event in (*fed, *sse.finish()):
            try:
                data = json.loads(event.data)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                found.append(data)
        return found

    @cached_property
    def body(self) -> Any:
        """The raw answer as data; a stream put together as the block answer it amounts to."""
        if not self.streamed:
            return self.exchange.raw
        assembly = Assembly()
        for data in self.events:
            if "error" not in data:
                assembly.add(data)
        return assembly.body() if assembly.chunks else self.exchange.text

    @cached_property
    def envelope(self) -> Envelope:
        """What is around the message in the raw answer."""
        return open_envelope(self.body) if isinstance(self.body, dict) else Envelope()

    @property
    def message(self) -> dict[str, Any]:
        """The raw message; empty if there is none."""
        return self.envelope.message or {}

    def at(self, name: str) -> str:
        """Point to a field of the message."""
        return f"{self.envelope.pointer}/{name}"

    @property
    def finish_pointer(self) -> str:
        """The pointer to the finish reason, which lies beside the message."""
        return f"{self.envelope.pointer.rpartition('/')[0]}/finish_reason"

    def look(self, pointer: str) -> Any:
        """Cut an excerpt from the raw answer at a pointer; `ABSENT` where it has nothing there."""
        value: Any = self.body
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            else:
                return ABSENT
        return excerpt(value, 300)

    @property
    def text(self) -> str:
        """Everything the model wrote, in the order it is usually written."""
        calls = "".join(f"{call.name}{call.raw_arguments}" for call in self.calls)
        return f"{self.answer.reasoning or ''}{self.answer.content or ''}{calls}"


_NOTHING = Response()


def answer_views(trajectory: Trajectory, tools: KnownTools | None = None) -> list[AnswerView]:
    """List the answers of a rollout in order, a failed request last.

    Linear in the length of the rollout: no request is built.
    """
    spec = trajectory.spec
    if tools is None and spec.tools:
        tools = KnownTools(spec.tools)
    history = any(message.role in ("assistant", "tool") for message in trajectory.prompt)
    base = _base_settings(trajectory)
    forced = trajectory.meta.get("history") == "forced"  # its history is another rollout's
    found: list[AnswerView] = []
    used: set[str] = set()
    for turn in trajectory.all_turns:
        ids = {call.raw_id for call in turn.tool_calls if isinstance(call.raw_id, str)}
        view = AnswerView(
            exchange=turn.response.exchange,
            response=turn.response,
            error=None,
            asked=_flat(base, turn.sampling),
            tools=tools,
            before=found[-1] if found and not forced else None,
            has_history=history or bool(found),
            reused=not used.isdisjoint(ids),
        )
        found.append(view)
        used |= ids
    if trajectory.error is not None:
        last = trajectory.attempts[-1] if trajectory.attempts else None
        sampling = trajectory.open.sampling if trajectory.open else None
        failure = AnswerView(
            exchange=last.exchange if last else Exchange(),
            response=last.response if last else None,
            error=trajectory.error,
            asked=_flat(base, sampling),
            tools=tools,
            before=found[-1] if found else None,
            has_history=history or bool(found),
        )
        found.append(failure)
    return found


def _base_settings(trajectory: Trajectory) -> Mapping[str, Any]:
    """Collect the settings that every request of a rollout has; none for a raw answer, whose
    request is not known.
    """
    if not trajectory.prompt:
        return {}
    stream = {"stream": True} if trajectory.spec.stream else {}
    return {**stream, **trajectory.spec.sampling}


def _flat(sampling: Mapping[str, Any], own: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Merge the settings of a rollout and of a turn, the fields of `extra_body` among them."""
    if not own and "extra_body" not in sampling:
        return sampling
    merged = {**sampling, **(own or {})}
    extra = merged.pop("extra_body", None)
    return {**merged, **extra} if isinstance(extra, dict) else merged
