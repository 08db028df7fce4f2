"""The design as docs/design.md writes it down: every token and icon is there, and the contrasts are
those that a browser measures, light and dark.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from tests.browser.lab import tab
from tests.support.paths import ROOT

pytestmark = pytest.mark.browser
STATIC = ROOT / "agentkit" / "show" / "notebook" / "static"
DESIGN = (STATIC / "styles" / "design.css").read_text("utf-8")
PAGE = (ROOT / "docs" / "design.md").read_text("utf-8")
GROUNDS = {"light": ("true", "#fff", "rgba(0,0,0,.87)"), "dark": ("false", "#212121", "#fff")}
"""JupyterLab's own: what it says, its cell, its ink."""
PAIR = re.compile(r"^\| `([\w-]+)` on `([\w-]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", re.M)

_MEASURE = """([light, ground, ink, pairs]) => {
    const host = document.body, canvas = new OffscreenCanvas(1, 1);
    host.dataset.jpThemeLight = light;
    host.style.cssText = `--jp-layout-color1: ${ground}; --jp-content-font-color1: ${ink}`;
    const probe = document.querySelector('i'), context = canvas.getContext('2d', {willReadFrequently: true});
    const paint = name => {
        probe.style.color = `var(--ak-${name})`;
        context.fillStyle = getComputedStyle(probe).color;
        context.fillRect(0, 0, 1, 1);
    };
    const bright = () => {
        const parts = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    return pairs.map(([over, under]) => {
        context.fillStyle = ground; context.fillRect(0, 0, 1, 1);
        paint(under); const a = bright(); paint(over); const b = bright();
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
}"""


def test_contrasts_are_as_written_and_enough(chromium: Browser) -> None:
    rows = PAIR.findall(PAGE)
    pairs = [[over, under] for over, under, *_ in rows]
    with tab(chromium) as (page, _):
        page.set_content(f"<style>{DESIGN}</style><div class='ak-root'><i></i></div>")
        measured = {
            name: page.evaluate(_MEASURE, [*ground, pairs]) for name, ground in GROUNDS.items()
        }
    found = [
        f"| `{over}` on `{under}` | {light:.1f} | {dark:.1f} | {least} |"
        for (over, under, _, _, least), light, dark in zip(rows, *measured.values(), strict=True)
    ]
    assert found == [match[0] for match in PAIR.finditer(PAGE)]
    assert len(rows) >= 30
    low = [
        f"{over} on {under}: {min(light, dark):.2f}"
        for (over, under, _, _, least), light, dark in zip(rows, *measured.values(), strict=True)
        if min(light, dark) < float(least)
    ]
    assert not low


def test_every_token_is_on_the_page() -> None:
    tokens = set(re.findall(r"^  --ak-([\w-]+):", DESIGN, re.M))
    written = set(re.findall(r"`([a-z][\w-]*)`", PAGE))
    assert sorted(tokens - written) == []


def test_every_icon_is_on_the_page() -> None:
    script = (STATIC / "scripts" / "runtime" / "icons.js").read_text("utf-8")
    names = set(re.findall(r"^  (\w+):", script.partition("};")[0], re.M))
    listed = PAGE.partition("## Icons")[2]
    assert sorted(names - set(re.findall(r"`(\w+)`", listed))) == []
