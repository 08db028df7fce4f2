"""The exported page in a real browser that is refused every connection: it shows everything, in
light and dark, and says nothing to the console.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import agentkit as ak
from agentkit.show.notebook.display import live_view
from agentkit.show.notebook.page_files import style
from agentkit.show.notebook.static_view import mimebundle
from agentkit.show.notebook.views.conversation_view import StillView
from tests.browser.lab import tab
from tests.browser.stand_in import StandIn
from tests.show.export_samples import weather
from tests.show.render_samples import SAMPLES
from tests.show.test_export_reports import hostile

pytestmark = pytest.mark.browser

SOURCES: dict[str, Any] = {
    "rollout": lambda: weather()[0],
    "turn": lambda: weather()[0].turns[1],
    "many": weather,
    "hostile": hostile,
    "debugger": lambda: ak.debug(ak.demo(), "Do I need a coat in Oslo?"),
    "view": lambda: ak.view(weather()),
}
LOOKS = "() => [...document.querySelectorAll('.ak-root, .ak-root *')].map(e => [...getComputedStyle(e)].map(n => getComputedStyle(e)[n]).join())"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SOURCES)
def test_a_page_opens_offline(chromium: Browser, tmp_path: Path, name: str, scheme: Any) -> None:
    path = ak.export.html(SOURCES[name]()).save(tmp_path / "page.html")
    context = chromium.new_context(color_scheme=scheme, offline=True)
    try:
        page = context.new_page()
        asked: list[str] = []
        reports: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: reports.append(message.text))
        page.on("pageerror", lambda error: reports.append(str(error)))
        page.on("dialog", lambda dialog: reports.append(dialog.message))
        page.goto(path.as_uri())
        assert asked == [path.as_uri()]
        assert reports == []
        assert page.locator(".ak-root").count() == 1
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        shade = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
        assert "dark" in shade
        page.screenshot(path=tmp_path / f"{name}-{scheme}.png", full_page=True)
    finally:
        context.close()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_small_style_sheet_undoes_nothing_of_the_large_one(
    chromium: Browser, name: str
) -> None:
    """A notebook holds the sheets of all its outputs, and the one of a table can come after that of
    a conversation.
    """
    page = chromium.new_page()
    try:
        page.set_content(mimebundle(SAMPLES[name]())["text/html"])
        page.add_style_tag(
            content="* { content-visibility: visible !important; }"
        )  # else some is laid out late
        page.evaluate("() => document.querySelectorAll('details').forEach(e => { e.open = true; })")
        before = page.evaluate(LOOKS)
        page.add_style_tag(content=style("agentkit"))
        assert page.evaluate(LOOKS) == before
    finally:
        page.close()


def test_a_long_rollout_opens(chromium: Browser, tmp_path: Path) -> None:
    """Constructed: three hundred turns in one file, whole."""
    chat = [
        {"role": "user" if i % 2 == 0 else "assistant", "content": f"message {i} " * 20}
        for i in range(600)
    ]
    path = ak.export.html(ak.view(chat)).save(tmp_path / "long.html")
    page = chromium.new_page()
    try:
        page.goto(path.as_uri())
        assert page.get_by_text("message 599 message 599").count() >= 1
        assert page.get_by_text("message 300 message 300").count() >= 1
    finally:
        page.close()


ROWS = """(all) => Object.fromEntries(all.map(row => {
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_ALL, (node) =>
        node.akOwn ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    let said = '';
    while (walker.nextNode()) said += walker.currentNode.data ?? ' ';
    return [row.dataset.key, said.split(/\\s+/).join(' ').trim()];
}))"""
"""What each row says, by its key, without what the page has put in for itself."""
ELSEWHERE = re.compile(r"head|about|figure-.*|turn-\d+/details")
"""Rows that are a bar, a panel or a tab of the live view."""


@pytest.mark.parametrize("name", ["rollout", "hostile", "debugger"])
def test_a_page_and_a_notebook_say_what_the_live_view_says(
    chromium: Browser, name: str, tmp_path: Path
) -> None:
    import nbformat
    from nbconvert import HTMLExporter

    thing = SOURCES[name]()
    if isinstance(thing, ak.Debugger):
        thing.run()
    shown = {"output_type": "display_data", "data": mimebundle(thing), "metadata": {}}
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.from_dict(shown)])  # type: ignore[no-untyped-call]
    notebook = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    book, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    (tmp_path / "book.html").write_text(book, "utf-8")
    ak.export.html(thing).save(tmp_path / "page.html")
    with tab(chromium) as (page, _heard):
        StandIn(page, live_view(thing) or StillView(thing))
        live = rows_of(page)
    assert len(live) > 3
    context = chromium.new_context(offline=True)
    try:
        for file in ("page.html", "book.html"):
            page = context.new_page()
            page.goto((tmp_path / file).as_uri(), wait_until="domcontentloaded")
            kept = rows_of(page)
            assert list(kept) == list(live)
            for key, said in live.items():  # what an attempt was sent is in a tab of the live view
                assert kept[key] == said or (key.startswith("attempt") and said in kept[key])
    finally:
        context.close()


def rows_of(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.locator(".ak-root [data-key]").evaluate_all(ROWS)
    return {key: said for key, said in found.items() if not ELSEWHERE.fullmatch(key)}
