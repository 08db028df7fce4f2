"""Where the conversation of an agent stands when its request or its answer passes: what breakpoints
are asked about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from agentkit.dialects.native_request import chat_form, request_dialect
from agentkit.dialects.responses.request_in import chat_messages
from agentkit.errors import UsageError
from agentkit.files.foreign.logs.chat_log import trajectory_of
from agentkit.read.response import read_response
from agentkit.trajectory.breakpoints import Breakpoint, BreakpointContext, Stop, stop_at
from agentkit.trajectory.loop import apply, close
from agentkit.types.answer import Response
from agentkit.types.record import clip
from agentkit.types.request import Request
from agentkit.types.steps import Answer, ModelStep, Result, ToolStep
from agentkit.types.trajectory import OpenTurn, Trajectory
from agentkit.types.wire import Flow

_LONGEST_CHAIN = 1000
Side = Literal["request", "answer"]
"""What is on its way: a request to the server, or an answer to the agent."""


def request_of(flow: Flow) -> Request | None:
    """Read a request in chat form, as its body has it; None where it asks for no answer of a
    model.
    """
    try:
        data = json.loads(flow.body)
    except (ValueError, RecursionError):
        return None
    dialect = request_dialect(data, flow.path)
    if dialect is None:
        return None
    form = chat_form(data, dialect)
    form = dict(form)
    messages, tools, model = (form.pop(name, None) for name in ("messages", "tools", "model"))
    return Request(
        model=model if isinstance(model, str) else None,
        messages=tuple(each for each in messages or () if isinstance(each, dict)),
        tools=tuple(each for each in _listed(tools) if isinstance(each, dict)),
        sampling=form,
        dialect=dialect,
    )


def response_of(flow: Flow) -> Response | None:
    """Read an answer with the tools of its request; None where there is none yet."""
    if flow.exchange is None:
        return None
    talk = conversation_of(flow)
    return read_response(flow.exchange, talk.spec.tools or None if talk else None)


def gist_of(flow: Flow, side: Side) -> str:
    """Write the calls or the text of an answer, or the last message of a request."""
    response = response_of(flow) if side == "answer" else None
    if response is not None:
        calls = [f"{call.name}({clip(call.raw_arguments, 60)})" for call in response.tool_calls]
        return ", ".join(calls) or clip(response.content or "", 80)
    request = request_of(flow)
    last = request.messages[-1] if request is not None and request.messages else {}
    content = last.get("content")
    return clip(content, 80) if isinstance(content, str) else flow.path


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


Find = Callable[[str], Flow | None]
"""Finds the flow whose answer has an id."""


def _unknown(label: str) -> Flow | None:
    return None


def conversation_of(flow: Flow, find: Find = _unknown) -> Trajectory | None:
    """Read the conversation that a request goes on with, up to where the model is asked; None where
    it asks for no answer of a model, or cannot be read.

    Args:
        flow: the request.
        find: finds what came before a request that only names it (`previous_response_id`).
    """
    asked = request_of(flow)
    if asked is None:
        return None
    meta = {"label": flow.label, "path": flow.path, "number": flow.number}
    try:
        read = trajectory_of(
            _whole(asked, find), list(asked.tools), meta, asked.model, asked.dialect
        )
    except UsageError:
        return None
    sampling = {name: value for name, value in asked.sampling.items() if name != "stream"}
    streams = asked.sampling.get("stream") is True
    return replace(read, spec=replace(read.spec, sampling=sampling, stream=streams))


def _whole(asked: Request, find: Find) -> list[dict[str, Any]]:
    """List the messages of a request behind those that the server knows."""
    parts = [list(asked.messages)]
    for _ in range(_LONGEST_CHAIN):
        label = asked.sampling.get("previous_response_id")
        earlier = find(label) if isinstance(label, str) and label else None
        before = request_of(earlier) if earlier is not None else None
        if earlier is None or earlier.exchange is None or before is None:
            break
        items = list(read_response(earlier.exchange).items)
        parts += [chat_messages({"input": items}), list(before.messages)]
        asked = before
    return [message for part in reversed(parts) for message in part]


def moments(flow: Flow, side: Side, find: Find = _unknown) -> Iterator[BreakpointContext]:
    """Walk the moments at which a debugger of the agent would look at its breakpoints.

    Before a request leaves: after each result that it brings, and before the model is asked. Before
    an answer reaches the agent: after the model was asked, and before each call is run.
    """
    talk = conversation_of(flow, find)
    if talk is None:
        return
    asked = close(talk)
    if side == "request":
        yield from _results(talk, flow)
        yield BreakpointContext(trajectory=asked, step=ModelStep(trajectory=asked))
        return
    if flow.exchange is None:
        return
    answer = Answer(exchange=flow.exchange)
    after = apply(replace(asked, stop_reason=None), answer)
    yield BreakpointContext(trajectory=after, step=ModelStep(trajectory=asked), outcome=answer)
    for call in after.pending:
        yield BreakpointContext(trajectory=after, step=ToolStep(trajectory=after, call=call))


def stop_for(
    flow: Flow, side: Side, points: Iterable[Breakpoint], find: Find = _unknown
) -> Stop | None:
    """Find the breakpoint that holds a request or an answer; None where it passes."""
    listed = list(points)
    stops = (stop_at(moment, listed) for moment in moments(flow, side, find))
    return next((stop for stop in stops if stop is not None), None)


def sides_of(points: Iterable[Breakpoint]) -> Collection[Side]:
    """Tell what has to be asked about for these breakpoints."""
    found: set[Side] = set()
    for rule in (rule for point in points for rule in point.rules):
        if rule.of != "tool":
            found.add("request" if rule.when == "before" else "answer")
        if rule.of != "model":
            found.add("answer" if rule.when == "before" else "request")
    return found


def _results(talk: Trajectory, flow: Flow) -> Iterator[BreakpointContext]:
    """Walk the results that came since the last answer."""
    turn = talk.all_turns[-1] if talk.all_turns else None
    if turn is None or (talk.open is not None and talk.open.response is None and not turn.results):
        return
    failed = _failed_ids(flow)
    turns = talk.turns[: turn.index]
    opened = OpenTurn(added=turn.added, response=turn.response, results=turn.results)
    here = replace(talk, turns=turns, open=opened, stop_reason=None)
    for call, result in zip(turn.tool_calls, turn.results, strict=False):
        if result is None:
            continue
        given = replace(result, status="error") if call.id in failed else result
        outcome = Result(position=call.position, result=given)
        yield BreakpointContext(
            trajectory=here, step=ToolStep(trajectory=here, call=call), outcome=outcome
        )


def _failed_ids(flow: Flow) -> set[Any]:
    """List the calls whose results the agent itself calls errors, as only Messages lets it."""
    found: set[Any] = set()
    given = json.loads(flow.body).get("messages")
    for message in given if isinstance(given, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("is_error") is True:
                label = block.get("tool_use_id")
                found |= {label} if isinstance(label, str) else set()
    return found
