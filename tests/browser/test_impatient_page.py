"""What an impatient person does: clicks twice, turns elsewhere with half a text written, composes
words, asks for what fails.
"""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import Browser, expect

import agentkit as ak
from agentkit.show.notebook.views.turns import turn_tabs
from agentkit.testing import ScriptedServer, calls, says
from tests.browser.test_turns_page import button, edited, paying, shown, turn
from tests.show.debugger_view_samples import streaming

pytestmark = pytest.mark.browser


def two_that_wait(gate: threading.Event) -> ak.Debugger:
    """A debugger with two calls to a tool that takes until the gate opens."""

    @ak.tool
    def slow(x: int) -> int:
        """Take a while."""
        gate.wait(20)
        return x

    answer = says("I wait.", calls("slow", x=1), calls("slow", x=2))
    dbg = ak.debug(
        ak.Agent("m", tools=[slow], server=ScriptedServer([answer, says("Done.")])), "go"
    )
    dbg.step()
    return dbg


def test_a_draft_for_a_call_stays_while_another_one_runs(chromium: Browser) -> None:
    gate = threading.Event()
    dbg = two_that_wait(gate)
    with shown(chromium, dbg) as (page, view):
        field = page.get_by_label("Arguments of slow")
        field.fill('{"x": 77}')
        button(page, "Run slow now").click()
        view.settle(lambda: dbg.running)
        expect(field).to_have_count(0)
        gate.set()
        view.settle(lambda: not dbg.running and len(dbg.pending) == 1)
        expect(field).to_have_value('{"x": 77}')
        expect(button(page, "Run with these")).to_be_visible()


def test_a_draft_for_a_call_stays_while_another_one_is_open(chromium: Browser) -> None:
    gate = threading.Event()
    gate.set()
    with shown(chromium, two_that_wait(gate)) as (page, view):
        field = page.get_by_label("Arguments of slow")
        field.fill('{"x": 77}')
        button(page, "Change slow").click()
        view.settle()
        expect(field).to_have_value('{"x": 2}')
        button(page, "Change slow").click()
        view.settle()
        expect(field).to_have_value('{"x": 77}')


def test_a_second_click_applies_nothing_twice(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        edited(page, view, 0, "Result of pay (0)").fill("declined")
        button(page, "Apply as a new branch").dblclick()
        view.settle(lambda: len(dbg.tree) > 1)
        assert len(dbg.tree) == 2
        expect(page.locator(".ak-alert, .ak-ed")).to_have_count(0)


@pytest.mark.parametrize("changed", [False, True])
def test_a_second_click_runs_nothing_twice(chromium: Browser, changed: bool) -> None:
    dbg = paying()
    dbg.step()
    with shown(chromium, dbg) as (page, view):
        waits = page.get_by_role("group", name="pay waits for you")
        if changed:
            waits.get_by_label("Arguments of pay").fill('{"amount": 1, "to": "Inn"}')
            page.wait_for_timeout(200)
            view.settle()
        button(waits, "Run with these" if changed else "Run").dblclick()
        view.settle(lambda: len(dbg.pending) == 1)
        expect(page.locator(".ak-alert")).to_have_count(0)
        button(page.get_by_role("group", name="pay waits for you"), "Run").click()
        view.settle(lambda: not dbg.pending)


def test_keys_that_compose_a_word_are_the_fields_own(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        field = edited(page, view, 0, "Result of pay (0)")
        field.evaluate(
            "field => ['Escape', 'Enter'].forEach(key => field.dispatchEvent(new KeyboardEvent("
            "'keydown', {key, ctrlKey: true, isComposing: true, bubbles: true})))"
        )
        view.settle()
        expect(field).to_be_focused()
        assert len(dbg.tree) == 1


def test_a_tab_that_fails_says_so_and_is_asked_again(
    chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbg = paying()
    dbg.run()
    faults = [ValueError("no such thing")]
    draw = turn_tabs.DRAWN["request"]

    def sometimes(trajectory: ak.Trajectory, number: int) -> object:
        if faults:
            raise faults.pop()
        return draw(trajectory, number)

    monkeypatch.setitem(turn_tabs.DRAWN, "request", sometimes)
    with shown(chromium, dbg) as (page, view):
        turn(page, 0).get_by_role("tab", name="Request").click()
        view.settle()
        panel = turn(page, 0).get_by_role("tabpanel")
        expect(panel).to_contain_text("no such thing")
        expect(panel).not_to_have_attribute("aria-busy", "true")
        turn(page, 0).get_by_role("tab", name="Conversation").click()
        turn(page, 0).get_by_role("tab", name="Request").click()
        view.settle()
        expect(panel).to_contain_text("as sent")


def test_what_cannot_be_done_meanwhile_stops_no_answer_that_is_written(chromium: Browser) -> None:
    gate = threading.Event()
    dbg = streaming(["One ", "night ", "at ", "the Inn"], gate=gate)
    with shown(chromium, dbg) as (page, view):
        button(page, "Run").focus()
        page.keyboard.press("F9")
        page.keyboard.press("F9")
        view.settle(lambda: "night" in page.inner_text("body"))
        expect(page.locator(".ak-alert")).to_have_count(0)
        dbg.post("back")
        view.settle(lambda: page.locator(".ak-alert").count() == 1)
        expect(page.get_by_role("log")).to_contain_text("One night")
        gate.set()
        view.settle(lambda: not dbg.running)
        expect(page.get_by_role("log")).to_contain_text("One night at the Inn")


def test_a_draft_stays_while_an_answer_is_written(chromium: Browser) -> None:
    gate = threading.Event()
    dbg = streaming(["One ", "night ", "at ", "the Inn"], gate=gate)
    gate.set()
    dbg.run()
    gate.clear()
    with shown(chromium, dbg) as (page, view):
        field = edited(page, view, 0, "Answer")
        field.fill("Two nights")
        dbg.say("And then?")
        dbg.start()
        view.settle(lambda: page.locator('[data-key="growing-1/content"]').count() == 1)
        expect(field).to_have_value("Two nights")
        expect(field).to_be_focused()
        gate.set()
        view.settle(lambda: not dbg.running)
        expect(field).to_have_value("Two nights")
