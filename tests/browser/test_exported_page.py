"""The exported page in a real browser that is refused every connection: it shows everything, in
light and dark, and says nothing to the console.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

import agentkit as ak
from agentkit.show.notebook.page_files import style
from agentkit.show.notebook.static_view import mimebundle
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
