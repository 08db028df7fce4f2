"""The table of rollouts in a real JupyterLab and Notebook 7."""

from __future__ import annotations

from typing import get_args

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Write
from tests.browser.lab import App, Heard, Server, open_notebook, reopen_notebook, run_all, tab

pytestmark = pytest.mark.browser

CELLS = (
    "import agentkit as ak",
    "runs = ak.rollouts(ak.demo(), ['Do I need a coat in Oslo?', 'Weather in Rome and Cairo?'], n=3, progress=False)\nruns",
    "runs",
    "many = ak.view([runs[i % 6] for i in range(50_000)])\nmany",
    "ak.view(runs[0])",
)
FIFTY = ("table = ak.explore([runs[i % 6] for i in range(50_000)])", "ak.explore(table[:])")
SHOW = """async () => {
    const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[3], old = cell.querySelector('.ak-grid-row'), begun = performance.now();
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = 3;
    window.jupyterapp.commands.execute('notebook:run-cell');
    const there = () => !old.isConnected && cell.querySelector('.ak-grid-row .ak-xcell');
    while (!there()) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - begun;
}"""


def table(page: Page, cell: int) -> Locator:
    """The table under a cell."""
    return page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".ak-explorer")


def told(view: Locator) -> Locator:
    """What the rollouts of a table come to."""
    return view.locator(".ak-xmain > [role=status]")


@pytest.mark.parametrize("app", get_args(App))
def test_the_table_of_rollouts(
    chromium: Browser, shared: Server, notebook: Write, app: App
) -> None:
    with tab(chromium, height=3000) as (page, heard):
        name = notebook(*CELLS)
        open_notebook(page, shared, name, app)
        run_all(page)
        expect(page.locator(".ak-explorer")).to_have_count(3)
        filters_and_opens(page)
        pages_fifty_thousand(table(page, 3))
        no_letter_reaches_the_notebook(page)
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        reopen_notebook(page, shared, name, app)  # the kernel still runs: the page asks again
        expect(table(page, 3).locator(".ak-grid-row").first).to_contain_text("coat in Oslo")
        filters_and_opens(page)
        assert heard == Heard()


def filters_and_opens(page: Page) -> None:
    """What is asked for in one cell is seen in the other, which shows the same object."""
    first, second = table(page, 1), table(page, 2)
    expect(told(second)).to_contain_text("6 rollouts")
    first.get_by_role("combobox", name="filter").fill("Cairo")
    for view in (first, second):
        expect(told(view)).to_contain_text("3 of 6 rollouts")
    second.locator(".ak-grid-row").first.click()
    for view in (first, second):
        expect(view.locator(".ak-detail")).to_contain_text("get_weather")
    first.get_by_role("button", name="clear the filter", exact=True).click()
    expect(told(second)).to_contain_text("6 rollouts")
    expect(told(second)).not_to_contain_text("of 6")


def pages_fifty_thousand(view: Locator) -> None:
    """Rows far down are there when they are scrolled to."""
    expect(view.get_by_role("grid")).to_have_attribute("aria-rowcount", "50001")
    view.get_by_role("grid").evaluate("table => { table.scrollTop = table.scrollHeight; }")
    expect(view.locator(".ak-grid-row").last).to_contain_text("49,999")


def no_letter_reaches_the_notebook(page: Page) -> None:
    """Keys pressed in the table do what the table says, and add or remove no cell."""
    cells = page.locator(".jp-Cell").count()
    grid = table(page, 1).get_by_role("grid")
    grid.focus()
    for key in ("a", "b", "x", "d", "d", "ArrowDown", "Space", "Enter", "Escape", "Home", "End"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells
    expect(table(page, 2).locator(".ak-marks")).to_contain_text("1 marked")
    expect(table(page, 2).locator(".ak-detail")).to_have_count(0)


def test_fifty_thousand_rows_are_there_at_once(
    chromium: Browser, shared: Server, notebook: Write
) -> None:
    """What the kernel sends, and how long it takes from the key that runs the cell to the rows on
    the page.
    """
    with tab(chromium, height=2000) as (page, heard):
        received: list[int] = []
        page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))),
        )
        open_notebook(
            page,
            shared,
            notebook(
                CELLS[0],
                "runs = ak.rollouts(ak.demo(), ['Hello', 'Hi'], n=3, progress=False)",
                *FIFTY,
            ),
        )
        run_all(page)
        expect(table(page, 3).locator(".ak-grid-row").first).to_contain_text("Hello")
        received.clear()
        took = page.evaluate(SHOW)
        size = sum(received)
        print(f"50,000 rows: {took:.0f} ms, {size / 1000:.1f} kB")
        expect(table(page, 3).get_by_role("grid")).to_have_attribute("aria-rowcount", "50001")
        assert size < 60_000, "with the style sheet, the script and what is kept"
        assert heard == Heard()
