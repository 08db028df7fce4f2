"""The debugger in JupyterLab and in Notebook 7."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Write
from tests.browser.lab import (
    App,
    Heard,
    Server,
    Theme,
    open_notebook,
    reopen_notebook,
    run_all,
    set_theme,
    tab,
)
from tests.browser.test_display import has_contrast, keeps_to_its_width

pytestmark = pytest.mark.browser

CELLS = (
    "import threading\nimport agentkit as ak\nfrom tests.show.debugger_view_samples import Gate, streaming",
    "dbg = ak.debug(ak.demo(), 'Do I need a coat in Oslo and in Rome?')\ndbg",
    "dbg",
    "gate = Gate()\nslow = gate.debugger()\nslow",
    "grows = streaming([f'word{i} ' for i in range(100)], pause=0.03)\ngrows",
    "grows.start()",
)


def root(page: Page, cell: int) -> Locator:
    """The debugger under a cell."""
    return page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".ak-debugger")


def press(view: Locator, name: str) -> None:
    view.get_by_role("toolbar").get_by_role("button", name=name, exact=True).click()


def state(view: Locator) -> Locator:
    return view.get_by_role("group", name="facts").get_by_role("status")


def key(view: Locator, name: str) -> None:
    """Press a key where nothing is written."""
    view.get_by_role("log").focus()
    view.page.keyboard.press(name)


@pytest.mark.parametrize("app", get_args(App))
def test_a_debugger_in_a_notebook(
    chromium: Browser, shared: Server, notebook: Write, app: App
) -> None:
    with tab(chromium, height=3000) as (page, heard):
        name = notebook(*CELLS)
        open_notebook(page, shared, name, app)
        run_all(page)
        expect(page.locator(".ak-debugger")).to_have_count(4)
        grows_while_it_runs(root(page, 4))
        both_cells_follow(root(page, 1), root(page, 2))
        changes_what_was_said(root(page, 1))
        is_readable_in_both_themes(page)
        no_letter_reaches_the_notebook(page, root(page, 2))
        stops_while_a_tool_waits(root(page, 3))
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        shows_the_same_after_a_reload(page, shared, name, app)
        assert heard == Heard()


def grows_while_it_runs(view: Locator) -> None:
    """`start` gave the cell back; the answer streams in."""
    expect(state(view)).to_contain_text("Answering")
    expect(view.get_by_role("log")).to_contain_text("word5 ")
    expect(state(view)).to_contain_text("Answered", timeout=15_000)
    expect(view.locator("article[data-turn='0']")).to_contain_text("word99")


def both_cells_follow(first: Locator, second: Locator) -> None:
    """Every button of the toolbar but those of a run that waits."""
    press(first, "Step")
    for view in (first, second):
        expect(view.get_by_role("group", name=re.compile("waits"))).to_have_count(2)
    second.get_by_role("group", name=re.compile("waits")).first.get_by_role(
        "button", name="Answer by hand…"
    ).click()
    second.get_by_label("The result").fill('{"city": "Oslo", "temp_c": 30, "sky": "sunny"}')
    second.get_by_label("The result").press("Control+Enter")
    expect(first.get_by_role("group", name=re.compile("waits"))).to_have_count(1)
    press(first, "Next")
    expect(state(second)).to_have_text("Paused beforeturn 1")
    press(second, "Back")
    expect(first.get_by_role("group", name="facts")).to_contain_text("plays what was")
    press(first, "Run")
    expect(state(second)).to_contain_text("Answered")
    expect(second.get_by_role("log")).to_contain_text("30 °C")
    key(first, "f")
    expect(second.get_by_role("button", name="Branches 2")).to_be_visible()


def changes_what_was_said(view: Locator) -> None:
    strip = view.get_by_role("navigation").get_by_role("button", name="turn 0")
    strip.or_(view.get_by_role("treeitem", name=re.compile("^turn 0"))).first.click()
    key(view, "e")
    view.page.get_by_role("menuitem", name="Result of get_weather (1)").click()
    field = view.get_by_role("textbox", name="Result of get_weather (1)")
    expect(field).to_have_value(re.compile("Rome"))
    field.fill('{"city": "Rome", "temp_c": -9, "sky": "snow"}')
    view.get_by_role("button", name="Apply").click()
    expect(view.get_by_role("button", name="Branches 3")).to_be_visible()
    press(view, "Run")
    expect(view.get_by_role("log")).to_contain_text("-9 °C")


def is_readable_in_both_themes(page: Page) -> None:
    root(page, 1).get_by_role("button", name="Breakpoints", exact=True).click()
    root(page, 1).get_by_role("button", name="Branches 3").click()
    for theme in reversed(get_args(Theme)):
        set_theme(page, theme)
        has_contrast(page)
        keeps_to_its_width(page)


def no_letter_reaches_the_notebook(page: Page, view: Locator) -> None:
    """A, B, X and D D are commands of a notebook; in the view they are not, wherever the focus
    is.
    """
    for place in (
        view.get_by_role("button", name="Step", exact=True),
        view.get_by_role("log"),
        view.locator("summary").first,
    ):
        place.focus()
        for key in ("a", "b", "x", "d", "d", "m", "z"):
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(CELLS)
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(len(CELLS))


def stops_while_a_tool_waits(view: Locator) -> None:
    press(view, "Run")
    expect(state(view)).to_contain_text("Runningwait")
    view.page.keyboard.press("Shift+F9")
    expect(state(view)).to_have_text("Stopped beforewait")
    expect(view.get_by_role("group", name=re.compile("waits"))).to_have_count(1)


def shows_the_same_after_a_reload(page: Page, shared: Server, name: str, app: App) -> None:
    """The kernel still runs: the page asks again and gets everything."""
    reopen_notebook(page, shared, name, app)
    expect(root(page, 1).get_by_role("log")).to_contain_text("-9 °C")
    expect(root(page, 4).locator("article[data-turn='0']")).to_contain_text("word99")
    key(root(page, 1), "f")
    expect(root(page, 2).get_by_role("button", name="Branches 4")).to_be_visible()


def test_a_kernel_that_is_gone(chromium: Browser, shared: Server, notebook: Write) -> None:
    """The last state stays, said to be the last; saved without its widget it is shown as HTML, by a
    kernel that knows nothing of it.
    """
    name = notebook(CELLS[0], "dbg = ak.debug(ak.demo())\ndbg.run()\ndbg")
    with tab(chromium, height=2000) as (page, heard):
        open_notebook(page, shared, name)
        run_all(page)
        expect(root(page, 1).get_by_role("log")).to_contain_text("Take a warm coat")
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        expect(state(root(page, 1))).to_have_text("Disconnected")
        expect(root(page, 1).get_by_role("button", name="Step")).to_be_disabled()
        expect(root(page, 1).get_by_role("log")).to_contain_text("Take a warm coat")
        path = Path(shared.folder) / name
        book = json.loads(path.read_text())
        for output in book["cells"][1]["outputs"]:
            assert output["data"].pop("application/vnd.jupyter.widget-view+json")
        path.write_text(json.dumps(book))
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:reload')")
        open_notebook(page, shared, name)
        kept = page.locator(".jp-Notebook .jp-OutputArea-output").first
        expect(kept).to_contain_text("Take a warm coat")
        expect(page.get_by_text("model not found")).to_have_count(0)
        assert heard == Heard()
