"""Makes the pictures of README and docs from the states of gallery.py, light and dark.

    python notebooks/screenshots.py                   those that are kept, into docs/images
    python notebooks/screenshots.py --all OUT [STATE] every state, 700 and 1,400 px, live and static

The views are live ones in a plain page with the colours and fonts of JupyterLab; a Chromium must be
installed. Run it from the repository, with the test extra.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from notebooks import gallery
from tests.browser import looks
from tests.browser.lab import browser

KEPT = {
    "debugger": ("paused", 1000),
    "table": ("captured_table", 1400),
    "comparison": ("comparison", 1400),
    "tokens": ("tokens", 1000),
    "watch": ("watching", 1000),
}
"""Name of the picture to its state and width."""
MOST = 1200
"""Pixels of height at most."""
FONTS = {
    "--jp-ui-font-family": '"Helvetica Neue", Helvetica, Arial, sans-serif',
    "--jp-code-font-family": 'menlo, consolas, "DejaVu Sans Mono", monospace',
}
"""JupyterLab's own."""


def shoot(
    state: str, widths: Iterable[int], path: str, *, static: bool = False, whole: bool = False
) -> None:
    """Take the pictures of one state.

    Args:
        state: its name in the gallery.
        widths: of the view, in pixels.
        path: of each picture, with places for `width` and `theme`.
        static: the HTML that is kept, in place of the live view.
        whole: to its end, however high it is.
    """
    with (
        browser() as chromium,
        looks.stage(chromium) as stage,
        looks.shown(stage, state, static=static) as page,
    ):
        page.add_style_tag(content=f"body {{ {'; '.join(f'{k}: {v}' for k, v in FONTS.items())} }}")
        for width in widths:
            for theme in ("light", "dark"):
                looks.dress(page, width, dark=theme == "dark")
                page.mouse.move(0, 0)
                box = page.locator("main").bounding_box() or {"height": MOST}
                height = box["height"] + 32 if whole else min(MOST, box["height"] + 32)
                edges: Any = {"x": 0, "y": 0, "width": width + 32, "height": round(height)}
                name = path.format(width=width, theme=theme)
                page.screenshot(path=name, clip=edges, full_page=True)


def main(arguments: list[str]) -> None:
    """Do what the command line asks for."""
    if arguments[:1] == ["--all"]:
        out = Path(arguments[1])
        out.mkdir(parents=True, exist_ok=True)
        for state in arguments[2:] or gallery.STATES:
            for kind in ("live", "static"):
                name = f"{state}-{{width}}-{{theme}}{'-static' * (kind == 'static')}.png"
                shoot(state, (700, 1400), str(out / name), static=kind == "static", whole=True)
                print(state, kind)
        return
    images = HERE.parent / "docs" / "images"
    for name in arguments or KEPT:
        state, width = KEPT[name]
        shoot(state, (width,), str(images / f"{name}-{{theme}}.png"))
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
