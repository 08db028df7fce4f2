"""How every view looks in all its states: axe finds nothing, all text fits, nothing but the design is
used, and what lies where is as it was. Text is made of boxes, so that fonts make no difference.

    python -m tests.browser.test_looks        draws the looks anew
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from notebooks import gallery
from tests.browser import looks
from tests.browser.doings import DOINGS
from tests.browser.lab import browser
from tests.support.paths import GOLDEN

pytestmark = pytest.mark.browser
DRESSES = {
    "700-light": (700, False, looks.WIDE),
    "1400-light": (1400, False, looks.NARROW),
    "700-dark": (700, True, looks.NARROW),
    "1400-dark": (1400, True, looks.WIDE),
}
"""Width in pixels, dark, and how wide a character is."""
KEPT = ("paused", "failed_tool", "server_failed", "table", "comparison", "difference", "tokens")
"""States whose look is kept."""


@pytest.mark.parametrize("static", [False, True], ids=["live", "static"])
@pytest.mark.parametrize("state", gallery.STATES)
def test_nothing_is_wrong_with_how_it_looks(chromium: Browser, state: str, static: bool) -> None:
    with looks.shown(chromium, state, static=static) as page:
        assert wrong_in(page) == {}


def wrong_in(page: Page) -> dict[str, Any]:
    """What is wrong in each dress."""
    wrong = {}
    for name, (width, dark, font) in DRESSES.items():
        looks.dress(page, width, dark=dark, font=font)
        if found := looks.facts(page):
            wrong[name] = found
    return wrong


@pytest.mark.parametrize("name", DOINGS)
def test_nothing_is_wrong_with_what_a_person_opens(chromium: Browser, name: str) -> None:
    state, do = DOINGS[name]
    with looks.shown(chromium, state, do=do) as page:
        assert wrong_in(page) == {}


@pytest.mark.parametrize("state", KEPT)
def test_it_looks_as_it_did(chromium: Browser, state: str) -> None:
    assert drawn(chromium, state) == (LOOKS / f"{state}.txt").read_text("utf-8")


def test_a_view_that_comes_late_shows_what_had_come(chromium: Browser) -> None:
    with looks.shown(chromium, "answering") as page:
        expect(page.locator("main")).to_contain_text("is the cheapest")
        expect(page.get_by_role("status").first).not_to_contain_text("min")


LOOKS = GOLDEN / "looks"


def drawn(chromium: Browser, state: str) -> str:
    """The look of a state in each dress."""
    parts = []
    with looks.shown(chromium, state) as page:
        for name, (width, dark, _) in DRESSES.items():
            looks.dress(page, width, dark=dark, font=looks.NARROW)
            parts += [f"# {name}", *looks.digest(page)]
    return "\n".join(parts) + "\n"


def renew(folder: Path = LOOKS) -> None:
    """Draws the looks anew."""
    folder.mkdir(exist_ok=True)
    with browser() as chromium:
        for state in sys.argv[1:] or KEPT:
            (folder / f"{state}.txt").write_text(drawn(chromium, state), "utf-8")


if __name__ == "__main__":
    renew()
