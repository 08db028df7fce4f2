"""A sample of an Inspect log as a rollout: its messages are the conversation, its events say how
each answer and each result came about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import (
    ChatEntry,
    Losses,
    answered,
    entry,
    imported,
    put,
    rollout_of_entries,
)
from agentkit.files.foreign.evals.fields import (
    chat_tools,
    list_in,
    messages_in,
    object_in,
    objects_in,
    seconds_between,
    text_in,
    unix_in,
)
from agentkit.files.foreign.evals.inspect_log.inspect_answer import (
    exchange_in,
    failed_exchange,
    raw_dialect,
)
from agentkit.files.foreign.evals.inspect_log.inspect_events import SampleEvents, answer_of
from agentkit.files.foreign.evals.inspect_log.inspect_messages import chat_message, failure_of
from agentkit.files.foreign.evals.inspect_log.pools import Pools, expanded
from agentkit.files.foreign.evals.inspect_log.scores import ending_of, meta_of
from agentkit.types.request import Spec
from agentkit.types.trajectory import Attempt, Trajectory

KNOWN = (
    *("id", "epoch", "input", "target", "choices", "messages", "output", "scores", "score"),
    *("message_refs", "message_pool", "metadata", "events", "transcript", "attachments"),
    *("events_data", "model_usage"),
    *("role_usage", "started_at", "completed_at", "total_time", "working_time", "uuid", "error"),
    *("limit", "turn_count", "token_limit", "token_limit_type", "token_limit_usage"),
    *("message_limit", "time_limit", "working_limit", "cost_limit", "turn_limit"),
)
"""What of a sample is read, or only sums up what is."""
_CONFIG = {
    "stop_seqs": "stop",
    **{
        name: name
        for name in (
            *("temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "seed"),
            *("presence_penalty", "reasoning_effort", "parallel_tool_calls", "logprobs"),
            *("top_logprobs", "logit_bias", "num_choices"),
        )
    },
}
"""The names of Inspect's `GenerateConfig` as a request has them."""
_UNSENT = frozenset(
    ("model", "tools", "extra_headers", "timeout", "max_retries", "stream", "stream_options")
)
"""What of a raw request is no sampling."""


def rollout_of_sample(sample: Mapping[str, Any], log: Mapping[str, Any]) -> Trajectory:
    """Make the rollout of a sample.

    Args:
        sample: the sample, whole.
        log: the log without its samples.
    """
    losses = Losses("Inspect")
    losses.beside(sample, KNOWN, "sample")
    reading = SampleReading(sample, losses)
    messages = reading.messages(sample)
    own = [event for event in reading.events.models.get(None, []) if not _failed(event)]
    if own and not any(object_in(message).get("role") == "assistant" for message in messages):
        messages = reading.asked(own[-1])
    elif own and (sample.get("limit") or sample.get("error")):
        messages += reading.unkept(messages, own[-1])
    entries = list(reading.entries(messages, None))
    reading.count_rest()
    ended = ending_of(sample, log)
    if ended == "final" and not any(one.is_answer for one in entries):
        ended = None  # a score is no answer
    found = imported(entries, reading.spec(log), losses, meta_of(sample, log), ended)
    return reading.with_attempts(found)


class SampleReading:
    """The reading of one sample: what its conversations share."""

    def __init__(self, sample: Mapping[str, Any], losses: Losses) -> None:
        self.losses = losses
        self.pools = Pools(sample)
        self.events = SampleEvents(sample, self.pools)

    def messages(self, sample: Mapping[str, Any]) -> list[Any]:
        """Give the messages of the sample itself, those of a large one by their places."""
        refs = sample.get("message_refs")
        listed = expanded(refs, self.pools.messages) if refs else list_in(sample.get("messages"))
        return [self.pools.resolve(message) for message in listed]

    def asked(self, event: Mapping[str, Any]) -> list[Any]:
        """Give the messages of a model event, its answer the last."""
        answer = self.pools.resolve(answer_of(event))
        return [*self.pools.input(event), *([answer] if answer else [])]

    def unkept(self, messages: list[Any], event: Mapping[str, Any]) -> list[Any]:
        """Give the answer that broke a sample off before it was put into the messages: it was
        asked with all of them.
        """
        *asked, answer = self.asked(event) or [{}]
        ids = [object_in(message).get("id") for message in messages]
        named = object_in(answer).get("id")
        if not named or named in ids or [object_in(one).get("id") for one in asked] != ids:
            return []
        return [answer]

    def entries(self, messages: Iterable[Any], owner: str | None) -> Iterator[ChatEntry]:
        """Read a conversation.

        Args:
            messages: its messages, whole.
            owner: the call whose agent had it; None for the sample's own.
        """
        waiting: list[str] = []
        for message in messages_in(list(messages), self.losses, "messages"):
            wire = chat_message(message, self.losses)
            if wire["role"] == "tool":
                call = text_in(wire["tool_call_id"])
                waiting = [one for one in waiting if one != call]
                event = self.events.of_call(call, message)
                yield entry(wire, **self._result(call, event, message.get("error")))
            elif wire["role"] != "assistant":
                yield entry(wire)
            else:
                made = self._answer(message, wire, owner)
                if made.is_answer:
                    yield from self._unsaid(waiting)
                    calls = objects_in(made.message.wire.get("tool_calls"))
                    waiting = [text_in(call.get("id")) for call in calls]
                yield made
        yield from self._unsaid(waiting)

    def _answer(
        self, message: Mapping[str, Any], wire: dict[str, Any], owner: str | None
    ) -> ChatEntry:
        """Read an assistant's message: as the model gave it where its event is there, for a solver
        may have changed it afterwards.
        """
        who, event = self.events.of_answer(message)
        if event is None:
            given_to_it = message.get("source") == "input"
            return put(wire) if given_to_it else entry(wire, answered(wire, source=message))
        if who != owner:  # words of an agent that this one handed over to, or that handed over
            return put(wire)
        own = chat_message(self.pools.resolve(answer_of(event)), self.losses)
        own = {**own, "role": "assistant"}
        return entry(own, exchange_in(event, own, self.pools))

    def _unsaid(self, calls: list[str]) -> Iterator[ChatEntry]:
        """Give the results that only the events hold, as of a call that ended the run."""
        for call in calls:
            event = self.events.of_call(call, {})
            if not event.get("completed") and event.get("result") is None:
                continue
            failed = text_in(object_in(event.get("error")).get("message"))
            result = self.pools.resolve(event.get("result"))
            said = result if isinstance(result, (str, list)) or result is None else str(result)
            message = {"role": "tool", "tool_call_id": call, "content": said or failed}
            yield entry(chat_message(message, self.losses), **self._result(call, event, None))

    def _result(self, call: str, event: Mapping[str, Any], error: Any) -> dict[str, Any]:
        """Read what its event says of a call: times, an error, the rollout of its agent."""
        started = event.get("timestamp")
        fields = {
            "started": unix_in(started),
            "elapsed": seconds_between(started, event.get("completed")),
            **failure_of(error or event.get("error")),
        }
        asked = self.events.models.pop(call, None) if call else None
        if asked:
            entries = list(self.entries(self.asked(asked[-1]), call))
            name = text_in(event.get("agent")) or text_in(event.get("function"))
            spec = self._spec_of(asked)
            inner = rollout_of_entries(entries, spec, {"agent": name})
            ended = event.get("completed") and not event.get("error") and inner.open is None
            fields["trajectory"] = replace(inner, stop_reason="final") if ended else inner
        return fields

    def spec(self, log: Mapping[str, Any]) -> Spec:
        """Read what the sample was run with."""
        run = object_in(log.get("eval"))
        found = self._spec_of(self.events.models.get(None, []))
        return found if found.model else replace(found, model=text_in(run.get("model")) or None)

    def _spec_of(self, events: list[Mapping[str, Any]]) -> Spec:
        if not events:
            return Spec()
        raw = [event for event in events if raw_dialect(event) and not _failed(event)]
        first = [*raw, *events][0]
        request = self.pools.request(first)
        sampling = {
            key: value for key, value in request.items() if key not in _UNSENT and value is not None
        }
        dialects = {raw_dialect(event) for event in raw}
        dialect = dialects.pop() if len(dialects) == 1 else None
        if dialect is None:
            config = object_in(first.get("config"))
            sampling = {
                sent: config[name] for name, sent in _CONFIG.items() if config.get(name) is not None
            }
        named = text_in(request.get("model")) if dialect else ""
        return Spec(
            model=named or text_in(first.get("model")) or None,
            tools=chat_tools(self.pools.resolve(first.get("tools"))),
            sampling=sampling,
            dialect=dialect or "chat",
        )

    def count_rest(self) -> None:
        """Count the events that are in no rollout."""
        for kind, number in sorted(self.events.others.items()):
            for _ in range(number):
                self.losses.note(f"events[] of kind {kind or 'none'}")
        for _ in range(self.events.scorers):
            self.losses.note("events[] of kind model, of a scorer")
        for owner, events in self.events.models.items():
            for event in events:
                if id(event) not in self.events.used and not (owner is None and _failed(event)):
                    self.losses.note("events[] of kind model, beside the conversation")

    def with_attempts(self, rollout: Trajectory) -> Trajectory:
        """Add the requests that failed, each at the turn it was made for."""
        turn, last = 0, len(rollout.turns)
        attempts: list[Attempt] = []
        for event in self.events.models.get(None, []):
            if id(event) in self.events.used:
                turn += 1
                continue
            exchange = failed_exchange(event)
            if exchange is not None and exchange.transport_error is not None:
                error = exchange.transport_error
                attempts.append(Attempt(turn=min(turn, last), error=error, exchange=exchange))
        if not attempts:
            return rollout
        found = replace(rollout, attempts=tuple(attempts))
        if attempts[-1].turn == last and (found.open is None or found.open.response is None):
            return replace(found, stop_reason="error", error=attempts[-1].error)
        return found


def _failed(event: Mapping[str, Any]) -> bool:
    return failed_exchange(event) is not None
