"""Views in JupyterLab while the cell that shows them blocks the kernel, and after the kernel has
gone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Write
from tests.browser.lab import Heard, Server, open_notebook, reopen_notebook, run_all, tab

pytestmark = pytest.mark.browser

SETUP = '''
import time
from pathlib import Path
import agentkit as ak
from agentkit.testing import ScriptedServer, calls, says

def held(folder):
    """A tool that blocks its thread until there is a file of its name."""
    def wait(name: str) -> str:
        """Waits."""
        while not Path(folder, name).exists():
            time.sleep(0.02)
        return f'{name} has come'
    return wait

def agent(folder, *names):
    steps = [says(None, calls('wait', name=name)) for name in names] + ['All have come.']
    server = ScriptedServer(lambda said: steps[sum(m['role'] == 'tool' for m in said)])
    return ak.Agent('m', server=server, tools=[held(folder)])
'''

SLOW = """
const Real = window.DecompressionStream;
window.DecompressionStream = class {
    constructor(kind) {
        const made = new Real(kind);
        const later = new Promise(resolve => setTimeout(resolve, 3000));
        const slow = {async transform(chunk, to) { await later; to.enqueue(chunk); }};
        return {writable: made.writable, readable: made.readable.pipeThrough(new TransformStream(slow))};
    }
};
"""
"""A page that unpacks a view's module in three seconds, as a busy one may."""


def start(page: Page) -> None:
    """Runs every cell, and waits for none."""
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def outputs(page: Page, cell: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-Cell-outputArea")


def runs(page: Page, cell: int) -> bool:
    """Whether the cell has the star of one that runs."""
    prompt = page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-InputPrompt")
    return prompt.inner_text() == "[*]:"


@pytest.mark.parametrize("slow", [False, True], ids=["", "slow"])
def test_views_change_while_their_own_cell_blocks_the_kernel(
    chromium: Browser, shared: Server, notebook: Write, tmp_path: Path, slow: bool
) -> None:
    """Of a debugger, shown twice in the cell and once in one before it; of rollouts; of a
    comparison.
    """
    here = repr(str(tmp_path))
    cells = (
        f"{SETUP}\ndbg = ak.debug(agent({here}, 'one', 'two'), 'Wait.')\ndbg",
        "from IPython.display import display\ndisplay(dbg); display(dbg); dbg.run(); None",
        f"""def reward(rollout):
    held({here})(rollout.prompt[-1].content)
    return 1.0
ak.rollouts(agent({here}), ['three', 'four'], concurrency=1, reward=reward); None""",
        f"""ak.compare({{'left': agent({here}), 'right': agent({here}, 'five')}}, ['Wait.']); None""",
    )
    with tab(chromium, height=3000) as (page, heard):
        if slow:
            page.add_init_script(SLOW)
        open_notebook(page, shared, notebook(*cells))
        start(page)
        views = (outputs(page, 0), outputs(page, 1).first, outputs(page, 1).last)
        for view in views:
            expect(view.locator("[data-key='turn-0']").first).to_be_attached()
        (tmp_path / "one").touch()
        for view in views:
            expect(view.get_by_text("one has come").first).to_be_attached()
            expect(view.locator("[data-key='turn-1']").first).to_be_attached()
        assert runs(page, 1)
        (tmp_path / "two").touch()
        expect(outputs(page, 2)).to_contain_text("0 of 2")
        (tmp_path / "three").touch()
        expect(outputs(page, 2)).to_contain_text("1 of 2")
        assert runs(page, 2)
        (tmp_path / "four").touch()
        expect(outputs(page, 3)).to_contain_text("left")
        expect(outputs(page, 3)).to_contain_text("1 of 1")
        expect(outputs(page, 3)).to_contain_text("right")
        expect(outputs(page, 3)).to_contain_text("0 of 1")
        assert runs(page, 3)
        (tmp_path / "five").touch()
        expect(outputs(page, 3).get_by_text("1 of 1")).to_have_count(2)
        expect(outputs(page, 2)).to_contain_text("2 of 2")
        assert heard == Heard()


def test_a_page_that_is_loaded_while_a_cell_runs_shows_it_in_the_end(
    chromium: Browser, shared: Server, notebook: Write, tmp_path: Path
) -> None:
    here = repr(str(tmp_path))
    cell = f"{SETUP}\ndbg = ak.debug(agent({here}, 'six'), 'Wait.')\ndisplay(dbg)\ndbg.run(); None"
    with tab(chromium, height=2000) as (page, heard):
        name = notebook(cell)
        open_notebook(page, shared, name)
        start(page)
        expect(outputs(page, 0).locator("[data-key='turn-0']").first).to_be_attached()
        page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        page.goto("about:blank")
        (tmp_path / "six").touch()
        reopen_notebook(page, shared, name)
        expect(outputs(page, 0)).to_contain_text("All have come.")
        assert heard == Heard()


ENDS = {
    "restarted": "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()",
    "died": "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    ".requestExecute({code: 'import os; os.kill(os.getpid(), 9)'})",
}


@pytest.mark.parametrize("how", ENDS)
def test_views_go_still_when_the_kernel_is_gone(
    chromium: Browser, shared: Server, notebook: Write, how: str
) -> None:
    """They say so in one sentence, stay as they were, and nothing in them acts; the cell that is
    run again is alive.
    """
    cells = (
        f"{SETUP}\ndbg = ak.debug(ak.demo(), 'Do I need a coat in Oslo?')\ndbg.step()\ndbg",
        "ak.rollouts(ak.demo(), ['Oslo?', 'Rome?'], 2)",
    )
    with tab(chromium, height=2500) as (page, heard):
        open_notebook(page, shared, notebook(*cells))
        run_all(page)
        roots = page.locator(".jp-Notebook .ak-live")
        expect(roots).to_have_count(3)
        page.evaluate(f"() => void {ENDS[how]}")
        for root in roots.all():
            expect(root.locator(".ak-ended")).to_contain_text(how)
            expect(root.locator(".ak-ended")).to_contain_text("Run the cell again.")
        assert (
            page.evaluate(
                """() => [...document.querySelectorAll('.ak-live :is(button, input, textarea, select)')]
                .filter(each => !each.matches('.ak-copy, [aria-disabled=true]')).length"""
            )
            == 0
        )
        if how == "died":
            page.get_by_role("button", name="Ok", exact=True).click()  # JupyterLab says it too
        debugger = roots.first
        debugger.get_by_role("button", name="Run", exact=True).first.click(force=True)
        expect(debugger.locator("[data-key='turn-0']").first).to_be_attached()
        debugger.locator("summary").first.click()
        expect(debugger.locator("details[open]").first).to_be_attached()
        page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        )
        run_all(page)
        expect(page.locator(".jp-Notebook .ak-ended")).to_have_count(0)
        roots.first.get_by_role("button", name="Run", exact=True).first.click()
        expect(roots.first).to_contain_text("coat")
        assert heard.remote == []
