"""What the doctor of cassettes says: findings, each with its place and its hint, or plainly that
all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from agentkit.errors import checked_keywords
from agentkit.types.problem import Severity
from agentkit.types.record import Drawn, Record, clip, record
from agentkit.types.sequences.place import at_place
from agentkit.types.words import count


@record
class Finding(Record):
    """Something that makes a rollout hard or impossible to repeat."""

    code: str
    severity: Severity
    """*error*: it cannot be replayed as it is; *warning*: asked again it will differ, or
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


HINTS: dict[str, tuple[Severity, str]] = {
    "line_torn": (
        "warning",
        (
            "nothing is lost but the step that was under way; ak.rollouts(…, resume=path) asks for"
            " it again"
        ),
    ),
    "first_line_missing": (
        "error",
        'restore the line that begins with {"agentkit": …}, or record again',
    ),
    "version_unknown": ("error", "upgrade agentkit"),
    "step_unknown": ("warning", "a newer agentkit wrote it; upgrade to see what it says"),
    "lines_do_not_fit": ("error", "restore the file; lines are missing or were changed"),
    "steps_missing": (
        "error",
        "record the rollout again, to its end, or go on with ak.rollouts(…, resume=path)",
    ),
    "ends_in_failure": (
        "warning",
        "a replay plays the failure; for an answer, go on with ak.rollouts(…, resume=path)",
    ),
    "request_key_differs": (
        "warning",
        (
            "the file was edited, or this agentkit makes another history of it; a replay checks the"
            " history it makes now"
        ),
    ),
    "results_differ": (
        "warning",
        (
            "the tool keeps state, or asks the world; a replay plays what it said, a rerun will"
            " differ. Pin what it reads"
        ),
    ),
    "parallel_order": (
        "warning",
        (
            "run them one after the other (parallel_tools=False), or make the tool independent of"
            " its neighbours"
        ),
    ),
    "volatile_prompt": (
        "warning",
        "give it as an argument that a test can pin: the same prompt is not found again otherwise",
    ),
    "volatile_result": (
        "warning",
        "have the tool leave it out, or take the clock, ids and folders from outside",
    ),
    "sampling_without_seed": (
        "info",
        (
            "a replay does not mind; for reruns that repeat give temperature=0, or a seed where the"
            " server honours it"
        ),
    ),
    "ids_per_run": (
        "info",
        "a replay does not mind; compare reruns by ak.diff, which takes ids for labels",
    ),
    "faults_injected": ("info", "these failures were made on purpose, by ak.testing.inject"),
    "secret_kept": (
        "error",
        (
            "revoke the key, and take it out of what prompt or tool it came from; agentkit redacts"
            " only the keys it was given"
        ),
    ),
}
"""Code to its severity and hint."""

_ORDER = {"error": 0, "warning": 1, "info": 2}


@checked_keywords
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
        return at_place(self.findings, index, "finding", "nothing was found")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def replays(self) -> bool:
        """Whether every rollout can be replayed to its end as it is."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def codes(self) -> list[str]:
        """What was found, each code once."""
        return list(dict.fromkeys(finding.code for finding in self.findings))

    def heading(self) -> str:
        """Say what was looked at and what was found, on one line."""
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
