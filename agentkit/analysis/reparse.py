"""A stored rollout read again, offline: with another parser, or another policy, and what that
changes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.errors import checked_keywords
from agentkit.files.reader import one_rollout
from agentkit.read.parsers.registry import get_parser
from agentkit.trajectory.edit import edited_again
from agentkit.trajectory.loop import read_answer
from agentkit.types.answer import Policy, Response, ToolCall
from agentkit.types.record import Drawn, Record, clip, record
from agentkit.types.request import Spec
from agentkit.types.trajectory import OpenTurn, ToolResult, Trajectory, Turn


@record
class Change(Record):
    """A part of a turn that is read differently now."""

    turn: int
    what: str
    """`tool_calls`, `recoverable`, `content`, `reasoning` or `problems`."""
    before: str
    after: str

    def summary(self) -> str:
        return f"turn {self.turn} {self.what}: {clip(self.before, 80)} → {clip(self.after, 80)}"


@record
class Reparsed(Record, Drawn):
    """A rollout read again. It reads like a rollout: `turns`, `final`, `problems` and all else of
    its `trajectory` are attributes of it too. Results stay with the calls they answer; a new call
    has none.
    """

    trajectory: Trajectory
    changes: tuple[Change, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "trajectory":  # asked for while a copy is being made
            raise AttributeError(name)
        return getattr(self.trajectory, name)

    def __dir__(self) -> list[str]:
        public = (name for name in dir(self.trajectory) if not name.startswith("_"))
        return sorted({*object.__dir__(self), *public})

    def summary(self) -> str:
        if not self.changes:
            return "nothing changes"
        first = "; ".join(change.summary() for change in self.changes[:3])
        return f"{len(self.changes)} changes: {first}"


@checked_keywords
def reparse(
    trajectory: Any, *, parser: str | None = None, policy: Policy | None = None
) -> Reparsed:
    """Read every stored raw answer of a rollout again, and list what that changes. Nothing is run
    and no server is asked.

    Args:
        trajectory: a rollout, or what contains one (`AgentResult`, `Debugger`).
        parser: the tool-call format to look for in texts; None lists what is found without making
            calls of it.
        policy: which calls may run; by default the rollout's own.

    Raises:
        UsageError: it contains no rollout, or several.
        NotFound: there is no such parser.
    """
    trajectory = one_rollout(
        trajectory,
        "pass a trajectory: ak.reparse(dbg.trajectory, parser='hermes'); of a file:"
        " ak.reparse(ak.load(path))",
    )
    if parser is not None:
        get_parser(parser)
    spec = replace(trajectory.spec, parser=parser, policy=policy or trajectory.spec.policy)
    again = tuple(_again(turn, _read(spec, turn.response, turn.index)) for turn in trajectory.turns)
    opened = trajectory.open
    if opened is not None and opened.response is not None:
        opened = _again(opened, _read(spec, opened.response, len(again)))
    fresh = replace(trajectory, spec=spec, turns=again, open=opened)
    return Reparsed(trajectory=fresh, changes=tuple(_changes(trajectory, fresh)))


def _read(spec: Spec, old: Response, turn: int) -> Response:
    return edited_again(read_answer(spec, old.exchange, turn), old, turn)


def _again(turn: Any, response: Response) -> Any:
    places: defaultdict[str, set[int]] = defaultdict(set)
    for call in turn.response.tool_calls if turn.response else ():
        places[_key(call)].add(call.position)
    results = tuple(_result_of(call, places, turn) for call in response.tool_calls)
    return replace(turn, response=response, results=results)


def _key(call: ToolCall) -> str:
    """Write what is the same in two calls that ask for the same."""
    return json.dumps([call.name, call.arguments], sort_keys=True, default=repr)


def _result_of(
    call: ToolCall, places: Mapping[str, set[int]], turn: Turn | OpenTurn
) -> ToolResult | None:
    """Find the result of the same call as it was read before, at the same place or, if there is
    only one, anywhere in the turn.

    Args:
        call: as it is read now.
        places: where each call was that was read before.
        turn: has the results.
    """
    same = places.get(_key(call), set())
    best = call.position if call.position in same else min(same) if len(same) == 1 else None
    return None if best is None or best >= len(turn.results) else turn.results[best]


def _changes(before: Trajectory, after: Trajectory) -> Iterator[Change]:
    for old, new in zip(before.all_turns, after.all_turns, strict=True):
        was, is_ = _aspects(old.response), _aspects(new.response)
        for what, a in was.items():
            b = is_[what]
            if a != b:
                yield Change(turn=old.index, what=what, before=a, after=b)


def _calls(calls: tuple[ToolCall, ...]) -> str:
    return (
        ", ".join(f"{call.name or '?'}({call.raw_arguments}) {call.status}" for call in calls)
        or "none"
    )


def _aspects(response: Response | None) -> dict[str, str]:
    """Write each part of an answer that a reading decides as text."""
    if response is None:
        return {}
    return {
        "tool_calls": _calls(response.tool_calls),
        "recoverable": _calls(response.recoverable),
        "content": repr(response.content),
        "reasoning": repr(response.reasoning),
        "problems": ", ".join(sorted(p.code for p in response.all_problems)) or "none",
    }
