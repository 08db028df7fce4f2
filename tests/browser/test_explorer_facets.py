"""What stands around the table of rollouts, in a plain page: facets, the figures of what is
filtered, columns, views that were saved, what was said of a rollout, and views inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.agent.batch.progress import Progress
from agentkit.analysis.explore.explorer import Explorer
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
from agentkit.show.notebook.views.explorer.progress_view import ProgressView
from agentkit.types.trajectory import Trajectory
from tests.analysis.test_explorer import rollout
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.browser

PLACES = ("Oslo or Bergen, whichever is drier", "Rome, below 90 EUR", "Lima, by train")


def made() -> list[Trajectory]:
    """Thirty rollouts of three prompts that begin alike; rewards from 0 to 1, some without."""
    found = []
    for i in range(30):
        prompt = f"Two days in {PLACES[i % 3]}"
        noted: dict[str, Any] = {"prompt_index": i % 3, "sample": i // 3}
        if i % 10 == 9:
            found.append(rollout(prompt, status=500, **noted))
        else:
            calls = ("get_weather",) if i % 2 else ("get_weather", "pay")
            found.append(rollout(prompt, "Booked.", calls=calls, reward=i % 10 / 10, **noted))
    return found


class Shown:
    """A table in a page of its own."""

    def __init__(self, page: Page, table: Explorer) -> None:
        self.page, self.table = page, table
        self.view = ExplorerView(table)
        self.stand_in = StandIn(page, self.view)

    def settle(self) -> None:
        self.stand_in.settle(lambda: not self.view._working)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def click(self, name: str) -> None:
        self.button(name).click()
        self.settle()

    @property
    def filter(self) -> Locator:
        return self.page.get_by_role("combobox", name="filter")

    @property
    def rows(self) -> Locator:
        return self.page.locator(".ak-grid-row")

    def number_of_rows(self, number: int) -> None:
        """All there are, drawn or not."""
        grid = self.page.get_by_role("grid")
        expect(grid).to_have_attribute("aria-rowcount", str(number + 1))

    @property
    def figures(self) -> Locator:
        return self.page.locator(".ak-xmain > [role=status]")

    def facet(self, heading: str, value: str) -> Locator:
        group = self.page.get_by_role("group", name=heading, exact=True)
        return group.get_by_role("button", name=value)


def older(path: Path) -> Path:
    """Make it a file of an older version, whose last lines hold no columns of a table."""
    path.write_text(re.sub(r',"columns":{[^}]*}', "", path.read_text("utf-8")), "utf-8")
    return path


@contextmanager
def shown(chromium: Browser, path: Path | None = None) -> Iterator[Shown]:
    with tab(chromium, height=1000) as (page, heard):
        source = older(ak.save(made(), path / "runs.jsonl")) if path else made()
        yield Shown(page, ak.explore(source))
        assert heard == Heard()


def test_a_facet_is_chosen_several_are_and_all_are_cleared(chromium: Browser) -> None:
    with shown(chromium) as it:
        expect(it.facet("ended", "answered")).to_have_text("answered27")
        it.facet("ended", "error").click()
        it.settle()
        expect(it.filter).to_have_value("ended=error")
        expect(it.figures).to_contain_text("3 of 30 rollouts")
        expect(it.facet("ended", "error")).to_have_attribute("aria-pressed", "true")
        expect(it.facet("ended", "error")).to_be_focused()
        expect(it.facet("ended", "answered")).to_have_text("answered27")
        expect(it.facet("tool", "get_weather")).to_have_text("get_weather0")
        it.facet("ended", "answered").click()
        it.settle()
        expect(it.filter).to_have_value("ended=error,answered")
        it.number_of_rows(30)
        it.click("clear all")
        expect(it.filter).to_have_value("")


def test_a_range_of_rewards_is_dragged_and_reached_by_keys(chromium: Browser) -> None:
    with shown(chromium) as it:
        steps = it.page.locator(".ak-hist > button")
        first, last = steps.nth(2).bounding_box(), steps.nth(4).bounding_box()
        assert first is not None
        assert last is not None
        it.page.mouse.move(first["x"] + 5, first["y"] + 20)
        it.page.mouse.down()
        it.page.mouse.move(last["x"] + 5, last["y"] + 20)
        it.page.mouse.up()
        it.settle()
        expect(it.filter).to_have_value("reward>=0.2 reward<0.5")
        expect(it.figures).to_contain_text("9 of 30 rollouts")
        assert steps.evaluate_all("all => all.map(one => one.ariaPressed === 'true')") == [
            *[False] * 2,
            *[True] * 3,
            *[False] * 5,
        ]
        steps.nth(0).focus()
        for key in ("ArrowRight", "Shift+ArrowRight", "Enter"):
            it.page.keyboard.press(key)
        it.settle()
        expect(it.filter).to_have_value("reward>=0.1 reward<0.3")


def test_the_figures_are_of_what_is_filtered_with_those_of_all_beside(chromium: Browser) -> None:
    with shown(chromium) as it:
        expect(it.figures).to_contain_text("0.400 ± 0.26 mean reward")
        expect(it.figures).to_contain_text("10.0 % ended in error")
        it.filter.fill("reward<0.2")
        it.filter.press("Enter")
        it.settle()
        expect(it.figures).to_contain_text("0.050 ± 0.05 · 0.400 in all mean reward")
        expect(it.figures).to_contain_text("0.0 % 10.0 in all ended in error")


def test_what_is_the_same_is_said_once_and_prompts_show_what_differs(chromium: Browser) -> None:
    with shown(chromium) as it:
        expect(it.page.locator(".ak-const")).to_contain_text("the same in all: “Two days in …”")
        expect(it.rows.nth(0).locator(".ak-k-prompt > b")).to_have_text("Oslo or Bergen")
        expect(it.rows.nth(0).locator(".ak-k-reward")).to_have_text("0.0")
        expect(it.rows.nth(9).locator(".ak-k-reward")).to_have_text("none")
        it.click("Prompts")
        expect(it.rows).to_have_count(3)
        expect(it.rows.filter(has_text="Rome").locator(".ak-k-ends")).to_have_text("9 1 ")
        expect(it.rows.first).to_contain_text("worth a look")
        it.click("Tree")
        expect(it.page.locator(".ak-xaside")).to_contain_text("Prompt 1 of 3")
        it.page.keyboard.press("j")
        it.settle()
        expect(it.page.locator(".ak-xaside")).to_contain_text("Prompt 2 of 3")
        it.click("Rows")
        it.number_of_rows(30)


def test_nothing_moves_when_a_row_is_marked(chromium: Browser) -> None:
    with shown(chromium) as it:
        size = "() => [document.querySelector('.ak-explorer'), document.querySelector('.ak-grid')].map(node => JSON.stringify(node.getBoundingClientRect()))"
        before = it.page.evaluate(size)
        it.page.get_by_label("mark rollout 2", exact=True).click()
        it.settle()
        expect(it.page.locator(".ak-marks")).to_contain_text("1 marked")
        assert it.page.evaluate(size) == before


def test_columns_are_chosen_and_made_wider(chromium: Browser) -> None:
    with shown(chromium) as it:
        it.button("Columns").click()
        it.page.get_by_label("tools").check()
        it.settle()
        it.page.get_by_label("calls").uncheck()
        it.settle()
        it.page.keyboard.press("Escape")
        headings = it.page.get_by_role("columnheader")
        expect(headings.filter(has_text="tool")).to_have_count(1)
        expect(headings.filter(has_text="calls")).to_have_count(0)
        heading = headings.filter(has_text="ended")
        width = heading.evaluate("node => node.offsetWidth")
        heading.get_by_role("button").focus()
        it.page.keyboard.press("Shift+ArrowRight")
        assert heading.evaluate("node => node.offsetWidth") == width + 12
        edge = heading.locator(".ak-rz").bounding_box()
        assert edge is not None
        it.page.mouse.move(edge["x"] + 4, edge["y"] + 10)
        it.page.mouse.down()
        it.page.mouse.move(edge["x"] + 34, edge["y"] + 10)
        it.page.mouse.up()
        assert heading.evaluate("node => node.offsetWidth") == width + 42
        heading.locator(".ak-rz").dblclick()
        assert heading.evaluate("node => node.offsetWidth") < width + 42


def test_a_view_is_saved_beside_the_labels_and_shown_again(
    chromium: Browser, tmp_path: Path
) -> None:
    with shown(chromium, tmp_path) as it:
        it.filter.fill("reward<0.5")
        it.filter.press("Enter")
        it.settle()
        it.page.get_by_role("columnheader", name="turns").get_by_role("button").click()
        it.settle()
        it.button("Saved views").click()
        it.page.get_by_label("name of the view").fill("low")
        it.click("Save")
        it.page.keyboard.press("Escape")
        it.click("clear all")
        again = ExplorerView(ak.explore(tmp_path / "runs.jsonl"))
        assert again.state()["views"] == ["low"]
        it.button("Saved views").click()
        it.click("low")
        expect(it.filter).to_have_value("reward<0.5")
        expect(it.page.get_by_role("columnheader", name="turns")).to_have_attribute(
            "aria-sort", "descending"
        )
        expect(it.page.locator(".ak-facets")).to_contain_text("read the file to count")
        it.page.keyboard.press("Escape")
        it.page.locator(".ak-fc", has_text="tool").get_by_role("button").click()
        it.settle()
        expect(it.facet("tool", "get_weather")).to_have_text("get_weather15")


def test_a_rollout_is_opened_and_the_next_without_closing(chromium: Browser) -> None:
    with shown(chromium) as it:
        it.page.get_by_role("grid").focus()
        it.page.keyboard.press("Enter")
        it.settle()
        opened = it.page.locator(".ak-detail")
        for text in ("Rollout 0", "1 of 30 · prompt 0, sample 0", "✓ Answered", "get_weather"):
            expect(opened).to_contain_text(text)
        it.page.keyboard.press("j")
        it.settle()
        expect(opened).to_contain_text("Rollout 1")
        it.page.keyboard.press("k")
        it.settle()
        expect(opened).to_contain_text("Rollout 0")
        it.page.keyboard.press("Escape")
        it.settle()
        expect(opened).to_have_count(0)
        expect(it.page.get_by_role("grid")).to_be_focused()


def test_labels_and_notes_are_of_a_rollout_a_turn_or_a_call(
    chromium: Browser, tmp_path: Path
) -> None:
    with shown(chromium, tmp_path) as it:
        it.rows.nth(3).click()
        it.settle()
        it.page.get_by_label("new label").fill("wrong city")
        it.page.keyboard.press("Enter")
        it.settle()
        it.page.get_by_label("what it is about").select_option("turn 0 call 0")
        it.page.get_by_label("note").fill("the limit is read too late")
        it.page.keyboard.press("Control+Enter")
        it.settle()
        it.page.get_by_label("what it is about").select_option("")
        it.settle()
        expect(it.page.locator(".ak-notes")).to_contain_text("note on turn 0 call 0: the limit")
        expect(it.page.locator(".ak-open-side")).to_contain_text("saved in runs.jsonl.labels.json")
        expect(it.rows.nth(3)).to_contain_text("wrong city")
        expect(it.facet("labels", "wrong city")).to_have_text("wrong city1")
        again = ak.explore(tmp_path / "runs.jsonl")
        assert again[3].meta["notes"] == [
            {"label": "wrong city"},
            {"note": "the limit is read too late", "turn": 0, "call": 0},
        ]
        it.click("Remove the label wrong city")
        assert ak.explore(tmp_path / "runs.jsonl").labels.all == {}


def test_a_conversation_a_debugger_and_a_diff_are_opened_inside(chromium: Browser) -> None:
    with shown(chromium) as it:
        it.rows.nth(0).click()
        it.settle()
        inside = it.page.locator(".ak-inner > .ak-root")
        it.click("Whole conversation")
        expect(inside).to_contain_text("Booked.")
        it.click("Open in the debugger")
        expect(inside.get_by_role("toolbar").first).to_be_visible()
        it.settle()
        it.click("In short")
        expect(inside).to_have_count(0)
        it.click("Close Esc")
        for number in (0, 4):
            it.page.get_by_label(f"mark rollout {number}", exact=True).click()
            it.settle()
        it.page.get_by_role("grid").focus()
        it.page.keyboard.press("c")
        it.stand_in.settle(lambda: any("rollout 4" in text for text in inside.all_inner_texts()))
        expect(inside).to_contain_text("rollout 4")
        expect(it.page.get_by_role("grid")).to_be_hidden()
        it.page.get_by_label("Close  Esc").click()
        it.settle()
        expect(it.rows.first).to_be_visible()


def test_the_filter_offers_columns_and_values_and_mends_a_name(chromium: Browser) -> None:
    with shown(chromium) as it:
        it.page.get_by_role("grid").focus()
        it.page.keyboard.press("/")
        expect(it.filter).to_be_focused()
        it.page.keyboard.type("end")
        expect(it.page.get_by_role("option")).to_have_text(["ended"])
        it.page.keyboard.press("ArrowDown")
        it.page.keyboard.press("Enter")
        expect(it.filter).to_have_value("ended=")
        it.page.keyboard.press("ArrowDown")
        it.page.keyboard.press("ArrowDown")
        it.page.keyboard.press("Enter")
        it.stand_in.settle(lambda: len(it.view._rows) == 3)
        expect(it.filter).to_have_value("ended=error")
        it.filter.fill("rewad<0.5")
        it.filter.press("Enter")
        it.settle()
        it.click("reward<0.5")
        expect(it.filter).to_have_value("reward<0.5")
        expect(it.rows).to_have_count(15)


def test_a_narrow_cell_has_its_facets_behind_a_button(chromium: Browser) -> None:
    with shown(chromium) as it:
        it.page.set_viewport_size({"width": 700, "height": 900})
        expect(it.page.locator(".ak-facets")).to_be_hidden()
        it.click("Facets")
        it.facet("ended", "error").click()
        it.settle()
        expect(it.button("Facets 1")).to_have_attribute("aria-expanded", "true")
        assert it.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_batch_says_how_far_it_is_and_is_stopped(chromium: Browser) -> None:
    progress = Progress(6, 2)
    with tab(chromium) as (page, heard):
        view = ProgressView(progress)
        stand_in = StandIn(page, view)
        progress.began()
        progress.finished(made()[3])
        progress.finished(made()[3], earlier=True)
        progress.began()
        stand_in.settle(lambda: not view._soon)
        line = page.locator(".ak-batch")
        for text in (
            "2 of 6 rollouts",
            "1 running",
            "1 from the file",
            "reward 0.30",
            "✓ 2 answered",
        ):
            expect(line).to_contain_text(text)
        page.get_by_role("button", name="Stop").click()
        stand_in.settle()
        assert progress.stopping
        expect(line).to_contain_text("stopping")
        assert heard == Heard()


def test_a_batch_whose_kernel_is_busy_is_interrupted(chromium: Browser) -> None:
    """As in the very cell that runs it: what the page asks is not heard before its end."""
    progress = Progress(6, 2)
    with tab(chromium) as (page, heard):
        stand_in = StandIn(page, ProgressView(progress))
        page.evaluate(
            "window.pages[0].widget_manager = {context: {sessionContext: {session: {kernel: "
            "{interrupt: () => { window.interrupted = true; }}}}}}"
        )
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".ak-batch-bar")).to_contain_text("the kernel is busy with this cell")
        page.get_by_role("button", name="Interrupt").click()
        assert page.evaluate("window.interrupted")
        stand_in.settle()
        assert progress.stopping
        assert heard == Heard()


def stepped() -> list[Trajectory]:
    """Sixty rollouts of six steps of a training, whose reward grows, with two versions."""
    return [
        rollout(
            "Two days in Oslo",
            "Booked.",
            calls=("get_weather",) * (1 + i % 2),
            reward=(i // 10) / 10,
            training_step=i // 10,
            version=f"v{9 + i // 30}",
        )
        for i in range(60)
    ]


def test_a_point_of_a_chart_over_steps_gives_its_rollouts(chromium: Browser) -> None:
    with tab(chromium, height=1000) as (page, heard):
        it = Shown(page, ak.explore(stepped()))
        it.settle()
        region = page.get_by_role("region", name="Over a column")
        reward = region.get_by_role("group", name="reward, mean over")
        expect(reward.get_by_role("button")).to_have_count(6)
        point = reward.get_by_role("button", name="training step 4: 0.4, 10 rollouts")
        point.click()
        it.settle()
        expect(it.filter).to_have_value("training_step=4")
        it.number_of_rows(10)
        expect(point).to_have_attribute("aria-pressed", "true")
        expect(reward.get_by_role("button")).to_have_count(6)
        first = reward.get_by_role("button", name="training step 1:").bounding_box()
        last = reward.get_by_role("button", name="training step 3:").bounding_box()
        assert first is not None
        assert last is not None
        page.mouse.move(first["x"] + 5, first["y"] + 20)
        page.mouse.down()
        page.mouse.move(last["x"] + 5, last["y"] + 20)
        page.mouse.up()
        it.settle()
        expect(it.filter).to_have_value("training_step>=1 training_step<=3")
        it.number_of_rows(30)
        region.get_by_role("button", name="version", exact=True).click()
        it.settle()
        it.click("clear all")
        versions = region.get_by_role("group", name="reward, mean over version")
        versions.get_by_role("button", name="version v10: 0.4, 30 rollouts").click()
        it.settle()
        expect(it.filter).to_have_value("version=v10")
        it.number_of_rows(30)
        assert heard == Heard()
