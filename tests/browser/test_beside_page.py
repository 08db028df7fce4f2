"""A comparison and a diff in a plain page: the real Python views and the real script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

import agentkit as ak
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.diff import Diff
from agentkit.show.notebook.views.beside_view import (
    ComparisonView,
    DiffView,
    SamplesView,
    TreeView,
)
from agentkit.testing import ScriptedServer, calls, says
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.beside_samples import BESIDE, comparison, hostile_comparison
from tests.show.test_tree_pictures import sampled
from tests.support.paths import NOTEBOOKS

pytestmark = pytest.mark.browser
RECORDED = NOTEBOOKS / "cassettes"


@contextmanager
def shown(chromium: Browser, view: Any) -> Iterator[tuple[Page, StandIn]]:
    """A view in a page of its own, which may say nothing bad and ask for nothing."""
    with tab(chromium) as (page, heard):
        yield page, StandIn(page, view)
        assert heard == Heard()


def recorded() -> Comparison:
    """Three sides that were recorded, one of which failed half of the prompts."""
    sides = {
        "reasoning parser": "04_vllm_hermes_qwen3",
        "no reasoning parser": "04_vllm_hermes_no_reasoning",
        "openai": "04_openai_shaped_constructed",
    }
    return ak.compare({name: str(RECORDED / f"{file}.jsonl") for name, file in sides.items()})


def box(of: Locator) -> FloatRect:
    found = of.bounding_box()
    assert found
    return found


def cell(page: Page, prompt: int, side: str) -> Locator:
    return page.get_by_role("button", name=f"prompt {prompt}, {side}: open")


def opened(page: Page) -> Locator:
    return page.get_by_role("region", name="two conversations")


def test_every_prompt_is_listed_with_what_each_side_did(chromium: Browser) -> None:
    found = recorded()
    with shown(chromium, ComparisonView(found)) as (page, _):
        rows = page.locator(".ak-matrix tbody tr")
        expect(rows).to_have_count(1 + len(found.asked))
        expect(rows.nth(3)).to_contain_text("✕ no answer")
        expect(rows.nth(1)).to_contain_text("not asked")
        table, card = (box(page.locator(name).first) for name in (".ak-matrix", ".ak-finding"))
        assert table["y"] < card["y"]
        assert page.locator(".ak-finding details[open]").count() == 2, "the worst two are open"


def test_a_cell_opens_two_conversations_and_gives_the_focus_back(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(recorded())) as (page, view):
        first = cell(page, 4, "reasoning parser")
        before = first.bounding_box()
        first.click()
        view.settle()
        panel = opened(page)
        expect(panel.get_by_role("columnheader")).to_have_text(
            ["reasoning parser", "no reasoning parser"]
        )
        assert first.bounding_box() == before, "nothing moves under the pointer"
        expect(first).to_have_attribute("aria-expanded", "true")
        page.get_by_label("right side").select_option("openai")
        view.settle()
        expect(panel.get_by_role("columnheader")).to_have_text(["reasoning parser", "openai"])
        expect(panel.locator("del").first).to_contain_text("Run the command")
        left, right = (box(panel.locator("tr.ak-apart td").nth(i)) for i in (0, 1))
        assert left["y"] == right["y"], "what belongs together is on one line"
        panel.focus()
        page.keyboard.press("Escape")
        expect(panel).to_have_count(0)
        expect(first).to_be_focused()


def test_cells_are_reached_by_arrows(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(recorded())) as (page, view):
        cell(page, 1, "reasoning parser").focus()
        page.keyboard.press("ArrowRight")
        expect(cell(page, 1, "no reasoning parser")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(cell(page, 2, "no reasoning parser")).to_be_focused()
        page.keyboard.press("Enter")
        view.settle()
        expect(opened(page)).to_be_visible()
        assert page.locator(".ak-cell[tabindex='0']").count() == 1


def test_the_samples_of_a_cell_are_chosen(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(comparison())) as (page, view):
        cell(page, 0, "vllm").click()
        page.get_by_label("sample").select_option("3")
        view.settle()
        expect(opened(page).locator("tr.ak-apart")).to_have_count(2)
        expect(opened(page).locator("ins").first).to_have_text("OSLO")


def test_a_prompt_that_one_side_was_asked_shows_its_conversation(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(recorded())) as (page, view):
        cell(page, 9, "reasoning parser").click()
        view.settle()
        expect(opened(page)).to_contain_text("Compare the weather in Rome and Oslo.")


def test_what_went_right_is_left_out(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(recorded())) as (page, _):
        rows = page.locator(".ak-matrix tbody tr:visible")
        all_of_them = rows.count()
        only = page.get_by_role("button", name="Only what went wrong")
        only.click()
        expect(only).to_have_attribute("aria-pressed", "true")
        assert 1 < rows.count() < all_of_them
        only.click()
        expect(rows).to_have_count(all_of_them)


def test_the_page_goes_from_difference_to_difference(chromium: Browser) -> None:
    with shown(chromium, DiffView(BESIDE["diff"]())) as (page, _):
        rows = page.locator("tr.ak-apart")
        page.get_by_role("button", name="Next difference").click()
        expect(rows.first).to_have_attribute("aria-current", "true")
        expect(page.get_by_role("status")).to_have_text(f"1 of {rows.count()}")
        page.keyboard.press("p")
        expect(rows.last).to_have_attribute("aria-current", "true")
        expect(rows.last).to_be_in_viewport()
        page.keyboard.press("n")
        expect(rows.first).to_have_attribute("aria-current", "true")
        expect(rows.first).to_be_in_viewport()


def long_diff() -> Diff:
    """Two rollouts of thirty turns that part in the twentieth."""

    def one(word: str) -> Any:
        script = [says("x " * 60, calls("look", at=i)) for i in range(19)]
        script += [says(f"{word} {i}. " * 30, calls("look", at=i)) for i in range(10)]
        server = ScriptedServer([*script, says(word)])
        return ak.rollout(ak.Agent("m", [look], server=server, max_turns=40), "Go on.")

    return ak.diff(one("left"), one("right"), names=("before", "after"))


def look(at: int) -> str:
    """Look at a place."""
    return f"place {at}"


def test_the_names_of_the_sides_stay_in_sight(chromium: Browser) -> None:
    with shown(chromium, DiffView(long_diff())) as (page, _):
        expect(page.locator(".ak-alike summary").nth(1)).to_have_text("turns 0 to 18 are the same")
        for _ in range(8):
            page.keyboard.press("Tab")
        page.locator(".ak-goes button").last.click()
        for _ in range(8):
            page.keyboard.press("n")
        names, row = page.locator("thead").first, page.locator("tr[aria-current]")
        expect(row).to_be_in_viewport()
        above = box(names.locator("th").first)
        assert above["y"] + above["height"] <= box(row)["y"] + 1, "no row is below the names"


def test_a_narrow_cell_stacks_the_sides_with_their_names(chromium: Browser) -> None:
    with shown(chromium, DiffView(BESIDE["diff"]())) as (page, _):
        page.set_viewport_size({"width": 480, "height": 900})
        row = page.locator("tr.ak-apart").first
        expect(row.locator(".ak-who")).to_have_text(["with reasoning", "without"])
        left, right = (box(row.locator("td").nth(i)) for i in (0, 1))
        assert left["y"] + left["height"] <= right["y"] + 1


def test_hostile_sides_fire_nothing(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(hostile_comparison())) as (page, view):
        cell(page, 0, "a").click()
        view.settle()
        assert page.locator(".ak-root :is(script, img, a, iframe, style)").count() == 0


def branches() -> ak.Debugger:
    """A debugger with a branch that left at its second turn, and one that left that."""
    script = lambda messages: says(  # noqa: E731
        "done" if len(messages) > 7 else None, *([] if len(messages) > 7 else [calls("look", at=1)])
    )
    dbg = ak.debug(ak.Agent("m", [look], server=ScriptedServer(script)), "Go on.")
    dbg.run()
    fork = dbg.fork(1)
    fork.run()
    return fork.fork(2)


def test_a_branch_is_shown_beside_the_one_it_left(chromium: Browser) -> None:
    dbg = branches()
    with shown(chromium, TreeView(dbg.tree)) as (page, view):
        expect(page.locator(".ak-lanes tbody tr")).to_have_count(3)
        expect(page.locator("tr.ak-here")).to_contain_text("▶ at turn 2")
        tops = [box(page.locator(".ak-lanes tbody svg").nth(i)) for i in range(3)]
        assert all(a["y"] + a["height"] == b["y"] for a, b in pairwise(tops)), (
            "the lines of the lanes meet"
        )
        button = page.get_by_role("button", name="Diff of b1 and b2")
        button.click()
        view.settle()
        expect(opened(page).get_by_role("columnheader")).to_have_text(["b1", "b2"])
        expect(page.get_by_role("group", name="differences")).to_be_visible()
        opened(page).focus()
        page.keyboard.press("Escape")
        expect(button).to_be_focused()


def test_a_card_opens_its_prompt_and_shows_its_tokens(chromium: Browser) -> None:
    with shown(chromium, ComparisonView(recorded())) as (page, view):
        page.locator("[data-key=class-prefix_broken] summary").first.click()
        page.get_by_role("button", name="Show in the tokens").click()
        view.settle()
        expect(opened(page).locator(".ak-broken")).to_be_in_viewport()
        page.get_by_role("button", name="Open prompt").first.click()
        view.settle()
        expect(opened(page).get_by_role("columnheader")).to_have_count(2)


def test_the_strip_of_a_card_goes_to_its_prompts(chromium: Browser) -> None:
    found = recorded()
    with shown(chromium, ComparisonView(found)) as (page, view):
        strip = page.locator(".ak-strip").first
        size = box(strip)
        strip.click(position={"x": size["width"] * 2.5 / len(found.asked), "y": 6})
        view.settle()
        expect(page.locator(".ak-pairhead strong")).to_have_text("Prompt 2")
        expect(opened(page)).to_be_in_viewport()


def test_a_way_of_samples_is_shown_beside_another(chromium: Browser) -> None:
    samples = ak.sample_tree([sampled("Oslo"), sampled("Rome"), sampled("Oslo")])
    with shown(chromium, SamplesView(samples)) as (page, view):
        way = page.get_by_role("button", name="Rome")
        way.click()
        view.settle()
        expect(opened(page).get_by_role("columnheader")).to_have_text(["sample 1", "sample 0"])
        page.get_by_label("right side").select_option("sample 2")
        view.settle()
        expect(opened(page).get_by_role("columnheader")).to_have_text(["sample 1", "sample 2"])
        page.get_by_role("button", name="Close").click()
        expect(opened(page)).to_have_count(0)
        expect(way).to_be_focused()
        page.keyboard.press("Enter")
        expect(opened(page)).to_have_count(1)
