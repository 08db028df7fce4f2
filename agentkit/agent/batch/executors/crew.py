"""The workers of one batch: who runs which rollout, and what becomes of the rollouts of a worker
that is lost. What workers record comes here and is written here: the file has one writer, whatever
machines they are on.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.batch.around import around
from agentkit.agent.batch.executors.executor import Executor, WorkerChannel
from agentkit.agent.batch.executors.remote_rollout import RemoteRollout
from agentkit.agent.batch.reward import Reward
from agentkit.agent.record.replay import ReplayAgent
from agentkit.errors import NoWorkers, UsageError, WorkerLost
from agentkit.servers.redaction.known_secrets import shared_secrets
from agentkit.servers.transport.shipment import opened, packed, with_secrets
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

_log = logging.getLogger("agentkit")
_LOSSES = 3
"""So many workers a rollout may lose; it may be what ends them."""


class CrewMember:
    """One worker, and the rollouts that it runs."""

    def __init__(self, channel: WorkerChannel) -> None:
        self.channel = channel
        self.running: dict[int, tuple[RemoteRollout, asyncio.Future[None]]] = {}
        self.pump: asyncio.Task[None] | None = None


class Crew:
    """The workers of one batch. They are started with the first rollout that needs one.

    Args:
        executor: starts them.
        agent: what they run.
        reward: what a rollout is worth.

    Raises:
        UsageError: something of the agent or the reward cannot be sent there.
    """

    def __init__(self, executor: Executor, agent: Agent, reward: Reward | None) -> None:
        if isinstance(agent, ReplayAgent):
            raise UsageError(
                "a replay asks no server, and needs no workers", hint="leave executor= away"
            )
        self.executor = executor
        self.workers = executor.workers
        """How many there are at most."""
        self.private = bool(getattr(executor, "private", False))
        """Whether secrets go along."""
        secrets = shared_secrets() if self.private else ([], [])
        with with_secrets(self.private or getattr(agent.server, "pickle_key", False)):
            state = (agent, reward, *secrets)
            parts = {"the agent": agent, "the reward": reward}
            self._program = packed(agent, state, parts.items)
        self._members: list[CrewMember] = []
        self._numbers = itertools.count(1)
        self._opening = asyncio.Lock()
        self._lost = 0
        self._closed = False
        self._refused: Exception | None = None

    async def run(self, rollout: RemoteRollout) -> None:
        """Run a rollout on a worker; where that is lost, on another, from what had come of it.

        Raises:
            WorkerLost: it has lost several.
            NoWorkers: none is left.
        """
        for _ in range(_LOSSES):
            member = await self._free()
            number, done = next(self._numbers), asyncio.get_running_loop().create_future()
            member.running[number] = rollout, done
            try:
                member.channel.send(self._task(number, rollout))
                await done
            except WorkerLost:
                rollout.hand_over()
                continue
            finally:
                member.running.pop(number, None)
            return
        raise WorkerLost(
            f"{count(_LOSSES, 'worker')} ended while they ran this rollout",
            hint="a tool or a reward of it may end the process; run it without executor= to see",
        )

    def close(self) -> None:
        """End the workers; nothing is waited for."""
        self._closed = True
        for member in self._members:
            if member.pump is not None:
                member.pump.cancel()
            member.channel.close()
        self._members.clear()

    def _task(self, number: int, rollout: RemoteRollout) -> bytes:
        start = rollout.start
        with with_secrets(self.private):
            state = (number, start, rollout.known, around.get(), rollout.recorded)
            parts = {"its meta": start.meta}
            return packed(start, state, parts.items)

    async def _free(self) -> CrewMember:
        """Give the worker that has the least to do; start one where there may be more."""
        async with self._opening:
            if self._refused is not None:
                raise self._refused
            least = min(self._members, key=lambda member: len(member.running), default=None)
            if least is not None and (not least.running or len(self._members) >= self.workers):
                return least
            if self._lost > _LOSSES + self.workers:
                if least is not None:
                    return least
                raise NoWorkers(
                    f"all {self._lost} workers have ended",
                    hint="what had ended is kept; a tool or a reward may end its process",
                )
            channel = await asyncio.to_thread(self.executor.start, self._program)
            member = CrewMember(channel)
            if self._closed:
                channel.close()
                raise asyncio.CancelledError
            self._members.append(member)
            member.pump = asyncio.ensure_future(self._pump(member))
            return member

    async def _pump(self, member: CrewMember) -> None:
        """Take in what a worker tells, until it is lost."""
        reason: Exception
        try:
            while True:
                for kind, number, data in opened(await member.channel.receive()):
                    self._take(member, kind, number, data)
        except Exception as exc:  # whatever an executor raises where a worker is gone
            reason = exc
        self._members.remove(member)
        member.channel.close()
        self._lost += 1
        _log.warning(
            "a worker (%s) was lost: %s; others go on with its %s",
            member.channel.name,
            clip(str(reason) or type(reason).__name__, 200),
            count(len(member.running), "rollout"),
        )
        for _, done in member.running.values():
            if not done.done():
                done.set_exception(self._refused or WorkerLost(f"{member.channel.name} was lost"))

    def _take(self, member: CrewMember, kind: str, number: int, data: Any) -> None:
        if kind == "unready":
            self._refused = NoWorkers(
                f"{member.channel.name} cannot read what was sent to it: {data}",
                hint="install there what is installed here, in the same versions",
            )
            raise self._refused
        found = member.running.get(number)
        if found is None:
            return
        rollout, done = found
        try:
            if kind == "line":
                rollout.take(data)
            elif kind == "anew":
                rollout.begin_anew(data)
            elif kind == "step":
                rollout.add_step(*data)
            elif kind == "end":
                rollout.end(*data)
        except Exception as exc:  # of the file, which can be written no more
            kind, data = "failed", exc
        if done.done():
            return
        if kind == "failed":
            done.set_exception(data)
        elif kind == "end":
            done.set_result(None)


def check_meta(starts: Mapping[int, Trajectory]) -> None:
    """Make sure that what prompts bring along can be sent, before anything is asked.

    Raises:
        UsageError: something of it cannot.
    """
    for index, start in starts.items():
        meta = {name: value for name, value in start.meta.items() if not _is_plain(value)}
        if meta:
            named = {f"{name!r} in the meta of prompt {index}": meta[name] for name in meta}
            packed(start, meta, named.items)


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (str, int, float, bool)
