"""What waits in a tap's live view, in a plain page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

import agentkit as ak
from agentkit.show.notebook.views.watch.watch_view import WatchView
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.watch_samples import beside, run_agent, tapped, until

pytestmark = pytest.mark.browser


def test_a_change_in_code_is_shown_and_keeps_what_somebody_writes(chromium: Browser) -> None:
    with tapped() as watch, tab(chromium) as (page, heard):
        watch.hold(ak.break_on.tool("pay"))
        thread, found = beside(lambda: run_agent(watch.url))
        until(lambda: watch.pending)
        (held,) = watch.pending
        shown = StandIn(page, WatchView(watch))
        text, chip = page.locator("[data-field=call-0]"), page.locator(".ak-whead .ak-warn")
        expect(chip).to_have_count(0)
        expect(page.get_by_role("button", name="Send as it came")).to_be_hidden()
        held.change(0, amount=7)
        shown.settle()
        expect(chip).to_have_text("changed")
        expect(text).to_have_value('{"amount": 7, "to": "Station Inn"}')
        expect(page.get_by_role("button", name="Send as it came")).to_be_visible()
        text.fill('{"amount": 8, "to": "Station Inn"}')
        held.change(0, amount=9)
        shown.settle()
        expect(text).to_have_value('{"amount": 8, "to": "Station Inn"}')
        page.get_by_role("button", name="Send as changed").click()
        shown.settle()
        thread.join(20)
        assert '"amount": 8' in found[0].replace('"amount":8', '"amount": 8')
        assert heard == Heard()
