"""The timeline of a debugger in a plain page: drawn as the rollout runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

import agentkit as ak
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from agentkit.testing import ScriptedServer, says
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.browser
_SHORTER = """first => {
    const { width } = document.querySelector(".ak-outline rect").getBoundingClientRect();
    return width > 3 && width < first;
}"""


def test_the_outline_grows_with_the_rollout(chromium: Browser) -> None:
    """Turns and calls get their bars, on the one scale of the whole rollout."""
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    with tab(chromium) as (page, heard):
        view = StandIn(page, DebuggerView(dbg))
        bars = page.locator(".ak-outline rect")
        expect(bars).to_have_count(0)
        dbg.next()
        view.settle()
        expect(bars).not_to_have_count(0)
        first = bars.first.evaluate("e => e.getBoundingClientRect().width")
        assert first > 10
        dbg.run()
        view.settle()
        expect(page.get_by_role("treeitem", name="turn 2")).to_be_visible()
        page.wait_for_function(_SHORTER, arg=first)
        assert heard == Heard()


def test_a_step_costs_the_same_whatever_came_before(chromium: Browser) -> None:
    dbg = ak.debug(ak.Agent("m", server=ScriptedServer([says(f"{i}") for i in range(60)])), "count")
    with tab(chromium) as (page, heard):
        view = StandIn(page, DebuggerView(dbg))
        sizes = []
        for i in range(60):
            dbg.step()
            before = view.size()
            view.settle(quiet=0.09)
            sizes.append(view.size() - before)
            if i < 59:
                dbg.say("and on")
        # added up, as what belongs to one step may come with the next
        assert sum(sizes[-10:]) < 1.5 * sum(sizes[5:15]) + 600
        assert heard == Heard()


def test_charts_are_drawn_while_they_are_open(chromium: Browser) -> None:
    """They come with the click, change as the rollout runs, and cost nothing when they are
    closed.
    """
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    with tab(chromium) as (page, heard):
        view = StandIn(page, DebuggerView(dbg))
        opener, panel = (
            page.get_by_role("button", name="Charts", exact=True),
            page.get_by_role("region", name="Charts"),
        )
        dbg.step()
        view.settle()
        assert panel.count() == 0
        opener.focus()
        page.keyboard.press("Enter")
        view.settle()
        expect(opener).to_have_attribute("aria-expanded", "true")
        charts = panel.locator("svg.ak-chart")
        expect(charts).to_have_count(1)
        for word in ("Latency", "Problems", "Tokens"):
            panel.get_by_role("tab", name=word).click()
            expect(panel.get_by_role("tabpanel", name=word.lower())).to_be_visible()
            assert charts.evaluate("e => e.firstChild.nodeName") == "title"
            assert charts.evaluate("e => e.getBoundingClientRect().width") > 900
        page.keyboard.press("ArrowRight")
        expect(panel.get_by_role("tab", name="Latency")).to_be_focused()
        expect(charts).to_have_attribute("aria-label", re.compile("^latency of 1 turn"))
        dbg.post("run")
        view.settle(lambda: not dbg.running and dbg.trajectory.stop_reason is not None)
        expect(charts.nth(0)).to_have_attribute(
            "aria-label", f"latency of {len(dbg.trajectory.turns)} turns"
        )
        bars = charts.nth(0).get_by_role("button")
        bars.first.focus()
        expect(panel.locator(".ak-tip")).to_contain_text("turn 0: ")
        page.keyboard.press("ArrowDown")
        expect(bars.nth(1)).to_be_focused()
        last = bars.last.get_attribute("data-turn")
        bars.last.click()
        turn = page.locator(f".ak-turn[data-turn='{last}']")
        expect(turn).to_be_in_viewport()
        opener.click()
        view.settle()
        expect(panel).to_be_hidden()
        before = len(view.sent)
        dbg.back()
        view.settle()
        assert not any(
            op[0] == "chart" for content, _ in view.sent[before:] for op in content.get("ops", ())
        )
        assert heard == Heard()
