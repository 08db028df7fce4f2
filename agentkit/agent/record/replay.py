"""Recording an agent's rollouts, and playing them again.

A *replay* plays recorded outcomes again, offline: nothing is asked and nothing is run. A replay
    never falls through to a live call; what the recording does not hold is a `ReplayMiss` that says
    what differs.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from agentkit.agent.agent import Agent, checked
from agentkit.agent.perform import Perform, Setup
from agentkit.agent.record.player import difference, replaying
from agentkit.errors import ReplayMiss, UsageError, checked_keywords
from agentkit.files.cassette.codec import prompt_key
from agentkit.files.cassette.writer import cassette
from agentkit.servers.clients import as_server
from agentkit.trajectory.loop import start
from agentkit.types.record import clip
from agentkit.types.trajectory import Message, Trajectory

_PLACE = ("prompt_index", "sample")
"""What of its meta says which rollout of a batch a trajectory is."""


@checked_keywords
def record(agent: Agent, path: Any) -> Agent:
    """Copy the agent, with every finished step appended to a cassette. Keys and authorization
    headers never reach it.

    Raises:
        UsageError: it is not an agent, or the file exists and is not a cassette.
        OSError: the file cannot be written.
        FileInUse: another process resumes from the file.
    """
    return checked(agent).with_recorder(cassette(path, keep=True))


@checked_keywords
def replay(
    agent: Any, path: Any = None, *, sample: int | None = None, speed: float | None = None
) -> ReplayAgent:
    """Make an agent that plays a cassette instead of asking a server. `ak.replay(path)` plays it
    with the recorded model, tools and sampling.

    Args:
        agent: the agent whose tools, prompts and sampling are checked against what was recorded;
            left out, the recorded ones are used.
        path: the file; also trajectories, or what holds them.
        sample: play only the rollout at this place of the file, counting from 0.
        speed: how many times faster than it was recorded: 1 takes the recorded times, streamed
            pieces too; None plays everything at once.

    Raises:
        CassetteError: the file is not a cassette.
        ReplayMiss: it holds no such rollout.
        UsageError: what should be played with it is not an agent.
    """
    from agentkit.files.reader import rollouts_in  # it knows every format, and takes its time

    agent, path = (None, agent) if path is None else (agent, path)
    if agent is not None:
        checked(agent)
    if speed is not None and speed <= 0:
        raise UsageError(
            f"the speed is {speed!r}",
            hint="1 plays in the recorded time, 10 ten times faster, None at once",
        )
    recorded = tuple(rollouts_in(path))
    if not recorded or (sample is not None and not 0 <= sample < len(recorded)):
        raise ReplayMiss(
            f"{str(path)!r} holds {len(recorded)} rollout(s)"
            + ("" if sample is None else f", none at {sample}"),
            hint="ask for one that is there, or record more",
        )
    recorded = recorded if sample is None else (recorded[sample],)
    return ReplayAgent(recorded, agent, speed=speed)


class Recordings:
    """Recorded rollouts by their prompt: each is given out once, then all of them again."""

    def __init__(self, trajectories: Iterable[Trajectory]) -> None:
        self._by_prompt: defaultdict[str, list[Trajectory]] = defaultdict(list)
        self._by_place: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
        self._waiting: dict[str, dict[int, Trajectory]] = {}
        self._lock = threading.Lock()
        for trajectory in trajectories:
            key = start_key(trajectory)
            self._by_place[key, *_place(trajectory)].append(len(self._by_prompt[key]))
            self._by_prompt[key].append(trajectory)

    def of(self, trajectory: Trajectory) -> list[Trajectory]:
        """List all rollouts of the same prompt."""
        return self._by_prompt.get(start_key(trajectory), [])

    def peek(self, trajectory: Trajectory) -> Trajectory | None:
        """Look at the rollout that `take` would give next."""
        with self._lock:
            found = self._next(start_key(trajectory), trajectory)
            return None if found is None else found[1]

    def take(self, trajectory: Trajectory) -> Trajectory | None:
        """Give out the recorded rollout that fits best, of those not given out yet: the same sample
        of a batch, the same sampling, else the first.
        """
        with self._lock:
            key = start_key(trajectory)
            found = self._next(key, trajectory)
            if found is None:
                return None
            del self._waiting[key][found[0]]
            return found[1]

    def _next(self, key: str, asked: Trajectory) -> tuple[int, Trajectory] | None:
        if not self._waiting.get(key):
            self._waiting[key] = dict(enumerate(self._by_prompt.get(key, ())))
        waiting = self._waiting[key]
        placed = [
            number for number in self._by_place.get((key, *_place(asked)), ()) if number in waiting
        ]
        numbers = placed or waiting
        alike = (
            number for number in numbers if waiting[number].spec.sampling == asked.spec.sampling
        )
        number = next(alike, next(iter(numbers), None))
        return None if number is None else (number, waiting[number])


def start_key(trajectory: Trajectory) -> str:
    """Digest the messages a rollout begins with."""
    return prompt_key(message.wire for message in trajectory.prompt)


def _place(trajectory: Trajectory) -> tuple[Any, ...]:
    return tuple(repr(trajectory.meta.get(name)) for name in _PLACE)  # a file may say anything


@checked_keywords
class ReplayAgent(Agent):
    """An agent that plays recorded rollouts: offline, exact, and never a live call."""

    _redacts = False

    def __init__(
        self,
        recorded: tuple[Trajectory, ...],
        base: Agent | None = None,
        *,
        speed: float | None = None,
    ) -> None:
        """Play with the base agent's tools, prompts and sampling; without one, with those that were
        recorded.
        """
        nobody = Setup(spec=recorded[0].spec, server=as_server(_NoServer()), performs=self._play)
        self._setup = nobody if base is None else replace(base._setup, performs=self._play)
        self.recorded = recorded
        self._speed = speed
        self._own_spec = base is not None
        self._recordings = Recordings(recorded)

    @property
    def rollouts(self) -> tuple[Trajectory, ...]:
        """The recorded rollouts: what other functions read of it."""
        return self.recorded

    def start(self, prompt: Any = None, *, meta: Mapping[str, Any] | None = None) -> Trajectory:
        """Start the rollout that was recorded for this prompt; without a prompt, the first.

        Raises:
            ReplayMiss: no rollout of this prompt was recorded.
        """
        if prompt is None:
            return self.start_of(self.recorded[0])
        asked = super().start(prompt, meta=meta)
        if isinstance(prompt, str) and not self._own_spec and not self._recordings.of(asked):
            asked = replace(asked, prompt=self._with_system(asked.prompt))
        if not self._recordings.of(asked):
            raise ReplayMiss(
                "no rollout of this prompt was recorded; recorded are:"
                f" {_prompts(self.recorded)}{_nearest(asked, self.recorded)}",
                hint="ask for one of them, or record a rollout of this one",
            )
        return asked

    def _with_system(self, said: tuple[Message, ...]) -> tuple[Message, ...]:
        """Give the recorded prompt that is this text behind system messages, as `system=` of the
        recorded agent put them; the text alone where there is none.
        """
        prompts = (recorded.prompt for recorded in self.recorded)
        alike = (prompt for prompt in prompts if _without_system(prompt) == said)
        return next(alike, said)

    def start_of(self, recorded: Trajectory) -> Trajectory:
        """Start one recorded rollout."""
        begun = start(
            list(recorded.prompt), self.spec if self._own_spec else recorded.spec, recorded.meta
        )
        return replace(begun, prompt=recorded.prompt, parent=recorded.parent)

    def with_sample(
        self, trajectory: Trajectory, sample: int, *, meta: Mapping[str, Any] | None = None
    ) -> Trajectory:
        """Start one sample of a batch, with what was recorded of it."""
        asked = super().with_sample(trajectory, sample, meta=meta)
        found = self._recordings.peek(asked)
        if found is None:
            return asked
        return replace(
            asked,
            meta={**found.meta, **asked.meta},
            spec=asked.spec if self._own_spec else found.spec,
            parent=found.parent,
        )

    def check_enough(self, starts: Iterable[Trajectory]) -> None:
        """Make sure that there is a recorded rollout for each of a batch.

        Raises:
            ReplayMiss: there are fewer.
        """
        asked = [(begun, start_key(begun)) for begun in starts]
        wanted = Counter(key for _, key in asked)
        for begun, key in asked:
            found = len(self._recordings.of(begun))
            if found < wanted[key]:
                raise ReplayMiss(
                    f"{found} rollout(s) of {_asked(begun)!r} were recorded, and {wanted[key]} are"
                    " asked for",
                    hint="ask for as many samples as were recorded, or record more",
                )

    def _play(self, trajectory: Trajectory, sample: int) -> Perform:
        """Play the rollouts of this prompt in the order they were recorded, then from the first
        again; of a batch, each for its own sample.
        """
        return replaying(self._recordings.take(trajectory) or self.recorded[0], speed=self._speed)

    def __reduce__(self) -> tuple[Any, ...]:
        base = None
        if self._own_spec:
            base = Agent.__new__(Agent)
            base._setup = replace(self._setup, server=as_server(_NoServer()), performs=_nothing)
        return partial(type(self), speed=self._speed), (self.recorded, base)

    def __repr__(self) -> str:
        return f"<ReplayAgent {self.spec.model!r}: {len(self.recorded)} recorded rollout(s)>"


def _without_system(prompt: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(m for m in prompt if m.role not in ("system", "developer"))


def _nothing(trajectory: Trajectory, sample: int) -> Perform:
    return replaying(trajectory)


class _NoServer:
    """Stands where a replay has no server."""

    async def chat_completion(self, **kwargs: Any) -> Any:
        raise ReplayMiss(
            "a replay asks no server", hint="ask with the agent that was recorded, or with another"
        )


def _asked(trajectory: Trajectory) -> str:
    return clip(next((m.content for m in trajectory.prompt if m.role == "user"), ""))


def _nearest(asked: Trajectory, recorded: tuple[Trajectory, ...]) -> str:
    """Say how the prompt differs from the recorded one that is most like it, where one is."""
    wanted = _asked(asked)
    by_text = {_asked(t): t for t in recorded}
    near = get_close_matches(wanted, by_text, n=1, cutoff=0.3) or list(by_text)[: len(by_text) == 1]
    if not near:
        return ""
    a, b = ([m.wire for m in t.prompt] for t in (by_text[near[0]], asked))
    return f"\n{difference([('prompt', a, b)])}"


def _prompts(recorded: tuple[Trajectory, ...]) -> str:
    return ", ".join(dict.fromkeys(repr(_asked(t)) for t in recorded[:5]))
