"""A conversation that somebody else recorded, entry by entry, as a trajectory: each assistant
message is a turn, the tool messages behind it are its results.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from agentkit.dialects.native_request import native_answer
from agentkit.read.response import read_response
from agentkit.types.answer import Response, ToolCall
from agentkit.types.request import Spec
from agentkit.types.trajectory import (
    Message,
    OpenTurn,
    ResultStatus,
    StopReason,
    ToolResult,
    Trajectory,
    Turn,
)
from agentkit.types.wire import Exchange

_UNJOINED = "errors of tools in messages that answer no call of a turn"
"""A message of the prompt has no place for what became of its call."""


@dataclass(frozen=True, slots=True)
class ChatEntry:
    """One message of a conversation, and what its recorder knew beside it."""

    message: Message
    """The message in OpenAI's chat format."""
    exchange: Exchange | None = None
    """The raw answer that an assistant's message came in, where it was kept; see `answered`."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `ToolResult` beside `content`, of a tool's message: `status`, `error`, `elapsed`,
    `started`, `value`, `printed`, `traceback`, `trajectory`.
    """
    kept: int | None = None
    """How many messages of the history so far the model still sees before this one, which is no
    answer; None for all of them. Those before it that no answer came to are not sent either.
    """
    given: bool = False
    """Whether an assistant's message was put into the history, and no model gave it here."""

    @property
    def is_answer(self) -> bool:
        """Whether it is what a model answered in this rollout."""
        return self.message.role == "assistant" and not self.given


def entry(message: Mapping[str, Any], exchange: Exchange | None = None, **result: Any) -> ChatEntry:
    """Make an entry of a chat message; the keywords are fields of its `ToolResult`."""
    return ChatEntry(message=Message(wire=dict(message)), exchange=exchange, result=result)


def put(message: Mapping[str, Any]) -> ChatEntry:
    """Make an entry of a message that no model gave in this rollout, whatever its role: an example
    of the prompt, words of another agent.
    """
    return ChatEntry(message=Message(wire=dict(message)), given=True)


def answered(
    message: Mapping[str, Any],
    *,
    source: Any = None,
    choice: Mapping[str, Any] | None = None,
    started: float | None = None,
    elapsed: float | None = None,
    **body: Any,
) -> Exchange:
    """Write the body of a chat completion that says what a recorder knew of an answer. Nothing that
    is None is written.

    Args:
        message: the assistant's message.
        source: the recorder's own entry, kept beside it untouched.
        choice: fields of the choice: `finish_reason`, `logprobs`, `token_ids`, ….
        started: Unix time in seconds when it was asked for.
        elapsed: seconds until it was there.
        body: fields of the body: `id`, `model`, `usage`, `prompt_token_ids`, ….
    """
    known = {key: value for key, value in (choice or {}).items() if value is not None}
    whole = {key: value for key, value in body.items() if value is not None}
    whole["choices"] = [{"index": 0, "message": dict(message), **known}]
    if source is not None:
        whole["imported"] = source
    text = json.dumps(whole, ensure_ascii=False, default=str)
    return Exchange(body=text, started=started, elapsed=elapsed)


class Losses:
    """What of a foreign file was not understood, counted by its place in the format."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()

    def note(self, place: str) -> None:
        """Count one thing that is not taken over (`steps[].extra.color`)."""
        self.counts[place] += 1

    def copied(self) -> Losses:
        """Copy what was counted, to go on counting for one part of what was read."""
        own = Losses(self.name)
        own.counts.update(self.counts)
        return own

    def strays(self, values: Iterable[Any], place: str) -> None:
        """Count what is no object in a list of objects."""
        for value in values:
            if not isinstance(value, Mapping):
                self.note(f"{place}[] that is no object")

    def beside(self, value: Mapping[str, Any], known: Iterable[str], place: str) -> None:
        """Count the keys of a mapping that nobody reads, where they hold anything."""
        for key in value.keys() - set(known):
            if value[key] not in (None, "", [], {}):
                self.note(f"{place}.{key}")

    @property
    def report(self) -> dict[str, Any]:
        """What the rollout's meta says of it: the format, and what was lost where."""
        return {"format": self.name, "lost": dict(sorted(self.counts.items()))}


def imported(
    entries: Sequence[ChatEntry],
    spec: Spec,
    losses: Losses,
    meta: Mapping[str, Any] | None = None,
    ended: StopReason | None = None,
) -> Trajectory:
    """Make the rollout of a foreign file; its meta's `import` says what was lost.

    Args:
        entries: the conversation in order, the prompt first.
        spec: what was asked, as far as the file says.
        losses: what was not understood.
        meta: what is known of the rollout: `task`, `sample`, `reward`, `labels`, ….
        ended: why it ended, where the file says so; by default as its last message tells.
    """
    report = losses.report
    found = rollout_of_entries(entries, spec, {**(meta or {}), "import": report})
    failed = sum(each.result.get("status", "ok") != "ok" for each in entries)
    results = (result for turn in found.all_turns for result in turn.results)
    unsaid = failed - sum(result is not None and result.status != "ok" for result in results)
    if unsaid > 0:
        report["lost"][_UNJOINED] = unsaid
    waits = found.open is not None and (ended == "final" or found.open.response is None)
    return found if ended is None or waits else replace(found, stop_reason=ended)


def rollout_of_entries(
    entries: Sequence[ChatEntry],
    spec: Spec,
    meta: Mapping[str, Any] | None = None,
) -> Trajectory:
    """Make a rollout of a conversation, each answer a turn.

    Results are paired by id, then by order; a tool message that answers no call, and whatever else
    comes between two answers, is kept as what was added before the next turn.
    """
    first = next((i for i, e in enumerate(entries) if e.is_answer), len(entries))
    begun = Trajectory(
        spec=spec, prompt=tuple(e.message for e in entries[:first]), meta=dict(meta or {})
    )
    turns: list[Turn] = []
    added: list[Message] = []
    kept: int | None = None
    place = first
    while place < len(entries):
        one = entries[place]
        place += 1
        if not one.is_answer:
            added.append(one.message)
            continue
        answers, others = _results(entries, place)
        place += len(answers) + len(others)
        turn, orphans = _turn(len(turns), one, answers, tuple(added), spec)
        if kept is not None:
            turn = replace(turn, kept=kept)
        turns.append(replace(turn, before=replace(begun.before, last=turns[-1] if turns else None)))
        kept, left = _after_cut(others)
        added = [*(orphans if kept is None else ()), *(other.message for other in left)]
    opened = OpenTurn(kept=kept, added=tuple(added)) if added else None
    if turns and not added and None in turns[-1].results:  # its calls are still to be answered
        last = turns.pop()
        opened = OpenTurn(
            kept=last.kept, added=last.added, response=last.response, results=last.results
        )
    ended = bool(turns) and opened is None and not turns[-1].tool_calls
    return replace(begun, turns=tuple(turns), open=opened, stop_reason="final" if ended else None)


def result_status_in(value: Any) -> ResultStatus | None:
    """Read how a call came out, in agentkit's own word; None for anything else."""
    return next((word for word in get_args(ResultStatus) if word == value), None)


def stop_reason_in(value: Any) -> StopReason | None:
    """Read why a rollout ended, in agentkit's own word; None for anything else."""
    return next((word for word in get_args(StopReason) if word == value), None)


def _after_cut(others: list[ChatEntry]) -> tuple[int | None, list[ChatEntry]]:
    """Give what is left of the history where it was cut, and what was added behind the last cut."""
    cuts = [place for place, each in enumerate(others) if each.kept is not None]
    return (others[cuts[-1]].kept, others[cuts[-1] :]) if cuts else (None, others)


def _results(entries: Sequence[ChatEntry], place: int) -> tuple[list[ChatEntry], list[ChatEntry]]:
    """Divide what comes before the next answer into the results of this one and other messages: a
    result behind a user's message joins its call by id.
    """
    calls = entries[place - 1].message.wire.get("tool_calls")
    listed = calls if isinstance(calls, list) else []
    named = [call.get("id") for call in listed if isinstance(call, dict)]
    ids = {call_id for call_id in named if isinstance(call_id, str)}
    answers: list[ChatEntry] = []
    others: list[ChatEntry] = []
    while place < len(entries) and not entries[place].is_answer:
        each = entries[place]
        place += 1
        result = each.message.role in ("tool", "function")
        given = each.message.wire.get("tool_call_id")
        late = result and bool(others) and isinstance(given, str) and given in ids
        (answers if late or (result and not others) else others).append(each)
    return answers, others


def _turn(
    index: int, one: ChatEntry, answers: list[ChatEntry], added: tuple[Message, ...], spec: Spec
) -> tuple[Turn, list[Message]]:
    exchange = one.exchange or _exchange(one.message)
    response = read_response(exchange, spec.tools or None, parser=spec.parser, turn=index)
    results, orphans = _paired(response, answers)
    return Turn(index=index, response=response, results=results, added=added), orphans


def _exchange(message: Message) -> Exchange:
    """Make the raw answer of a message that was kept without one: the message itself."""
    items = message.wire.get("items")
    said = message.wire if items is None else native_answer(items)
    return Exchange(body=json.dumps(said, ensure_ascii=False))


def _paired(
    response: Response, answers: list[ChatEntry]
) -> tuple[tuple[ToolResult | None, ...], list[Message]]:
    calls = response.tool_calls
    free = {call.id: call for call in reversed(calls)}
    results: dict[int, ToolResult] = {}
    left: list[ChatEntry] = []
    for answer in answers:
        call = free.pop(_text(answer.message.wire.get("tool_call_id")), None)
        if call is None:
            left.append(answer)
        else:
            results[call.position] = _result(call, answer)
    orphans = []
    unnamed = [call for call in calls if call.position not in results]
    for answer in left:
        named = answer.message.wire.get("name")
        named_id = answer.message.wire.get("tool_call_id")
        call = next(
            (
                call
                for call in unnamed
                if named in (None, call.name) and (call.id_synthetic or not named_id)
            ),
            None,
        )
        if call is None:
            orphans.append(answer.message)
        else:
            unnamed.remove(call)
            results[call.position] = _result(call, answer)
    return tuple(results.get(call.position) for call in calls), orphans


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _result(call: ToolCall, answer: ChatEntry) -> ToolResult:
    known = {"status": "ok", **answer.result}
    return ToolResult(call_id=call.id, name=call.name, content=answer.message.content, **known)
