"""Workers as actors of Ray, on whatever machines the cluster has. They need no file system in
common: what they record travels back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from agentkit.agent.batch.executors.worker import Worker
from agentkit.errors import UsageError


class RayWorkers:
    """Starts an actor a processor of the cluster that this process is connected to; without one,
    `ray.init()` connects to that of `RAY_ADDRESS` or starts one here.
    """

    private = False

    def __init__(self, workers: int | None = None) -> None:
        self._ray = _package()
        if not self._ray.is_initialized():
            self._ray.init()
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def start(self, program: bytes) -> RayChannel:
        """Start an actor."""
        actor = self._ray.remote(num_cpus=1)(RayWorker).remote(program)
        return RayChannel(self._ray, actor)


class RayChannel:
    """One actor."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self.actor = ray, actor
        self.name = f"actor {actor._actor_id.hex()[:8]}"

    def send(self, message: bytes) -> None:
        """Send a message."""
        self.actor.put.remote(message)

    async def receive(self) -> bytes:
        """Wait for the next message; Ray raises where the actor is lost."""
        message: bytes = await self.actor.get.remote()
        return message

    def close(self) -> None:
        """End the actor."""
        with suppress(Exception):  # it is gone, or the cluster is
            self._ray.kill(self.actor)


class RayWorker:
    """The actor: a worker whose methods Ray calls on its own event loop."""

    def __init__(self, program: bytes) -> None:
        self._worker = Worker(program)

    async def put(self, message: bytes) -> None:
        """Begin a rollout."""
        self._worker.put(message)

    async def get(self) -> bytes:
        """Wait for what happens."""
        return await self._worker.get()


def _package() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError(
            "executor='ray' needs the package ray",
            hint="pip install agentkit-notebook[ray], here and on every machine of the cluster",
        ) from None
    return ray
