"""What `ak.check` returns: a matrix of scenarios and dialects, with what is wrong in each cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from agentkit.analysis.check.cell import CheckCell, CheckFinding
from agentkit.analysis.frames.safe_frame import inferred_frame
from agentkit.errors import NotFound, suggest
from agentkit.types.record import Drawn
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import count

if TYPE_CHECKING:
    from pandas import DataFrame


class ServerCheck(Drawn):
    """A server that was asked a battery. Truthy where nothing is wrong."""

    def __init__(self, cells: Iterable[CheckCell], *, model: str | None = None) -> None:
        self.cells = tuple(cells)
        """By dialect, scenario and form."""
        self.model = model

    def __bool__(self) -> bool:
        return not any(cell.verdict in ("wrong", "odd") for cell in self.cells)

    def __iter__(self) -> Iterator[CheckCell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def __getitem__(self, key: str) -> CheckCell:
        """Return the cell of this key, as `check["responses/cut/stream"]`.

        Raises:
            NotFound: there is none.
        """
        by_key = {cell.key: cell for cell in self.cells}
        if key not in by_key:
            hint = suggest(str(key), by_key, "a key is dialect/scenario/form")
            raise NotFound(f"the check has no cell {key!r}", hint=hint)
        return by_key[key]

    def _ipython_key_completions_(self) -> list[str]:
        return [cell.key for cell in self.cells]

    @property
    def rollouts(self) -> tuple[Trajectory, ...]:
        """What was asked and answered, cell by cell."""
        return tuple(cell.trajectory for cell in self.cells if cell.trajectory is not None)

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects that the server answers to."""
        left = ("absent", "open")
        return tuple({cell.dialect: None for cell in self.cells if cell.verdict not in left})

    @cached_property
    def findings(self) -> tuple[tuple[CheckCell, CheckFinding], ...]:
        """Every finding with its cell, the worst first."""
        rank = {"error": 0, "warning": 1, "info": 2}
        found = [(cell, finding) for cell in self.cells for finding in cell.findings]
        return tuple(sorted(found, key=lambda pair: rank[pair[1].severity]))

    @property
    def frame(self) -> DataFrame:
        """A row a finding: where it is, the verdict of its cell, and what it says."""

        rows = [
            (
                *(cell.dialect, cell.scenario.name, cell.form, cell.verdict),
                *(found.turn, found.severity, found.code, found.message, found.hint),
            )
            for cell, found in self.findings
        ]
        return inferred_frame(rows, columns=list(_COLUMNS))

    def heading(self) -> str:
        """Say in one line what came of it."""
        verdicts: Counter[str] = Counter(cell.verdict for cell in self.cells)
        parts = [f"{verdicts[word]} {word}" for word in _WORDS if verdicts[word]]
        served = ", ".join(self.dialects) or "no dialect"
        return f"{self.model or 'the server'} in {served}: {', '.join(parts)}"

    def __repr__(self) -> str:
        return f"<ServerCheck {count(len(self.cells), 'cell')}: {self.heading()}>"


_COLUMNS = (
    *("dialect", "scenario", "form", "verdict", "turn", "severity", "code", "message", "hint"),
)
_WORDS = ("wrong", "odd", "right", "silent", "refused", "absent", "open")
