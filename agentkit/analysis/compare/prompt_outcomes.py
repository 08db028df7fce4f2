"""What each side did with each prompt, in a few words: what the table of prompts and sides is made
of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from agentkit.analysis.compare.pairs import Cell, exact_key, requests_of
from agentkit.analysis.divergence.traits import Divergence
from agentkit.trajectory.loop import FAILED
from agentkit.trajectory.trouble.points import problem_count, problem_points
from agentkit.types.answer import Response
from agentkit.types.record import Record, clip, record
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

State = Literal["good", "changed", "broken", "absent"]
Asked = Mapping[int, Mapping[str, Sequence[Trajectory]]]
"""By prompt and side, its samples."""
_WORST: tuple[State, ...] = ("broken", "changed", "good", "absent")
_OF_SEVERITY: dict[str, State] = {"breaks": "broken", "changes": "changed", "cosmetic": "good"}
_STOPPED = {"max_turns": "turn limit", "length": "cut off", "stopped": "stopped"}
_LEFT = ("tool_call_in_content", "tool_call_in_reasoning")
_ABOUT = 72
"""Characters of a detail."""


@record
class PromptOutcome(Record):
    """What one side did with one prompt."""

    prompt: int
    side: str
    samples: int
    """How many samples there are; 0 where it was not asked."""
    state: State
    """`broken`: no sample is of use; `changed`: some are not, or there are problems; `good`;
    `absent`: it was not asked.
    """
    did: str
    """What most samples did: `2 calls, answer`."""
    detail: str = ""
    """What is odd about it, else how it answers."""

    def summary(self) -> str:
        return f"prompt {self.prompt}, {self.side}: {self.did}"


def asked_of(sides: Mapping[str, Sequence[Trajectory]], cells: Sequence[Cell]) -> Asked:
    """Sort the rollouts by prompt and side: those of a pair as they were paired, the others by what
    they asked.
    """
    place: dict[int, int] = {}
    for cell in cells:
        for trajectory in (*cell.left, *cell.right):
            place.setdefault(id(trajectory), cell.prompt)
    order = requests_of(sides.values())
    asked: dict[int, dict[str, list[Trajectory]]] = {}
    for name, side in sides.items():
        for trajectory in side:
            number = place.get(id(trajectory))
            number = order[exact_key(trajectory)] if number is None else number
            asked.setdefault(number, {}).setdefault(name, []).append(trajectory)
    return dict(sorted(asked.items()))


def prompt_outcomes(
    sides: Sequence[str], asked: Asked, divergences: Sequence[Divergence]
) -> Iterator[PromptOutcome]:
    """Yield what each side did with each prompt, prompt by prompt.

    Args:
        sides: the names of the sides.
        asked: the samples.
        divergences: those that no other explains.
    """
    found: dict[int, list[Divergence]] = {}
    for divergence in divergences:
        found.setdefault(divergence.prompt, []).append(divergence)
    for prompt, by_side in asked.items():
        for side in sides:
            samples = by_side.get(side, ())
            mine = [d for d in found.get(prompt, ()) if side in d.sides]
            yield _outcome(prompt, side, samples, mine)


def _outcome(
    prompt: int, side: str, samples: Sequence[Trajectory], found: Sequence[Divergence]
) -> PromptOutcome:
    if not samples:
        return PromptOutcome(prompt=prompt, side=side, samples=0, state="absent", did="not asked")
    (did, most), *others = Counter(map(_did, samples)).most_common()
    states = {_state(sample) for sample in samples}
    state: State = states.pop() if len(states) == 1 else "changed"
    blamed = [(_OF_SEVERITY[d.severity], words) for d in found if (words := _blame(d, side))]
    worst = min((of for of, _ in blamed), key=_WORST.index, default=state)
    details = [f"{what}, {n} of {len(samples)}" for what, n in others]
    if not all(sample.error for sample in samples):  # else the error says it all
        details += [words for of, words in blamed if of == worst and of != "good"][:1]
    details = details or _why(samples[0]) or [_apart(found, side, samples[0])]
    return PromptOutcome(
        prompt=prompt,
        side=side,
        samples=len(samples),
        state=min(state, worst, key=_WORST.index),
        did=f"{did}, {most} of {len(samples)}" if others else did,
        detail=clip("; ".join(details), _ABOUT),
    )


def _did(t: Trajectory) -> str:
    """Say in a few words what a rollout did and how it came out."""
    calls = sum(len(turn.tool_calls) for turn in t.all_turns)
    words = [count(calls, "call")] if calls else []
    last = t.turns[-1].response if t.turns else None
    if t.stop_reason in FAILED:
        words.append(t.error.kind if t.error else "failed")
    elif last is not None and not last.tool_calls and _leaves_a_call(last):
        words.append("call left in text")
    elif t.stop_reason == "final":
        words.append("answer" if _answer(t) else "no answer")
    elif t.stop_reason is not None:
        words.append(_STOPPED.get(t.stop_reason, t.stop_reason))
    return ", ".join(words) or "open"


def _leaves_a_call(answer: Response) -> bool:
    return bool(answer.recoverable) or any(p.code in _LEFT for p in answer.problems)


def _state(t: Trajectory) -> State:
    if t.stop_reason in FAILED or (t.stop_reason == "final" and not _answer(t)):
        return "broken"
    return "changed" if problem_count(t) or t.stop_reason in _STOPPED else "good"


def _why(t: Trajectory) -> list[str]:
    """Name what went wrong in a rollout without comparing it with anything."""
    if t.error is not None:
        status = [f"HTTP {t.error.status}"] if t.error.status else []
        tries = [count(len(t.attempts), "attempt")] if len(t.attempts) > 1 else []
        return [", ".join([*status, *tries])] if status or tries else [clip(t.error.message, 60)]
    odd = (point.code for point in problem_points(t) if point.severity != "info")
    names = list(dict.fromkeys(code.replace("_", " ") for code in odd))
    return [", ".join(names[:2])] if names else []


def _answer(t: Trajectory) -> str:
    last = t.turns[-1].response if t.turns else None
    text = " ".join((last.content or last.refusal or "").split()) if last else ""
    return f"“{clip(text, _ABOUT - 2)}”" if text else ""


def _blame(d: Divergence, side: str) -> str:
    """Say what is odd about this side; "" where it is not this one's doing."""
    return (_phrase(d, side) or d.class_.replace("_", " ")) if d.at == side else ""


def _apart(found: Sequence[Divergence], side: str, t: Trajectory) -> str:
    """Say how it differs from another side where neither is at fault, else how it answers."""
    loud = [d for d in found if d.at is None and d.severity != "cosmetic"]
    chosen = (_phrase(d, side) for d in loud if d.layer == "behaviour")
    wrote = (_phrase(d, side) for d in loud)
    return next(filter(None, (*chosen, _answer(t), *wrote)), "")


def _phrase(d: Divergence, side: str) -> str:
    return next(iter(phrases(d, side)), "")


def phrases(d: Divergence, side: str) -> list[str]:
    """List what a cause says of one side."""
    names = "|".join(re.escape(name) for name in sorted(d.sides, key=len, reverse=True))
    parts = re.split(f"(?:^|; )({names}): ", d.cause)
    return [text for name, text in zip(parts[1::2], parts[2::2], strict=True) if name == side]
