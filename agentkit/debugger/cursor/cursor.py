"""What is done by hand at a debugger's place in its tree: changes, branches, answers to calls.

A change made by hand begins a branch, unless it loses nothing: a pending call that is answered at
the tip goes on where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentkit.agent.engine import Engine
from agentkit.agent.events import Event, Moved, Sampled, SamplePiece, Streamed
from agentkit.debugger.cursor.drive import PROMPT, Drive
from agentkit.errors import NotFound, UsageError
from agentkit.trajectory import edit as editing
from agentkit.trajectory.loop import FAILED, apply, say
from agentkit.trajectory.person.by_hand import (
    NOT_APPROVED,
    SKIPPED,
    come_message,
    skipped,
    written_result,
)
from agentkit.trajectory.person.notes import Remark, with_remark, without_remark
from agentkit.trajectory.places import answered_turn, branched, turn_index
from agentkit.types.answer import ToolCall
from agentkit.types.record import clip
from agentkit.types.steps import Result
from agentkit.types.trajectory import Attempt, ToolResult, Trajectory


class Cursor(Drive):
    """A place in a tree of branches, and what a person does there."""

    # changes

    async def edit(self, turn: int | None = None, call: int = 0, **change: Any) -> None:
        """Make one change, on a new branch."""
        await self._free()
        base = self._base(turn)
        edited = self.engine.secrecy.changed(editing.edit(base, turn, call, **change), base)
        self._enter(self.tree.grown(edited))

    async def fork(self, turn: int | None = None) -> None:
        """Move onto a new branch."""
        await self._free()
        self._enter(self.tree.grown(self._forked(turn)))

    def _forked(self, turn: int | None) -> Trajectory:
        """Fork the trajectory from the start of a turn, by default from here."""
        if turn is None:
            return editing.forked_here(self.trajectory)
        base = self._base(turn)
        return editing.fork(base, turn_index(base, turn), "fork")

    async def restart(self) -> None:
        """Begin again, on a new branch; where nothing has happened yet, this stays as it is."""
        await self._free()
        if self.engine.tip.all_turns or self.engine.tip.attempts:
            self._enter(self.tree.grown(editing.fork(self.engine.tip, 0, "begun again")))

    async def clone(self, turn: int | None = None) -> Cursor:
        """Make another cursor, on a branch of its own of the same tree."""
        await self._free()
        trajectory = self._forked(turn)
        cursor = Cursor(
            self.engine.clone(trajectory),
            self.tree.grown(trajectory),
            self.breakpoints.approve,
            asks=self.asks,
        )
        for point in self.breakpoints:
            cursor.breakpoints.add(point)
        return cursor

    async def say(self, prompt: Any) -> None:
        """Put messages before the next turn."""
        await self._free()
        said = self.engine.secrecy.changed(say(self.trajectory, prompt), self.trajectory)
        self._go_on(said, "said more")

    async def rerun(self, turn: int | None = None, n: int = 1) -> None:
        """Ask the model again, n answers side by side, each a branch; move onto the first."""
        await self._free()
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise UsageError(
                f"the model cannot be asked {n!r} times", hint="give a whole number from 1 up"
            )
        if not self.asks:
            raise UsageError(
                "a replay has no model to ask again",
                hint="rerun with the agent that was recorded: ak.debug(agent, prompt)",
            )
        base = self._base(turn)
        start = editing.fork(base, answered_turn(base, turn, or_next=True), "rerun")
        await self._under_way(self._sample(start, n))

    async def _sample(self, start: Trajectory, n: int) -> None:
        engines = [self.engine.clone(start) for _ in range(n)]
        for sample, engine in enumerate(engines):
            engine.tell = self._pieces_of(sample) if self.engine.tell else None
        tasks = [asyncio.ensure_future(self._sampled(i, engines, start)) for i in range(n)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=PROMPT / 2)
            for engine in engines:
                engine.give_up()
            done = [engine for engine in engines if engine.trajectory is not start]
            order = list(done)
            done.sort(key=lambda e: not e.trajectory.all_turns[len(start.turns) :])
            done.sort(key=lambda e: e.trajectory.stop_reason in FAILED)
            if done:
                tree = self.tree.grown(*(engine.trajectory for engine in done))
                labels = [branch.label for branch in tree.branches[-len(done) :]]
                self._performs |= {
                    label: engine.perform for label, engine in zip(labels, done, strict=True)
                }
                self.samples = tuple(labels[done.index(engine)] for engine in order)
                for engine in done:
                    engine.tell = None
                self._enter(tree)

    def _pieces_of(self, sample: int) -> Callable[[Event], None]:
        def tell(event: Event) -> None:
            if isinstance(event, Streamed):
                self.tell(SamplePiece(sample=sample, chunk=event.chunk))

        return tell

    async def _sampled(self, sample: int, engines: list[Engine], start: Trajectory) -> None:
        engine = engines[sample]
        await engine.step()
        done = sum(e.trajectory is not start for e in engines)
        self.tell(Sampled(done=done, of=len(engines), trajectory=engine.trajectory, sample=sample))

    async def take(self, sample: int) -> None:
        """Go on with one of the answers of the last rerun."""
        if isinstance(sample, bool) or not isinstance(sample, int):
            raise NotFound(f"{sample!r} is no number of an answer")
        if not 0 <= sample < len(self.samples):
            raise NotFound(
                f"there is no answer {sample} to take",
                hint=f"the last rerun gave {len(self.samples)}; dbg.rerun(turn, n=4) asks again",
            )
        await self.switch(self.samples[sample])

    # what came of an answer that broke off

    async def use(self, message: Any = editing.UNSET) -> None:
        """Make what came of the answer that broke off, or another message, the turn's answer."""
        await self._free()
        attempt = self._broken_off()
        if message is editing.UNSET:
            if attempt.response is None:
                raise UsageError(
                    "nothing came of the last answer", hint="dbg.use(text) gives one by hand"
                )
            message = come_message(attempt.response)
        await self.edit(len(self.trajectory.turns), message=message)

    async def discard(self) -> None:
        """Go on without what came of the answer that broke off; on a branch, so it is kept."""
        await self._free()
        self._broken_off()
        base = self.trajectory
        rest = replace(base, attempts=base.attempts[:-1], stop_reason=None, error=None)
        turn = len(base.turns)
        self._enter(self.tree.grown(branched(base, rest, turn, "a try discarded")))

    def _broken_off(self) -> Attempt:
        attempts, turns = self.trajectory.attempts, len(self.trajectory.turns)
        opened = self.trajectory.open
        answered = opened is not None and opened.response is not None
        if answered or not attempts or attempts[-1].turn != turns:
            raise NotFound(
                "no answer broke off here",
                hint="dbg.stop() ends one that is coming, and keeps what has come",
            )
        return attempts[-1]

    # notes and labels

    async def note(self, text: str, turn: int | None = None, call: int | None = None) -> None:
        """Add a note to the rollout, a turn or a call."""
        self._remark(Remark(text=text, turn=turn, call=call), with_remark)

    async def label(self, text: str, turn: int | None = None, call: int | None = None) -> None:
        """Give a label to the rollout, a turn or a call."""
        self._remark(Remark(text=text, is_label=True, turn=turn, call=call), with_remark)

    async def unlabel(self, text: str, turn: int | None = None, call: int | None = None) -> None:
        """Take a label away."""
        self._remark(Remark(text=text, is_label=True, turn=turn, call=call), without_remark)

    async def unnote(self, text: str, turn: int | None = None, call: int | None = None) -> None:
        """Take a note away."""
        self._remark(Remark(text=text, turn=turn, call=call), without_remark)

    def _remark(self, remark: Remark, change: Callable[[Trajectory, Remark], Trajectory]) -> None:
        engine = self.engine
        remark = replace(remark, text=engine.secrecy.data(remark.text))
        tip = change(engine.tip, remark)
        if tip is engine.tip:
            return
        if engine.ahead is not None:
            engine.ahead = tip
            engine.trajectory = replace(engine.trajectory, meta=tip.meta)
        else:
            engine.trajectory = tip
        engine.finish(by_hand=True)
        self.tell(Moved(trajectory=self.trajectory))

    # pending calls: `call` is the position in the turn, which does not shift as others are answered

    async def run_call(self, call: int) -> ToolResult | None:
        """Run a pending call; None where it was stopped."""
        outcome = await self.step(call)
        return outcome.result if isinstance(outcome, Result) else None

    async def skip_call(self, call: int, reason: str = SKIPPED) -> ToolResult:
        """Answer a pending call with a reason why it is not run."""
        await self._free()
        return self._answered(call, skipped(self._pending(call), reason))

    async def reject_call(self, call: int, message: str = NOT_APPROVED) -> ToolResult:
        """Refuse a pending call."""
        return await self.skip_call(call, message)

    async def answer_call(self, call: int, value: Any) -> ToolResult:
        """Give a pending call its result by hand."""
        await self._free()
        return self._answered(call, written_result(self._pending(call), value))

    async def change_call(self, call: int, arguments: dict[str, Any]) -> ToolCall:
        """Give a pending call other arguments, on a new branch."""
        await self._free()
        self._pending(call)
        await self.edit(len(self.trajectory.turns), call, arguments=arguments)
        return self._pending(call)

    async def adopt_call(self, place: int) -> ToolCall:
        """Make the recoverable call of this position in the last answer a pending one, on a new
        branch.
        """
        await self._free()
        turn = answered_turn(self.trajectory, None)
        self._enter(self.tree.grown(editing.adopt(self.trajectory, turn, place)))
        return self.trajectory.pending[-1]

    def _answered(self, call: int, result: ToolResult) -> ToolResult:
        result = self.engine.secrecy.result(result)
        self._go_on(
            apply(self.trajectory, Result(position=call, result=result)),
            f"{clip(result.name)} {result.status}",
        )
        return result

    def _go_on(self, trajectory: Trajectory, change: str) -> None:
        """Go on with what a person did: on a branch of its own where something else was recorded to
        come next.
        """
        if self.engine.ahead is not None:
            turn = len(self.trajectory.turns)
            self._enter(self.tree.grown(branched(self.engine.tip, trajectory, turn, change)))
        else:
            self.engine.trajectory = trajectory
            self.engine.finish(
                by_hand=trajectory.open is None or trajectory.open.response is not None
            )
            self._moved()
