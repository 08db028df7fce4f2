"""What starts the workers of a batch, and carries messages to them and back."""

from __future__ import annotations

from typing import Any, Protocol

from agentkit.errors import UsageError, suggest

NAMES = ("processes", "ray")


class WorkerChannel(Protocol):
    """One worker, as the batch sees it: messages go there and come back, in order."""

    name: str
    """What it is called where it is lost, as `process 4711`."""

    def send(self, message: bytes) -> None:
        """Send a message, without waiting."""

    async def receive(self) -> bytes:
        """Wait for the next message. Whatever this raises says that the worker is lost."""

    def close(self) -> None:
        """End the worker, without waiting."""


class Executor(Protocol):
    """Starts workers. At the other end of a channel is a
    `agentkit.agent.batch.executors.worker.Worker`, made with the program; its `put` takes messages,
    its `get` gives them.
    """

    workers: int
    """How many there are to be."""
    private: bool
    """Whether nobody else can read what is sent, so that keys may go along."""

    def start(self, program: bytes) -> WorkerChannel:
        """Start one worker, with the program that it runs. It may take seconds."""


def executor_of(given: Any, workers: int | None) -> Executor | None:
    """Choose the executor that is meant; None where the batch runs in this process.

    Raises:
        UsageError: there is none of this name, or the number of workers is none.
    """
    if workers is not None and (type(workers) is not int or workers < 1):
        raise UsageError(f"workers is {workers!r}", hint="give a whole number from 1 up")
    if given is None:
        if workers is not None:
            raise UsageError(
                "workers= belongs to an executor", hint="say executor='processes', or 'ray'"
            )
        return None
    if given == "processes":
        from agentkit.agent.batch.executors.processes import Processes

        return Processes(workers)
    if given == "ray":
        from agentkit.agent.batch.executors.ray_workers import RayWorkers

        return RayWorkers(workers)
    if not isinstance(given, str) and callable(getattr(given, "start", None)):
        found: Executor = given
        return found
    raise UsageError(
        f"the executor is {given!r:.80}",
        hint=suggest(
            given, NAMES, "it is 'processes', 'ray', or an object that starts workers", show=repr
        ),
    )
