"""The frame of the debugger in a plain page: facts, outline, search, keys, and where the reader
is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.show.notebook.live import LiveView
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from agentkit.show.notebook.views.debugger.rollout_view import RolloutView
from agentkit.testing import ScriptedServer, calls, says
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.debugger_view_samples import Gate, streaming
from tests.show.render_samples import long, troubled

pytestmark = pytest.mark.browser

BOTH = "Do I need a coat in Oslo and in Rome?"


@contextmanager
def shown(chromium: Browser, view: LiveView, **size: int) -> Iterator[tuple[Page, StandIn]]:
    """A view in a page of its own, which may say nothing bad and ask for nothing."""
    with tab(chromium, **size) as (page, heard):
        yield page, StandIn(page, view)
        assert heard == Heard()


def tool(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar", name="debugger").get_by_role("button", name=name, exact=True)


def leaf(page: Page, name: str) -> Locator:
    return page.get_by_role("treeitem", name=re.compile(name))


def facts(page: Page) -> Locator:
    return page.get_by_role("group", name="facts")


def status(page: Page) -> Locator:
    return facts(page).get_by_role("status")


def failing() -> ak.Debugger:
    """A rollout whose tool fails in turn 1 and that has a problem in turn 2."""

    def pay(amount: float) -> str:
        """Pay.

        Args:
            amount: how much
        """
        if amount > 100:
            raise PermissionError("the card is declined")
        return "paid"

    script = [
        says("First a little.", calls("pay", amount=1)),
        says("Then much.", calls("pay", amount=1000)),
        says(None, calls("apy", amount=1)),
        says("Done, in part."),
    ]
    dbg = ak.debug(ak.Agent("m", tools=[pay], server=ScriptedServer(script)), "Pay.")
    dbg.run()
    return dbg


def test_the_outline_lists_turns_and_calls_and_goes_there(chromium: Browser) -> None:
    """By click and by key; one stop of Tab, arrows within."""
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.run()
    with shown(chromium, DebuggerView(dbg), height=420) as (page, _view):
        rows = page.get_by_role("log")
        expect(page.get_by_role("treeitem")).to_have_count(7)
        leaf(page, "^turn 1,").click()
        expect(page.locator("[data-key='turn-1']")).to_be_in_viewport()
        expect(leaf(page, "^turn 1,")).to_be_focused()
        expect(leaf(page, "^turn 1,")).to_have_attribute("aria-selected", "true")
        assert len(dbg.trajectory.turns) == 3, "to look at a turn is not to go back to it"
        page.keyboard.press("ArrowRight")
        expect(leaf(page, "packing_advice").first).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(leaf(page, "^turn 1,")).to_be_focused()
        page.keyboard.press("End")
        expect(leaf(page, "^turn 2,")).to_be_focused()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        expect(page.locator("[data-key='turn-0']")).to_be_in_viewport()
        assert page.locator("[role=treeitem][tabindex='0']").count() == 1
        rows.evaluate("e => { e.scrollTop = e.scrollHeight; }")
        page.keyboard.press("k")
        expect(leaf(page, "^turn 0,")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("j")
        expect(leaf(page, "^turn 1,")).to_have_attribute("aria-selected", "true")


def test_the_gutter_sets_breakpoints_where_the_outline_shows_them(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.next()
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        expect(leaf(page, "^turn 1,")).to_have_attribute("aria-current", "step")
        leaf(page, "^get_weather").first.locator(".ak-gutter").click()
        view.settle(lambda: len(dbg.breakpoints) == 1)
        expect(leaf(page, "^get_weather, breakpoint")).to_have_count(2)
        expect(tool(page, "Breakpoints 1")).to_be_visible()
        leaf(page, "^turn 1,").focus()
        page.keyboard.press(".")
        view.settle(lambda: len(dbg.breakpoints) == 2)
        expect(leaf(page, "^turn 1,.*breakpoint")).to_have_count(1)
        leaf(page, "^get_weather").first.locator(".ak-gutter").click()
        view.settle(lambda: len(dbg.breakpoints) == 1)
        expect(leaf(page, "^get_weather, breakpoint")).to_have_count(0)


def test_what_lies_ahead_stays_in_the_outline(chromium: Browser) -> None:
    """One goes to it, or begins again."""
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.run()
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        dbg.goto(0)
        view.settle()
        expect(status(page)).to_have_text("Ready")
        expect(page.locator(".ak-leaf.ak-ahead")).not_to_have_count(0)
        leaf(page, "^turn 2,").click()
        tool(page, "To here").click()
        view.settle(lambda: len(dbg.trajectory.turns) == 2)
        expect(status(page)).to_have_text("Paused beforeturn 2")
        tool(page, "Restart").click()
        view.settle(lambda: len(dbg.tree) == 2)
        expect(status(page)).to_have_text("Ready")
        expect(tool(page, "Restart")).to_have_attribute("aria-disabled", "true")
        expect(tool(page, "Restart")).to_have_attribute("title", re.compile("it is at its start"))


def test_facts_count_what_is_wrong_and_go_there(chromium: Browser) -> None:
    dbg = failing()
    with shown(chromium, DebuggerView(dbg)) as (page, _view):
        expect(status(page)).to_have_text(re.compile("^Answered, with [0-9]+ problems$"))
        expect(status(page)).to_have_class(re.compile("ak-warn"))
        expect(facts(page)).to_contain_text("turns 4 of 30")
        facts(page).get_by_role("button", name=re.compile("error")).click()
        expect(leaf(page, "^pay, failed")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("n")
        expect(leaf(page, "^apy, failed")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Shift+N")
        expect(leaf(page, "^pay, failed")).to_have_attribute("aria-selected", "true")
        expect(leaf(page, "^turn 1,.*1 errors")).to_have_count(1)


def test_green_is_only_where_nothing_is_wrong(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.run()
    with shown(chromium, DebuggerView(dbg)) as (page, _view):
        expect(status(page)).to_have_class(re.compile("ak-good"))
        expect(facts(page)).to_contain_text("no problems")


def test_a_pause_is_seen_at_once_and_can_be_taken_back(chromium: Browser) -> None:
    gate = threading.Event()
    dbg = streaming([f"word{i} " for i in range(20)], gate=gate)
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        tool(page, "Run").click()
        view.settle(lambda: "word9 " in (page.get_by_role("log").text_content() or ""))
        expect(status(page)).to_have_text("Answering")
        expect(facts(page)).to_contain_text("first token")
        expect(facts(page)).to_contain_text("tokens so far")
        page.get_by_role("log").focus()
        page.keyboard.press("p")
        expect(status(page)).to_have_text("Pausing after this answer")
        expect(tool(page, "Pause")).to_have_attribute("aria-pressed", "true")
        view.settle(lambda: dbg.pausing)
        page.get_by_role("button", name="Go on instead").click()
        expect(status(page)).to_have_text("Answering")
        view.settle(lambda: not dbg.pausing)
        expect(page.get_by_role("button", name="Go on instead")).to_be_hidden()
        gate.set()
        view.settle(lambda: not dbg.running)


def test_what_cannot_be_done_says_why_and_can_be_focused(chromium: Browser) -> None:
    gate = Gate()
    dbg = gate.debugger()
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        expect(tool(page, "Pause")).to_have_attribute("title", re.compile("nothing is running"))
        tool(page, "Pause").focus()
        expect(tool(page, "Pause")).to_be_focused()
        tool(page, "Run").click()
        view.settle(gate.entered.is_set)
        expect(status(page)).to_have_text("Runningwait")
        expect(tool(page, "Run")).to_have_attribute("title", re.compile("it is running"))
        before = facts(page).inner_text()
        page.wait_for_function(
            "was => document.querySelector('.ak-factline').innerText !== was", arg=before
        )
        dbg.stop()
        gate.open.set()


def test_the_search_goes_through_what_is_folded(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.run()
    with shown(chromium, DebuggerView(dbg), height=500) as (page, view):
        page.get_by_role("log").focus()
        page.keyboard.press("/")
        bar = page.get_by_role("search")
        field = bar.get_by_role("searchbox")
        expect(field).to_be_focused()
        expect(tool(page, "Run")).to_be_hidden()
        field.fill("oslo")
        page.wait_for_timeout(200)
        view.settle()
        expect(bar.get_by_role("status")).to_have_text("1 of 6")
        field.press("Enter")
        field.press("Enter")
        expect(bar.get_by_role("status")).to_have_text("3 of 6")
        marked = "[...CSS.highlights.get('ak-current')].map(range => range.toString())"
        assert page.evaluate(marked) == ["Oslo"]
        field.press("Shift+Enter")
        expect(bar.get_by_role("status")).to_have_text("2 of 6")
        bar.get_by_role("button", name="results 1").click()
        expect(bar.get_by_role("status")).to_have_text("1 of 1")
        field.press("s")
        page.wait_for_timeout(200)
        view.settle()
        expect(bar.get_by_role("status")).to_have_text("nothing found")
        assert len(dbg.tree) == 1
        field.press("Escape")
        expect(bar).to_be_hidden()
        expect(tool(page, "Search")).to_be_focused()
        assert page.evaluate("CSS.highlights.get('ak-current').size") == 0


def test_the_search_opens_folds(chromium: Browser) -> None:
    thought = "I think of the harbour. " + "Then of something else. " * 20 + "A needle lies here."
    server = ScriptedServer([says("Well.", reasoning=thought)])
    dbg = ak.debug(ak.Agent("m", server=server), "Think.")
    dbg.run()
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        folds = page.locator("[data-key^='turn-0'] details[open]")
        expect(folds).to_have_count(0)
        page.get_by_role("log").focus()
        page.keyboard.press("/")
        page.get_by_role("searchbox").fill("needle")
        page.wait_for_timeout(200)
        view.settle()
        expect(folds).not_to_have_count(0)
        expect(page.get_by_text("A needle lies here")).to_be_visible()
        expect(page.get_by_role("search")).to_contain_text("opened by the search")


def test_keys_are_listed(chromium: Browser) -> None:
    with shown(chromium, DebuggerView(ak.debug(ak.demo(), BOTH))) as (page, _view):
        page.get_by_role("log").focus()
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys")
        expect(dialog).to_contain_text("Next, previous problem")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(tool(page, "Keys")).to_be_focused()


def test_it_opens_at_its_start_where_all_fits(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.run()
    with shown(chromium, DebuggerView(dbg), height=1600) as (page, _view):
        rows = page.get_by_role("log")
        assert rows.evaluate("e => [e.scrollTop, e.scrollHeight - e.clientHeight]") == [0, 0]
        expect(page.locator(".ak-earlier")).to_be_hidden()


def test_it_follows_what_is_new_until_the_reader_goes_up(chromium: Browser) -> None:
    whole = long(12)
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, DebuggerView(dbg), height=700) as (page, view):

        def grow(turns: int) -> None:
            grown = replace(whole, turns=whole.turns[:turns], stop_reason=None)
            dbg._cursor.engine.trajectory = grown
            view.view.refresh()
            view.settle()

        grow(8)
        expect(page.locator("[data-key='turn-7']")).to_be_in_viewport()
        expect(page.get_by_role("button", name=re.compile("[5-8] earlier"))).to_be_visible()
        grow(9)
        expect(page.locator("[data-key='turn-8']")).to_be_in_viewport()
        page.get_by_role("button", name=re.compile("earlier")).click()
        page.wait_for_timeout(100)
        grow(11)
        rows = page.get_by_role("log")
        assert rows.evaluate("e => e.scrollTop") == 0
        page.get_by_role("button", name="2 new turns").click()
        expect(page.locator("[data-key='turn-10']")).to_be_in_viewport()
        grow(12)
        expect(page.locator("[data-key='turn-11']")).to_be_in_viewport()


def test_a_narrow_cell_has_a_strip_of_turns(chromium: Browser) -> None:
    dbg = failing()
    with shown(chromium, DebuggerView(dbg), width=700, height=600) as (page, view):
        expect(page.get_by_role("tree")).to_be_hidden()
        strip = page.get_by_role("navigation", name="turns, as wide as they took")
        expect(strip.get_by_role("button")).to_have_count(4)
        expect(strip.get_by_role("button", name="turn 1, with problems")).to_have_text("1 ✕")
        strip.get_by_role("button", name="turn 3").click()
        expect(page.locator("[data-key='turn-3']")).to_be_in_viewport()
        tool(page, "Breakpoints").click()
        tool(page, "Branches").click()
        view.settle()
        wide = page.evaluate("""() => [...document.querySelectorAll('.ak-bt, .ak-fact, .ak-chip')]
            .filter(e => e.offsetParent && !e.matches('.ak-whom, .ak-more'))
            .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML)""")
        assert wide == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 700


def test_a_rollout_that_is_only_looked_at_has_no_drive(chromium: Browser) -> None:
    view = ak.view(troubled())
    with shown(chromium, RolloutView(view), height=700) as (page, stand_in):
        expect(tool(page, "Run")).to_be_hidden()
        expect(tool(page, "Breakpoints")).to_be_hidden()
        expect(status(page)).to_have_text("Request refused")
        expect(page.get_by_role("treeitem")).not_to_have_count(0)
        assert page.get_by_role("log").evaluate("e => e.scrollTop") == 0
        page.get_by_role("log").focus()
        page.keyboard.press("s")
        page.keyboard.press("/")
        page.get_by_role("searchbox").fill("oslo")
        page.wait_for_timeout(200)
        stand_in.settle()
        expect(page.get_by_role("search").get_by_role("status")).to_have_text(re.compile("^1 of"))


def test_branches_are_gone_to_and_compared(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.run()
    dbg.edit(turn=0, call=1, result="no data")
    dbg.run()
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        tool(page, "Branches 2").click()
        view.settle()
        panel = page.get_by_role("region", name="Branches")
        panel.get_by_role("button", name="Diff of b1").click()
        view.settle()
        expect(panel.locator(".ak-differs")).to_contain_text("no data")
        panel.get_by_role("button", name="Open main").click()
        view.settle(lambda: dbg.tree.current == "main")
        expect(panel.get_by_role("button", name="Open main")).to_have_attribute(
            "aria-current", "true"
        )


def test_a_thousand_turns(chromium: Browser) -> None:
    """An appended turn is one entry of the outline, and what is out of sight is not laid out."""
    whole = long(1000)
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, DebuggerView(dbg)) as (page, view):
        engine = dbg._cursor.engine
        engine.trajectory = replace(whole, turns=whole.turns[:999], stop_reason=None)
        view.view.refresh()
        view.settle()
        view.sent.clear()
        engine.trajectory = whole
        view.view.refresh()
        view.settle()
        ops = [op for content, _ in view.sent for op in content.get("ops", ())]
        (outline,) = [op for op in ops if op[0] == "outline"]
        assert outline[1] == 999
        assert len(outline[2]) == 1
        leaf(page, "^turn 3,").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-key='turn-3']")).to_be_in_viewport()
