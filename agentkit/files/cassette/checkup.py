"""What the doctor of cassettes says: findings, each with its place and its hint, or plainly that
all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from agentkit.show.html import Html, el
from agentkit.show.render.parts.block import code, note, row, status
from agentkit.show.render.render import page
from agentkit.show.render.rollout.outline import Limits
from agentkit.types.problem import Severity
from agentkit.types.record import Record, clip, late, record
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


class Checkup(Sequence[Finding]):
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

    def _heading(self) -> str:
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
        return f"<Checkup {self._heading()}{'; ' * bool(self.findings)}{', '.join(self.codes)}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        show = late.get("show")
        return show(self) if show else {"text/plain": repr(self)}

    def html(self, limits: Limits) -> Html:
        """The findings as a list."""
        rows = [
            _row(number, finding) for number, finding in enumerate(self.findings[: limits.items])
        ]
        more = len(self) - len(rows)
        gap = [note("… ", count(more, "more finding"))] if more > 0 else []
        return page(
            {
                "checkup": el(
                    "div",
                    el("p", el("strong", "Checkup"), " ", self._heading(), class_="ak-title"),
                    rows,
                    gap,
                )
            }
        )

    def text(self, limits: Limits) -> str:
        """The same as plain text."""
        lines = [
            f"{f.severity} {f.code} at {f.place}{_times(f)}: {f.message}\n    {f.hint}"
            for f in self.findings[: limits.items]
        ]
        more = len(self) - len(lines)
        return "\n".join(
            [
                f"Checkup: {self._heading()}",
                *lines,
                *([f"… {count(more, 'more finding')}"] if more > 0 else []),
            ]
        )


def _row(number: int, finding: Finding) -> Html:
    said = el(
        "div",
        status(finding.severity),
        " ",
        el("strong", finding.code),
        " at ",
        finding.place,
        _times(finding),
        ": ",
        code(finding.message),
    )
    return row(f"finding-{number}", "aside", (None, (said, note(finding.hint))))


def _times(finding: Finding) -> str:
    return f" and {finding.count - 1} more" if finding.count > 1 else ""
