"""What the doctor of cassettes says: findings, each with its place and its hint, or plainly that
all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from agentkit.types.problem import Severity
from agentkit.types.record import Drawn, Record, clip, record
from agentkit.types.words import count


@record
class Finding(Record):
    """Something that makes a rollout hard or impossible to repeat."""

    code: str
    severity: Severity
    """*error*: it cannot be replayed as it stands; *warning*: asked again it will differ, or
    replays only as it is; *info*: good to know.
    """
    place: str
    """Where the first of them is: `line 12`, `sample 3, turn 1, call 0`."""
    message: str
    """One lower-case fact."""
    hint: str
    """What to do about it."""
    count: int = 1
    """How often it was found."""

    def summary(self) -> str:
        return f"{self.severity} {self.code} at {self.place}: {clip(self.message, 120)}"


_ORDER = {"error": 0, "warning": 1, "info": 2}


class Checkup(Drawn, Sequence[Finding]):
    """The findings of one file, the gravest first. Empty where nothing was found; then it says
    so.
    """

    def __init__(
        self, name: str, findings: Sequence[Finding], rollouts: int = 0, turns: int = 0
    ) -> None:
        self.name = name
        self.findings = tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
        self.rollouts = rollouts
        self.turns = turns

    def __len__(self) -> int:
        return len(self.findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[index]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def replays(self) -> bool:
        """Whether every rollout can be replayed to its end as it stands."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def codes(self) -> list[str]:
        """What was found, each code once."""
        return list(dict.fromkeys(finding.code for finding in self.findings))

    def heading(self) -> str:
        """What was looked at and what was found, on one line."""
        looked = f"{count(self.rollouts, 'rollout')}, {count(self.turns, 'turn')} looked at"
        if not self.findings:
            return (
                f"{self.name}: all is well; {looked}, and nothing in them would make a replay or a"
                " rerun differ"
            )
        verdict = (
            "every rollout replays to its end"
            if self.replays
            else "not every rollout replays to its end"
        )
        return f"{self.name}: {count(len(self), 'finding')}, {verdict}; {looked}"

    def __repr__(self) -> str:
        return f"<Checkup {self.heading()}{'; ' * bool(self.findings)}{', '.join(self.codes)}>"
