"""Which rollouts of two sides belong together: those that asked the same, as exactly as there are
any.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.files.columns import asked_of
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

_OBSERVING = frozenset(
    (
        "logprobs",
        "top_logprobs",
        "prompt_logprobs",
        "return_token_ids",
        "return_tokens_as_token_ids",
        "stream_options",
        "stream",
        "seed",
        "user",
        "metadata",
    )
)
"""Fields that ask for more about an answer, not for another answer."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The samples of one request on two sides."""

    prompt: int
    """The request's number, counted from 0 in the order in which they were first asked."""
    names: tuple[str, str]
    left: tuple[Trajectory, ...]
    right: tuple[Trajectory, ...]
    note: str = ""
    """How they were paired where they did not ask the same; "" where they did."""


_IN_ORDER = "nothing tells what was asked: the rollouts are paired in their order"
_LEVELS = (
    "model details stream",
    "model stream",
    "model",
    "details stream",
    "stream",
    "",
    "prompt",
)
"""What two rollouts that belong together have in common, the nearest first. Beside the prompt, the
tools and the settings this is the model, the details that the answer is asked for, and whether it
is streamed; in the end it is the prompt alone."""


def _key(level: int, trajectory: Trajectory) -> str:
    """Make a text that is the same for the same request, as exactly as the level asks.

    A seed is left out: it only distinguishes samples.
    """
    spec, common = trajectory.spec, _LEVELS[level]
    wires: list[Any] = asked_of(trajectory) or [{"alone": id(trajectory)}]
    sampling = {**spec.sampling, **(spec.sampling.get("extra_body") or {})}
    instructions = sampling.pop("instructions", None) if spec.dialect == "responses" else None
    if isinstance(instructions, str) and instructions:
        # Responses has a place of its own for what is a message in the other dialects
        wires = [{"role": "system", "content": instructions}, *wires]
    if common == "prompt":
        return _text(wires)
    left_out = {"extra_body", "seed"}
    if "details" not in common:
        left_out |= _OBSERVING
    kept = {name: value for name, value in sampling.items() if name not in left_out}
    stream = spec.stream if "stream" in common else None
    model = spec.model if "model" in common else None
    return _text([wires, list(map(_tool, spec.tools)), kept, stream, model])


def _tool(schema: Any) -> Any:
    """Leave out that a schema is not strict, which Responses says and the others take for
    granted.
    """
    function = schema.get("function") if isinstance(schema, dict) else None
    if not isinstance(function, dict) or function.get("strict", True) is not False:
        return schema
    return {**schema, "function": {k: v for k, v in function.items() if k != "strict"}}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def exact_key(trajectory: Trajectory) -> str:
    """Make a text that is the same for the same request, asked in the same way."""
    return _key(0, trajectory)


def prompt_key(trajectory: Trajectory) -> str:
    """Make a text that is the same for the same prompt."""
    return _key(len(_LEVELS) - 1, trajectory)


def cells(
    names: tuple[str, str],
    left: Sequence[Trajectory],
    right: Sequence[Trajectory],
    order: dict[str, int],
) -> tuple[list[Cell], list[Trajectory]]:
    """Pair the rollouts of two sides by what was asked.

    Requests that are the same are paired first, then those that differ in ever more of `_LEVELS`. A
    prompt is paired by itself only if it has no nearer pair. One rollout each is a pair whatever it
    asked; as many that do not tell what was asked are pairs in their order.

    Args:
        names: what the two sides are called.
        left: the rollouts of one side.
        right: the rollouts of the other.
        order: the number of each request, from `requests_of`.

    Returns:
        The cells in the order of the prompts, and the rollouts that have no counterpart.
    """
    if len(left) == len(right) == 1:
        note = _apart(names, left[0], right[0])
        return [Cell(0, names, tuple(left), tuple(right), note)], []
    found: list[Cell] = []
    paired: set[str] = set()
    rest = (list(left), list(right))
    for level in range(len(_LEVELS)):
        groups = tuple(_grouped(level, side, paired) for side in rest)
        shared = [key for key in groups[0] if key in groups[1]]
        for key in shared:
            a, b = groups[0][key], groups[1][key]
            found.append(Cell(order[_key(0, a[0])], names, tuple(a), tuple(b)))
        taken = {id(t) for key in shared for side in groups for t in side[key]}
        rest = (
            [t for t in rest[0] if id(t) not in taken],
            [t for t in rest[1] if id(t) not in taken],
        )
        paired |= {prompt_key(cell.left[0]) for cell in found}
    unknown = [[t for t in side if not asked_of(t)] for side in rest]
    if unknown[0] and len(unknown[0]) == len(unknown[1]):
        found += [
            Cell(order[_key(0, a)], names, (a,), (b,), _IN_ORDER)
            for a, b in zip(*unknown, strict=True)
        ]
        rest = ([t for t in rest[0] if asked_of(t)], [t for t in rest[1] if asked_of(t)])
    return sorted(found, key=lambda cell: cell.prompt), [*rest[0], *rest[1]]


def asks_alike(a: Trajectory, b: Trajectory) -> bool:
    """Tell whether two rollouts were asked the same, with the same tools, as far as they tell."""
    known = asked_of(a), asked_of(b)
    tools = ([_tool(schema) for schema in t.spec.tools] for t in (a, b))
    return (not all(known) or prompt_key(a) == prompt_key(b)) and next(tools) == next(tools)


def _apart(names: tuple[str, str], a: Trajectory, b: Trajectory) -> str:
    """Say where the prompts of two rollouts differ; "" where they do not, or one does not tell."""
    known = asked_of(a), asked_of(b)
    if not all(known) or prompt_key(a) == prompt_key(b):
        return ""
    place = next((i for i, (x, y) in enumerate(zip(*known, strict=False)) if x != y), None)
    if place is None:
        lengths = [
            f"{name} has {count(len(k), 'message')}" for name, k in zip(names, known, strict=True)
        ]
        return f"the prompts differ: {', '.join(lengths)}"
    said = [f"{n} was asked {_words(k[place])!r}" for n, k in zip(names, known, strict=True)]
    at = f" at message {place}" if place else ""
    return f"the prompts differ{at}: {', '.join(said)}"


def _words(wire: Mapping[str, Any]) -> str:
    content = wire.get("content", next(iter(wire.values()), ""))
    return clip(content if isinstance(content, str) else _text(content), 60)


def _grouped(level: int, side: list[Trajectory], paired: set[str]) -> dict[str, list[Trajectory]]:
    groups: dict[str, list[Trajectory]] = {}
    for trajectory in side:
        if level < len(_LEVELS) - 1 or prompt_key(trajectory) not in paired:
            groups.setdefault(_key(level, trajectory), []).append(trajectory)
    return groups


def requests_of(sides: Iterable[Sequence[Trajectory]]) -> dict[str, int]:
    """Number every request.

    A prompt has the same number on every side; where a side asked it in several ways, each further
    way has a number of its own.
    """
    numbers: dict[tuple[str, int], int] = {}
    order: dict[str, int] = {}
    for side in sides:
        ways: dict[str, list[str]] = {}
        for trajectory in side:
            prompt, key = prompt_key(trajectory), _key(0, trajectory)
            asked = ways.setdefault(prompt, [])
            if key not in asked:
                asked.append(key)
            order.setdefault(key, numbers.setdefault((prompt, asked.index(key)), len(numbers)))
    return order
