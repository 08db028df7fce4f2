"""A rollout whose seventh turn of twelve failed, mended from the view alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from agentkit.testing import ScriptedServer, by_turn, calls, says
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.browser


def rows_of(hall: str, row: int = 1) -> list[dict[str, object]]:
    """Rows of a hall."""
    return [{"id": f"{hall}{row + n}".upper(), "free": n} for n in range(3)]


def reserve(hall: str, seats: int) -> list[int]:
    """Reserve seats."""
    return [40 + n for n in range(seats)]


def failed() -> ak.Debugger:
    """The count of seats came as a text, and the tool could not work with it."""
    looks = [says(f"Hall {n}.", calls("rows_of", hall=f"hall{n}")) for n in range(6)]
    wrong = says("Two seats.", calls("reserve", hall="a", seats="2"))
    more = [says(f"Hall {n}.", calls("rows_of", hall=f"hall{n}")) for n in range(4)]
    script = by_turn(*looks, wrong, *more, says("Done."))
    agent = ak.Agent("m", tools=[rows_of, reserve], server=ScriptedServer(script))
    dbg = ak.debug(agent, "Two seats, please.")
    dbg.run()
    return dbg


@contextmanager
def shown(chromium: Browser, dbg: ak.Debugger) -> Iterator[tuple[Page, StandIn]]:
    with tab(chromium, width=1000, height=800) as (page, heard):
        yield page, StandIn(page, DebuggerView(dbg))
        assert heard == Heard()


def turn(page: Page, number: int) -> Locator:
    return page.get_by_role("article", name=f"Turn {number}", exact=True)


def test_a_click_on_the_error_shows_the_turn_with_its_head(chromium: Browser) -> None:
    dbg = failed()
    with shown(chromium, dbg) as (page, view):
        page.get_by_role("button", name="1 error").click()
        head = turn(page, 6).locator(".ak-turn-head")
        expect(head).to_be_in_viewport(ratio=1)
        expect(turn(page, 6).locator(".ak-call")).to_be_in_viewport(ratio=1)
        outline = page.get_by_role("treeitem", name=re.compile("^turn 6"))
        expect(outline).to_have_class(re.compile("ak-seen|ak-in-view"))
        # what is shorter than before puts the end in view, and no button over the tabs
        turn(page, 6).get_by_role("tab", name=re.compile("^Problems")).click()
        view.settle()
        problems = turn(page, 6).locator(".ak-problems").last
        expect(problems).to_contain_text("in the tool reserve")
        expect(problems).to_contain_text("in the server's call of reserve")
        expect(page.get_by_role("button", name=re.compile("earlier"))).to_be_hidden()
        # the button that opened the edit is out of sight when it ends: keys are heard all the same
        problems.get_by_role("button", name="Edit the arguments").click()
        view.settle()
        page.get_by_role("button", name="Put in the guess").click()
        page.keyboard.press("Control+Enter")
        view.settle(lambda: len(dbg.tree) == 2)
        view.settle()
        page.wait_for_function("() => document.activeElement.closest('.ak-root')")


def test_the_guess_is_put_in_with_one_click_and_makes_a_branch(chromium: Browser) -> None:
    dbg = failed()
    with shown(chromium, dbg) as (page, view):
        page.get_by_role("button", name="1 error").click()
        turn(page, 6).get_by_role("button", name="Edit", exact=True).click()
        view.settle()
        page.get_by_role("menuitem", name="Arguments of reserve").click()
        view.settle()
        field = page.get_by_role("textbox", name="Arguments of reserve")
        expect(field).to_have_value('{"hall": "a", "seats": "2"}')
        page.get_by_role("button", name="Put in the guess").click()
        expect(field).to_have_value('{"hall": "a", "seats": 2}')
        expect(field).to_be_focused()
        expect(page.get_by_role("button", name="Put in the guess")).to_be_hidden()
        page.keyboard.press("Control+Enter")
        view.settle()
        expect(page.get_by_text("waits for you")).to_be_visible()
        dbg.run()
        assert not dbg.trajectory.problems


def test_a_saved_report_is_said_where_it_can_be_seen(chromium: Browser) -> None:
    dbg = failed()
    with shown(chromium, dbg) as (page, view):
        page.get_by_role("button", name="1 error").click()
        turn(page, 6).get_by_role("button", name=re.compile("^More")).click()
        with page.expect_download() as saved:
            page.get_by_role("menuitem", name="Save a bug report of this turn").click()
            view.settle()
        assert saved.value.suggested_filename == "issue.md"
        seen = page.locator(".ak-toast")
        expect(seen).to_have_text("issue.md is among your downloads")
        expect(seen).to_be_in_viewport(ratio=1)


def test_short_ids_of_a_table_stay_on_one_line(chromium: Browser) -> None:
    dbg = failed()
    with shown(chromium, dbg) as (page, _view):
        page.get_by_role("button", name="earlier").click()
        cell = page.get_by_role("cell", name="HALL01").first
        height = page.get_by_role("columnheader", name="id").first.evaluate("e => e.offsetHeight")
        assert cell.evaluate("e => e.offsetHeight") <= height + 2
