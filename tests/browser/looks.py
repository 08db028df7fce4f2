"""The views in their states, in a page whose text is laid out the same on every machine, and what can
be measured of them there: axe, whether text fits, which colours and sizes are used, where things lie.
"""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, Page

from agentkit.show.notebook.display import live_views
from agentkit.show.notebook.live import LiveView
from notebooks import gallery
from tests.browser.box_font import box_font
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

NARROW, WIDE = 0.5, 0.58
"""How wide a character is as a part of its size: about Arial, about DejaVu Sans."""
DRESSES = {
    "700-light": (700, False, WIDE),
    "1400-light": (1400, False, NARROW),
    "700-dark": (700, True, NARROW),
    "1400-dark": (1400, True, WIDE),
}
"""Width in pixels, dark, and how wide a character is."""
_GROUNDS = {False: ("#fff", "#fff", "rgba(0,0,0,.87)"), True: ("#111", "#212121", "#fff")}
"""JupyterLab's page, its cells and its ink, light and dark."""
_STYLE = """
html { overflow-y: scroll; scrollbar-width: none }
body { margin: 16px; font: 13px/20px Boxes; background: var(--jp-layout-color0);
    color: var(--jp-content-font-color1); --jp-ui-font-family: Boxes; --jp-code-font-family: Boxes }
* { animation: none !important; transition: none !important; caret-color: transparent !important }
"""
_THEME = """([light, page, ground, ink]) => {
    const s = document.body.style;
    document.body.dataset.jpThemeLight = light;
    s.setProperty('--jp-layout-color0', page); s.setProperty('--jp-layout-color1', ground);
    s.setProperty('--jp-content-font-color1', ink);
}"""
_FONT = """async (url) => {
    const font = new FontFace('Boxes', `url(${url})`);
    await font.load();
    document.fonts.clear();
    document.fonts.add(font);
}"""


@dataclass
class Stage:
    """A page where one state after the other is shown: axe is read into it but once."""

    page: Page
    heard: Heard
    asked: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    """What the view on the page said to Python."""

    def clear(self) -> None:
        """Forget what was shown before: its elements, timers, messages, and where the mouse was."""
        self.page.mouse.move(0, 0)
        self.page.evaluate(_FORGET)
        self.page.set_content(
            f"<!doctype html><html lang=en><head><title>looks</title><style>{_STYLE}</style>"
            "</head><body><main></main></body></html>"
        )
        self.heard.errors.clear()
        self.heard.remote.clear()
        while not self.asked.empty():
            self.asked.get()


_FORGET = """() => {
    for (const shown of window.models ?? []) shown.end?.();
    for (let id = setTimeout(() => {}); id > 0; id--) clearTimeout(id);
    delete window.agentkitViews;
}"""


@contextmanager
def stage(chromium: Browser) -> Iterator[Stage]:
    """An empty stage."""
    with tab(chromium, 1400) as (page, heard):
        made = Stage(page, heard)
        page.expose_function("toPython", lambda content: made.asked.put(json.loads(content)))
        yield made


@contextmanager
def shown(
    on: Stage,
    state: str,
    *,
    static: bool = False,
    do: Callable[[Page], object] | None = None,
) -> Iterator[Page]:
    """A state of the gallery, live where it has a live view; `dress` gives width and theme.

    Args:
        on: where it is shown.
        state: its name.
        static: the HTML that is kept, in place of the live view.
        do: what is done on the live page before it is looked at.
    """
    thing = gallery.STATES[state]()
    page = on.page
    try:
        on.clear()
        page.evaluate(_FONT, box_font(NARROW))
        dress(page, 1400, dark=False)
        views = live_views()
        live = next((views[kind] for kind in type(thing).__mro__ if kind in views), None)
        if isinstance(thing, LiveView) and not static:
            live = type(thing)
        if static or live is None:
            put = "markup => { document.querySelector('main').innerHTML = markup }"
            page.evaluate(put, thing._repr_mimebundle_()["text/html"])
        else:
            made = thing if isinstance(thing, LiveView) else live(thing)
            view = StandIn(page, made, asked=on.asked)
            page.evaluate("() => document.querySelector('main').append(models[0].el)")
            view.settle()
            if do is not None:
                do(page)
                view.settle()
        yield page
        assert on.heard == Heard()
    finally:
        gallery.end_of(thing)


def dress(page: Page, width: int, *, dark: bool, font: float | None = None) -> None:
    """Give the page a width in pixels, a theme, and another font."""
    page.set_viewport_size({"width": width + 32, "height": 1400})
    page.evaluate(_THEME, [str(not dark).lower(), *_GROUNDS[dark]])
    if font is not None:
        page.evaluate(_FONT, box_font(font))
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))")


# axe

_AXE = """async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
    const off = Object.fromEntries(
        ['region', 'page-has-heading-one', 'landmark-one-main', 'bypass'].map(id => [id, {enabled: false}]));
    const found = await axe.run('main', {runOnly: tags, rules: off, resultTypes: ['violations']});
    return found.violations.flatMap(v => v.nodes.slice(0, 3).map(
        n => `${v.id}: ${n.target.join(' ')} — ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? v.help}`));
}"""


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def axe(page: Page) -> list[str]:
    """What axe finds against WCAG A and AA and its best practice inside the view; what is the
    page's own, as its headings and landmarks, is left out.
    """
    if page.evaluate("() => typeof axe === 'undefined'"):
        page.evaluate(f"() => {{ {_AXE_SHIM} {_axe()} }}")
    found: list[str] = page.evaluate(_AXE)
    return found


_AXE_SHIM = "var module = undefined, define = undefined;"

# what fits

_FITS = """() => {
    const found = new Set(), root = document.querySelector('main').getBoundingClientRect();
    const seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
    const named = e => {
        const text = (e.textContent || e.getAttribute('aria-label') || e.value || '').trim().slice(0, 40);
        return `${e.localName}.${[...e.classList].join('.')} ${JSON.stringify(text)}`;
    };
    const scrolls = e => {
        for (let p = e.parentElement; p; p = p.parentElement)
            if (/auto|scroll/.test(getComputedStyle(p).overflowX) && p.scrollWidth > p.clientWidth) return true;
        return false;
    };
    const whole = 'button, [role=tab], [role=button], .ak-chip, label, summary, th, td';
    const controls = [...document.querySelectorAll(`main :is(${whole}, input, select, textarea)`)].filter(seen);
    for (const e of controls) {
        const box = e.getBoundingClientRect(), style = getComputedStyle(e);
        if (box.width < 2 || box.height < 2) continue;
        const cut = [e, ...e.querySelectorAll('*')].find(part => part.clientWidth > 2
            && part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX !== 'visible');
        const meant = cut && getComputedStyle(cut).textOverflow === 'ellipsis'
            && (cut.closest('[title]') || /^(TD|TH|SUMMARY|INPUT|TEXTAREA)$/.test(e.tagName));
        if (cut && !meant && !/auto|scroll/.test(getComputedStyle(cut).overflowX)) found.add(`cut: ${named(e)}`);
        if (e.matches('button, [role=tab], .ak-chip') && style.display !== 'inline'
            && e.scrollWidth > e.clientWidth + 1) found.add(`wider than itself: ${named(e)}`);
        if (box.right > root.right + 1 && !scrolls(e)) found.add(`beyond the edge: ${named(e)}`);
    }
    const pressed = controls.filter(e => e.matches('button, [role=tab], input, select'))
        .map(e => [e, inSight(e)]).filter(([, box]) => box);
    function inSight(e) {
        const box = e.getBoundingClientRect();
        for (let p = e.parentElement; p && p.localName !== 'main'; p = p.parentElement) {
            if (getComputedStyle(p).overflowY === 'visible') continue;
            const edge = p.getBoundingClientRect();
            if (box.bottom > edge.bottom + 1 || box.top < edge.top - 1) return null;
        }
        return box;
    }
    for (const [i, [a, x]] of pressed.entries())
        for (const [b, y] of pressed.slice(i + 1, i + 40))
            if (!a.contains(b) && !b.contains(a)
                && Math.min(x.right, y.right) - Math.max(x.left, y.left) > 2
                && Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top) > 2
                && !sticky(a) && !sticky(b)) found.add(`over each other: ${named(a)} and ${named(b)}`);
    function sticky(e) {
        for (let p = e; p && p.localName !== 'main'; p = p.parentElement)
            if (/sticky|fixed|absolute/.test(getComputedStyle(p).position)) return true;
        return false;
    }
    if (document.documentElement.scrollWidth > innerWidth + 1)
        found.add(`the page scrolls sideways: ${document.documentElement.scrollWidth} in ${innerWidth}`);
    return [...found];
}"""


def unfit(page: Page) -> list[str]:
    """Which controls are cut, wider than themselves, beyond the edge or over each other."""
    found: list[str] = page.evaluate(_FITS)
    return found


# the design

_TOKENS = """
    const style = getComputedStyle(document.querySelector('.ak-root'));
    const names = [...document.styleSheets].flatMap(s => [...s.cssRules])
        .filter(r => r.selectorText === '.ak-root').flatMap(r => [...r.style])
        .filter(n => n.startsWith('--ak-'));
    const probe = document.querySelector('.ak-root').appendChild(document.createElement('i'));
    const tokens = new Map();
    for (const name of names) {
        probe.style.color = ''; probe.style.color = `var(${name})`;
        if (CSS.supports('color', style.getPropertyValue(name))) {
            const value = getComputedStyle(probe).color;
            if (!tokens.has(value)) tokens.set(value, name.slice(5));
        }
    }
    probe.remove();
    const colour = value => /^rgba\\(.*, 0\\)$|^transparent$/.test(value) ? '-' : tokens.get(value) ?? value;
    const seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
"""
_STRANGE = (
    "() => {"
    + _TOKENS
    + """
    const found = new Set();
    const host = new Set(['rgb(0, 0, 0)', getComputedStyle(document.body).color]);
    for (const e of document.querySelectorAll('main .ak-root *')) {
        if (!seen(e) || e.closest('svg') || !e.getBoundingClientRect().width) continue;
        const s = getComputedStyle(e), named = `${e.localName}.${[...e.classList].join('.')}`;
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        for (const [kind, value] of [['ink', own && s.color], ['ground', s.backgroundColor]])
            if (value && /^(rgb|color\\(|okl)/.test(colour(value)) && !host.has(value))
                found.add(`${kind} ${value}: ${named}`);
        if (own && !['12px', '13px', '15px', '20px'].includes(s.fontSize)) found.add(`size ${s.fontSize}: ${named}`);
        if (own && !['400', '600'].includes(s.fontWeight)) found.add(`weight ${s.fontWeight}: ${named}`);
    }
    return [...found];
}"""
)


def strange(page: Page) -> list[str]:
    """Which colours, sizes and weights of text are none of the design's."""
    found: list[str] = page.evaluate(_STRANGE)
    return found


_DIGEST = (
    "([masked, most]) => {"
    + _TOKENS
    + """
    const lines = [], origin = document.querySelector('main').getBoundingClientRect();
    const marks = 'header, section, article, nav, aside, footer, table, thead, tr, th, h2, h3, h4, button, input,'
        + 'select, textarea, summary, pre, [role=tab], [role=treeitem], [role=toolbar], [role=status],'
        + '.ak-chip, .ak-line, .ak-side, .ak-call, .ak-facts, .ak-text, .ak-bar';
    for (const e of document.querySelectorAll(`main .ak-root, main .ak-root :is(${marks})`)) {
        if (lines.length >= most) break;
        const box = e.getBoundingClientRect();
        if (!seen(e) || box.width < 1 || box.height < 1 || (masked && e.closest(masked))) continue;
        const s = getComputedStyle(e), at = v => Math.round(v / 2) * 2;
        const place = [box.x - origin.x, box.y - origin.y, box.width, box.height].map(at).join(' ');
        const classes = [...e.classList].filter(c => c.startsWith('ak-')).sort().join('.');
        lines.push(`${e.localName}.${classes} ${place} ${colour(s.color)} ${colour(s.backgroundColor)}`);
    }
    return lines;
}"""
)
MASK = "[data-clock], .ak-clock, .ak-elapsed"
"""What may differ between two runs: the clocks of what is under way."""


def digest(page: Page, *, most: int = 70) -> list[str]:
    """Where the parts of a view lie, how large they are, and in which colours, by their names in
    the design; a line a part.
    """
    found: list[str] = page.evaluate(_DIGEST, [MASK, most])
    return found


def facts(page: Page) -> dict[str, Any]:
    """Everything that is wrong with how a page looks, by kind; empty where nothing is."""
    found = {"axe": axe(page), "fits": unfit(page), "design": strange(page)}
    return {kind: wrong for kind, wrong in found.items() if wrong}


def wrong(page: Page) -> dict[str, Any]:
    """What is wrong in each dress."""
    found: dict[str, Any] = {}
    for name, (width, dark, font) in DRESSES.items():
        dress(page, width, dark=dark, font=font)
        if said := facts(page):
            found[name] = said
    return found
