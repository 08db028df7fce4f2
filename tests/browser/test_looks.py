"""How every view looks in all its states: axe finds nothing, all text fits, nothing but the design is
used, and what lies where is as it was. Text is made of boxes, so that fonts make no difference.

    python -m tests.browser.test_looks        draws the looks anew
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from notebooks import gallery
from tests.browser import looks
from tests.browser.lab import browser
from tests.browser.looks import Stage
from tests.support.paths import GOLDEN

pytestmark = pytest.mark.browser
KEPT = ("paused", "failed_tool", "server_failed", "table", "comparison", "difference", "tokens")
"""States whose look is kept."""


@pytest.mark.parametrize("state", gallery.STATES)
def test_nothing_is_wrong_with_how_it_looks(stage: Stage, state: str) -> None:
    with looks.shown(stage, state) as page:
        assert looks.wrong(page) == {}


@pytest.mark.parametrize("state", KEPT)
def test_it_looks_as_it_did(stage: Stage, state: str) -> None:
    assert drawn(stage, state) == (LOOKS / f"{state}.txt").read_text("utf-8")


def test_a_view_that_comes_late_shows_what_had_come(stage: Stage) -> None:
    with looks.shown(stage, "answering") as page:
        expect(page.locator("main")).to_contain_text("is the cheapest")
        expect(page.get_by_role("status").first).not_to_contain_text("min")


LOOKS = GOLDEN / "looks"


def drawn(stage: Stage, state: str) -> str:
    """The look of a state in each dress."""
    parts = []
    with looks.shown(stage, state) as page:
        for name, (width, dark, _) in looks.DRESSES.items():
            looks.dress(page, width, dark=dark, font=looks.NARROW)
            parts += [f"# {name}", *looks.digest(page)]
    return "\n".join(parts) + "\n"


def renew(folder: Path = LOOKS) -> None:
    """Draws the looks anew."""
    folder.mkdir(exist_ok=True)
    with browser() as chromium, looks.stage(chromium) as stage:
        for state in sys.argv[1:] or KEPT:
            (folder / f"{state}.txt").write_text(drawn(stage, state), "utf-8")


if __name__ == "__main__":
    renew()
