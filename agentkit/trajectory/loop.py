"""The loop as pure functions over values: what comes next, and what the trajectory is once it has
happened.

    next_step(t) -> Step | None        a model call, a tool call, or nothing
    apply(t, outcome) -> t             the trajectory with the outcome in it

No clock, no network, no threads: an effect happens between the two, in `agentkit.agent.perform`. An
    answer is read here, from its raw exchange, so that a stored rollout read again gives the same
    trajectory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from agentkit.dialects.responses.chain import with_chain_hint
from agentkit.errors import UsageError
from agentkit.read.body.finish_words import means
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.failure.error import address_hint, read_error
from agentkit.read.response import read_response
from agentkit.read.stream.stream_error import answer_failure
from agentkit.trajectory.person.by_hand import rewritten
from agentkit.trajectory.person.prompt import prompt_messages
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import problem
from agentkit.types.record import replace
from agentkit.types.request import Spec
from agentkit.types.sequences.slots import empty_slots, with_value
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.steps import Answer, ModelStep, Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import (
    Attempt,
    Message,
    OpenTurn,
    StopReason,
    ToolResult,
    Trajectory,
    Turn,
)
from agentkit.types.wire import ApiError, Chunk, Exchange
from agentkit.types.words import type_in_words

FAILED = frozenset({"error", "content_filter"})
"""Stop reasons of a rollout whose last request gave no answer to go on from."""
RESUMABLE = FAILED | {"stopped"}
"""Stop reasons after which the next step goes on; a failed request is asked again."""


def checked_meta(meta: Any) -> Mapping[str, Any]:
    """Check what is given as `meta`; None is none.

    Raises:
        UsageError: it is no dict.
    """
    if meta is None or isinstance(meta, Mapping):
        return meta or {}
    raise UsageError(f"the meta is {type_in_words(meta)}", hint="pass a dict: meta={'task': …}")


def start(
    prompt: Any, spec: Spec | None = None, meta: Mapping[str, Any] | None = None
) -> Trajectory:
    """Start a trajectory, before its first turn.

    Args:
        prompt: a text (the user's), or a list of messages as dicts or SDK objects; items and
            content parts of the spec's own dialect are taken as they are.

    Raises:
        UsageError: it is neither.
    """
    spec = spec or Spec()
    none_left = spec.max_turns is not None and spec.max_turns <= 0
    return Trajectory(
        spec=spec,
        prompt=prompt_messages(prompt, spec.dialect),
        stop_reason="max_turns" if none_left else None,
        meta=dict(meta or {}),
    )


def next_step(trajectory: Trajectory) -> Step | None:
    """Find what happens next; None when the rollout has stopped."""
    if trajectory.stop_reason is not None:
        return None
    call = trajectory.open.first_pending if trajectory.open else None
    return (
        ModelStep(trajectory=trajectory)
        if call is None
        else ToolStep(trajectory=trajectory, call=call)
    )


def apply(trajectory: Trajectory, outcome: Outcome) -> Trajectory:
    """Apply the outcome of a step to the trajectory.

    Raises:
        UsageError: there is no step this could be the outcome of.
    """
    if isinstance(outcome, Answer):
        return _answered(trajectory, outcome)
    o = trajectory.open
    if o is None or o.response is None or not 0 <= outcome.position < len(o.results):
        raise UsageError(f"there is no call {outcome.position} in the open turn")
    results = with_value(o.results, outcome.position, outcome.result)
    if outcome.arguments is not None or outcome.result.redacted:
        calls: Any = o.response.tool_calls
        calls = with_value(calls, outcome.position, _touched(calls[outcome.position], outcome))
        o = replace(o, response=replace(o.response, tool_calls=calls))
    o = replace(o, results=results)
    if o.response is not None and o.first_pending is None:
        return _closed(trajectory, o, o.response)
    return replace(trajectory, open=o)


def _touched(call: ToolCall, outcome: Result) -> ToolCall:
    """Write on a call what its outcome says of it: other arguments, a secret in its result."""
    if outcome.arguments is not None:
        call = rewritten(call, outcome.arguments)
    note = problem("secret_redacted", "a known secret in the result reads [redacted]")
    if not outcome.result.redacted or note in call.problems:
        return call
    return replace(call, problems=(*call.problems, note))


def broken_off(pieces: Iterable[Chunk], why: str) -> Exchange:
    """Make the exchange of an answer that nobody waited for to its end.

    Args:
        pieces: what had come of it.
        why: what ended it, in words.
    """
    chunks = tuple(pieces)
    error = ApiError(kind="stream_no_finish", message=why, retryable=True)
    return Exchange(chunks=chunks, transport_error=error, elapsed=chunks[-1].at if chunks else None)


def interrupted(trajectory: Trajectory, exchange: Exchange) -> Trajectory:
    """Keep what had come of an answer as an attempt; the rollout is where it was before."""
    after = _answered(trajectory, Answer(exchange=exchange))
    return replace(after, stop_reason=trajectory.stop_reason, error=trajectory.error)


def _answered(trajectory: Trajectory, outcome: Answer) -> Trajectory:
    if trajectory.open is not None and trajectory.open.first_pending is not None:
        raise UsageError("calls of the open turn have no result yet")
    exchange, response = outcome.exchange, outcome.response
    if response is None or response.exchange is not exchange:
        response = read_answer(trajectory.spec, exchange, len(trajectory.turns))
    error = failure(exchange, response)
    if error is None:
        return _taken(trajectory, response)
    error = with_chain_hint(error, trajectory.spec)
    came = response if response.content or response.reasoning or response.tool_calls else None
    attempt = Attempt(turn=len(trajectory.turns), error=error, exchange=exchange, response=came)
    filtered = error.kind == "content_filtered" and any(
        p.code == "finish_content_filter" for p in response.problems
    )
    return replace(
        trajectory,
        attempts=(*trajectory.attempts, attempt),
        stop_reason="content_filter" if filtered else "error",
        error=error,
    )


def _taken(trajectory: Trajectory, response: Response) -> Trajectory:
    """Open the next turn with its answer."""
    response.exchange.pack()
    before = trajectory.turns[-1].response.prompt_token_ids if trajectory.turns else ()
    if response.prompt_token_ids and isinstance(before, TokenIds):
        response = replace(
            response, prompt_token_ids=TokenIds(response.prompt_token_ids, base=before)
        )
    opened = trajectory.open or OpenTurn()
    response = as_chosen(response, opened.sampling or {})
    opened = replace(opened, response=response, results=empty_slots(len(response.tool_calls)))
    return settled(replace(trajectory, open=opened, stop_reason=None, error=None))


def accepted(trajectory: Trajectory) -> Trajectory:
    """Take the last answer as a turn although it broke off, as files of earlier versions did."""
    attempts = trajectory.attempts
    if not attempts or attempts[-1].turn != len(trajectory.turns):
        return trajectory
    response = read_answer(trajectory.spec, attempts[-1].exchange, len(trajectory.turns))
    if not response.usable:
        return trajectory
    return _taken(replace(trajectory, attempts=attempts[:-1]), response)


def read_answer(
    spec: Spec, exchange: Exchange, turn: int, read: Callable[..., Response] = read_response
) -> Response:
    """Read an exchange as this rollout reads its answers.

    Args:
        spec: the tools, the policy and the parser to read with.
        exchange: the raw answer.
        turn: whose answer it is; synthetic ids hold it.
        read: reads it as `read_response` does.
    """
    known = _known_tools(_Identity(spec.tools)) if spec.tools else None
    response = read(exchange, known, spec.policy, parser=spec.parser, turn=turn)
    found = []
    number, limit = len(response.tool_calls), spec.max_calls
    if limit is not None and number > limit:
        text = f"the answer has {number:,} calls; only the first {limit:,} are run (max_calls)"
        found.append(problem("calls_too_many", text, before=number, after=limit))
    if exchange.redacted:
        found.append(problem("secret_redacted", "a known secret in the answer reads [redacted]"))
    if exchange.injected is not None:
        found.append(problem("fault_injected", f"{exchange.injected} was put in on purpose"))
    response = replace(response, problems=(*response.problems, *found)) if found else response
    return as_chosen(response, spec.sampling)


def as_chosen(response: Response, sampling: dict[str, Any]) -> Response:
    """Drop the finding that calls ended with `stop`, where the request named the tool to call:
    OpenAI itself answers so.

    Args:
        response: the answer.
        sampling: what was asked for.
    """
    choice = {**sampling, **(sampling.get("extra_body") or {})}.get("tool_choice")
    if not isinstance(choice, dict):
        return response
    kept = tuple(p for p in response.problems if p.code != "finish_stop_with_tool_calls")
    return response if len(kept) == len(response.problems) else replace(response, problems=kept)


class _Identity:
    """A key that is equal to itself alone: schemas are dicts, which cannot be hashed, and those of
    one agent are one object. It holds them, so that no other object gets their identity.
    """

    __slots__ = ("value",)

    def __init__(self, value: tuple[dict[str, Any], ...]) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


@lru_cache(maxsize=256)
def _known_tools(schemas: _Identity) -> KnownTools:
    """Prepare the tools for reading; with a hundred tools this takes longer than the reading."""
    return KnownTools(schemas.value)


def failure(exchange: Exchange, response: Response) -> ApiError | None:
    """Find why an exchange gave no message to go on from; None where it did."""
    found = request_error(exchange) or answer_failure(exchange, response) or _waits(response)
    if found is not None and exchange.injected is not None:
        return replace(found, hint=f"{exchange.injected} was put in on purpose")
    hint = address_hint(exchange) if found is not None else ""
    return replace(found, hint=hint) if found is not None and hint else found


def _waits(response: Response) -> ApiError | None:
    """Find an answer that the server still works on, or has only queued: it says so itself."""
    if response.finish_reason is None or response.paused:
        return None
    found = next((p for p in response.problems if p.code == "finish_missing"), None)
    if found is None or response.dialect == "chat":
        return None
    status = response.exchange.status
    return ApiError(kind=found.code, message=found.message, status=status)


def request_error(exchange: Exchange) -> ApiError | None:
    """Find why a request failed by its transport or status; None where an answer came, whatever is
    in it.
    """
    if exchange.transport_error is not None:
        return exchange.transport_error
    if exchange.status is not None and not 200 <= exchange.status < 300:
        return read_error(exchange.status, exchange.headers, exchange.text)
    return None


def settled(trajectory: Trajectory) -> Trajectory:
    """Close the open turn, where every call of it has its result."""
    o = trajectory.open
    return (
        trajectory
        if o is None or o.response is None or o.first_pending is not None
        else _closed(trajectory, o, o.response)
    )


def _closed(trajectory: Trajectory, o: OpenTurn, response: Response) -> Trajectory:
    calls = response.tool_calls  # slots, where results have changed many of them
    turn = Turn(
        index=len(trajectory.turns),
        response=response if type(calls) is tuple else replace(response, tool_calls=tuple(calls)),
        results=o.results,
        kept=o.kept,
        added=o.added,
        sampling=o.sampling,
        before=trajectory.before,
    )
    turns = (*trajectory.turns, turn)
    return replace(
        trajectory,
        turns=turns,
        open=None,
        stop_reason=stop_reason_after(turn, len(turns), trajectory.spec.max_turns),
    )


def close(trajectory: Trajectory) -> Trajectory:
    """Close the open turn although calls of it have no result, as in a history given so."""
    o = trajectory.open
    return trajectory if o is None or o.response is None else _closed(trajectory, o, o.response)


def stop_reason_after(turn: Turn, count: int, max_turns: int | None) -> StopReason | None:
    """Decide why a rollout ends with this turn, the `count`-th; None where it goes on.

    Args:
        turn: the turn that has ended.
        count: how many turns that makes.
        max_turns: how many there may be; None for no limit.
    """
    if not turn.tool_calls and not turn.response.paused:
        return "length" if means(turn.response.finish_reason, "length") else "final"
    return "max_turns" if max_turns is not None and count >= max_turns else None


def resume(trajectory: Trajectory) -> Trajectory:
    """Prepare the trajectory for the step that failed, or was stopped before; one that ended is
    returned as it is.
    """
    return (
        replace(trajectory, stop_reason=None, error=None)
        if trajectory.stop_reason in RESUMABLE
        else trajectory
    )


def stop(trajectory: Trajectory) -> Trajectory:
    """Stop the trajectory where it is; `resume` lets it go on."""
    return trajectory if trajectory.stop_reason else replace(trajectory, stop_reason="stopped")


def say(trajectory: Trajectory, prompt: Any) -> Trajectory:
    """Add messages for the next turn. Calls that had no result are answered as cancelled, so that
    the history pairs.
    """
    for call in trajectory.pending:
        trajectory = apply(trajectory, Result(position=call.position, result=cancelled(call)))
    messages = prompt_messages(prompt, trajectory.spec.dialect)
    opened = trajectory.open or OpenTurn()
    opened = replace(opened, added=(*opened.added, *messages))
    return replace(trajectory, open=opened, stop_reason=None, error=None)


def rewrite(trajectory: Trajectory, kept: int, added: tuple[Message, ...]) -> Trajectory:
    """Let the next turn send the first `kept` messages of the history, and then `added`.

    Args:
        trajectory: what goes on so.
        kept: how many messages of the history stay.
        added: the messages behind them.
    """
    opened = OpenTurn(
        kept=kept, added=added, sampling=trajectory.open.sampling if trajectory.open else None
    )
    return replace(trajectory, open=opened, stop_reason=None, error=None)


def cancelled(call: ToolCall, reason: str = "the call was not run") -> ToolResult:
    """Make the result of a call that will never be run."""
    return ToolResult(
        call_id=call.id,
        name=call.name,
        status="cancelled",
        content=json.dumps({"error": reason}),
        error=reason,
    )
