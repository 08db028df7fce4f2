"""How the HTML that is kept of every view looks in all its states, by the same measures."""

from __future__ import annotations

import pytest

from notebooks import gallery
from tests.browser import looks
from tests.browser.looks import Stage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("state", gallery.STATES)
def test_nothing_is_wrong_with_what_is_kept(stage: Stage, state: str) -> None:
    with looks.shown(stage, state, static=True) as page:
        assert looks.wrong(page) == {}
