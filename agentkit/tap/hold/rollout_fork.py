"""A debugger at a turn of a rollout that another agent ran: the same request to the same server,
its tools answered from what is recorded, or by hand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.perform import Perform
from agentkit.agent.tools.tool import Tool, toolset
from agentkit.debugger.break_on import break_on
from agentkit.debugger.debugger import Debugger
from agentkit.errors import NotFound, SchemaError, UsageError
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Emit
from agentkit.servers.server import Server
from agentkit.trajectory.edit import fork, forked_here
from agentkit.trajectory.history import check_asked, messages
from agentkit.trajectory.loop import rewrite
from agentkit.trajectory.person.sealed_reasoning import unsealed
from agentkit.types.answer import Dialect, ToolCall
from agentkit.types.steps import Outcome, Step, ToolStep
from agentkit.types.trajectory import Message, Trajectory

_known: dict[str, Callable[[Dialect], Any]] = {}
_AS_SENT = "As the request describes it."
_ENDS = ("/chat/completions", "/responses", "/messages")


def note_server(url: str, make: Callable[[Dialect], Any]) -> None:
    """Remember how the server behind a URL is asked, with what it was given for that.

    Args:
        url: what the URLs of its requests begin with.
        make: gives the server for a dialect; None where it is there no more.
    """
    _known[url] = make


def fork_of(
    trajectory: Trajectory,
    turn: int | None = None,
    server: Any = None,
    tools: Iterable[Any] = (),
    model: str | None = None,
    dialect: Dialect | None = None,
    sealed: bool = True,
) -> Debugger:
    """Make a debugger at the start of a turn of a rollout.

    Args:
        trajectory: the rollout.
        turn: which turn is asked for anew; by default the last. The one after the last: from the
            end, with the calls that wait there.
        server: where; by default where the rollout's own requests went.
        tools: functions that are run, in place of those of the same name that are answered from
            the record.
        model: another model than the rollout's.
        dialect: the API to speak; by default what the server says, else the rollout's.
        sealed: whether reasoning that is encrypted or signed goes along.

    Raises:
        NotFound: there is no such turn.
        UsageError: nobody knows where the requests went, or nothing was said before the turn.
    """
    begun = _begun(trajectory, turn)
    begun = begun if sealed else without_sealed(begun)
    asked = as_server(_server_of(trajectory) if server is None else server)
    spec, recorded = trajectory.spec, _Recorded(trajectory)
    named = {_name(schema) for schema in spec.tools}
    given = toolset(_as_asked(tools, named))
    answered = {tool.name: tool for tool in recorded.tools() if tool.name not in given}
    agent = Agent(
        spec.model if model is None else model,
        [*given.values(), *answered.values()],
        asked,
        dialect=dialect or getattr(asked, "dialect", None) or spec.dialect,
    ).with_perform(_Unrecorded(recorded, frozenset(given)))
    sampling = {k: v for k, v in spec.sampling.items() if k not in ("stream", "stream_options")}
    own = replace(
        spec,
        model=agent.spec.model,
        dialect=agent.spec.dialect,
        profile=agent.spec.profile,
        sampling=sampling,
        stream=False,
        chain=False,
    )
    more = tuple(tool.schema for name, tool in given.items() if name not in named)
    dbg = Debugger(agent.with_spec(replace(own, tools=(*spec.tools, *more))), begun)

    def not_recorded(call: ToolCall) -> bool:
        return call.name not in given and call not in recorded

    point = break_on.call(not_recorded)
    dbg.breakpoints.add(replace(point, requires_approval=True, hint=_hint(0)))
    return dbg


def _begun(trajectory: Trajectory, turn: int | None) -> Trajectory:
    """Go back to the start of a turn, or stay at the end, where calls may wait."""
    turns = len(trajectory.all_turns)
    at = max(turns - 1, 0) if turn is None else turn
    if at == turns and len(trajectory.turns) < turns:
        return forked_here(trajectory)
    begun = fork(trajectory, at)
    check_asked(begun, "fork a later turn: rollout.fork(turn=1), which goes on behind that answer")
    return begun


def without_sealed(trajectory: Trajectory) -> Trajectory:
    """Let the next turn send the history without sealed reasoning: an answer that has some goes
    back as its text and its calls. What was recorded stays as it is.

    Args:
        trajectory: a rollout before a turn.

    Raises:
        UsageError: an answer waits for results of its calls, and goes back as it came.
    """
    sent = messages(trajectory)
    cleaned = unsealed(sent)
    if cleaned == sent:
        return trajectory
    if trajectory.open is not None and trajectory.open.response is not None:
        raise UsageError(
            "the last answer waits for results, and goes back with its sealed reasoning",
            hint="fork an earlier turn, or run the calls where it came from and fork then",
        )
    kept = next((i for i, (a, b) in enumerate(zip(sent, cleaned, strict=False)) if a != b), None)
    kept = min(len(sent), len(cleaned)) if kept is None else kept
    added = tuple(Message(wire=wire) for wire in cleaned[kept:])
    return rewrite(trajectory, kept, added)


def _as_asked(tools: Any, named: Collection[Any]) -> Any:
    """Make tools of the functions that take the place of those of the request, which describes
    them: what a function says of itself is not sent.
    """
    if callable(tools) or not isinstance(tools, Iterable) or isinstance(tools, (str, dict)):
        return tools
    return [_described(one) if _own_name(one) in named else one for one in tools]


def _described(function: Any) -> Any:
    if isinstance(function, Tool):
        return function
    return Tool(function, description=_AS_SENT, parameters={"type": "object"})


def _own_name(function: Any) -> Any:
    return getattr(function, "__name__", None) if callable(function) else None


def _hint(place: int) -> str:
    return (
        f"give its result by hand, dbg.pending.answer({place}, '…'), or fork with a function that"
        " is run: rollout.fork(tools=[…])"
    )


class _Unrecorded:
    """Keeps the tools from being run where nothing is recorded: that is for the person to hear, and
    nothing for the model.
    """

    def __init__(self, recorded: _Recorded, given: Collection[str]) -> None:
        self._recorded, self._given = recorded, given

    def __call__(self, perform: Perform, trajectory: Trajectory, sample: int) -> Perform:
        """Wrap what performs the steps of a rollout."""

        async def refusing(step: Step, emit: Emit | None = None) -> Outcome:
            if isinstance(step, ToolStep) and step.limit is None:
                self._check(step)
            return await perform(step, emit)

        return refusing

    def _check(self, step: ToolStep) -> None:
        call, waiting = step.call, step.trajectory.pending
        if call.name not in self._given and call not in self._recorded:
            place = next((i for i, one in enumerate(waiting) if one.position == call.position), 0)
            raise NotFound(
                f"no call of {call.name!r} with these arguments is recorded", hint=_hint(place)
            )


class _Recorded:
    """What each call of a rollout gave, by its name and its arguments."""

    def __init__(self, trajectory: Trajectory) -> None:
        self._names = dict.fromkeys(map(_name, trajectory.spec.tools))
        self._given: defaultdict[str, list[str]] = defaultdict(list)
        for turn in trajectory.all_turns:
            for call, result in zip(turn.tool_calls, turn.results, strict=False):
                if result is not None and result.content is not None:
                    self._names[call.name] = None  # a file may hold calls and no tools
                    self._given[_key(call.name, call.arguments)].append(result.content)
        self._next: defaultdict[str, int] = defaultdict(int)

    def __contains__(self, call: ToolCall) -> bool:
        return _key(call.name, call.arguments) in self._given

    def tools(self) -> Iterator[Tool]:
        """Yield a tool for each that was described or called, which gives what is recorded."""
        for name in self._names:
            if not isinstance(name, str):
                continue
            try:
                yield Tool(
                    self._answers(name),
                    name=name,
                    description=_AS_SENT,
                    parameters={"type": "object"},
                )
            except SchemaError:  # a name that no tool of ours may have: answered by hand alone
                continue

    def _answers(self, name: str) -> Callable[..., str]:
        def recorded(**arguments: Any) -> str:
            key = _key(name, arguments)
            given = self._given[key]
            place = min(self._next[key], len(given) - 1)
            self._next[key] += 1
            return given[place]

        return recorded


def _name(schema: dict[str, Any]) -> Any:
    function = schema.get("function")
    return function.get("name") if isinstance(function, dict) else schema.get("name")


def _key(name: Any, arguments: Any) -> str:
    return json.dumps([name, arguments], sort_keys=True, default=str)


def _server_of(trajectory: Trajectory) -> Any:
    """Find where the requests of a rollout went, and how that is asked."""
    urls = (turn.response.exchange.url for turn in reversed(trajectory.all_turns))
    url = next((url for url in urls if url), "")
    if not url:
        raise UsageError(
            "the rollout does not say where its requests went",
            hint="give the server: rollout.fork(turn=2, server='http://localhost:8000/v1')",
        )
    for root in sorted(_known, key=len, reverse=True):
        known = _known[root](trajectory.spec.dialect) if url.startswith(root) else None
        if known is not None:
            return known
    path, mark, query = url.partition("?")
    base = next((path.removesuffix(end) for end in _ENDS if path.endswith(end)), path)
    return Server(f"{base}{mark}{query}", dialect=trajectory.spec.dialect)
