"""How what a person opens in a view looks, by the same measures."""

from __future__ import annotations

import pytest

from tests.browser import looks
from tests.browser.doings import DOINGS
from tests.browser.looks import Stage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", DOINGS)
def test_nothing_is_wrong_with_what_a_person_opens(stage: Stage, name: str) -> None:
    state, do = DOINGS[name]
    with looks.shown(stage, state, do=do) as page:
        assert looks.wrong(page) == {}
