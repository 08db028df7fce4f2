"""A page that follows the end of a rollout while it grows: it never loses the end, whatever gets
another height meanwhile; it never moves what somebody went up to read; and a turn costs the same
however many came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import agentkit as ak
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.render_samples import long

pytestmark = pytest.mark.browser

WHOLE = long(400)
Grow = Callable[[int], None]

BELOW = """() => {
    const rows = document.querySelector('.ak-rows');
    return Math.round(rows.scrollHeight - rows.clientHeight - rows.scrollTop);
}"""
"""The pixels below what is in view."""


@contextmanager
def growing(
    chromium: Browser, turns: int, **size: int
) -> Iterator[tuple[Page, StandIn, Callable[[int], None]]]:
    """A debugger in a page, and what lets its rollout have so many turns."""
    dbg = ak.debug(ak.demo(), "Go on.")

    def grow(turns: int) -> None:
        dbg._cursor.engine.trajectory = replace(WHOLE, turns=WHOLE.turns[:turns], stop_reason=None)
        shown.view.refresh()
        shown.settle(quiet=0.03)

    with tab(chromium, **{"height": 900, **size}) as (page, heard):
        shown = StandIn(page, DebuggerView(dbg))
        grow(turns)
        yield page, shown, grow
        assert heard == Heard()


def at_end(page: Page) -> bool:
    return bool(page.evaluate(BELOW) < 2)


def top_row(page: Page) -> tuple[str, float]:
    """The turn at the top of what is in view, and where it stands in it."""
    found: list[Any] = page.evaluate(
        """() => {
            const rows = document.querySelector('.ak-rows');
            const top = rows.getBoundingClientRect().top;
            const turn = [...rows.querySelectorAll('.ak-turn')].find(
                each => each.getBoundingClientRect().bottom > top + 1);
            return [turn.dataset.turn, turn.getBoundingClientRect().top - top];
        }"""
    )
    return found[0], found[1]


def wheel(page: Page, shown: StandIn, by: int) -> None:
    page.locator(".ak-rows").hover(position={"x": 300, "y": 200})
    page.mouse.wheel(0, by)
    shown.settle()


def test_the_end_stays_in_view_while_turns_come(chromium: Browser) -> None:
    with growing(chromium, 0) as (page, _, grow):
        for turns in range(1, 60):
            grow(turns)
            assert at_end(page), turns
            expect(page.locator(f"[data-key='turn-{turns - 1}/call-0']")).to_be_in_viewport()


@pytest.mark.parametrize(
    "change",
    [
        # of the last turn, of one before it, of a whole block above, of the letters
        "[...document.querySelectorAll('.ak-turn')].at(-1).firstChild.style.height = '170px'",
        "[...document.querySelectorAll('.ak-turn')].at(-3).firstChild.style.height = '390px'",
        "[...document.querySelectorAll('.ak-turn')].at(-3).firstChild.style.height = '5px'",
        "document.querySelector('.ak-block').style.paddingTop = '700px'",
        "document.querySelector('.ak-rows').style.zoom = '1.3'",
        "document.querySelector('.ak-root').style.width = '640px'",
    ],
)
def test_the_end_stays_in_view_when_heights_change(chromium: Browser, change: str) -> None:
    """As they do when a picture or a font comes late, and between turns as well."""
    with growing(chromium, 30) as (page, shown, grow):
        page.evaluate(f"() => {{ {change} }}")
        shown.settle()
        assert at_end(page)
        grow(31)
        assert at_end(page)


def test_the_end_stays_in_view_when_the_window_changes(chromium: Browser) -> None:
    with growing(chromium, 30) as (page, shown, grow):
        for width, height in ((1200, 500), (500, 500), (1300, 1100)):
            page.set_viewport_size({"width": width, "height": height})
            shown.settle()
            assert at_end(page), (width, height)
        grow(31)
        assert at_end(page)


HIDDEN = {
    "not shown": (
        "() => { document.querySelector('.ak-root').style.display = 'none'; }",
        "() => { document.querySelector('.ak-root').style.display = ''; }",
    ),
    "taken out, as a cell out of sight": (
        "() => { window.root = document.querySelector('.ak-root'); window.place = root.parentNode; root.remove(); }",
        "() => { window.place.append(window.root); }",
    ),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_the_end_is_in_view_when_the_view_comes_back(chromium: Browser, how: str) -> None:
    """Whatever came while it could not be seen."""
    hide, show = HIDDEN[how]
    with growing(chromium, 30) as (page, shown, grow):
        page.evaluate(hide)
        grow(55)
        page.evaluate(show)
        shown.settle()
        assert at_end(page)
        grow(56)
        assert at_end(page)


def test_the_end_stays_in_view_while_the_page_is_in_the_background(chromium: Browser) -> None:
    with growing(chromium, 30) as (page, shown, grow):
        told = page.context.new_cdp_session(page)
        told.send("Page.setWebLifecycleState", {"state": "frozen"})
        dbg = shown.view.target
        dbg._cursor.engine.trajectory = replace(WHOLE, turns=WHOLE.turns[:80], stop_reason=None)
        shown.view.refresh()
        told.send("Page.setWebLifecycleState", {"state": "active"})
        shown.settle()
        assert at_end(page)
        grow(81)
        assert at_end(page)


@pytest.mark.parametrize("by", [-12, -60, -900])
def test_what_is_read_does_not_move(chromium: Browser, by: int) -> None:
    """Neither when turns come nor when what is above or below gets another height; at the end
    again, or with the button, it is followed again.
    """
    with growing(chromium, 40) as (page, shown, grow):
        wheel(page, shown, by)
        was = top_row(page)
        for turns in (41, 42, 60):
            grow(turns)
            assert top_row(page) == pytest.approx(was, abs=1)
        page.evaluate("() => { document.querySelector('.ak-block').style.paddingTop = '200px'; }")
        shown.settle()
        assert top_row(page) == pytest.approx(was, abs=1)
        page.set_viewport_size({"width": 1200, "height": 700})
        shown.settle()
        assert top_row(page) == pytest.approx(was, abs=1)
        page.get_by_role("button", name="20 new turns").click()
        shown.settle()
        assert at_end(page)
        grow(61)
        assert at_end(page)
        wheel(page, shown, -300)
        assert not at_end(page)
        wheel(page, shown, 5_000)
        grow(62)
        assert at_end(page)


BAR = """() => {
    const [bar] = document.querySelectorAll('.ak-leaf[data-turn="299"] .ak-track rect');
    return Number.parseFloat(bar.getAttribute('x'));
}"""
"""Where turn 299 begins in the outline, per cent of the scale."""


def test_a_turn_that_comes_leaves_the_outline_of_others_as_it_is(chromium: Browser) -> None:
    """All turns are on one scale, which is drawn anew where that could be seen."""
    with growing(chromium, 300) as (page, _, grow):
        page.evaluate(
            """() => {
                window.touched = 0;
                const told = (all) => { window.touched += all.length; };
                new MutationObserver(told).observe(
                    document.querySelector(".ak-outline [role=tree]"),
                    { attributes: true, subtree: true },
                );
            }"""
        )
        for turns in range(301, 303):
            grow(turns)
            page.wait_for_timeout(300)
        few = page.evaluate("touched")
        assert few < 110
        assert page.evaluate(BAR) == pytest.approx(100 * 299 / 302, abs=0.9)
        grow(308)
        assert page.evaluate(BAR) == pytest.approx(100 * 299 / 308, abs=1)


def test_what_is_unfolded_is_not_moved(chromium: Browser) -> None:
    """Nor when turns come after that, until somebody goes to the end."""
    with growing(chromium, 30) as (page, shown, grow):
        turn = page.locator(".ak-turn[data-turn='28']")
        tabs = turn.get_by_role("tab", name="Response")
        was = top_row(page)
        tabs.click()
        shown.settle()
        assert not at_end(page)
        assert top_row(page) == was
        grow(31)
        assert top_row(page) == was
        expect(page.get_by_role("button", name="1 new turn")).to_be_visible()
        page.get_by_role("button", name="1 new turn").click()
        shown.settle()
        grow(32)
        assert at_end(page)


def test_a_turn_that_is_folded_again_is_followed_on(chromium: Browser) -> None:
    with growing(chromium, 30) as (page, shown, grow):
        turn = page.locator(".ak-turn[data-turn='29']")
        turn.get_by_role("tab", name="Response").click()
        shown.settle()
        turn.get_by_role("tab", name="Conversation").click()
        shown.settle()
        assert at_end(page)
        grow(31)
        assert at_end(page)


COUNTED = """() => {
    window.changed = 0;
    new MutationObserver(all => { window.changed += all.length; }).observe(
        document.querySelector('.ak-root'),
        {subtree: true, childList: true, attributes: true, characterData: true});
}"""


def test_a_turn_changes_as_much_of_the_page_however_many_came_before(chromium: Browser) -> None:
    """Of turns that are out of sight nothing is drawn, marked or measured again."""
    with growing(chromium, 35) as (page, shown, grow):
        page.evaluate(COUNTED)
        changed = []
        for start in (35, 385):
            grow(start)
            page.wait_for_timeout(300)
            shown.settle()
            page.evaluate("() => { window.changed = 0; }")
            grow(start + 1)
            page.wait_for_timeout(300)
            shown.settle()
            changed.append(page.evaluate("() => window.changed"))
        assert 0 < changed[1] <= changed[0] * 1.2 < 400
