"""One cell of a check: a scenario in a dialect, as block or stream, with what came of it."""

from __future__ import annotations

from typing import Literal

from agentkit.analysis.check.scenarios import Scenario
from agentkit.types.answer import Dialect
from agentkit.types.record import Record, record
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

Form = Literal["block", "stream"]
FORMS: tuple[Form, ...] = ("block", "stream")
Verdict = Literal["right", "odd", "wrong", "silent", "refused", "absent", "open"]
"""`right`: as expected; `odd`: right with a warning; `wrong`: a fault of the server; `silent`: the
model did not do what would show it; `refused`: the server says that it does not offer this;
`absent`: the dialect, or the scenario in it, is not served; `open`: not asked.
"""


@record
class CheckFinding(Record):
    """One thing that is wrong or odd in a cell."""

    code: str
    """A problem code, a class of divergence, or `expected` for what the scenario asks for."""
    severity: Literal["info", "warning", "error"]
    message: str
    """What is wrong."""
    hint: str = ""
    """What would mend it: a flag of the server, a field of the request."""
    turn: int = 0
    """The turn it shows in."""

    def summary(self) -> str:
        return f"{self.severity} {self.code}: {self.message}"


@record
class CheckCell(Record):
    """A scenario in one dialect, as block or as stream."""

    scenario: Scenario
    dialect: Dialect
    form: Form
    trajectory: Trajectory | None = None
    """What was asked and answered; None where it was not asked."""
    verdict: Verdict = "open"
    findings: tuple[CheckFinding, ...] = ()
    """The worst first."""

    @property
    def key(self) -> str:
        """Its name in a record: `chat/one call/block`."""
        return f"{self.dialect}/{self.scenario.name}/{self.form}"

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """The rollout as a tuple of one; empty where it was not asked."""
        return (self.trajectory,) if self.trajectory is not None else ()

    def summary(self) -> str:
        more = f", {count(len(self.findings), 'finding')}" if self.findings else ""
        return f"{self.key}: {self.verdict}{more}"
