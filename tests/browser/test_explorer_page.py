"""The table of rollouts in a plain page: paged by the kernel, filtered, sorted, grouped, opened,
compared and labelled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.analysis.explore.explorer import Explorer
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
from agentkit.types.trajectory import Trajectory
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.debugger_view_samples import payloads

pytestmark = pytest.mark.browser

REWARDS = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def rollouts() -> tuple[Trajectory, ...]:
    found = ak.rollouts(
        ak.demo(),
        ["Do I need a coat in Oslo?", "Weather in Rome and Cairo?", "Hello"],
        n=2,
        progress=False,
    )
    return tuple(replace(t, meta={**t.meta, "reward": REWARDS[i % 3]}) for i, t in enumerate(found))


@contextmanager
def shown(
    chromium: Browser, rollouts: Sequence[Trajectory]
) -> Iterator[tuple[Page, StandIn, ExplorerView, Explorer]]:
    """A table in a page of its own, which may say nothing bad and ask for nothing."""
    table = ak.explore(rollouts)
    with tab(chromium, height=900) as (page, heard):
        view = ExplorerView(table)
        yield page, StandIn(page, view), view, table
        assert heard == Heard()


def rows(page: Page) -> Locator:
    return page.locator(".ak-grid-row")


def unfolded(page: Page) -> Locator:
    """The row that is open."""
    return rows(page).filter(has=page.locator("[aria-expanded=true]"))


def told(page: Page) -> Locator:
    """What the rollouts come to."""
    return page.locator(".ak-xmain > [role=status]")


def said(page: Page) -> Locator:
    """What is said where there are no rows."""
    return page.locator(".ak-empty")


def grid(page: Page) -> Locator:
    return page.get_by_role("grid", name="rollouts")


def test_a_row_that_stays_in_sight_is_not_drawn_again(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, [rollouts[i % 6] for i in range(500)]) as (page, stand_in, _, _):
        page.evaluate("window.rows = [...document.querySelectorAll('.ak-grid-row')]")
        grid(page).evaluate("table => { table.scrollTop = 30 * 27; }")
        stand_in.settle()
        expect(rows(page).filter(has_text="46").first).to_be_attached()
        kept = page.evaluate(
            "window.rows.map((row, i) => [i, row.isConnected]).filter(([, there]) => there).map(([i]) => i)"
        )
        assert kept[0] == 18, "twelve above the first in sight"
        assert kept == list(range(18, kept[-1] + 1))
        assert page.evaluate(
            "[...document.querySelectorAll('.ak-grid-row')].map(row => Number(row.ariaRowIndex))"
        ) == list(range(20, 20 + rows(page).count()))


def test_fifty_thousand_rows_are_shown_by_their_first(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    many = [rollouts[i % 6] for i in range(50_000)]
    with shown(chromium, many) as (page, stand_in, view, _):
        expect(grid(page)).to_have_attribute("aria-rowcount", "50001")
        expect(told(page)).to_contain_text("50,000 rollouts")
        assert rows(page).count() < 60
        assert stand_in.size() < 50_000
        before = stand_in.size()
        grid(page).evaluate("table => { table.scrollTop = 1_000_000; }")
        stand_in.settle()
        expect(rows(page).filter(has_text="37,040").first).to_be_attached()
        assert stand_in.size() - before < 50_000
        started = time.process_time()
        view.do_rows(25_000, 25_060, view._generation)
        assert time.process_time() - started < 0.2


def test_filter_sort_open_and_keys(chromium: Browser, rollouts: tuple[Trajectory, ...]) -> None:
    with shown(chromium, rollouts) as (page, stand_in, view, _):
        page.get_by_role("combobox", name="filter").fill("turns>1 reward<1")
        stand_in.settle(lambda: view._asked_for == "turns>1 reward<1" and not view._working)
        expect(told(page)).to_contain_text("3 of 6 rollouts")
        expect(rows(page)).to_have_count(3)
        page.get_by_role("columnheader", name="reward").get_by_role("button").click()
        stand_in.settle(lambda: not view._working)
        expect(page.get_by_role("columnheader", name="reward")).to_have_attribute(
            "aria-sort", "descending"
        )
        rows(page).first.click()
        stand_in.settle()
        expect(unfolded(page)).to_have_id(rows(page).first.get_attribute("id") or "")
        expect(page.locator(".ak-detail")).to_contain_text("get_weather")
        rows(page).first.click()
        stand_in.settle()
        expect(page.locator(".ak-detail")).to_have_count(0)
        grid(page).focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        stand_in.settle()
        expect(unfolded(page)).to_have_id(rows(page).nth(1).get_attribute("id") or "")
        page.keyboard.press("Escape")
        stand_in.settle()
        page.get_by_role("combobox", name="filter").fill("colour=red")
        stand_in.settle(lambda: view._asked_for == "colour=red" and not view._working)
        expect(said(page)).to_contain_text("no column is named 'colour'")


def test_groups_their_tree_and_their_rollouts(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, rollouts) as (page, stand_in, view, _):
        page.get_by_role("button", name="Prompts").click()
        stand_in.settle(lambda: not view._working)
        expect(rows(page)).to_have_count(3)
        weather = rows(page).filter(has_text="Weather")
        weather.click()
        stand_in.settle()
        expect(page.locator(".ak-detail")).to_contain_text("2 of 2")
        weather.get_by_role("button", name="show the rollouts of this prompt").click()
        stand_in.settle(lambda: not view._working)
        expect(told(page)).to_contain_text("2 of 6 rollouts")
        expect(rows(page).first).to_contain_text("Weather in Rome and Cairo?")
        page.get_by_role("combobox", name="filter").fill("reward<1")
        stand_in.settle(lambda: view._asked_for == "reward<1" and not view._working)
        assert all(view._all.value("prompt", place).startswith("Weather") for place in view._rows)
        page.get_by_role("button", name="show all prompts again").click()
        stand_in.settle(lambda: not view._working)
        assert {view._all.value("prompt", place)[:5] for place in view._rows} == {
            "Do I ",
            "Weath",
            "Hello",
        }


def test_a_filter_has_help_says_what_it_refuses_and_is_cleared(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, rollouts) as (page, stand_in, view, _):
        page.get_by_role("button", name="Keys and filter words").click()
        for wanted in ("reward", "codes", "holds this text"):
            expect(page.locator(".ak-xmenu")).to_contain_text(wanted)
        page.keyboard.press("Escape")
        search = page.get_by_role("combobox", name="filter")
        search.fill("rewardd<1")
        search.press("Enter")
        stand_in.settle(lambda: not view._working)
        expect(said(page)).to_have_text(
            "no column is named 'rewardd'did you mean reward?reward<1Clear the filter"
        )
        expect(search).to_have_attribute("aria-invalid", "true")
        search.fill("zebra")
        search.press("Enter")
        stand_in.settle(lambda: not view._working)
        expect(said(page)).to_contain_text("No rollout fits this filter")
        page.get_by_role("button", name="clear the filter", exact=True).click()
        stand_in.settle(lambda: not view._working)
        expect(rows(page)).to_have_count(6)
        expect(said(page)).to_be_hidden()


def test_a_failure_while_searching_is_said(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, rollouts) as (page, stand_in, view, table):
        table.source.holding = lambda *_: (_ for _ in ()).throw(OSError("the file is gone"))  # type: ignore[method-assign]
        page.get_by_role("combobox", name="filter").fill("Oslo")
        stand_in.settle(lambda: view._asked_for == "Oslo" and not view._working)
        expect(said(page)).to_contain_text("the file is gone")


def test_a_table_without_rollouts_says_so(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, ak.explore(rollouts).filter("zebra")) as (page, *_):
        expect(told(page)).to_contain_text("0 rollouts")
        expect(said(page)).to_contain_text("There are no rollouts")


def test_labels_are_offered_and_taken_away(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, rollouts) as (page, stand_in, _, table):
        table.label("wrong city", 5)  # in another cell
        stand_in.settle()
        page.get_by_label("mark rollout 5").click()
        stand_in.settle()
        assert page.locator("datalist option").evaluate_all(
            "options => options.map(option => option.value)"
        ) == ["wrong city"]
        expect(rows(page).nth(5)).to_contain_text("wrong city")
        page.get_by_label("label for the marked rollouts").fill("wrong city")
        page.get_by_role("button", name="Remove label").click()
        stand_in.settle()
        assert table.labels.all == {}
        expect(rows(page).nth(5)).not_to_contain_text("wrong city")


def test_two_marked_rollouts_are_compared_and_labelled(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, rollouts) as (page, stand_in, view, table):
        page.get_by_label("mark rollout 0").click()
        stand_in.settle()
        expect(page.get_by_role("button", name="Compare", exact=True)).to_have_attribute(
            "aria-disabled", "true"
        )
        grid(page).focus()
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        stand_in.settle(lambda: view._marked == [0, 4])
        page.get_by_role("button", name="Compare", exact=True).click()
        stand_in.settle()
        expect(page.locator(".ak-beside")).to_contain_text("rollout 4")
        page.get_by_role("button", name="Close").click()
        stand_in.settle()
        expect(page.locator(".ak-beside")).to_be_hidden()
        page.get_by_label("label for the marked rollouts").fill("odd")
        page.get_by_role("button", name="Add label").click()
        stand_in.settle()
        assert table.labels.all == {0: ("odd",), 4: ("odd",)}
        expect(rows(page).nth(4)).to_contain_text("odd")
        page.get_by_role("button", name="unmark all").click()
        stand_in.settle()
        expect(page.get_by_label("label for the marked rollouts")).to_be_hidden()


def test_hostile_texts_do_nothing(chromium: Browser, rollouts: tuple[Trajectory, ...]) -> None:
    hostile = [
        replace(rollouts[i % 6], meta={"note": text, text[:40] or "x": text})
        for i, text in enumerate(payloads())
    ]
    with shown(chromium, hostile) as (page, stand_in, view, table):
        table.label("<img src=x onerror=alert(1)>", 0, 1)
        for position in range(0, len(hostile), 9):
            view.do_open(position)
            stand_in.settle(quiet=0.02)
        view.do_ask(grouped=True)
        stand_in.settle(lambda: not view._working)
        assert page.locator("img, script, iframe").count() == 0
        assert page.evaluate("() => document.body.scrollWidth <= window.innerWidth")


OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll('.ak-xbar button:not(.ak-xfield *), .ak-xfield')]
        .map((each) => each.getBoundingClientRect()).filter((box) => box.width);
    const right = document.querySelector('.ak-explorer').getBoundingClientRect().right;
    const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 &&
        a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return boxes.some((a, i) => a.right > right || boxes.slice(i + 1).some((b) => meet(a, b)));
}"""
"""Whether controls of the toolbar lie over each other, or outside of the table."""


@pytest.mark.parametrize("width", [340, 400, 560, 700, 1200])
def test_the_toolbar_has_room_in_any_cell(
    chromium: Browser, rollouts: tuple[Trajectory, ...], width: int
) -> None:
    with shown(chromium, rollouts) as (page, view, _, _):
        page.set_viewport_size({"width": width, "height": 800})
        view.settle()
        assert not page.evaluate(OVERLAPS)


def test_what_is_opened_fits_a_narrow_cell(
    chromium: Browser, rollouts: tuple[Trajectory, ...]
) -> None:
    with shown(chromium, rollouts) as (page, stand_in, view, _):
        page.set_viewport_size({"width": 560, "height": 900})
        rows(page).first.click()
        stand_in.settle(lambda: bool(view._open))
        bar = page.locator(".ak-detail:visible .ak-open-bar").first
        expect(bar.get_by_role("button", name="Close")).to_be_visible()
        whole = bar.bounding_box()
        assert whole is not None
        for button in bar.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= min(560, whole["x"] + whole["width"])


def test_a_filtered_table_says_by_what(chromium: Browser, rollouts: tuple[Trajectory, ...]) -> None:
    bad = ak.explore(rollouts).filter("reward<1")
    with tab(chromium, height=900) as (page, _):
        StandIn(page, ExplorerView(bad))
        expect(page.locator(".ak-xmain")).to_contain_text("of 6 rollouts reward<1")
