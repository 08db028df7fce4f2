"""One worker of a batch, wherever it runs: rollouts come as messages, and what happens in them goes
back as messages: the outcome of each step, and the lines of a cassette where it is recorded.
"""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import replace
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.batch.around import around
from agentkit.agent.batch.reward import Reward, rewarded
from agentkit.agent.record.recorder import Recorder
from agentkit.errors import raised_at
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import Line, change_line, dump, model_line, tool_line
from agentkit.servers.failures import named
from agentkit.servers.redaction.known_secrets import keep, remember
from agentkit.servers.transport.shipment import opened
from agentkit.types.steps import Answer, Outcome, Step
from agentkit.types.trajectory import Trajectory

Event = tuple[str, int, Any]
"""What happened, in which rollout by its number, and what belongs to it."""
_GATHER = 0.005
"""Seconds in which what happens goes into one message."""
_ABSENT = object()
_PLAIN = (str, int, float, bool, type(None))
"""Types of results that can be read everywhere."""


class Worker:
    """Runs the rollouts that it is sent, on the running event loop."""

    def __init__(self, program: bytes) -> None:
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reward: Reward | None = None
        self._agent: Agent | None = None
        try:
            self._agent, self._reward, secrets, kept = opened(program)
        except Exception as exc:  # of a module that is not there, or not the same there
            self.tell("unready", 0, named(exc))
            return
        remember(secrets)
        keep(kept)

    def put(self, message: bytes) -> None:
        """Begin a rollout."""
        if self._agent is not None:
            task = asyncio.get_running_loop().create_task(self._run(self._agent, *opened(message)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def get(self) -> bytes:
        """Wait for something to happen, and give all that has, and what follows at once."""
        await self._news.wait()
        await asyncio.sleep(_GATHER)
        self._news.clear()
        events, self._events = self._events, []
        return pickle.dumps(events)

    async def aclose(self) -> None:
        """Give up what runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def tell(self, kind: str, number: int, data: Any = None) -> None:
        """Take note of something that happened."""
        self._events.append((kind, number, data))
        self._news.set()

    async def _run(
        self,
        agent: Agent,
        number: int,
        start: Trajectory,
        known: dict[str, Any],
        runs: frozenset[str],
        recorded: bool,
    ) -> None:
        around.set(runs)

        def committed(step: Step, outcome: Outcome, trajectory: Trajectory) -> None:
            tokens = None
            if isinstance(outcome, Answer) and trajectory.error is None:
                usage = trajectory.all_turns[-1].response.usage
                tokens = usage.output_tokens or 0 if usage else 0
            self.tell("step", number, (*_written(step, outcome), tokens))

        try:
            withheld = agent.spec.withheld
            if start.spec.withheld is not None and withheld is not None:
                start = replace(start, spec=replace(start.spec, withheld=withheld))
            engine = agent.engine(start, commit=committed)
            if recorded or start.spec.stream:  # lines hold the pieces of what is still coming, too
                sender = _LineSender(self, number)
                engine.perform = recorder = Recorder(engine.perform, sender)
                recorder.go_on(sender, 0, replace(start, meta=known))
            await engine.run()
            secrecy = agent._setup.secrecy
            engine.trajectory = await rewarded(engine.trajectory, self._reward, secrecy)
            engine.finish()
        except Exception as exc:  # the caller's mistake, which is raised where they are
            self.tell("failed", number, _sendable(exc))
        else:
            end = engine.trajectory
            meta = {k: v for k, v in end.meta.items() if v is not start.meta.get(k, _ABSENT)}
            self.tell("end", number, (end.stop_reason, meta))


class _LineSender:
    """Where the lines of one rollout go in place of a file."""

    file = 0

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker, self._number = worker, number

    def begin(self, trajectory: Trajectory) -> int:
        lines = [encode_line(line) for line in dump(trajectory, 0)]
        self._worker.tell("anew", self._number, lines)
        return 0

    def write(self, line: Line, file: int) -> bool:
        self._worker.tell("line", self._number, encode_line(line))
        return True


def _written(step: Step, outcome: Outcome) -> tuple[bytes | None, list[str]]:
    """Write what came of a step, and as lines what may not be read elsewhere: a value that a tool
    has given can be of any module. What cannot be sent at all is only in the lines.
    """
    plain = isinstance(outcome, Answer) or type(outcome.result.value) in _PLAIN
    try:
        data = pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
    except Exception:
        return None, _lines_of(step, outcome)
    return data, [] if plain else _lines_of(step, outcome)


def _lines_of(step: Step, outcome: Outcome) -> list[str]:
    if isinstance(outcome, Answer):
        return [encode_line(model_line(step.turn, outcome.exchange, 0, step.trajectory.open))]
    lines = [tool_line(step.turn, outcome.position, outcome.result)]
    if outcome.arguments is not None:
        lines = [change_line(step.turn, outcome.position, outcome.arguments), *lines]
    return [encode_line(line) for line in lines]


def _sendable(exc: Exception) -> Exception:
    """Give the exception, or one that says the same where it cannot be sent, with a note of where
    it was raised: a traceback is not sent.
    """
    where = raised_at(exc)
    try:
        pickle.loads(pickle.dumps(exc))  # noqa: S301 - what this very line has made
    except Exception:
        exc = RuntimeError(named(exc))
    if where:
        exc.add_note(f"raised in a worker{where}")
    return exc
