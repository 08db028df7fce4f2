"""The cells of a check beside each other: a stream beside its block, a dialect beside chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentkit.analysis.check.cell import CheckCell, CheckFinding
from agentkit.analysis.check.verdict import with_findings
from agentkit.analysis.compare.pairs import Cell
from agentkit.analysis.compare.repeats import compare_cell
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
    """List how the answers of a cell differ from those of another, as far as their histories are
    the same.
    """
    if left.verdict not in _COMPARED or right.verdict not in _COMPARED:
        return []
    if left.trajectory is None or right.trajectory is None or right.scenario.name in _OWN:
        return []
    if left.trajectory.error is not None or right.trajectory.error is not None:
        return []  # which their own cells say
    same = left.dialect == right.dialect
    names = (left.form, right.form) if same else (left.dialect, right.dialect)
    pair = Cell(0, names, left.trajectories, right.trajectories)
    found = compare_cell(pair, same).divergences
    chance = right.trajectory.spec.sampling.get("temperature") != 0
    return [_finding(d, left, chance) for d in found if d.class_ not in _OWN_CLASSES]


def _finding(found: Divergence, beside: CheckCell, chance: bool) -> CheckFinding:
    """Make a finding of a divergence.

    Args:
        found: the divergence.
        beside: the cell it was compared with.
        chance: whether the model was sampled, so that its answers differ by chance.
    """
    severity, hint = _SEVERITY[found.severity], found.hint
    if found.layer == "behaviour" or (chance and found.class_ == "stream_vs_block"):
        severity, hint = "info", "seen once, it may be chance: ak.compare with n=8 tells"
    return CheckFinding(
        code=found.class_,
        severity=severity,  # type: ignore[arg-type]
        message=f"unlike the {beside.dialect} {beside.form} answer: {found.cause}",
        hint=hint,
        turn=found.turn,
    )
