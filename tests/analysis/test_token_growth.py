"""What is known of token ids costs what their number is, however many turns they are in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import agentkit as ak
from agentkit.types.sequences.token_ids import TokenIds
from tests.analysis.token_samples import long_conversation
from tests.support.growth import assert_linear


def seen(trajectory: Any) -> Any:
    shown = ak.tokens(trajectory)
    return shown.breaks, shown.off_policy


WORK: dict[str, Callable[[Any], object]] = {
    "prefix_check": ak.prefix_check,
    "tokens": seen,
    "tokens_df": ak.tokens_df,
}


@pytest.mark.slow
@pytest.mark.parametrize("again", [0, 6])
@pytest.mark.parametrize("name", WORK)
def test_a_view_of_tokens_is_linear_in_the_turns(name: str, again: int) -> None:
    """Where every prompt goes on from the one before, and where none does."""
    rollouts = {turns: long_conversation(turns, again=again) for turns in (200, 1600)}
    assert_linear(lambda turns: partial(WORK[name], rollouts[turns]), 200, 1600, what=name)


def test_every_break_marks_its_own_tokens() -> None:
    shown = ak.tokens(long_conversation(5, again=6))
    assert [found.step.off_policy for found in shown.breaks] == [6, 6, 6, 6]
    assert [sum(marks) for marks in shown.off_policy] == [6, 6, 6, 6, 0]


def test_ids_that_share_what_came_before_read_as_all_of_them() -> None:
    first = TokenIds(range(10))
    second = TokenIds([*range(8), 90, 91], base=first)
    joined = second + TokenIds([7, 7]) + TokenIds([5])
    whole = [*range(8), 90, 91, 7, 7, 5]
    assert list(joined) == whole
    assert [joined[a:b] for a in range(14) for b in range(14)] == [
        tuple(whole[a:b]) for a in range(14) for b in range(14)
    ]
    assert joined[-3:] == (7, 7, 5)
    assert joined[::-1] == tuple(reversed(whole))
    assert joined[4] == 4
    assert [first.common(second), second.common(joined), joined.common(first)] == [8, 10, 8]
    assert joined.common(whole[:5]) == 5
    assert (TokenIds() + TokenIds([1, 2])).common(TokenIds([1, 3])) == 1
