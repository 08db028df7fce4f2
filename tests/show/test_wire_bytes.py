"""Bytes that a view costs on the wire; how long a click takes is measured by
`tests/benchmarks/view_cost.py`.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import agentkit as ak
from agentkit.show.notebook.live import LiveView
from agentkit.types.trajectory import Trajectory
from tests.show.render_samples import long
from tests.show.watch_samples import tapped
from tests.show.wire_bytes import appended, first_state


def test_a_debugger_of_ten_turns_opens_with_sixty_kilobytes() -> None:
    """Its script and sheet, packed, included."""
    assert first_state(ak.debug(ak.demo(), "Oslo, Rome and Cairo?"), long(10)) <= 60_000


def test_one_more_turn_costs_two_kilobytes_beyond_its_own_text() -> None:
    whole = long(40)
    rollouts = [replace(whole, turns=whole.turns[:n], stop_reason=None) for n in range(10, 40)]
    assert median(appended(rollouts)) <= 2_048


def test_fifty_thousand_rows_open_with_sixty_kilobytes() -> None:
    some: list[Trajectory] = [long(n) for n in (1, 2, 3)]
    assert first_state(ak.explore([some[i % 3] for i in range(50_000)])) <= 60_000


def test_a_tap_opens_with_twenty_four_kilobytes() -> None:
    with tapped() as watch:
        assert first_state(watch) <= 24_000


def test_every_view_has_a_small_module() -> None:
    assert len(str(LiveView._esm)) < 1_500
