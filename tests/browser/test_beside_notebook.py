"""The diff of two rollouts and the report of a comparison, in a real JupyterLab."""

from __future__ import annotations

from typing import get_args

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Write
from tests.browser.lab import Heard, Server, Theme, open_notebook, run_all, set_theme, tab
from tests.browser.test_display import has_contrast, keeps_to_its_width, reads_no_text_as_code

pytestmark = pytest.mark.browser

SHOWN = (
    ("comparison", "comparison_hostile", "comparison_equal"),
    ("diff", "diff_hostile", "diff_equal"),
)


@pytest.mark.parametrize("names", SHOWN, ids=["comparisons", "diffs"])
def test_what_stands_beside_each_other_is_readable_in_both_themes(
    chromium: Browser, shared: Server, notebook: Write, names: tuple[str, ...]
) -> None:
    with tab(chromium, height=6000) as (page, heard):
        open_notebook(
            page,
            shared,
            notebook(
                "from tests.show.beside_samples import BESIDE",
                *(f"BESIDE['{name}']()" for name in names),
            ),
        )
        run_all(page)
        expect(page.locator(".jp-Notebook .ak-root")).to_have_count(3)
        shows_both_sides(page, names[0])
        page.evaluate(
            "() => document.querySelectorAll('.ak-root details').forEach(fold => { fold.open = true; })"
        )
        for theme in get_args(Theme):
            set_theme(page, theme)
            has_contrast(page)
            keeps_to_its_width(page)
        reads_no_text_as_code(page)
        assert heard == Heard()


def shows_both_sides(page: Page, name: str) -> None:
    """What differs stands in two columns of one height, the old struck out at the left and the new
    underlined at the right.
    """
    shown = page.locator(".ak-root").first
    place = ".ak-two .ak-side" if name == "comparison" else "tr.ak-apart td"
    left, right = (shown.locator(place).nth(i) for i in (0, 1))
    expect(left.locator("del").first).to_contain_text("Oslo" if name == "comparison" else "Compare")
    expect(right.locator("ins").first).to_contain_text(
        "OSLO" if name == "comparison" else "Convert"
    )
    boxes = [side.bounding_box() for side in (left, right)]
    assert all(boxes)
    (a, b) = (box for box in boxes if box)
    assert a["y"] == b["y"]
    assert a["x"] + a["width"] <= b["x"]
