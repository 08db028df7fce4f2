"""What a person does in a turn, in a plain page: the real Python view and the real script."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.show.notebook.display import live_views
from agentkit.testing import ScriptedServer, calls, says
from agentkit.types.wire import ApiError, Exchange
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.debugger_view_samples import streaming

pytestmark = pytest.mark.browser

COAT = "Do I need a coat in Oslo and in Rome?"


@contextmanager
def shown(chromium: Browser, dbg: ak.Debugger, **size: int) -> Iterator[tuple[Page, StandIn]]:
    """A debugger in a page of its own, which may say nothing bad and ask for nothing."""
    with tab(chromium, **size) as (page, heard):
        yield page, StandIn(page, live_views()[ak.Debugger](dbg))
        assert heard == Heard()


def turn(page: Page, number: int) -> Locator:
    return page.get_by_role("article", name=f"Turn {number}", exact=True)


def button(where: Page | Locator, name: str) -> Locator:
    return where.get_by_role("button", name=name, exact=True)


@ak.tool
def pay(amount: float, to: str, currency: str = "EUR") -> dict[str, Any]:
    """Pay somebody."""
    return {"paid": amount, "to": to, "currency": currency}


def paying(*answers: Any, script: Any = None) -> ak.Debugger:
    """A debugger whose model pays twice in its first turn."""
    given = answers or (
        says("I pay.", calls("pay", amount=104, to="Inn"), calls("pay", amount=5, to="Bus")),
        says("Paid."),
    )
    agent = ak.Agent(
        "m", tools=[pay], server=ScriptedServer(script or list(given)), temperature=0.7
    )
    return ak.debug(
        agent, [{"role": "system", "content": "Spend little."}, {"role": "user", "content": "Pay."}]
    )


def result_of(dbg: ak.Debugger, place: int) -> ak.ToolResult:
    """A result of the first turn."""
    result = dbg.trajectory.all_turns[0].results[place]
    assert result is not None
    return result


def test_tabs_are_there_where_they_show_something_and_arrows_choose(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), COAT)
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        tabs = turn(page, 1).get_by_role("tab")
        expect(tabs.filter(visible=True)).to_have_text(["Conversation", "Request", "Response"])
        tabs.first.focus()
        page.keyboard.press("ArrowRight")
        view.settle()
        panel = turn(page, 1).get_by_role("tabpanel", name="request of turn 1")
        expect(tabs.nth(1)).to_be_focused()
        expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
        expect(panel).to_contain_text("the first 1 as in turn 0")
        expect(panel).to_contain_text("not kept: they can hold keys")
        said = turn(page, 1).get_by_text("packing_advice").first
        expect(said).to_be_hidden()
        page.keyboard.press("ArrowRight")
        view.settle()
        expect(turn(page, 1).get_by_role("tabpanel")).to_contain_text("finish")
        expect(turn(page, 0).get_by_role("tabpanel")).to_have_count(0)
        page.keyboard.press("Home")
        expect(turn(page, 1).get_by_role("tabpanel")).to_have_count(0)
        expect(said).to_be_visible()


def test_actions_are_one_stop_and_the_menu_gives_the_focus_back(chromium: Browser) -> None:
    dbg = ak.debug(ak.demo(), COAT)
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        page.evaluate(
            "() => Object.defineProperty(navigator, 'clipboard',"
            " {value: {writeText: async (text) => { window.taken = text; }}})"
        )
        button(turn(page, 0), "Go here").focus()
        page.keyboard.press("End")
        more = button(turn(page, 0), "More: link, note, label, export")
        expect(more).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("menuitem").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("menu")).to_have_count(0)
        expect(more).to_be_focused()
        page.keyboard.press("Enter")
        page.get_by_role("menuitem", name="Copy as curl").click()
        view.settle()
        assert "curl --silent" in page.evaluate("window.taken")
        page.keyboard.press("l")
        assert page.evaluate("window.taken").endswith("#agentkit-turn-0")
        button(turn(page, 1), "Go here").click()
        view.settle(lambda: len(dbg.trajectory.turns) == 1)


def test_a_pending_call_is_changed_and_run_in_its_row(chromium: Browser) -> None:
    dbg = paying()
    dbg.step()
    with shown(chromium, dbg) as (page, view):
        waits = page.get_by_role("group", name="pay waits for you")
        field = waits.get_by_label("Arguments of pay")
        expect(field).to_have_value('{"amount": 104, "to": "Inn"}')
        expect(waits).to_contain_text("1 of 2")
        expect(button(waits, "Run")).to_be_visible()
        field.fill('{"amount": "much", "to": "Inn"}')
        page.wait_for_timeout(200)
        view.settle()
        expect(waits.get_by_role("status")).to_contain_text("amount: string where number is wanted")
        expect(button(waits, "Run with these")).to_have_attribute("aria-disabled", "true")
        field.press("Control+Enter")
        view.settle()
        assert len(dbg.pending) == 2
        field.fill('{"amount": 99.5, "to": "Inn"}')
        page.wait_for_timeout(200)
        view.settle()
        expect(waits.get_by_role("status")).to_contain_text("✓ fits the schema")
        expect(waits.locator("del")).to_have_text("104")
        expect(waits.locator("ins")).to_have_text("99.5")
        field.press("Control+Enter")
        view.settle(lambda: len(dbg.pending) == 1)
        assert result_of(dbg, 0).value == {
            "paid": 99.5,
            "to": "Inn",
            "currency": "EUR",
        }
        assert len(dbg.tree) == 2
        expect(waits.get_by_label("Arguments of pay")).to_have_value('{"amount": 5, "to": "Bus"}')
        expect(waits.get_by_label("Arguments of pay")).to_be_focused()


def test_other_calls_wait_as_a_line_each_and_are_answered_out_of_order(chromium: Browser) -> None:
    dbg = paying()
    dbg.step()
    with shown(chromium, dbg) as (page, view):
        other = page.get_by_role("group", name="pay waits", exact=True)
        button(other, "More for pay").click()
        page.get_by_role("menuitem", name="Answer by hand…").click()
        view.settle()
        expect(page.get_by_role("group", name="pay waits for you")).to_contain_text("2 of 2")
        answer = page.get_by_label("The result, as the model will see it")
        expect(answer).to_be_focused()
        answer.press("Escape")
        expect(answer).to_have_count(0)
        button(page.get_by_role("group", name="pay waits for you"), "Answer by hand…").click()
        answer.fill("no bus today")
        button(page, "Answer").click()
        view.settle(lambda: len(dbg.pending) == 1)
        assert result_of(dbg, 1).content == "no bus today"
        button(page.get_by_role("group", name="pay waits for you"), "Skip").click()
        view.settle(lambda: not dbg.pending)
        expect(page.get_by_role("group", name="pay waits for you")).to_have_count(0)


def test_a_draft_stays_when_the_rows_are_drawn_again(chromium: Browser) -> None:
    dbg = paying()
    dbg.step()
    with shown(chromium, dbg) as (page, view):
        view.settle()
        field = page.get_by_label("Arguments of pay").first
        field.fill('{"amount": 1')
        dbg.pending.skip(1)
        view.settle(lambda: len(dbg.pending) == 1)
        expect(field).to_have_value('{"amount": 1')
        expect(field).to_be_focused()


def edited(page: Page, view: StandIn, number: int, slot: str) -> Locator:
    """Opens an editor from the head of a turn."""
    button(turn(page, number), "Edit").click()
    view.settle()
    page.get_by_role("menuitem", name=slot).click()
    view.settle()
    return page.locator(".ak-ed textarea:focus")


def test_a_result_is_changed_in_its_row_with_a_diff_before_it(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        field = edited(page, view, 0, "Result of pay (0)")
        field.fill('{"paid": 1, "to": "Inn", "currency": "EUR"}')
        page.wait_for_timeout(200)
        view.settle()
        expect(page.locator(".ak-ed del")).to_have_text("104")
        field.press("Escape")
        expect(page.locator(".ak-ed")).to_have_count(0)
        expect(button(turn(page, 0), "Edit")).to_be_focused()
        field = edited(page, view, 0, "Result of pay (0)")
        field.fill("declined")
        button(page, "Apply as a new branch").click()
        view.settle(lambda: len(dbg.tree) == 2)
        assert result_of(dbg, 0).content == "declined"
        expect(turn(page, 0)).to_contain_text("declined")


def test_a_system_prompt_is_changed_in_its_row(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        page.get_by_role("button", name="Edit the system message").click()
        view.settle()
        field = page.locator(".ak-ed textarea")
        expect(field).to_have_value("Spend little.")
        field.fill("Spend much.")
        page.wait_for_timeout(200)
        view.settle()
        expect(page.locator(".ak-ed ins")).to_have_text("much")
        field.press("Control+Enter")
        view.settle(lambda: len(dbg.tree) == 2)
        assert [m.content for m in dbg.trajectory.prompt] == ["Spend much.", "Pay."]


def test_a_change_that_cannot_be_made_is_refused_in_its_row(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        field = edited(page, view, 0, "Arguments of pay (0)")
        field.fill('{"amount": NaN, "to": "Inn"}')
        page.wait_for_timeout(200)
        view.settle()
        button(page, "Apply as a new branch").click()
        view.settle()
        expect(page.locator(".ak-ed-told")).to_contain_text("✕ the arguments hold NaN")
        assert len(dbg.tree) == 1
        field.fill('{"amount": 1, "to": "Inn"}')
        page.wait_for_timeout(200)
        view.settle()
        button(page, "Apply as a new branch").click()
        view.settle(lambda: len(dbg.tree) == 2)
        expect(button(page, "Apply as a new branch")).to_have_count(0)


def test_the_sampling_is_changed_in_the_request(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        turn(page, 0).get_by_role("tab", name="Request").click()
        view.settle()
        page.get_by_role("button", name="Edit the sampling, and ask again").click()
        view.settle()
        field = page.locator(".ak-ed textarea")
        field.fill('{"temperature": ')
        page.wait_for_timeout(200)
        view.settle()
        expect(button(page, "Apply as a new branch")).to_have_attribute("aria-disabled", "true")
        field.fill('{"temperature": 0}')
        page.wait_for_timeout(200)
        view.settle()
        expect(page.locator(".ak-ed ins")).to_have_text("0")
        button(page, "Apply as a new branch").click()
        view.settle(lambda: len(dbg.tree) == 2)
        assert dbg.request.sampling["temperature"] == 0


def test_answers_stand_side_by_side_and_one_is_used(chromium: Browser) -> None:
    amounts = iter((104, 99.5, 96, 5))
    dbg = paying(script=lambda _: says(None, calls("pay", amount=next(amounts), to="Inn")))
    dbg.step()
    with shown(chromium, dbg) as (page, view):
        button(turn(page, 0), "Rerun").click()
        view.settle()
        button(page, "Ask 3 times").click()
        view.settle(lambda: len(dbg.tree) == 4, quiet=0.3)
        cards = turn(page, 0).locator(".ak-card")
        expect(cards).to_have_count(4)
        expect(cards.first).to_contain_text("as it was")
        cards.nth(2).get_by_role("button", name="Use this answer").click()
        view.settle(lambda: dbg.tree.current == "b2")
        expect(cards.nth(2)).to_contain_text("in use")


def test_a_call_in_the_text_is_written_as_a_call(chromium: Browser) -> None:
    text = '<tool_call>\n{"name": "pay", "arguments": {"amount": 1, "to": "Inn"}}\n</tool_call>'
    dbg = paying(says(text), says("Paid."))
    dbg.step()
    assert dbg.pending.recoverable
    with shown(chromium, dbg) as (page, view):
        page.get_by_role("button", name="Write the call pay").click()
        view.settle(lambda: len(dbg.pending) == 1)
        expect(page.get_by_role("group", name="pay waits for you")).to_be_visible()


def test_a_request_that_failed_is_asked_again_or_answered_by_hand(chromium: Browser) -> None:
    broken = Exchange(
        body=json.dumps({"error": {"message": "out of order"}}),
        status=400,
        transport_error=ApiError(kind="bad_request", message="out of order", status=400),
    )
    dbg = paying(broken, broken, says("Paid."))
    dbg.step()
    with shown(chromium, dbg) as (page, view):
        what = page.get_by_role("group", name="What to do about it")
        button(what, "Ask again").click()
        view.settle(lambda: len(dbg.trajectory.attempts) == 2)
        expect(what).to_have_count(1)
        button(what, "Answer by hand…").click()
        view.settle()
        page.locator(".ak-ed textarea").fill("It is paid.")
        button(page, "Apply as a new branch").click()
        view.settle(lambda: len(dbg.trajectory.all_turns) == 1)
        assert dbg.trajectory.all_turns[0].response.content == "It is paid."
        expect(what).to_have_count(0)


def test_only_heads_near_the_view_are_built(chromium: Browser) -> None:
    dbg = ak.debug(
        ak.Agent(
            "m",
            tools=[pay],
            server=ScriptedServer([says("", calls("pay", amount=1, to="I"))] * 120 + [says("x")]),
            max_turns=200,
        ),
        "Pay.",
    )
    dbg.run()
    with shown(chromium, dbg) as (page, _view):
        expect(page.locator(".ak-turn-head")).to_have_count(121)
        page.wait_for_timeout(300)
        assert 0 < page.locator(".ak-turn-tools").count() < 60


def test_a_note_and_labels_stay_with_a_turn_and_a_call(chromium: Browser) -> None:
    dbg = paying()
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        button(turn(page, 0), "More: link, note, label, export").click()
        page.get_by_role("menuitem", name="Note or label…").click()
        view.settle()
        page.get_by_label("Note", exact=True).fill("pays too much")
        page.get_by_label("Labels").fill("overspend, slow")
        button(page, "Save").click()
        view.settle(lambda: len(dbg.remarks) == 3)
        noted = turn(page, 0).locator(".ak-remarks")
        expect(noted).to_contain_text("pays too much")
        expect(noted).to_contain_text("overspend")
        button(page, "Edit the notes").click()
        view.settle()
        expect(page.get_by_label("Labels")).to_have_value("overspend, slow")
        page.get_by_label("What it is about").select_option(label="call 1: pay")
        page.get_by_label("Note", exact=True).fill("the bus")
        page.get_by_label("Note", exact=True).press("Control+Enter")
        view.settle(lambda: len(dbg.remarks) == 4)
        expect(noted).to_contain_text("the bus")
        button(page, "Edit the notes").click()
        view.settle()
        page.get_by_label("Labels").fill("slow")
        button(page, "Save").click()
        view.settle(lambda: len(dbg.remarks) == 3)
        expect(noted).not_to_contain_text("overspend")


def test_a_problem_is_mended_from_its_row(chromium: Browser) -> None:
    dbg = paying(says("I pay.", calls("pay", amount="a lot", to="Inn")), says("Paid."))
    dbg.run()
    with shown(chromium, dbg) as (page, view):
        turn(page, 0).get_by_role("tab", name="Problems").click()
        view.settle()
        button(turn(page, 0), "Edit the arguments").first.click()
        view.settle()
        field = page.locator(".ak-ed textarea:focus")
        field.fill('{"amount": 5, "to": "Inn"}')
        view.settle(quiet=0.4)
        expect(page.locator(".ak-ed")).to_contain_text("fits the schema")
        field.press("Escape")
        expect(field).to_have_count(0)


def test_the_whole_job_is_done_by_keys(chromium: Browser) -> None:
    """Find what went wrong, mend the argument, run on, ask again, write a note: no pointer."""
    wrong = says("I pay.", calls("pay", amount="a lot", to="Inn"))
    dbg = paying(wrong, says("Sorry."), says("Paid."), says("Paid, too."))
    with shown(chromium, dbg) as (page, view):
        press = page.keyboard.press
        page.get_by_role("log").focus()
        press("F9")
        view.settle(lambda: not dbg.running and dbg.trajectory.final is not None)
        press("n")
        press("e")
        view.settle()
        expect(page.get_by_role("menuitem").first).to_be_focused()
        press("Enter")
        view.settle()
        expect(page.get_by_label("Arguments of pay")).to_be_focused()
        press("Control+a")
        page.keyboard.type('{"amount": 5, "to": "Inn"}')
        view.settle()
        press("Control+Enter")
        view.settle(lambda: len(dbg.tree) == 2)
        expect(page.locator(".ak-ed")).to_have_count(1)  # the call waits, with what was typed
        press("F9")
        view.settle(lambda: dbg.trajectory.final is not None)
        assert result_of(dbg, 0).status == "ok"
        press("j")
        press("r")
        view.settle()
        expect(page.locator(".ak-panel-acts .ak-main")).to_be_focused()
        press("Shift+Tab")
        press("Enter")
        view.settle(lambda: len(dbg.tree) == 3)
        press("m")
        view.settle()
        expect(page.get_by_label("Note", exact=True)).to_be_focused()
        page.keyboard.type("mended")
        press("Control+Enter")
        view.settle(lambda: len(dbg.remarks) == 1)


def test_what_came_of_a_stopped_answer_is_used(chromium: Browser) -> None:
    gate = threading.Event()
    dbg = streaming(["One ", "night ", "at ", "the Inn"], gate=gate)
    with shown(chromium, dbg) as (page, view):
        dbg.start()
        view.settle(lambda: "night" in page.inner_text("body"))
        dbg.stop()
        gate.set()
        what = page.get_by_role("group", name="What to do about it")
        view.settle(lambda: what.count() == 1)
        expect(page.get_by_role("group", name="facts")).not_to_contain_text("error")
        button(what, "Use as the answer").click()
        view.settle(lambda: len(dbg.trajectory.all_turns) == 1)
        assert (dbg.trajectory.all_turns[0].response.content or "").startswith("One night")


def test_an_answer_of_a_rerun_is_seen_while_it_is_written(chromium: Browser) -> None:
    gate = threading.Event()
    gate.set()
    dbg = streaming(["One ", "night ", "at ", "the Inn"], gate=gate)
    dbg.step()
    gate.clear()
    with shown(chromium, dbg) as (page, view):
        button(turn(page, 0), "Rerun").click()
        view.settle()
        button(page, "Ask once more").click()
        card = turn(page, 0).locator(".ak-card").nth(1)
        view.settle(lambda: "One night" in card.inner_text())
        expect(card).to_contain_text("writing…")
        gate.set()
        view.settle(lambda: len(dbg.tree) == 2)
        expect(card).to_contain_text("answered")
