"""The debugger's view in a plain page: the real Python view and the real script, with a stand-in
for the notebook between them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.show.notebook.static_view import standalone
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from agentkit.testing import ScriptedServer
from agentkit.types.words import visible
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.debugger_view_samples import Gate, hostile_trajectory, payloads, streaming
from tests.show.render_samples import filled, long

pytestmark = pytest.mark.browser

BOTH = "Do I need a coat in Oslo and in Rome?"


@contextmanager
def shown(chromium: Browser, dbg: ak.Debugger, **size: int) -> Iterator[tuple[Page, StandIn]]:
    """A debugger in a page of its own, which may say nothing bad and ask for nothing."""
    with tab(chromium, **size) as (page, heard):
        stand_in = StandIn(page, DebuggerView(dbg))
        yield page, stand_in
        assert heard == Heard()


def tool(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("toolbar", name="debugger").get_by_role("button", name=name, exact=True)


def status(page: Page) -> Locator:
    return facts(page).get_by_role("status")


def key(page: Page, name: str) -> None:
    """Press a key somewhere in the view where nothing is written."""
    page.get_by_role("log").first.focus()
    page.keyboard.press(name)


def facts(page: Page) -> Locator:
    return page.get_by_role("group", name="facts")


def fewer_pending(dbg: ak.Debugger, than: int) -> bool:
    return len(dbg.pending) < than


def waiting(page: Page) -> Locator:
    return page.get_by_role("group", name=re.compile("waits"))


def test_the_toolbar_steps_runs_goes_back_and_forks(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        expect(status(page)).to_have_text("Ready")
        expect(facts(page)).to_contain_text("next: ask the model, turn 0")
        expect(tool(page, "Back")).to_have_attribute("aria-disabled", "true")
        tool(page, "Step").click()
        view.settle(lambda: len(dbg.pending) == 2)
        expect(waiting(page)).to_have_count(2)
        tool(page, "Next").click()
        view.settle(lambda: len(dbg.trajectory.turns) == 1)
        expect(waiting(page)).to_have_count(0)
        tool(page, "Back").click()
        view.settle(lambda: len(dbg.pending) == 1)
        expect(facts(page)).to_contain_text("plays what was recorded")
        tool(page, "Run").click()
        view.settle(lambda: dbg.trajectory.stop_reason == "final")
        expect(status(page)).to_have_text("Answered")
        expect(page.get_by_role("log")).to_contain_text("Take a warm coat")
        expect(tool(page, "Step")).to_have_attribute("aria-disabled", "true")
        key(page, "f")
        view.settle(lambda: len(dbg.tree) == 2)
        page.get_by_label("Go on with a message").fill("and in Cairo?")
        page.get_by_role("button", name="Say").click()
        view.settle(lambda: dbg.trajectory.stop_reason is None)
        tool(page, "Run").click()
        view.settle(lambda: dbg.trajectory.stop_reason == "final")
        expect(page.get_by_role("log")).to_contain_text("and in Cairo?")
        page.get_by_role("button", name="Branches 2").click()
        view.settle()
        page.get_by_role("button", name="Open main").click()
        view.settle(lambda: dbg.tree.current == "main")
        expect(page.get_by_role("log")).not_to_contain_text("and in Cairo?")


def test_keys(chromium: Browser) -> None:
    """Function keys and letters do what the buttons do, arrows move within the toolbar, and a
    letter typed into a field is a letter.
    """
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        tool(page, "Run").focus()
        page.keyboard.press("s")
        view.settle(lambda: len(dbg.pending) == 2)
        page.keyboard.press("F10")
        view.settle(lambda: len(dbg.trajectory.turns) == 1)
        page.keyboard.press("b")
        view.settle(lambda: len(dbg.pending) == 1)
        page.keyboard.press("F9")
        view.settle(lambda: dbg.trajectory.stop_reason == "final")
        tool(page, "Run").focus()
        page.keyboard.press("ArrowRight")
        expect(tool(page, "Next")).to_be_focused()
        page.keyboard.press("End")
        expect(page.get_by_role("button", name="Keys")).to_be_focused()
        page.keyboard.press("Home")
        expect(tool(page, "Restart")).to_be_focused()
        assert page.locator(".ak-toolbar button[tabindex='0']").count() == 1
        page.get_by_label("Go on with a message").press_sequentially("sbfxr")
        view.settle()
        assert dbg.trajectory.stop_reason == "final"
        assert len(dbg.tree) == 1
        shortcuts = page.locator(".ak-toolbar [aria-keyshortcuts]").evaluate_all(
            "all => all.map(e => e.getAttribute('aria-keyshortcuts'))"
        )
        assert shortcuts == ["b", "F9", "F10", "s", "t", "p", "x Shift+F9", "Slash", "?"]


def test_breakpoints_are_added_stop_a_run_and_are_removed(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        tool(page, "Breakpoints").click()
        view.settle()
        panel = page.get_by_role("region", name="Breakpoints")
        expect(panel).to_contain_text("none: Run goes on to the end")
        names = panel.locator("datalist option").evaluate_all("all => all.map(e => e.value)")
        assert "packing_advice" in names
        panel.get_by_label("which").fill("pakcing_advice")
        panel.get_by_role("button", name="Add").click()
        view.settle()
        expect(panel.get_by_role("alert")).to_contain_text("did you mean 'packing_advice'?")
        assert not len(dbg.breakpoints)
        panel.get_by_label("which").fill("get_weather, packing_advice")
        panel.get_by_label("condition").fill("sky == 'sunny'")
        panel.get_by_label("which").press("Enter")
        view.settle(lambda: len(dbg.breakpoints) == 1)
        expect(panel.get_by_role("alert")).to_be_hidden()
        tool(page, "Run").click()
        view.settle(lambda: dbg.stop_at is not None)
        assert dbg.pending[0].arguments == {"temp_c": 21, "sky": "sunny"}
        expect(status(page)).to_have_text("Paused beforepacking_advice")
        row = panel.get_by_role("listitem")
        expect(row).to_contain_text("before tool get_weather, packing_advice")
        expect(row).to_contain_text("where sky == 'sunny'")
        expect(row).to_contain_text("hit once")
        row.get_by_role("checkbox").uncheck()
        view.settle()
        expect(row).to_contain_text("off")
        assert not dbg.breakpoints.is_on(0)
        row.get_by_role("button", name="Remove breakpoint").click()
        view.settle(lambda: len(dbg.breakpoints) == 0)
        tool(page, "Run").click()
        view.settle(lambda: dbg.trajectory.stop_reason == "final")


def test_what_a_cell_does_is_seen(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        dbg.breakpoints.add(ak.break_on.turn(2))
        view.settle()
        expect(page.get_by_role("button", name="Breakpoints 1")).to_be_visible()
        dbg.start()
        dbg.wait(10)
        view.settle()
        expect(status(page)).to_have_text("Paused beforeturn 2")
        expect(page.locator("[data-key='turn-1']")).to_be_attached()


def test_stop_works_at_once(chromium: Browser) -> None:
    gate = Gate()
    dbg = gate.debugger()
    with shown(chromium, dbg) as (page, view):
        tool(page, "Run").click()
        view.settle(gate.entered.is_set)
        expect(status(page)).to_have_text("Runningwait")
        expect(tool(page, "Step")).to_have_attribute("aria-disabled", "true")
        page.keyboard.press("x")
        view.settle(lambda: not dbg.running)
        expect(status(page)).to_have_text("Stopped beforewait")
        assert not gate.open.is_set(), "the tool still waits; the debugger does not"
        assert len(dbg.pending) == 1
        gate.open.set()


def test_pause_ends_after_the_step_in_flight(chromium: Browser) -> None:
    gate = Gate()
    dbg = gate.debugger()
    with shown(chromium, dbg) as (page, view):
        tool(page, "Run").click()
        view.settle(gate.entered.is_set)
        tool(page, "Pause").click()
        view.settle()
        gate.open.set()
        view.settle(lambda: not dbg.running)
        assert len(dbg.trajectory.turns) == 1
        expect(status(page)).to_have_text("Paused beforeturn 1")


def test_errors_are_seen_with_what_to_do(chromium: Browser) -> None:
    refused = (
        401,
        {
            "error": {
                "message": "Incorrect API key provided",
                "type": "invalid_request_error",
                "code": "invalid_api_key",
            }
        },
    )
    dbg = ak.debug(ak.Agent("m", server=ScriptedServer([refused])), "Hello.")
    with shown(chromium, dbg) as (page, view):
        tool(page, "Run").click()
        view.settle(lambda: dbg.error is not None)
        expect(status(page)).to_have_text("Request refused")
        expect(page.get_by_role("log")).to_contain_text("Incorrect API key provided")
        dbg.post("goto", turn=99)
        view.settle()
        expect(page.locator(".ak-alert")).to_contain_text("there is no turn 99")
        expect(page.locator(".ak-alert")).to_contain_text("turns count from 0")


def test_an_answer_grows_while_it_streams(chromium: Browser) -> None:
    """200 pieces cost less than 150 KB, are heard of at most 20 times a second, and are announced
    only when the answer is whole.
    """
    gate = threading.Event()
    dbg = streaming([f"word{i} " for i in range(200)], pause=0.005, gate=gate)
    with shown(chromium, dbg) as (page, view):
        view.sent.clear()
        tool(page, "Run").click()
        view.settle(lambda: "word99 " in (page.get_by_role("log").text_content() or ""))
        expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")
        gate.set()
        view.settle(lambda: not dbg.running)
        expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
        expect(page.locator("article[data-turn='0']")).to_contain_text("word0 word1")
        expect(page.locator("[data-key^='growing']")).to_have_count(0)
        assert view.size() < 150_000
        assert len(view.sent) < 60


def test_folds_focus_scroll_and_drafts_stay(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    dbg.step()
    with shown(chromium, dbg, height=240) as (page, view):
        fold = page.locator("[data-key='about'] summary").first
        fold.click()
        waiting(page).nth(1).get_by_role("button", name="Change get_weather").click()
        view.settle()
        draft = waiting(page).nth(1).get_by_label("Arguments of get_weather")
        draft.fill('{"city": "Paris"}')
        fold.focus()
        page.evaluate("document.querySelector('.ak-rows').scrollTop = 5")
        dbg.step()
        view.settle()
        expect(page.locator("[data-key='about'] details[open]")).to_have_count(1)
        expect(fold).to_be_focused()
        expect(waiting(page).get_by_label("Arguments of get_weather")).to_have_value(
            '{"city": "Paris"}'
        )
        assert page.evaluate("document.querySelector('.ak-rows').scrollTop") == 5


def test_a_page_that_missed_something_asks_again(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        view.lost = True
        dbg.step()
        view.settle(quiet=0.2)
        view.lost = False
        dbg.step()
        view.settle(quiet=0.3)
        assert [content["type"] for content, _ in view.sent].count("reset") == 2
        expect(page.locator("[data-key='turn-0/call-0']")).to_contain_text("snow")


def test_two_views_of_one_debugger(chromium: Browser) -> None:
    """Both follow; one that is closed is forgotten."""
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        page.evaluate("window.shows()")
        view.settle()
        first, second = page.locator(".ak-root").nth(0), page.locator(".ak-root").nth(1)
        second.get_by_role("button", name="Step").click()
        view.settle(lambda: len(dbg.pending) == 2)
        for root in (first, second):
            expect(root.locator("[data-key='turn-0']")).to_be_attached()
        page.evaluate("window.models.pop().end()")
        view.settle()
        assert len(view.view._pages) == 1


def test_a_long_conversation(chromium: Browser) -> None:
    """An append is as quick at the end of a thousand turns as at the start."""
    whole = long(1000)
    dbg = ak.debug(ak.demo(), BOTH)
    with shown(chromium, dbg) as (page, view):
        dbg._cursor.engine.trajectory = replace(whole, turns=whole.turns[:999], stop_reason=None)
        view.view.refresh()
        view.settle()
        turns = page.locator("article.ak-turn")
        assert turns.count() == 999
        laid_out = "e => e.checkVisibility({contentVisibilityAuto: true})"
        assert not turns.nth(20).evaluate(laid_out), "turns out of sight are not laid out"
        assert turns.nth(998).evaluate(laid_out)
        view.sent.clear()
        dbg._cursor.engine.trajectory = whole
        view.view.refresh()
        view.settle()
        assert view.size() < 6_000
        expect(page.locator("[data-key='turn-999']")).to_be_in_viewport()


ALLOWED = "g mark del ins section nav dialog form b kbd datalist table thead tbody tr th td ul header article div dl dt dd p strong small span code pre ul li details summary button svg path rect text title label select option textarea input"
CHECK = """([allowed]) => [...document.querySelectorAll('.ak-root, .ak-root *')].flatMap(e => {
    const bad = [...e.attributes].filter(a => /^on|^style$|^(form)?action$|href|src/i.test(a.name)).map(a => a.name);
    return allowed.includes(e.localName) && !bad.length ? [] : [e.localName + ' ' + bad];
}).filter(said => !said.startsWith('button style'))"""


def shows(page: Page, texts: list[str]) -> bool:
    """Whether the view shows them all, as text."""
    contents = " ".join((page.locator(".ak-root").text_content() or "").split())
    return all(" ".join(visible(text).split())[:40] in contents for text in texts)


def test_no_text_does_anything_in_the_view(chromium: Browser) -> None:
    """Every payload in every place: answers, reasoning, names, arguments, results, errors, prompts,
    branches, breakpoints, forms, streams.
    """
    dbg = ak.debug(ak.demo(), "-")
    with shown(chromium, dbg) as (page, view):
        page.evaluate("() => { window.fired = () => { window.hasFired = true; }; }")
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
        page.get_by_role("button", name="Breakpoints", exact=True).click()
        page.get_by_role("button", name="Branches", exact=True).click()
        page.get_by_role("button", name="Charts", exact=True).click()
        texts = payloads()
        for start in range(0, len(texts), 12):
            several = texts[start : start + 12]
            hostile_trajectory(dbg, several)
            view.view.refresh()
            view.view.report(ValueError(several[0]))
            view.settle(partial(shows, page, several), quiet=0.05)
        assert page.evaluate(CHECK, [ALLOWED.split()]) == []
        assert page.evaluate("window.hasFired") is None


def test_no_text_does_anything_in_the_page_that_is_kept(chromium: Browser) -> None:
    with tab(chromium) as (page, heard):
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
        page.add_init_script("window.fired = () => { window.hasFired = true; }")
        turns = [turn for contents in payloads() for turn in filled(contents).turns]
        page.set_content(standalone(replace(filled("x"), turns=tuple(turns))))
        page.wait_for_timeout(100)
        assert page.evaluate(CHECK, [ALLOWED.split()]) == []
        assert page.evaluate("window.hasFired") is None
        assert heard == Heard()
