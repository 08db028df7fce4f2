"""`AgentLoop`: the async, step-able loop, and the drop-in successor of hermes-agent's `HermesAgentLoop`.

Code written for that runs unchanged: the same constructor, the same messages appended in place to the caller's list, the same result. What it
lost (raw answers, latencies, usage, failures, ids that pair) is on `loop.trajectory`, an immutable value.
"""

from __future__ import annotations

import copy
import inspect
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.budget import Budget
from agentkit.engine import Engine
from agentkit.errors import UsageError
from agentkit.history import assistant_message, get_profile, profile_for, tool_message
from agentkit.loop import Answer, Outcome, Result, Step, prompt_messages, rewrite, start, stop
from agentkit.loop_dispatch import BLOCKED_TOOLS, LoopTools, default_dispatch
from agentkit.perform import Perform, live
from agentkit.read.plain import plain
from agentkit.servers import Emit, as_server
from agentkit.tool_pool import tool_pool
from agentkit.tool_runner import infrastructure_failure, tool_runner
from agentkit.tools import toolset
from agentkit.types import ApiError, OpenTurn, Policy, Spec, StopReason, ToolResult, Trajectory, Turn

log = logging.getLogger("agentkit.agent_loop")
SLOW_TOOL = 30.0
"""Seconds after which a tool is worth a warning."""


@dataclass(frozen=True, slots=True)
class ToolError:
    """A tool call that failed. `turn` counts from 1, as in the original; everything else in agentkit counts from 0."""

    turn: int
    tool_name: str
    arguments: str
    """At most 200 characters."""
    error: str
    tool_result: str
    """What the model was told."""


@dataclass(slots=True)
class AgentResult:
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
    """The failed request behind `stop_reason="error"`."""

    def __repr__(self) -> str:
        return f"<AgentResult {self.trajectory.summary()}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return self.trajectory._repr_mimebundle_(include, exclude)


class AgentLoop:
    """A multi-turn, tool-calling loop over one server."""

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
        tool_timeout: float | None = None,
        parallel_tools: bool = False,
        blocked_tools: Mapping[str, str] = BLOCKED_TOOLS,
        result_error: Callable[[str], str | None] = infrastructure_failure,
        stream: bool = False,
        emit: Emit | None = None,
        sampling: Mapping[str, Any] | None = None,
        wrap: Callable[[Perform], Perform] = lambda perform: perform,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A loop ready for `run` or `start`.

        Args:
            server: anything with an async `chat_completion(**kwargs)`, an `ak.Server`, a URL, or an openai client.
            tool_schemas: what the model is told, in OpenAI's format; by default that of `tools`.
            valid_tool_names: the names it may call; by default those of the schemas.
            task_id: names the rollout in log lines and for `dispatch`; by default a uuid4.
            budget_config: an `agentkit.budget.Budget`, or an object with its fields under hermes-agent's names; None keeps results whole.
            dispatch: `dispatch(name, args, task_id=..., user_task=...)`, sync or async.
            tools: functions, or what `ak.tool` made of them, in place of `dispatch`.
            text_calls: the format whose calls are run when they stand in the text and no structured ones do; None runs none.
            tool_timeout: seconds one call may run.
            blocked_tools: names that are answered with an error without being called.
            result_error: the error in a tool's text result that counts as a `ToolError`, or None.
            emit: takes the pieces of streamed answers.
            wrap: wraps how steps are performed, for recording or fault injection.

        Raises:
            UsageError: neither `dispatch` nor `tools` says how to run the tools that are declared.
        """
        functions = toolset(tools)
        schemas = [plain(schema) for schema in tool_schemas or ()] or [made.schema for made in functions.values()]
        self.valid_tool_names = set(valid_tool_names) if valid_tool_names is not None else _names(schemas)
        self.tool_schemas = schemas
        self.max_turns = max_turns
        self.task_id = task_id or str(uuid.uuid4())
        self.server = server
        if dispatch is None and not functions and self.valid_tool_names:
            dispatch = default_dispatch()
        self._chat = as_server(server, clock=clock)
        self._tools = LoopTools(self.valid_tool_names, dispatch, functions, blocked_tools, self.task_id)
        self._perform = wrap(live(self._chat, tool_runner(self._tools, timeout=tool_timeout, clock=clock)))
        own = {"n": 1, "temperature": temperature, "max_tokens": max_tokens, "extra_body": dict(extra_body) if extra_body else None}
        chosen = profile or self._chat.profile or profile_for(getattr(self._chat, "url", None), model)
        self.spec = Spec(
            model=model, tools=tuple(schemas), sampling={**{k: v for k, v in own.items() if v is not None}, **(sampling or {})},
            profile=get_profile(chosen).name, parser=text_calls, policy=policy, max_turns=max_turns, stream=stream,
        )  # fmt: skip
        self._budget = Budget.of(budget_config)
        self._result_error = result_error
        self._parallel = parallel_tools
        self._emit = emit
        self._engine: Engine | None = None
        self._messages: list[Any] = []
        self._seen: list[Any] = []
        self.tool_errors: list[ToolError] = []

    @property
    def trajectory(self) -> Trajectory:
        """The rollout so far, as a value.

        Raises:
            UsageError: the loop has not been started.
        """
        return self._started().trajectory

    def start(self, messages: Any) -> None:
        """Begins a rollout over the caller's list; its messages are appended in place as they come.

        Raises:
            UsageError: it is not a list of messages.
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        trajectory = start(messages, self.spec, {"task_id": self.task_id})
        if not isinstance(messages, list):
            raise UsageError("messages is not a list, so nothing can be appended to it", mend="pass a list of messages")
        self._tools.begin([message.wire for message in trajectory.prompt])
        self._engine = Engine(trajectory, self._perform, parallel_tools=self._parallel, emit=self._emit, commit=self._commit)
        self._messages, self._seen = messages, copy.deepcopy(messages)
        self.tool_errors = []

    async def step(self) -> Turn | None:
        """The next turn, done: the answer and the results of its calls. None when the rollout has stopped, or the request failed.

        After a failed request, see `trajectory.error`; the next `step` asks again. The caller may change the list between steps: what is
        in it is what is sent.
        """
        engine = self._started()
        if engine.trajectory.stop_reason in ("final", "max_turns", "length") and self._messages == self._seen:
            return None
        self._follow_list(engine)
        before = len(engine.trajectory.turns)
        began = time.perf_counter()
        await engine.next()
        done = engine.trajectory.turns[before:]
        if done:
            self._log_turn(done[-1], time.perf_counter() - began)
        return done[-1] if done else None

    async def run(self, messages: list[Any]) -> AgentResult:
        """The result of a whole rollout: until the model answers without calls, `max_turns` is reached, or a request fails."""
        self.start(messages)
        engine = self._started()
        if self.max_turns <= 0:
            engine.trajectory = replace(engine.trajectory, stop_reason="max_turns")
        while engine.trajectory.stop_reason is None:
            await self.step()
        return await self.result()

    def stop(self) -> None:
        """Marks the rollout as stopped; the next `step` goes on."""
        engine = self._started()
        engine.trajectory = stop(engine.trajectory)

    async def result(self) -> AgentResult:
        """What the run has given so far, with the server's managed state where it has one."""
        trajectory = self.trajectory
        return AgentResult(
            messages=self._messages, managed_state=await self._managed_state(), turns_used=len(trajectory.turns) + len(trajectory.attempts),
            finished_naturally=trajectory.stop_reason == "final", reasoning_per_turn=[turn.reasoning for turn in trajectory.turns],
            tool_errors=list(self.tool_errors), trajectory=trajectory, stop_reason=trajectory.stop_reason, error=trajectory.error,
        )  # fmt: skip

    def _started(self) -> Engine:
        if self._engine is None:
            raise UsageError("the loop has not been started", mend="call loop.start(messages), or await loop.run(messages)")
        return self._engine

    async def _managed_state(self) -> Any:
        get_state = getattr(self.server, "get_state", None)
        if not callable(get_state):
            return None
        state = get_state()
        return await state if inspect.isawaitable(state) else state

    def _follow_list(self, engine: Engine) -> None:
        """Takes up what the caller did to the list since the last step."""
        if self._messages == self._seen or engine.trajectory.pending:
            return
        pairs = zip(self._messages, self._seen, strict=False)
        same = next((i for i, (now, was) in enumerate(pairs) if now != was), min(len(self._messages), len(self._seen)))
        opened = engine.trajectory.open or OpenTurn()
        if same == len(self._seen):
            opened = replace(opened, added=(*opened.added, *prompt_messages(self._messages[same:])))
            engine.trajectory = replace(engine.trajectory, open=opened, stop_reason=None, error=None)
        else:
            given = len(self._seen) - len(opened.added) if opened.kept is None else opened.kept
            kept = min(same, given)
            rest = self._messages[kept:]
            engine.trajectory = rewrite(engine.trajectory, kept, prompt_messages(rest) if rest else ())
        self._seen[same:] = copy.deepcopy(self._messages[same:])

    def _commit(self, step: Step, outcome: Outcome, trajectory: Trajectory) -> Trajectory:
        """Brings the caller's list and the tool errors up to a step that is about to be committed."""
        if isinstance(outcome, Result):
            trajectory = self._commit_result(step, outcome, trajectory)
        profile = get_profile(self.spec.profile)
        turn = trajectory.open if trajectory.open and trajectory.open.response else (trajectory.turns[-1:] or (None,))[0]
        if turn is None or turn.response is None:
            return trajectory
        if isinstance(outcome, Answer):
            if turn.response.exchange is outcome.exchange:
                self._append(assistant_message(turn.response, profile))
        elif trajectory.open is None:
            for call, result in zip(turn.response.tool_calls, turn.results, strict=True):
                if result is not None:
                    self._append(tool_message(call, result, profile))
        return trajectory

    def _append(self, message: dict[str, Any]) -> None:
        self._messages.append(message)
        self._seen.append(copy.deepcopy(message))

    def _commit_result(self, step: Step, outcome: Result, trajectory: Trajectory) -> Trajectory:
        result = outcome.result
        self._note_error(step, outcome)
        self._warn_if_slow(result)
        if self._budget is None:
            return trajectory
        turn = trajectory.open or trajectory.turns[-1]
        short = self._budget.shortened(result, [r for r in turn.results if r is not None and r is not result])
        if short is result:
            return trajectory
        results = tuple(short if i == outcome.position else r for i, r in enumerate(turn.results))
        if trajectory.open is not None:
            return replace(trajectory, open=replace(trajectory.open, results=results))
        return replace(trajectory, turns=(*trajectory.turns[:-1], replace(trajectory.turns[-1], results=results)))

    def _note_error(self, step: Step, outcome: Result) -> None:
        result = outcome.result
        error = result.error if result.status != "ok" else self._result_error(result.content)
        if error:
            opened = step.trajectory.open
            call = opened.response.tool_calls[outcome.position] if opened and opened.response else None
            arguments = call.raw_arguments[:200] if call else ""
            used = len(step.trajectory.turns) + len(step.trajectory.attempts) + 1
            self.tool_errors.append(ToolError(used, result.name, arguments, error, result.content))

    def _warn_if_slow(self, result: ToolResult) -> None:
        if result.elapsed is not None and result.elapsed > SLOW_TOOL:
            log.warning("[%s] %s took %.1fs (%d waiting for a thread)", self.task_id[:8], result.name, result.elapsed, tool_pool().queued)

    def _log_turn(self, turn: Turn, took: float) -> None:
        api = turn.response.exchange.elapsed or 0.0
        count = len(turn.tool_calls)
        if count:
            log.info("[%s] turn %d: api=%.1fs, %d tools, turn_total=%.1fs", self.task_id[:8], turn.index + 1, api, count, took)
        else:
            log.info("[%s] turn %d: api=%.1fs, no tools (finished), turn_total=%.1fs", self.task_id[:8], turn.index + 1, api, took)


def _names(schemas: Iterable[dict[str, Any]]) -> set[str]:
    holders = (next((s[k] for k in ("function", "custom") if isinstance(s.get(k), dict)), s) for s in schemas)
    return {str(holder["name"]) for holder in holders if holder.get("name")}
