"""What is found of a history before it is sent, by cases: the code and the place of each problem,
and no other. The cases are constructed from the refusals and the answers of real servers.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import preflight
from agentkit.trajectory.profiles import PROFILES
from tests.support.corpus import corpus_rows

LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["\ud800", "user"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "type", "function", "id"])
ANYTHING = st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES), max_size=3))


@pytest.mark.parametrize("row", corpus_rows("preflight"))
def test_each_problem_is_found_at_its_place(row: dict[str, Any]) -> None:
    found = preflight(row["history"], row["profile"])
    assert [[p.code, p.pointer] for p in found] == row["problems"]


@given(st.lists(ANYTHING, max_size=4), st.sampled_from(sorted(PROFILES)))
def test_no_history_is_too_odd_to_be_looked_at(history: Any, profile: str) -> None:
    for found in preflight(history, profile):
        assert found.severity == "error"
        assert found.message
