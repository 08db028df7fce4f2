"""One model call of a rollout, without secrets: the request, where it went and what came back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentkit.dialects.responses.request import new_messages
from agentkit.errors import NotFound, UsageError
from agentkit.files.cassette.codec import decode_lines, encode_line, load_lines
from agentkit.files.cassette.lines import dump
from agentkit.files.reader import one_rollout
from agentkit.servers.address import is_openai
from agentkit.servers.model_call import Call, needs_completion_tokens, request_body
from agentkit.servers.redaction.key_shapes import outgoing
from agentkit.servers.redaction.redactor import REDACTED
from agentkit.show.export.endpoint import Endpoint
from agentkit.trajectory.history import fields_of, request
from agentkit.types.answer import Response
from agentkit.types.record import Record, record
from agentkit.types.request import Request, Spec
from agentkit.types.trajectory import Message, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange
from agentkit.types.words import type_in_words

_CHAIN = ("store", "previous_response_id")
_HINT = "pass the rollout and which turn of it: ak.export.curl(dbg.trajectory, turn=1)"


@record
class ModelCall(Record):
    """One model call of a rollout."""

    trajectory: Trajectory
    turn: int
    endpoint: Endpoint

    @property
    def response(self) -> Response | None:
        """The answer as it was read; None where there is none, or the request failed."""
        turns = self.trajectory.all_turns
        return turns[self.turn].response if self.turn < len(turns) else None

    @property
    def error(self) -> ApiError | None:
        """Why the request failed; None where it did not, or a later attempt succeeded."""
        failed = [attempt for attempt in self.trajectory.attempts if attempt.turn == self.turn]
        return failed[-1].error if failed and self.response is None else None

    @property
    def exchange(self) -> Exchange | None:
        """The raw answer; None where the request has not been sent yet."""
        if self.response is not None:
            return self.response.exchange
        return next(
            (a.exchange for a in reversed(self.trajectory.attempts) if a.turn == self.turn), None
        )

    @property
    def request(self) -> Request:
        return request(self.trajectory, self.turn)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body as it is sent: with extra fields and `stream`, and fields named as the
        server expects them.
        """
        spec, turns = self.trajectory.spec, self.trajectory.all_turns
        holder = turns[self.turn] if self.turn < len(turns) else self.trajectory.open
        fields, extra = fields_of(spec, holder.sampling if holder else None)
        asked = self.request
        messages: Sequence[dict[str, Any]] = asked.messages
        if spec.chain:
            fields |= {name: asked.sampling[name] for name in _CHAIN if name in asked.sampling}
            messages = new_messages(messages, len(messages) - asked.known)
        call = Call(
            messages=messages,
            fields=fields,
            extra_body=extra,
            dialect=spec.dialect,
            stream=spec.stream,
        )
        renames = is_openai(self.endpoint.host) and needs_completion_tokens(
            {**fields, **(extra or {})}.get("model")
        )
        body: dict[str, Any] = json.loads(request_body(call, completion_tokens=renames))
        return {
            name: body[name]
            for name in (
                *(name for name in ("model", "input", "messages", "tools") if name in body),
                *body,
            )
        }

    @property
    def redacted(self) -> bool:
        """Whether a secret was removed from the request."""
        return REDACTED in json.dumps(self.body)

    @property
    def heading(self) -> str:
        """One line about it, without words of a model or a server."""
        exchange = self.exchange
        status = f", answered with HTTP {exchange.status}" if exchange and exchange.status else ""
        return (
            f"turn {self.turn} of a recorded rollout{status}"
            if exchange
            else f"turn {self.turn} of a rollout, not asked yet"
        )

    def summary(self) -> str:
        return self.heading


def model_call(source: Any, turn: int | None = None, server: str | None = None) -> ModelCall:
    """Find the model call that is meant.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`, `ak.view`), a list
            of messages, or a `Request`.
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.
        server: the base URL to ask in place of the recorded one.

    Raises:
        UsageError: it holds no rollout, or several, or went to no address of a server.
        NotFound: there is no such turn.
    """
    if isinstance(source, ModelCall):
        dialect = source.trajectory.spec.dialect
        return replace(source, endpoint=Endpoint.of(server, dialect)) if server else source
    if isinstance(source, Turn):
        if source.before is None:
            raise UsageError("this turn does not know what was asked before it", hint=_HINT)
        trajectory, index = source.rollout, source.index
        assert trajectory is not None
    else:
        trajectory = _rollout(source)
        index = _index(trajectory, turn)
    trajectory = without_secrets(trajectory)
    return ModelCall(
        trajectory=trajectory,
        turn=index,
        endpoint=(
            Endpoint.of(server, trajectory.spec.dialect) if server else _endpoint(trajectory, index)
        ),
    )


def _rollout(source: Any) -> Trajectory:
    if isinstance(source, Request):
        spec = Spec(
            model=source.model,
            tools=source.tools,
            sampling=source.sampling,
            dialect=source.dialect,
        )
        sent: Sequence[dict[str, Any]] = source.messages
        if source.known:
            sent = new_messages(sent, len(sent) - source.known)
        return Trajectory(spec=spec, prompt=tuple(Message(wire=dict(message)) for message in sent))
    if isinstance(source, Response):
        raise UsageError("an answer alone does not know what was asked", hint=_HINT)
    return one_rollout(
        source,
        "pass a rollout, a debugger, a turn of one, or a list of messages; of a file:"
        " ak.export.curl(ak.load(path))",
    )


def _index(trajectory: Trajectory, turn: int | None) -> int:
    answered = len(trajectory.all_turns)
    failed = any(attempt.turn == answered for attempt in trajectory.attempts)
    last = answered if failed or not answered else answered - 1
    if turn is not None and type(turn) is not int:
        raise UsageError(f"the turn is {type_in_words(turn)}", hint=_HINT)
    index = last if turn is None else turn
    index = index + answered if index < 0 else index
    if not 0 <= index <= len(trajectory.turns):
        raise NotFound(
            f"there is no turn {turn}",
            hint=f"turns count from 0; the last is {max(answered - 1, 0)}",
        )
    return index


def _endpoint(trajectory: Trajectory, index: int) -> Endpoint:
    """Return where this call went; for one that has not been made, where the others went."""
    urls = [(a.turn, a.exchange.url) for a in trajectory.attempts] + [
        (t.index, t.response.exchange.url) for t in trajectory.all_turns
    ]
    known = [(turn, url) for turn, url in urls if url]
    return Endpoint.recorded(
        next((url for turn, url in known if turn == index), known[-1][1] if known else ""),
        trajectory.spec.dialect,
    )


def without_secrets(trajectory: Trajectory) -> Trajectory:
    """Read a rollout again from lines without secrets; one that has none is returned as it is."""
    clean = outgoing()
    lines = [encode_line(line) for line in dump(trajectory)]
    cleaned = [clean(line) for line in lines]
    return trajectory if cleaned == lines else load_lines(decode_lines(cleaned))[0]
