"""Turns far from the view: their controls come back as the others are by then, what is opened there
is seen, and neither that nor what is taken away loses the focus to the notebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.testing import ScriptedServer, calls, says
from tests.browser.stand_in import StandIn
from tests.browser.test_following_page import wheel
from tests.browser.test_turns_page import pay, shown, turn

pytestmark = pytest.mark.browser

TURNS = 60
OUTSIDE = "() => !document.activeElement.closest('.ak-root')"


@contextmanager
def ran(chromium: Browser) -> Iterator[tuple[Page, StandIn, ak.Debugger]]:
    script = [says("I pay.", calls("pay", amount=i, to="I")) for i in range(TURNS - 1)]
    agent = ak.Agent(
        "m", tools=[pay], server=ScriptedServer([*script, says("x")]), max_turns=2 * TURNS
    )
    dbg = ak.debug(agent, "Pay.")
    dbg.run()
    with shown(chromium, dbg, height=900) as (page, view):
        yield page, view, dbg


def reach(page: Page, view: StandIn, number: int) -> Locator:
    """Scroll to a turn."""
    for _ in range(2):
        turn(page, number).evaluate("node => node.scrollIntoView()")
        view.settle()
    return turn(page, number)


def choose(page: Page, view: StandIn, number: int) -> None:
    """Choose a turn in the outline, and go away from it."""
    page.locator(f".ak-leaf[data-turn='{number}']").first.click()
    view.settle()
    page.get_by_role("log").focus()
    wheel(page, view, 60_000)


def test_controls_that_come_back_without_a_kernel_are_still(chromium: Browser) -> None:
    with ran(chromium) as (page, view, _):
        near = reach(page, view, 5)
        page.evaluate("() => { window.pages[0].send = () => { throw new Error('gone'); }; }")
        near.get_by_role("tab", name="Response").click()
        view.settle()
        for number in (5, 30, 55, 5):
            controls = reach(page, view, number).locator(".ak-turn-tools button")
            expect(controls).to_have_count(10)
            states = controls.evaluate_all(
                "all => all.map(each => `${each.ariaDisabled} ${each.ariaDescription}`)"
            )
            assert len(set(states)) == 1
            assert states[0].startswith("true No kernel runs")


@pytest.mark.parametrize("act", ["more", "edit"])
def test_a_menu_that_is_scrolled_away_keeps_the_focus(chromium: Browser, act: str) -> None:
    with ran(chromium) as (page, view, _):
        opener = reach(page, view, 30).locator(f"[data-act={act}]")
        for by in (-100, -60_000):
            reach(page, view, 30)
            opener.click()
            view.settle()
            expect(page.get_by_role("menu")).to_have_count(1)
            page.evaluate(f"() => {{ document.querySelector('.ak-rows').scrollTop += {by}; }}")
            view.settle()
            expect(page.get_by_role("menu")).to_have_count(0)
            assert not page.evaluate(OUTSIDE)


def test_a_menu_whose_turn_is_taken_away_keeps_the_focus(chromium: Browser) -> None:
    with ran(chromium) as (page, view, dbg):
        reach(page, view, 30).locator("[data-act=more]").click()
        view.settle()
        dbg.goto(3)
        view.view.refresh()
        view.settle()
        page.keyboard.press("Escape")
        view.settle()
        expect(page.get_by_role("menu")).to_have_count(0)
        assert not page.evaluate(OUTSIDE)


@pytest.mark.parametrize(
    ("key", "opened"),
    [("e", "[role=menu] button"), ("r", ".ak-of-rerun .ak-main"), ("d", ".ak-of-compare")],
)
def test_a_key_brings_the_turn_into_view_that_it_acts_on(
    chromium: Browser, key: str, opened: str
) -> None:
    with ran(chromium) as (page, view, _):
        choose(page, view, 5)
        page.keyboard.press(key)
        view.settle()
        expect(page.locator(opened).first).to_be_in_viewport()
        expect(turn(page, 5).locator(".ak-turn-head")).to_be_in_viewport()
        assert not page.evaluate(OUTSIDE)


def test_an_open_tab_of_a_turn_that_is_taken_away_asks_for_nothing(chromium: Browser) -> None:
    with ran(chromium) as (page, view, dbg):
        reach(page, view, 30).get_by_role("tab", name="Response").click()
        view.settle()
        dbg.goto(10)
        view.view.refresh()
        view.settle()
        expect(turn(page, 30)).to_have_count(0)
        expect(page.locator(".ak-alert")).to_have_count(0)
        dbg.goto(40)
        view.view.refresh()
        view.settle()
        panel = reach(page, view, 30).get_by_role("tabpanel")
        expect(panel).to_contain_text("I pay.")
        expect(page.locator(".ak-alert")).to_have_count(0)


def test_a_copy_button_stands_as_still_as_what_it_says_when_pressed(chromium: Browser) -> None:
    """What the sheet draws in it has the middle where the icon of what came of it has its own."""
    with ran(chromium) as (page, view, _):
        button = reach(page, view, 5).get_by_role("button", name="Copy").first
        middle = button.evaluate(
            """button => {
                const [front, back] = ['::before', '::after'].map(part => {
                    const { left, top, width, height } = getComputedStyle(button, part);
                    return [left, top, width, height].map(Number.parseFloat);
                });
                return [
                    (back[0] + front[0] + front[2]) / 2 - button.clientWidth / 2,
                    (back[1] + front[1] + front[3]) / 2 - button.clientHeight / 2,
                ];
            }"""
        )
        assert middle == [0, 0]
