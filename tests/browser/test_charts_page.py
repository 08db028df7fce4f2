"""The timeline of a debugger in a plain page: drawn as the rollout runs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

import agentkit as ak
from agentkit.testing import ScriptedServer, says
from agentkit.views.debugger_view import DebuggerView
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.browser


def test_the_timeline_grows_with_the_rollout(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    with tab(chromium) as (page, heard):
        view = StandIn(page, DebuggerView(dbg))
        chart = page.locator("svg.ak-course")
        expect(chart).to_be_hidden()
        dbg.next()
        view.settle()
        expect(chart).to_be_visible()
        first = chart.get_attribute("aria-label") or ""
        assert first.startswith("timeline of 1 turn, ")
        assert chart.evaluate("e => e.namespaceURI") == "http://www.w3.org/2000/svg"
        assert chart.evaluate("e => e.getBoundingClientRect().height") > 10
        dbg.run()
        view.settle()
        expect(chart).to_be_visible()
        assert (chart.get_attribute("aria-label") or "") != first
        assert all(path.get_attribute("d") for path in chart.locator("path").all())
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
        assert max(sizes[-10:]) < 1.5 * max(sizes[5:15]) + 600
        assert heard == Heard()
