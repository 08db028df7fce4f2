"""`AgentLoop`: the async, step-able loop, and the drop-in successor of hermes-agent's
`HermesAgentLoop`.

Code written for that runs unchanged: the same constructor, the same messages appended in place to
    the caller's list, the same result. What it lost (raw answers, latencies, usage, failures, ids
    that pair) is on `loop.trajectory`, an immutable value.
"""

from __future__ import annotations

import inspect
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.agent.agent import make_spec
from agentkit.agent.engine import Engine
from agentkit.agent.hermes.dispatch import BLOCKED_TOOLS, LoopTools, names_of
from agentkit.agent.hermes.message_list import CallersList
from agentkit.agent.perform import Perform, budgeted, live, redacting
from agentkit.agent.tools.budget import MAX_CALLS, Budget
from agentkit.agent.tools.call_output import note_rollout
from agentkit.agent.tools.pool import tool_pool
from agentkit.agent.tools.runner import TOOL_SECONDS, infrastructure_failure, tool_runner
from agentkit.agent.tools.tool import toolset
from agentkit.errors import Busy, UsageError, checked_keywords
from agentkit.read.body.finish import read_finish
from agentkit.read.body.finish_words import means
from agentkit.read.calls.function_schema import shared_schemas
from agentkit.read.plain import plain
from agentkit.servers.clients import as_server
from agentkit.servers.model_call import Emit
from agentkit.servers.redaction.known_secrets import checked_names
from agentkit.servers.redaction.secrecy import Secrecy
from agentkit.trajectory.history import given
from agentkit.trajectory.loop import start
from agentkit.trajectory.profiles import get_profile
from agentkit.types.answer import Policy
from agentkit.types.record import Drawn
from agentkit.types.steps import Outcome, Result, Step
from agentkit.types.trajectory import StopReason, Trajectory, Turn
from agentkit.types.wire import ApiError
from agentkit.types.words import in_line

log = logging.getLogger("agentkit.agent.hermes.agent_loop")
SLOW_TOOL = 30.0
"""Seconds after which a tool is worth a warning."""


@dataclass(frozen=True, slots=True)
class ToolError:
    """A tool call that failed. `turn` counts from 1, as in the original; everything else in
    agentkit counts from 0.
    """

    turn: int
    tool_name: str
    arguments: str
    """At most 200 characters."""
    error: str
    tool_result: str
    """What the model got."""


@dataclass(slots=True)
class AgentResult(Drawn):
    """What a run gave."""

    messages: list[Any]
    """The caller's list, appended in place."""
    managed_state: Any = None
    """`server.get_state()`, where the server has it."""
    turns_used: int = 0
    """Model calls, failed ones included."""
    finished_naturally: bool = False
    """Whether the model ended with an answer."""
    reasoning_per_turn: list[str | None] = field(default_factory=list)
    tool_errors: list[ToolError] = field(default_factory=list)
    trajectory: Trajectory = field(default_factory=Trajectory)
    stop_reason: StopReason | None = None
    error: ApiError | None = None
    """The failed request behind the stop reasons `error` and `content_filter`."""

    def __repr__(self) -> str:
        return f"<AgentResult {self.trajectory.summary()}>"


@checked_keywords
class AgentLoop:
    """A multi-turn, tool-calling loop over one server.

    Args:
        server: anything with an async `chat_completion(**kwargs)`, an `ak.Server`, a URL, or an
            openai client.
        tool_schemas: the tools as the model sees them, in OpenAI's format; by default those of
            `tools`.
        valid_tool_names: the names it may call; by default those of the schemas.
        task_id: names the rollout in log lines and for `dispatch`; by default a uuid4.
        budget_config: an `agentkit.agent.tools.budget.Budget`, or an object with its fields under
            hermes-agent's names; None keeps results whole.
        dispatch: `dispatch(name, args, task_id=..., user_task=...)`: in a thread of the tool pool;
            an async one is awaited on the caller's loop, whose clients and locks it may use.
        tools: functions, or what `ak.tool` made of them, in place of `dispatch`; async ones run on
            an event loop of their own, which no tool can stop.
        text_calls: the format whose calls are run when they are in the text and no structured
            ones do; None runs none.
        tool_timeout: seconds one call may run; None for no limit.
        max_calls: calls of one answer that are run at most; None for no limit.
        blocked_tools: names that are answered with an error without being called.
        result_error: the error in a tool's text result that counts as a `ToolError`, or None.
        emit: takes the pieces of streamed answers.
        keep_secrets: names of environment variables whose values are left in texts, though they
            look like secrets.
        wrap: wraps how steps are performed, for recording or fault injection.

    Raises:
        UsageError: nothing says how to run a tool that is declared.
    """

    _list: CallersList
    _engine: Engine | None = None

    def __init__(
        self,
        server: Any,
        tool_schemas: Iterable[Any] | None = None,
        valid_tool_names: Iterable[str] | None = None,
        max_turns: int = 30,
        task_id: str | None = None,
        temperature: float = 1.0,
        max_tokens: int | None = None,
        extra_body: Mapping[str, Any] | None = None,
        budget_config: Any = None,
        *,
        dispatch: Callable[..., Any] | None = None,
        tools: Iterable[Any] | None = None,
        model: str | None = None,
        profile: str | None = None,
        text_calls: str | None = "hermes",
        policy: Policy = "normalize",
        tool_timeout: float | None = TOOL_SECONDS,
        max_calls: int | None = MAX_CALLS,
        parallel_tools: bool = False,
        blocked_tools: Mapping[str, str] = BLOCKED_TOOLS,
        result_error: Callable[[str], str | None] = infrastructure_failure,
        stream: bool = False,
        retries: int = 2,
        emit: Emit | None = None,
        sampling: Mapping[str, Any] | None = None,
        keep_secrets: Iterable[str] = (),
        wrap: Callable[[Perform], Perform] = lambda perform: perform,
        clock: Callable[[], float] = time.time,
    ) -> None:
        functions = toolset(tools)
        own_schemas = [made.schema for made in functions.values()]
        schemas = shared_schemas(tool_schemas or ()) or shared_schemas(own_schemas)
        names = names_of(schemas) if valid_tool_names is None else set(valid_tool_names)
        self.valid_tool_names, self.tool_schemas = names, list(schemas)
        self.server, self.max_turns = server, max_turns
        self.task_id = task_id or str(uuid.uuid4())
        chat = as_server(server, clock=clock)
        self._tools = LoopTools(names, dispatch, functions, blocked_tools, self.task_id)
        run_tool = tool_runner(self._tools, timeout=tool_timeout, clock=clock)
        body, parser = dict(extra_body or {}) or None, text_calls if schemas else None
        own = given(n=1, temperature=temperature, max_tokens=max_tokens, extra_body=body)
        asked = (chat, model, schemas, profile, parser, policy, {**own, **(sampling or {})})
        secrecy = self._secrecy = Secrecy(checked_names(keep_secrets))
        self.spec = secrecy.covered(make_spec(*asked, max_turns, stream, max_calls, dialect="chat"))
        perform = live(chat, run_tool, retries=retries, withheld=self.spec.withheld)
        self._perform = wrap(_within(budget_config, redacting(perform, secrecy)))
        self._result_error, self._parallel, self._emit = result_error, parallel_tools, emit
        self.tool_errors: list[ToolError] = []

    def __repr__(self) -> str:
        return (
            "<AgentLoop"
            f" {self._engine.trajectory.summary() if self._engine is not None else 'not started'}>"
        )

    @property
    def trajectory(self) -> Trajectory:
        """The rollout so far, as a value.

        Raises:
            UsageError: the loop has not been started.
        """
        return self._started().trajectory

    def start(self, messages: Any) -> None:
        """Begin a rollout over the caller's list; its messages are appended in place as they come.

        Raises:
            UsageError: it is not a list of messages.
            Busy: a rollout of this loop is running; one loop runs one at a time.
        """
        if self._engine is not None and self._engine.busy:
            raise Busy(
                "this loop is running already",
                hint="make a loop for each rollout; they share the server and the tool pool",
            )
        begun = start(messages, self.spec, {"task_id": self.task_id})
        trajectory = self._secrecy.started(begun)
        if isinstance(messages, str):
            messages = [dict(message.wire) for message in trajectory.prompt]
        if not isinstance(messages, list):
            raise UsageError(
                "messages is not a list, so nothing can be appended to it",
                hint="pass a list of messages",
            )
        self._tools.begin([message.wire for message in trajectory.prompt])
        self._engine = engine = Engine(
            trajectory,
            self._perform,
            parallel_tools=self._parallel,
            emit=self._emit,
            commit=self._commit,
            secrecy=self._secrecy,
        )
        note_rollout(lambda: engine.trajectory)
        self._list = CallersList(messages, self._secrecy)
        self.tool_errors = []

    async def step(self) -> Turn | None:
        """Run the next turn and return it: the answer and the results of its calls. None when the
        rollout has stopped, or the request failed.

        After a failed request, see `trajectory.error`; the next `step` asks again. The caller may
        change the list between steps: what is in it is what is sent.
        """
        engine = self._started()
        engine.trajectory = self._list.taken_up(engine.trajectory)
        before, failed = len(engine.trajectory.turns), len(engine.trajectory.attempts)
        began = time.perf_counter()
        await engine.next()
        done = engine.trajectory.turns[before:]
        if done:
            self._log_turn(done[-1], time.perf_counter() - began)
        for attempt in engine.trajectory.attempts[failed:]:
            log.error(
                "[%s] turn %d: the request failed: %s",
                self.task_id[:8],
                attempt.turn + 1,
                attempt.error.summary(),
            )
        return done[-1] if done else None

    async def run(self, messages: list[Any]) -> AgentResult:
        """Run a whole rollout: until the model answers without calls, `max_turns` is reached, or a
        request fails.
        """
        self.start(messages)
        engine = self._started()
        while engine.trajectory.stop_reason is None:
            await self.step()
        return await self.result()

    def stop(self) -> None:
        """Mark the rollout as stopped, after the call that is running; the next `step` goes on."""
        self._started().stop()

    async def result(self) -> AgentResult:
        """Collect what the run has given so far, with the server's managed state if it has one."""
        engine, state = self._started(), await self._managed_state()
        if engine.trajectory.stop_reason == "final" and _cut_at_limit(
            state, engine.trajectory.turns[-1].response.wire_content
        ):
            engine.trajectory = replace(engine.trajectory, stop_reason="length")
        trajectory, turns = engine.trajectory, engine.trajectory.all_turns
        return AgentResult(
            messages=self._list.messages,
            managed_state=self._secrecy.data(state),
            turns_used=len(turns) + len(trajectory.attempts),
            finished_naturally=trajectory.stop_reason == "final",
            reasoning_per_turn=[turn.reasoning for turn in turns],
            tool_errors=list(self.tool_errors),
            trajectory=trajectory,
            stop_reason=trajectory.stop_reason,
            error=trajectory.error,
        )

    def _started(self) -> Engine:
        if self._engine is None:
            raise UsageError(
                "the loop has not been started",
                hint="call loop.start(messages), or await loop.run(messages)",
            )
        return self._engine

    async def _managed_state(self) -> Any:
        get_state = getattr(self.server, "get_state", None)
        if not callable(get_state):
            return None
        state = get_state()
        return await state if inspect.isawaitable(state) else state

    def _commit(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> None:
        """Bring the caller's list and the tool errors up to a step about to be committed."""
        profile = get_profile(self.spec.profile)
        if isinstance(outcome, Result):
            self._note(step, outcome)
            self._list.called(
                trajectory.all_turns[-1], profile, changed=outcome.arguments is not None
            )
        elif trajectory.error is None:
            self._list.answered(trajectory.all_turns[-1], profile)

    def _note(self, step: Step, outcome: Result) -> None:
        """List a failed call, and warn of a slow one."""
        result = outcome.result
        error = (
            result.error
            if result.status != "ok"
            else self._result_error(result.full_content or result.content)
        )
        if error:
            opened = step.trajectory.open
            call = (
                opened.response.tool_calls[outcome.position] if opened and opened.response else None
            )
            arguments = call.raw_arguments[:200] if call else ""
            self.tool_errors.append(
                ToolError(step.turn + 1, result.name, arguments, error, result.content)
            )
        if result.elapsed is not None and result.elapsed > SLOW_TOOL:
            values = (
                in_line(self.task_id[:8]),
                step.turn + 1,
                in_line(result.name[:80]),
                result.elapsed,
                tool_pool().queued,
            )
            log.warning("[%s] turn %d: %s took %.1fs (pool queue=%d)", *values)

    def _log_turn(self, turn: Turn, took: float) -> None:
        api = turn.response.exchange.elapsed or 0.0
        tools = f"{len(turn.tool_calls)} tools" if turn.tool_calls else "no tools (finished)"
        log.info(
            "[%s] turn %d: api=%.1fs, %s, turn_total=%.1fs",
            in_line(self.task_id[:8]),
            turn.index + 1,
            api,
            tools,
            took,
        )


def _within(budget_config: Any, perform: Perform) -> Perform:
    """Cut the results of tools to the budget, where there is one."""
    budget = Budget.of(budget_config)
    return budgeted(perform, budget) if budget else perform


def _cut_at_limit(state: Any, text: str | None) -> bool:
    """Tell whether an Atropos node that ends with this text was cut at the token limit; the
    response itself may say `stop` all the same.
    """
    state = plain(state)
    nodes = (state.get("nodes") or state.get("sequences")) if isinstance(state, dict) else None
    if isinstance(nodes, dict):
        nodes = list(nodes.values())
    if not isinstance(nodes, list) or not text:
        return False
    ending = text.rstrip()
    for node in reversed(nodes):
        if isinstance(node, dict) and str(node.get("full_text")).rstrip().endswith(ending):
            metadata = node.get("metadata")
            return isinstance(metadata, dict) and means(read_finish(metadata, "")[0], "length")
    return False
