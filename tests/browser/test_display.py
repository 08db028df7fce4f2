"""A trajectory at the end of a cell, in a real JupyterLab."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from playwright.sync_api import Browser, Page, expect

from agentkit.show.notebook.static_view import mimebundle
from tests.browser.conftest import Write
from tests.browser.lab import Server, Theme, open_notebook, run_all, set_theme, tab
from tests.show.render_samples import hostile, troubled

pytestmark = pytest.mark.browser

CELLS = (
    "from tests.show.render_samples import hostile, troubled, wall, weather\n"
    "from agentkit.show.notebook.static_view import mimebundle\n"
    "from agentkit.show.notebook.view import View\n"
    "pass",
    "weather()",
    "troubled()",
    "View([weather(), troubled()])",
    "hostile()",
    "wall()",
)


@pytest.mark.parametrize("theme", get_args(Theme))
def test_a_trajectory_is_shown(
    chromium: Browser, shared: Server, notebook: Write, theme: Theme
) -> None:
    with tab(chromium, height=6000) as (page, heard):
        open_notebook(page, shared, notebook(*CELLS))
        set_theme(page, theme)
        run_all(page)
        roots = page.locator(".jp-Notebook .ak-root")
        expect(roots).to_have_count(5)
        expect(page.locator("body")).to_have_attribute(
            "data-jp-theme-light", "true" if theme == "Light" else "false"
        )
        shows_the_conversation(page)
        opens_by_keyboard(page)
        has_contrast(page)
        keeps_to_its_width(page)
        reads_no_text_as_code(page)
        assert heard.errors == []
        assert heard.remote == []


def shows_the_conversation(page: Page) -> None:
    shown = page.locator(".ak-root").first
    for wanted in (
        "Do I need a coat in Oslo?",
        "get_weather",
        '{"city": "Oslo"}',
        '{"temperature": 3, "sky": "clear"}',
        "Yes, take a coat",
        "0.42 s",
    ):
        expect(shown.get_by_text(wanted).locator("visible=true").first).to_be_attached()


def opens_by_keyboard(page: Page) -> None:
    """Short reasoning is in place; the raw JSON is folded, and opens without a mouse."""
    shown = page.locator(".ak-root").first
    thought, wire = (
        shown.get_by_text("The user asks about a coat").first,
        shown.get_by_text('"object": "chat.completion"').first,
    )
    expect(thought).to_be_visible()
    expect(wire).to_be_hidden()
    details, raw = (
        shown.locator(".ak-details > details > summary").first,
        shown.locator(".ak-raw > summary").first,
    )
    details.focus()
    page.keyboard.press("Enter")
    expect(raw).to_be_visible()
    page.keyboard.press("Tab")
    expect(raw).to_be_focused()
    page.keyboard.press("Space")
    expect(wire).to_be_visible()
    assert page.locator(".jp-Cell").count() == len(CELLS), (
        "a key press must not become a command of the notebook"
    )


def has_contrast(page: Page) -> None:
    """Every text has a contrast of 4.5 to 1 or more, as the browser draws it (WCAG 2, level AA)."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.ak-root')].slice(0, 3).some(root => root.checkVisibility())"
    )  # a theme is put on
    worst = page.evaluate(
        """() => {
            const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
            const over = (colour, under) => {
                pen.fillStyle = `rgb(${under})`; pen.fillRect(0, 0, 1, 1);
                pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
                return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
            };
            const light = rgb => rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = e => e ? over(getComputedStyle(e).backgroundColor, ground(e.parentElement)) : [255, 255, 255];
            const contrast = e => {
                const under = ground(e);
                const [a, b] = [light(over(getComputedStyle(e).color, under)), light(under)].sort((x, y) => y - x);
                return (a + 0.05) / (b + 0.05);
            };
            const texts = [...document.querySelectorAll('.ak-root')].slice(0, 3).flatMap(root => [...root.querySelectorAll('*')])
                .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
                .filter(e => !e.closest('[aria-disabled="true"]') && e.checkVisibility());
            return texts.map(e => [contrast(e), e.outerHTML.slice(0, 80)]).sort((x, y) => x[0] - y[0])[0];
        }"""
    )
    assert worst[0] >= 4.5, worst


def keeps_to_its_width(page: Page) -> None:
    assert page.evaluate(
        "() => [...document.querySelectorAll('.ak-root')].every(e => e.scrollWidth <= e.clientWidth)"
    )


def reads_no_text_as_code(page: Page) -> None:
    inside = ".ak-root :is(script, img, a, iframe, mjx-container, .MathJax)"
    assert page.locator(inside).count() == 0
    assert page.evaluate(
        "() => [...document.querySelectorAll('.ak-root *')].every(e => [...e.attributes].every(a => !a.name.startsWith('on')))"
    )


def test_an_untrusted_notebook_shows_it_too(
    chromium: Browser, shared: Server, notebook: Write
) -> None:
    """JupyterLab takes styles and unknown attributes out of outputs it did not see made; the
    conversation stays readable.
    """
    name = notebook("troubled()", "hostile()")
    book = json.loads((shared.folder / name).read_text())
    for cell, record in zip(book["cells"], (troubled(), hostile()), strict=True):
        cell["outputs"] = [
            {
                "output_type": "execute_result",
                "execution_count": 1,
                "metadata": {},
                "data": mimebundle(record),
            }
        ]
    (shared.folder / name).write_text(json.dumps(book))
    with tab(chromium, height=3000) as (page, heard):
        open_notebook(page, shared, name)
        shown = page.locator(".jp-OutputArea-output").first
        for wanted in (
            "What is this?",
            "get_weather",
            "the answer holds calls but says it stopped",
            "rate_limited",
        ):
            expect(shown.get_by_text(wanted).locator("visible=true").first).to_be_attached()
        expect(shown.get_by_text("Short.")).to_be_visible()
        reads_no_text_as_code(page)
        assert heard.errors == []
        assert heard.remote == []
