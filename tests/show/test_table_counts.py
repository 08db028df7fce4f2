"""What a table says of its rollouts beside its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import agentkit as ak
from agentkit.show.notebook.views.explorer.table_counts import TableCounts, counts_of


def counted(*metas: dict[str, Any], column: str = "") -> TableCounts:
    [rollout] = ak.view([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}])
    table = ak.explore([replace(rollout, meta=meta) for meta in metas])
    return counts_of(table, table.aggregates(), frozenset(), len(metas), column)


def axis_of(*metas: dict[str, Any], column: str = "") -> str:
    axis = counted(*metas, column=column).axis
    return axis.column if axis else ""


def test_rollouts_are_looked_at_over_what_most_of_them_have() -> None:
    versions = [{"version": f"v{i % 3}"} for i in range(8)]
    few_steps = [{"step": 1}, {"step": 2}]
    assert axis_of(*few_steps, *versions) == "version"
    assert axis_of(*few_steps, *versions, column="step") == "step"
    assert axis_of(*({**each, "step": i} for i, each in enumerate(versions))) == "step"
    assert axis_of(*few_steps, *[{}] * 8) == "step"
    assert axis_of(*[{}] * 8) == ""
