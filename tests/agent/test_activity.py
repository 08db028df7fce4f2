"""The states of an engine and a cursor, and the table of what changes them."""

from __future__ import annotations

import itertools

import pytest

from agentkit.agent.activity import TRANSITIONS, Activity, Signal, State
from agentkit.errors import Busy

BUSY = {State.RUNNING, State.PAUSING, State.STOPPING}


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize(("state", "signal"), list(itertools.product(State, Signal)))
def test_only_what_is_idle_begins_and_everything_ends_in_idle(state: State, signal: Signal) -> None:
    activity = Activity()
    activity.state = state
    assert activity.busy == (state in BUSY)
    if signal is Signal.BEGIN and state in BUSY:
        with pytest.raises(Busy, match="is running"):
            activity.send(signal)
        assert activity.state is state
        return
    activity.send(signal)
    if signal is Signal.END:
        assert activity.state is State.IDLE
    elif signal is Signal.BEGIN:
        assert activity.busy
    else:
        assert activity.busy == (state in BUSY)  # a pause or a stop neither begins nor ends a thing


def test_a_pause_that_was_asked_for_early_holds_for_what_begins_next() -> None:
    activity = Activity()
    reached = []
    for signal in (Signal.PAUSE, Signal.BEGIN, Signal.STOP, Signal.PAUSE):
        activity.send(signal)
        reached.append(activity.state)
    assert reached == [State.PAUSE_ASKED, State.PAUSING, State.STOPPING, State.STOPPING]
