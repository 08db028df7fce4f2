"""What a person does in a turn, in a plain page: the real Python view and the real script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.show.html import Html, el
from agentkit.show.notebook.views.turns.turn_tabs import TurnTabs
from agentkit.types.trajectory import Trajectory
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.browser


class OnlyHeads(TurnTabs):
    """A view of the heads of a rollout's turns."""

    scripts = ("turns",)

    @property
    def trajectory(self) -> Trajectory:
        shown: Trajectory = self.target
        return shown

    def fragments(self) -> dict[str, Html]:
        self.marked(0)
        return {
            f"turn-{turn.index}/": el(
                "section",
                el(
                    "header",
                    el("strong", f"Turn {turn.index}"),
                    class_="ak-turn-head",
                    data_key=f"turn-{turn.index}",
                ),
                el("p", "said"),
                class_="ak-turn",
            )
            for turn in self.trajectory.all_turns
        }

    def opening(self) -> list[list[object]]:
        return self.all_marks()


@contextmanager
def heads(chromium: Browser, trajectory: Trajectory, **size: int) -> Iterator[tuple[Page, StandIn]]:
    """The turns of a rollout in a page of its own, which may say nothing bad."""
    with tab(chromium, **size) as (page, heard):
        yield page, StandIn(page, OnlyHeads(trajectory))
        assert heard == Heard()


def turn(page: Page, number: int) -> Locator:
    return page.locator(f'.ak-turn:has(> [data-key="turn-{number}"])')


def test_tabs_are_there_where_they_show_something_and_arrows_choose(chromium: Browser) -> None:
    trajectory = ak.debug(ak.demo(), "Do I need a coat in Oslo and in Rome?").run()
    with heads(chromium, trajectory) as (page, view):
        tabs = turn(page, 1).get_by_role("tab")
        expect(tabs.filter(visible=True)).to_have_text(["Conversation", "Request", "Response"])
        tabs.first.focus()
        page.keyboard.press("ArrowRight")
        view.settle()
        panel = turn(page, 1).get_by_role("tabpanel", name="request of turn 1")
        expect(tabs.nth(1)).to_be_focused()
        expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
        expect(panel).to_contain_text("the first 1 as in turn 0")
        expect(turn(page, 1).get_by_text("said")).to_be_hidden()
        page.keyboard.press("ArrowRight")
        view.settle()
        expect(turn(page, 1).get_by_role("tabpanel")).to_contain_text("finish")
        expect(turn(page, 0).get_by_role("tabpanel")).to_have_count(0)
        page.keyboard.press("Home")
        expect(turn(page, 1).get_by_role("tabpanel")).to_have_count(0)
        expect(turn(page, 1).get_by_text("said")).to_be_visible()
