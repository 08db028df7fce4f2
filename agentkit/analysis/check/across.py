"""The cells of a check beside each other: a stream beside its block, a dialect beside chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentkit.analysis.check.cell import CheckCell, CheckFinding
from agentkit.analysis.check.verdict import with_findings
from agentkit.analysis.divergence.answer_view import answer_views
from agentkit.analysis.divergence.detect import detect, fold
from agentkit.analysis.divergence.traits import Divergence

_SEVERITY = {"breaks": "error", "changes": "warning", "cosmetic": "info"}
_COMPARED = ("right", "odd", "wrong", "silent")
_OWN = {"refused", "token ids"}
"""Scenarios in which answers that differ say nothing that their own cell does not."""
_OWN_CLASSES = frozenset({"reasoning_roundtrip", "arguments_schema", "tool_choice_semantics"})
"""Classes that a cell is judged by already."""


def compared_cells(cells: Sequence[CheckCell]) -> list[CheckCell]:
    """Add to each stream how it differs from the block answer, and to each other dialect's block
    how it differs from chat's.
    """
    by_key = {cell.key: cell for cell in cells}
    found = []
    for cell in cells:
        other = by_key.get(_beside(cell))
        if other is not None and other is not cell:
            cell = with_findings(cell, tuple(_differences(other, cell)))
        found.append(cell)
    return found


def _beside(cell: CheckCell) -> str:
    """Name the cell that a cell is compared with."""
    block = cell.form == "block"
    return replace(cell, form="block", dialect="chat" if block else cell.dialect).key


def _differences(left: CheckCell, right: CheckCell) -> list[CheckFinding]:
    """List how the first answer of a cell differs from that of another."""
    if left.verdict not in _COMPARED or right.verdict not in _COMPARED:
        return []
    if left.trajectory is None or right.trajectory is None or right.scenario.name in _OWN:
        return []
    if left.trajectory.error is not None or right.trajectory.error is not None:
        return []  # which their own cells say
    a, b = (next(iter(answer_views(c.trajectory)), None) for c in (left, right) if c.trajectory)
    if a is None or b is None:
        return []
    found = detect(a, b, (left.key, right.key), same_server=left.dialect == right.dialect)
    return [_finding(d, left) for d in fold(found) if d.class_ not in _OWN_CLASSES]


def _finding(found: Divergence, beside: CheckCell) -> CheckFinding:
    return CheckFinding(
        code=found.class_,
        severity=_SEVERITY[found.severity],  # type: ignore[arg-type]
        message=f"unlike the {beside.dialect} {beside.form} answer: {found.cause}",
        hint=found.hint,
        turn=found.turn,
    )
