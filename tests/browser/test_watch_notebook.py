"""A tap in JupyterLab: agents in a thread of another cell and in a process of their own, held, looked
at, changed, answered by hand.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Write
from tests.browser.lab import Server, open_notebook, set_theme, tab
from tests.browser.test_display import has_contrast, keeps_to_its_width

pytestmark = pytest.mark.browser

CELLS = (
    "import subprocess, sys, time\nimport agentkit as ak\n"
    "from tests.show.watch_samples import answer, beside, run_agent\n"
    "server = ak.testing.serve(answer).__enter__()\nw = ak.watch(server.url)\nw",
    "from pathlib import Path\nrun_agent(w.url, 'In the cell itself, which is busy meanwhile')\n"
    "while not Path('seen').exists():\n    time.sleep(0.05)",
    "w.hold(ak.break_on.tool('pay'))\nthread, found = beside(lambda: run_agent(w.url, 'In a thread'))",
    "code = 'from tests.show.watch_samples import run_agent; import os; "
    'print(run_agent(os.environ["OPENAI_BASE_URL"], "In a terminal"))\'\n'
    "import os\n"
    "other = subprocess.Popen([sys.executable, '-c', code], env={**os.environ, **w.env}, "
    "stdout=subprocess.PIPE, text=True)",
)
LAST = (
    "thread.join(30)\nprint(found[0])",
    "print(other.communicate(timeout=30)[0])",
    "w.close()\nserver.__exit__(None, None, None)",
)


def card(view: Locator, words: str) -> Locator:
    """What waits of a rollout."""
    return view.locator(".ak-wcard").filter(has_text=words)


def test_other_agents_are_held_and_changed_in_a_notebook(
    chromium: Browser, shared: Server, notebook: Write
) -> None:
    with tab(chromium, height=3000) as (page, heard):
        open_notebook(page, shared, notebook(*CELLS, *LAST))
        view = page.locator(".jp-Notebook .jp-Cell").nth(0).locator(".ak-watch")
        for cell in range(4):
            run_cell(page, cell)
            if cell == 1:  # the kernel is busy with this very cell
                expect(view.get_by_role("option")).to_contain_text(
                    "In the cell itself", timeout=90_000
                )
                expect(view).to_contain_text("Booked: <b>Station Inn</b>.")
                expect(page.locator(".jp-Cell").nth(1)).to_contain_text("[*]")
                (shared.folder / "seen").touch()
        # a process has begun meanwhile, behind a cell that keeps the kernel busy
        expect(view.locator(".ak-wcard")).to_have_count(2, timeout=90_000)
        expect(view.get_by_role("option")).to_have_count(3)
        for theme in ("Dark", "Light"):
            set_theme(page, theme)
            has_contrast(page)
            keeps_to_its_width(page)
        no_letter_reaches_the_notebook(page, view)
        first = view.locator(".ak-wcard").nth(0)
        field = first.get_by_role("textbox", name="arguments of pay")
        field.fill('{"amount": 99.5, "to": "Station Inn"}')
        expect(first).to_contain_text("fits the schema")
        expect(first.locator("ins")).to_have_text("99.5")
        field.press("Control+Enter")
        expect(view.locator(".ak-wcard")).to_have_count(1)
        last = view.locator(".ak-wcard").nth(0)
        last.get_by_text("Answer by hand…").click()
        last.get_by_role("textbox", name="answer in place of the server's").fill("No room left.")
        last.get_by_role("button", name="Answer so").click()
        expect(view.locator(".ak-wcard")).to_have_count(0)
        run_cell(page, 4)
        run_cell(page, 5)
        said = page.locator(".jp-Cell .jp-OutputArea-output")
        expect(said.filter(has_text="99.5")).to_have_count(1)
        expect(said.filter(has_text="No room left.")).not_to_have_count(0)
        run_cell(page, 6)
        expect(view.get_by_role("status").first).to_contain_text("Closed")
        assert (heard.errors, heard.remote) == ([], [])


def run_cell(page: Page, index: int) -> None:
    """Run a cell as a person does."""
    page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".cm-content").first.click()
    page.keyboard.press("Control+Enter")


def no_letter_reaches_the_notebook(page: Page, view: Locator) -> None:
    count = page.locator(".jp-Notebook .jp-Cell").count()
    for place in (view.get_by_role("option").first, view.get_by_role("button", name="Hold").first):
        place.focus()
        for key in ("a", "b", "x", "d", "d", "j", "k"):
            page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert page.locator(".jp-Notebook .jp-Cell").count() == count
