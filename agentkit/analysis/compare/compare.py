"""`ak.compare`: the same conversation on two or more sides, and every difference between them,
named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from agentkit.agent.batch.progress import Progress, shown
from agentkit.agent.batch.run import run_side
from agentkit.agent.event_loop import refuse_await, run
from agentkit.analysis.compare.comparison import ClassFinding, Comparison
from agentkit.analysis.compare.pairs import Cell, cells, requests_of
from agentkit.analysis.compare.repeats import SURE, CellResult, compare_cell
from agentkit.analysis.compare.sides import forced, is_live, prompts_of, stored, streaming
from agentkit.errors import UsageError, checked_keywords, suggest
from agentkit.servers.clients import call_of
from agentkit.servers.server import Server
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

__all__ = ["ClassFinding", "Comparison", "compare"]

_HINT = 'give two sides or more by name: ak.compare({"vllm": agent_a, "openai": agent_b}, prompts)'


@checked_keywords
class Compare:
    """Compares sides; called as `ak.compare(...)`."""

    def __call__(
        self,
        sides: Mapping[str, Any],
        prompts: Any = None,
        n: int = 1,
        *,
        history: str = "free",
        concurrency: int = 64,
        tools: Any = None,
        record: Any = None,
        resume: Any = None,
        progress: bool | None = None,
    ) -> Comparison:
        """Find the divergences between the sides: which, at which layer, which one causes the
        others, how often, what to change.

        Args:
            sides: by name, agents; or what is there already and needs no server: trajectories,
                cassettes, captures, raw answers.
            prompts: what to ask the agents, as for `ak.rollouts`; where stored sides tell it, None
                asks what these were asked.
            n: samples of each prompt. Behaviour is only blamed after repeats, so ask for several.
            history: `free`: each side goes its own way; or the name of a side: the others are asked
                turn by turn on its history, and run no tools.
            concurrency: rollouts under way at once; one side runs after the other.
            tools: schemas, for raw answers that come without their request.
            record: a folder; each side is recorded there as `NAME.jsonl`.
            resume: the same folder, or the `rollouts` of an interrupted comparison; what has ended
                is not asked again.
            progress: as for `ak.rollouts`.

        Raises:
            UsageError: fewer than two sides, one that is none, nothing to ask, or nothing that can
                be paired.
        """
        refuse_await("ak.compare()", "await asyncio.to_thread(ak.compare, sides, prompts)")
        named = _checked(sides, prompts, history)
        read = {name: stored(s, tools) for name, s in named.items() if not is_live(s)}
        if prompts is None and history == "free" and len(read) < len(named):
            prompts = prompts_of(read.values())
        done = _SideRuns(prompts, n, concurrency, record, resume, progress)
        found = done.all({**named, **read}, history)
        return _compared(found, None, shared=history != "free")

    def stream_vs_block(
        self,
        side: Any,
        prompts: Any = None,
        n: int = 1,
        *,
        concurrency: int = 64,
        tools: Any = None,
        record: Any = None,
        resume: Any = None,
        progress: bool | None = None,
    ) -> Comparison:
        """Compare one server's streamed answers with its block answers.

        Args:
            side: an agent; or stored rollouts, a capture, a cassette that contain both.
            prompts: as for `ak.compare`.
            n: samples of each prompt.
            concurrency: rollouts under way at once.
            tools: schemas, for raw answers that come without their request.
            record: a folder, as for `ak.compare`.
            resume: as for `ak.compare`.
            progress: as for `ak.rollouts`.

        Raises:
            UsageError: what is stored does not contain both.
        """
        name = "ak.compare.stream_vs_block"
        refuse_await(f"{name}()", f"await asyncio.to_thread({name}, agent, prompts)")
        if is_live(side):
            both = {"block": streaming(side, False), "stream": streaming(side, True)}
            done = _SideRuns(prompts, n, concurrency, record, resume, progress)
            return _compared(done.all(_checked(both, prompts, "free"), "free"), True)
        split: dict[str, list[Trajectory]] = {"block": [], "stream": []}
        for trajectory in stored(side, tools):
            split["stream" if _streamed(trajectory) else "block"].append(trajectory)
        if not all(split.values()):
            raise UsageError(
                "it holds no answers of both forms",
                hint="record the same prompts with stream=True and stream=False",
            )
        return _compared({name: tuple(part) for name, part in split.items()}, True)

    def __repr__(self) -> str:
        return "<ak.compare>"


compare = Compare()


def _streamed(trajectory: Trajectory) -> bool:
    return trajectory.spec.stream or any(
        turn.response.exchange.chunks for turn in trajectory.all_turns
    )


def _checked(sides: Any, prompts: Any, history: str) -> dict[str, Any]:
    if not isinstance(sides, (Mapping, list, tuple)) and prompts is not None and not is_live(sides):
        raise UsageError(
            f"the sides are {type_in_words(sides)} and {type_in_words(prompts)} without names",
            hint='name each: ak.compare({"a": …, "b": …})',
        )
    for name, side in sides.items() if isinstance(sides, Mapping) else ():
        if side is None or isinstance(side, Server):
            what = "nothing" if side is None else "a Server, which asks nothing by itself"
            raise UsageError(
                f"the side {name!r} is {what}",
                hint=f"give an agent, {call_of(server=side)}, or rollouts",
            )
    if isinstance(sides, (list, tuple)) and len(sides) > 1:
        names = ", ".join(f'"{name}": …' for name, _ in zip("abcdefgh", sides, strict=False))
        raise UsageError(
            f"the sides are {type_in_words(sides)} without names",
            hint=f"name each: ak.compare({{{names}}}, prompts)",
        )
    if not isinstance(sides, Mapping) or len(sides) < 2:
        raise UsageError("a comparison needs two sides or more", hint=_HINT)
    if history != "free" and history not in sides:
        raise UsageError(
            f"no side is named {history!r}",
            hint=suggest(
                history,
                ["free", *sides],
                f"history is 'free' or one of: {', '.join(map(str, sides))}",
            ),
        )
    if prompts is None and all(map(is_live, sides.values())) and history == "free":
        raise UsageError(
            "there are agents and no prompts",
            hint="ak.compare({...}, ['What is the weather in Oslo?'])",
        )
    return {str(name): side for name, side in sides.items()}


class _SideRuns:
    """The rollouts of the sides: agents are run, the others are there."""

    def __init__(
        self,
        prompts: Any,
        n: int,
        concurrency: int,
        record: Any,
        resume: Any,
        progress: bool | None,
    ) -> None:
        self.prompts = prompts
        self.n = n
        self.concurrency = concurrency
        self.record = record
        self.resume = resume
        self.progress = progress
        self.done: dict[str, Sequence[Trajectory]] = {}

    def all(self, sides: Mapping[str, Any], history: str) -> dict[str, Sequence[Trajectory]]:
        """Run every side that is an agent.

        Args:
            sides: by name, agents or rollouts.
            history: `free`, or the side whose history the others are asked on.

        Returns:
            The rollouts of each side.

        Raises:
            BaseException: what broke it off, an interrupt too, with the rollouts so far as its
                `rollouts`, by side.
        """
        order = sorted(sides, key=lambda name: name != history)
        for name in order:
            try:
                self.done[name] = self._one(name, sides[name], history)
            except BaseException as exc:
                begun = getattr(exc, "rollouts", None)
                if begun is not None:
                    self.done[name] = begun
                exc.rollouts = dict(self.done)  # type: ignore[attr-defined]
                exc.add_note("ak.compare(…, resume=sys.last_value.rollouts) goes on with it")
                raise
        return {name: self.done[name] for name in sides}

    def _one(self, name: str, side: Any, history: str) -> Sequence[Trajectory]:
        if not is_live(side):
            rollouts: Sequence[Trajectory] = side
            return rollouts
        if history not in ("free", name):
            return self._forced(name, side, self.done[history])
        record, resume = self._path(self.record, name), self._earlier(name)
        return run_side(
            name,
            side,
            self.prompts,
            self.n,
            concurrency=self.concurrency,
            record=record,
            resume=resume,
            progress=self.progress,
        )

    def _forced(self, name: str, side: Any, leaders: Sequence[Trajectory]) -> list[Trajectory]:
        """Ask a side on the history of the other, and show how far that is."""
        progress = Progress(len(leaders), self.concurrency)
        progress.name = name
        close = shown(progress, self.progress)
        try:
            return run(forced(side, leaders, self.concurrency, progress))
        finally:
            close()

    def _earlier(self, name: str) -> Any:
        if isinstance(self.resume, Mapping):
            return self.resume.get(name)
        return self._path(self.resume, name)

    def _path(self, folder: Any, name: str) -> Path | None:
        if folder is None:
            return None
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^\w.-]", "_", name)
        return path / f"{safe}.jsonl"


def _compared(
    sides: Mapping[str, Sequence[Trajectory]], same_server: bool | None, *, shared: bool = False
) -> Comparison:
    """Pair the rollouts of every two sides and compare each pair."""
    order = requests_of(sides.values())
    found: list[Cell] = []
    for names in combinations(sides, 2):
        paired, _ = cells(names, sides[names[0]], sides[names[1]], order)
        found += paired
    taken = {id(t) for cell in found for t in (*cell.left, *cell.right)}
    unpaired = {name: sum(id(t) not in taken for t in side) for name, side in sides.items()}
    if not found:
        raise UsageError(
            "no prompt was asked on two sides",
            hint="compare rollouts of the same prompts; they are paired by their messages",
        )
    results = [compare_cell(cell, same_server, shared=shared) for cell in found]
    return Comparison(sides, found, list(_corrected(results)), unpaired)


def _corrected(results: Sequence[CellResult]) -> Iterator[CellResult]:
    """Take the number of tests into account: of a hundred prompts five look different by chance
    (Benjamini and Hochberg).
    """
    tests = [(i, place, p) for i, result in enumerate(results) for place, p in result.tests]
    sure: dict[tuple[int, int], bool] = {}
    if tests:
        from scipy.stats import false_discovery_control

        # what was found to be noise was tested too, and counts with a p-value of 1
        noise = sum(sum(result.noise.values()) for result in results)
        adjusted = false_discovery_control([p for _, _, p in tests] + [1.0] * noise)
        for (i, place, _), p in zip(tests, adjusted, strict=False):
            sure[i, place] = bool(p <= SURE)
    for i, result in enumerate(results):
        settled = [
            replace(divergence, established=sure.get((i, place), divergence.established))
            for place, divergence in enumerate(result.divergences)
        ]
        yield CellResult(settled, result.pairs, result.noise, result.tests)
