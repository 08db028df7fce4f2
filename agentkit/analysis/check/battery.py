"""The scenarios of a check asked: bounded, recorded, resumed, and stopped without a loss."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.batch.progress import Progress
from agentkit.agent.engine import Engine
from agentkit.analysis.check.cell import CheckCell
from agentkit.files.claims import RunWriter
from agentkit.files.reader import rollouts_in
from agentkit.servers.model_call import ChatServer
from agentkit.types.answer import Dialect
from agentkit.types.trajectory import Trajectory

SYSTEM = "You are a helpful assistant."
MARK = "check"
"""The name in a rollout's meta under which it says which cell it is of."""
_LAST = frozenset({"refused", "logprobs", "token ids"})
"""Scenarios that ask for what a server computes rarely: it may fall over them, and leave the others
unasked.
"""
NOT_ANSWERED = frozenset(
    {"connection_failed", "rate_limited", "quota_exhausted", "auth_failed", "permission_denied"}
)
"""Failures that are of no scenario: a cell that met one was not asked."""


class Battery:
    """The cells of a check while they are asked."""

    def __init__(
        self,
        cells: Sequence[CheckCell],
        model: str | None,
        server: ChatServer,
        *,
        requests: int,
        seconds: float | None,
        concurrency: int,
        sampling: Mapping[str, Any],
        writer: RunWriter | None = None,
        earlier: Mapping[str, Trajectory] | None = None,
    ) -> None:
        """Ask them.

        Args:
            cells: what is to be asked, in order.
            model: the name the server knows it by.
            server: where.
            requests: model calls at most; what is left then stays open.
            seconds: the time for all of them; None for no limit.
            concurrency: rollouts under way at once.
            sampling: fields of every request.
            writer: where every step is recorded.
            earlier: the rollouts of an earlier run, by the key of their cell.
        """
        self.cells = list(cells)
        asked = [cell for cell in cells if cell.verdict != "absent"]
        self.progress = Progress(len(asked), concurrency)
        self.progress.name = "the check"
        self.left = requests
        self._model, self._server, self._sampling = model, server, dict(sampling)
        self._seconds = seconds
        self._writer = writer
        self._earlier = dict(earlier or {})
        self._running: dict[int, Engine] = {}
        self.gone = False
        """Whether the server could not be reached any more; nothing further is asked then."""
        self._absent: dict[Dialect, bool] = {}
        self._next: Iterator[int] = iter(())

    async def run(self) -> None:
        """Ask one cell of each dialect first, which tells whether it is served, then the others;
        last of all what some servers end at.
        """
        first = {cell.dialect: i for i, cell in reversed([*enumerate(self.cells)])}
        try:
            async with asyncio.timeout(self._seconds):
                await self._all(sorted(first.values()))
                rest = [i for i in range(len(self.cells)) if i not in first.values()]
                await self._all(sorted(rest, key=lambda i: self.cells[i].scenario.name in _LAST))
        except TimeoutError:
            pass  # what has not ended stays open, with what came of it
        finally:
            self._keep()

    async def _all(self, indices: Sequence[int]) -> None:
        pending = iter(indices)

        async def work() -> None:
            for index in pending:
                await self._ask(index)

        workers = [asyncio.ensure_future(work()) for _ in range(self.progress.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _ask(self, index: int) -> None:
        cell = self.cells[index]
        if cell.verdict == "absent":
            return
        if self._absent.get(cell.dialect):
            self.cells[index] = replace(cell, verdict="absent")
            self.progress.asked -= 1
            return
        known = self._earlier.get(cell.key)
        if known is not None and known.stop_reason is not None and not unreached(known):
            self._took(index, known)
            self.progress.finished(known, earlier=True)
            return
        if self.left < 1 or self.gone or self.progress.stopping:
            return
        self.progress.began()
        engine = self._engine(cell, index)
        self._running[index] = engine
        await engine.run()
        del self._running[index]
        self._took(index, engine.trajectory)
        self.progress.finished(engine.trajectory)

    def _took(self, index: int, trajectory: Trajectory) -> None:
        cell = self.cells[index]
        error = trajectory.error
        if error is not None and error.kind == "endpoint_not_found":
            self._absent[cell.dialect] = True
            self.cells[index] = replace(cell, verdict="absent", trajectory=trajectory)
        else:
            self.cells[index] = replace(cell, trajectory=trajectory)
        self.gone = self.gone or (error is not None and error.kind == "connection_failed")

    def _engine(self, cell: CheckCell, index: int) -> Engine:
        scenario = cell.scenario
        agent = Agent(
            self._model,
            scenario.tools,
            self._server,
            dialect=cell.dialect,
            system=SYSTEM,
            max_tokens=scenario.max_tokens,
            max_turns=scenario.turns,
            stream=cell.form == "stream",
            sampling={**self._sampling, **scenario.sampling},
            retries=1,
        )
        if self._writer is not None:
            agent = agent.with_recorder(self._writer)
        trajectory = agent.start(scenario.prompt, meta={MARK: cell.key})
        return agent.engine(trajectory, index, commit=self._counted(self.progress.committed))

    def _counted(self, commit: Callable[..., None]) -> Callable[..., None]:
        def counted(step: Any, outcome: Any, trajectory: Trajectory) -> None:
            self.left -= hasattr(outcome, "exchange")
            commit(step, outcome, trajectory)

        return counted

    def _keep(self) -> None:
        """Keep what came of the cells that were under way."""
        for index, engine in self._running.items():
            if engine.so_far.all_turns or engine.so_far.attempts:
                self.cells[index] = replace(self.cells[index], trajectory=engine.so_far)


def unreached(trajectory: Trajectory) -> bool:
    """Tell whether a rollout ended because of what says nothing of the server's answers."""
    return trajectory.error is not None and trajectory.error.kind in NOT_ANSWERED


def earlier_of(resume: Any) -> dict[str, Trajectory]:
    """Read the rollouts of an earlier check by the key of their cell; the last one of each counts.

    Args:
        resume: a path, which need not be there yet, or whatever holds the rollouts.
    """
    if isinstance(resume, (str, Path)) and not Path(resume).exists():
        return {}
    marked = ((t.meta.get(MARK), t) for t in rollouts_in(resume))
    return {key: trajectory for key, trajectory in marked if isinstance(key, str)}
