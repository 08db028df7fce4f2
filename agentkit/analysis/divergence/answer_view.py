"""What one side answered at one turn, as the detectors look at it: read, raw, and with the settings
of its request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any

from agentkit.analysis.alignment import ABSENT
from agentkit.dialects.codecs import CODECS, Codec
from agentkit.dialects.parts import Ending, Oddity, Parts
from agentkit.read.body.dialect import DialectBody, find_dialect
from agentkit.read.body.finish_words import ending_of
from agentkit.read.body.message import Envelope, open_envelope
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.stream.assembly import Assembly
from agentkit.read.stream.dialect_stream import DialectStream, open_stream
from agentkit.read.stream.sse import SSE, Event
from agentkit.types.answer import Dialect, Response, ToolCall
from agentkit.types.problem import excerpt
from agentkit.types.trajectory import Trajectory, Turn
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
        dialect: Dialect = "chat",
        chained: bool = False,
        history: str = "",
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
        read = response is not None and error is None and response.usable
        self.dialect: Dialect = response.dialect if response is not None and read else dialect
        """What it was written in; of a failure, what was asked in."""
        self.chained = chained
        """Whether the request named the answer before it by its id alone."""
        self.history = history
        """Equal where the same was said, called and answered before, to the letter; "" where
        nothing was, or where it is another rollout's.
        """
        self.apart = False
        """Whether it answers another request than the one it is compared with."""

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
    def codec(self) -> Codec | None:
        """What reads its dialect; None for chat completions."""
        return CODECS.get(self.dialect)

    @cached_property
    def ending(self) -> Ending | None:
        """What the server's word for the end means, in whatever dialect; None where it says
        nothing. Where a dialect has no word for an end with calls, its calls say it.
        """
        if self.codec is None:
            return ending_of(self.answer.finish_reason)
        end = self.parts.ending
        natural = end == "natural" and not self.codec.names_calls
        return "calls" if natural and self.listed_calls else end

    @property
    def listed_calls(self) -> tuple[ToolCall, ...]:
        """The calls that came where the dialect has them, and not in a text."""
        places = ("tool_calls", "function_call")
        return tuple(
            call
            for call in self.calls
            if call.origin in places or call.origin.startswith(f"{self.dialect}:")
        )

    @cached_property
    def named_events(self) -> list[tuple[str, dict[str, Any]]]:
        """The events of a stream, each with the name on its line `event:`; those that are no JSON
        object are left out.
        """
        sse = SSE()
        fed = [event for chunk in self.exchange.chunks for event in sse.feed(chunk.text)]
        found = []
        for event in (*fed, *sse.finish()):
            try:
                data = json.loads(event.data)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                found.append((event.kind, data))
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """The data of a stream's events."""
        return [data for _, data in self.named_events]

    @cached_property
    def body(self) -> Any:
        """The raw answer as data; a stream put together as the block answer it amounts to."""
        if not self.streamed:
            return self.exchange.raw
        if self.codec is not None:
            return self._put_together()
        assembly = Assembly()
        for data in self.events:
            if "error" not in data:
                assembly.add(data)
        return assembly.body() if assembly.chunks else self.exchange.text

    def _put_together(self) -> Any:
        """Put the events of a dialect together."""
        stream: DialectStream | None = None
        for kind, data in self.named_events:
            stream = stream or open_stream(data, kind)
            if stream is not None:
                stream.add(data, Event(data="", kind=kind))
        return stream.found().body if stream is not None else self.exchange.text

    @cached_property
    def _found(self) -> DialectBody | None:
        """The body of a dialect, and where it is."""
        return None if self.codec is None else find_dialect(self.body)

    @cached_property
    def parts(self) -> Parts:
        """The parts of a body in a dialect; empty for chat completions."""
        return self._found.codec.read(self._found.body) if self._found else Parts()

    @cached_property
    def oddities(self) -> tuple[Oddity, ...]:
        """What the dialect's own API does not do in its bodies and streams."""
        if self._found is None:
            return ()
        return tuple(self._found.codec.oddities(self._found.body, self.named_events))

    @cached_property
    def envelope(self) -> Envelope:
        """What is around the message in the raw answer."""
        if self._found is not None:
            found = self._found
            return Envelope(body=found.body, pointer=found.pointer, bare=found.bare)
        return open_envelope(self.body) if isinstance(self.body, dict) else Envelope()

    @property
    def message(self) -> dict[str, Any]:
        """The raw message of a chat completion; empty if there is none."""
        return self.envelope.message or {}

    def at(self, name: str) -> str:
        """Point to a field of the message, by its name in chat completions, where the dialect has
        it.
        """
        if self.codec is None:
            return f"{self.envelope.pointer}/{name}"
        places, head, (what, _, rest) = (
            self.codec.places,
            self.envelope.pointer,
            name.partition("/"),
        )
        if what == "reasoning":
            return f"{head}{places.items}{self._first_thought()}"
        if what != "tool_calls" or not self.parts.calls:
            content = what == "content" and self.parts.content_pointer
            return f"{head}{content or places.items}"
        place, _, field = rest.partition("/")
        if not place.isdigit() or int(place) >= len(self.parts.calls):
            return f"{head}{places.items}"
        call = self.parts.calls[int(place)]
        field = field.rpartition("/")[2]
        if field == "arguments":
            field = "input" if call.custom else places.arguments
        named = f"/{places.id if field == 'id' else field}" if field else ""
        return f"{head}{call.pointer}{named}"

    def _first_thought(self) -> str:
        """Point to the first item of reasoning, below the items; "" where there is none."""
        for place, item in enumerate(self.parts.items):
            if isinstance(item, dict) and item.get("type") in THOUGHTS:
                return f"/{place}"
        return ""

    def counted_at(self, what: str) -> str:
        """Point to a count of the usage: `input` or `output`."""
        if self.codec is not None:
            places = self.codec.places
            at = places.input_tokens if what == "input" else places.output_tokens
            return f"{self.envelope.pointer}{at}"
        return f"/usage/{'prompt' if what == 'input' else 'completion'}_tokens"

    @property
    def finish_pointer(self) -> str:
        """The pointer to the finish reason, which lies beside the message."""
        if self.codec is not None:
            return f"{self.envelope.pointer}{self.parts.finish_pointer}"
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
THOUGHTS = ("reasoning", "thinking", "redacted_thinking")
"""The types of output items and content blocks of reasoning."""


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
    said = ""
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
            dialect=spec.dialect,
            chained=spec.chain and bool(found),
            history="" if forced else said,
        )
        found.append(view)
        used |= ids
        said = _with_turn(said, turn)
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
            dialect=spec.dialect,
            chained=spec.chain and bool(found),
        )
        found.append(failure)
    return found


def _with_turn(before: str, turn: Turn) -> str:
    """Digest what a turn adds to the history, ids left out."""
    answer = turn.response
    calls = [(call.name, call.raw_arguments) for call in answer.tool_calls]
    results = [result.content if result else None for result in turn.results]
    sent = (turn.kept, [message.wire for message in turn.added])
    told = (before, *sent, answer.wire_content or "", answer.reasoning, calls, results)
    return sha256(repr(told).encode("utf-8", "replace")).hexdigest()


def _base_settings(trajectory: Trajectory) -> Mapping[str, Any]:
    """Collect the settings that every request of a rollout has; none for a raw answer, whose
    request is not known.
    """
    if not trajectory.prompt:
        return {}
    return {"stream": trajectory.spec.stream, **trajectory.spec.sampling}


def _flat(sampling: Mapping[str, Any], own: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Merge the settings of a rollout and of a turn, the fields of `extra_body` among them."""
    if not own and "extra_body" not in sampling:
        return sampling
    merged = {**sampling, **(own or {})}
    extra = merged.pop("extra_body", None)
    return {**merged, **extra} if isinstance(extra, dict) else merged
