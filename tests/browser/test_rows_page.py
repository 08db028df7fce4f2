"""The rows of a live view in a page: turns as blocks, and copying what a row says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import agentkit as ak
from agentkit.errors import NotFound
from agentkit.show.html import Html, el
from agentkit.show.notebook.live import LiveView, changes
from agentkit.show.notebook.long_text import text_at
from agentkit.show.notebook.page_files import script
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from agentkit.testing import ScriptedServer, calls, says
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.browser


class Shows(LiveView):
    """A view of whatever rows a test sets."""

    def __init__(self, parts: Mapping[str, Html]) -> None:
        super().__init__()
        self.parts = dict(parts)

    def fragments(self) -> Mapping[str, Html]:
        return self.parts


@contextmanager
def shown(chromium: Browser, parts: Mapping[str, Html]) -> Iterator[tuple[Page, StandIn]]:
    with tab(chromium) as (page, heard):
        yield page, StandIn(page, Shows(parts))
        assert heard == Heard()


ORDERS = (
    ("head", "turn-1", "turn-1/text", "turn-1/call-0", "turn-10", "turn-10/text"),
    ("head", "turn-1", "turn-1/call-0", "turn-10", "turn-10/text"),
    ("head", "turn-1", "turn-1/text", "gap", "turn-1/call-0", "turn-10"),
    ("turn-10/text", "turn-1", "turn-10", "turn-1/text", "head", "turn-1/call-0"),
    ("turn-1/call-0", "turn-1/text", "turn-1"),
    ("turn-1", "turn-1x", "turn-1/text"),
    (),
    tuple(f"turn-{i}{part}" for i in range(90) for part in ("", "/text")),
)


def grouped(keys: tuple[str, ...]) -> list[Any]:
    """What is to stand in the page: a row as its key, a turn as its number and its rows."""
    found: list[Any] = []
    for key in keys:
        turn = key.removeprefix("turn-").partition("/")[0]
        if not turn.isdecimal():
            found.append(key)
        elif found and isinstance(found[-1], list) and found[-1][0] == turn:
            found[-1][1].append(key)
        else:
            found.append([turn, [key]])
    return found


DRAW = """
async ([script, cases]) => {
    const module = `${script}\\nglobalThis.Rows = Rows;`;
    await import(URL.createObjectURL(new Blob([module], {type: 'text/javascript'})));
    const own = e => [...e.childNodes].filter(node => !node.akOwn);
    const root = document.body.appendChild(document.createElement('div'));
    const drawn = () => [...root.children].flatMap(own).map(e => e.matches('.ak-turn')
        ? [e.dataset.turn, own(e).map(row => row.textContent)] : e.textContent);
    return cases.map(([rows, ops, after]) => {
        const all = new Rows(root);
        all.reset(rows);
        const found = [drawn()];
        for (const turn of root.querySelectorAll('.ak-turn')) // as a script of a view may
            turn.append(Object.assign(document.createElement('b'), {akOwn: true}));
        for (const [name, ...given] of ops) all[name](...given);
        found.push(drawn());
        all.reset(rows);
        found.push(drawn());
        all.reset([]);
        const left = root.childNodes.length;
        root.replaceChildren();
        return [found, left];
    });
}
"""


def test_the_rows_of_a_turn_are_one_block(chromium: Browser) -> None:
    """Whatever comes, goes or moves, and after all of it was sent again."""
    cases, wanted = [], []
    for before, after in product(ORDERS, repeat=2):
        was, now = ({key: el("p", key) for key in keys} for keys in (before, after))
        cases.append([list(was.items()), changes(was, now)])
        wanted.append([[grouped(before), grouped(after), grouped(before)], 0])
    with tab(chromium) as (page, heard):
        found = page.evaluate(DRAW, [script(), cases])
        for (rows, ops), seen, right in zip(cases, found, wanted, strict=True):
            assert seen == right, (rows, ops)
        assert heard == Heard()


def test_a_turn_has_a_name(chromium: Browser) -> None:
    with shown(chromium, {"turn-3": el("p", "said"), "turn-3/text": el("p", "more")}) as (page, _):
        turn = page.get_by_role("article", name="Turn 3")
        expect(turn).to_have_attribute("data-turn", "3")
        expect(turn).to_have_text("saidmore")


LONG = "a long line of words " * 40


def line(text: str) -> Html:
    return el(
        "div",
        el("span", "←"),
        el("div", el("pre", text)),
        el("span", "0.3 s", class_="ak-side"),
        class_="ak-line",
    )


def test_a_text_is_copied_whole_by_a_button_beside_it(chromium: Browser) -> None:
    """By mouse or by key; the button lies over no text, and nothing moves."""
    parts = {"a": el("div", el("pre", LONG)), "turn-0": el("section", line(LONG + "end"))}
    with shown(chromium, parts) as (page, view):
        buttons = page.get_by_role("button", name="Copy", exact=True)
        expect(buttons).to_have_count(2)
        for i, text in enumerate((LONG, LONG + "end")):
            assert not covered(buttons.nth(i))
            box = page.locator(".ak-rows").bounding_box()
            buttons.nth(i).focus()
            page.keyboard.press("Enter")
            expect(page.locator(".ak-live > .ak-away")).to_have_text("copied")
            assert page.locator(".ak-rows").bounding_box() == box
            assert pasted(page) == text
        view.view.parts = {**parts, "a": el("div", el("pre", "short"))}
        view.view.refresh()
        view.settle()
        expect(buttons).to_have_count(2)
        buttons.first.click()
        assert pasted(page) == "short"


def pasted(page: Page) -> str:
    """What the clipboard holds."""
    page.evaluate("() => { document.body.append(document.createElement('textarea')); }")
    field = page.locator("body > textarea")
    field.focus()
    page.keyboard.press("Control+v")
    text = field.input_value()
    field.evaluate("field => field.remove()")
    return text


def covered(button: Locator) -> list[Any]:
    """The letters that the button lies over."""
    found: list[Any] = button.evaluate(
        """button => {
            const at = button.getBoundingClientRect();
            const texts = document.createTreeWalker(button.closest('.ak-rows'), NodeFilter.SHOW_TEXT);
            const range = document.createRange();
            const found = [];
            while (texts.nextNode()) {
                range.selectNodeContents(texts.currentNode);
                found.push(...[...range.getClientRects()].filter(r => r.right > at.left
                    && r.left < at.right && r.bottom > at.top && r.top < at.bottom));
            }
            return found;
        }"""
    )
    return found


def long_answers() -> ak.Debugger:
    """A rollout whose tool gave a list, and then more text than a view shows."""

    def look(what: str) -> object:
        """Looks it up."""
        return [{"name": f"n{i}", "size": i} for i in range(30)] if what == "list" else WHOLE

    asks = [says(None, calls("look", what=what)) for what in ("list", "text")]
    server = ScriptedServer([*asks, "Done."])
    dbg = ak.debug(ak.Agent("m", tools=[look], server=server), "Look.")
    dbg.run()
    return dbg


WHOLE = "".join(f"line {i} of a long text\n" for i in range(12_000))


def test_what_a_view_leaves_out_is_sent_when_it_is_asked_for(chromium: Browser) -> None:
    """In parts, after what is there; and a copy has all of it, though a view shows less."""
    dbg = long_answers()
    with tab(chromium) as (page, heard):
        view = StandIn(page, DebuggerView(dbg))
        listed, text = (page.locator(f"[data-key='turn-{i}/call-0']") for i in (0, 1))
        assert view.size() < 60_000
        open_all = text.get_by_role("button", name="Open all")
        open_all.focus()
        page.keyboard.press("Enter")
        view.settle()
        expect(text).to_contain_text("line 8000 of")
        expect(text).not_to_contain_text("line 11999 of")
        text.get_by_role("button", name="more characters").click()
        view.settle()
        expect(text).to_contain_text("line 11999 of")
        expect(text.locator(".ak-more")).to_be_hidden()
        assert "".join(text.locator(".ak-line pre").last.evaluate(ALL_SHOWN)) == WHOLE
        (result,) = dbg.trajectory.turns[0].results
        assert result is not None
        for call, whole in ((text, WHOLE), (listed, result.content)):
            call.get_by_role("button", name="Copy", exact=True).nth(1).click()
            view.settle()
            expect(page.locator(".ak-live > .ak-away")).to_have_text("copied")
            assert pasted(page) == whole
        assert heard == Heard()


ALL_SHOWN = """pre => [...pre.closest('.ak-line').querySelectorAll('pre')]
    .map(each => [...each.childNodes].filter(node => !node.akOwn).map(node => node.textContent).join(''))"""


@pytest.mark.parametrize(
    "at",
    [
        "",
        "debugger.agent",
        "trajectory.turns[9]",
        "trajectory.__class__",
        "trajectory.turns[0].response.summary",
        "trajectory.turns[0].index[0]",
        "trajectory.request(0)",
    ],
)
def test_no_other_place_is_read(at: str) -> None:
    with pytest.raises(NotFound):
        text_at({"trajectory": long_answers().trajectory}, at)
