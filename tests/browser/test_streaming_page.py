"""An answer while it streams stands where it will stand: when it has come, no text moves."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.debugger_view_samples import streaming

pytestmark = pytest.mark.browser

PLACES = """() => {
    const pane = document.querySelector('.ak-rows').getBoundingClientRect().top;
    const turn = [...document.querySelectorAll('.ak-turn')].at(-1);
    const texts = document.createTreeWalker(turn, NodeFilter.SHOW_TEXT);
    const range = new Range();
    const found = [];
    while (texts.nextNode()) {
        const at = texts.currentNode;
        if (at.parentNode.closest('header, button') || !at.data.trim()) continue;
        if (!at.parentNode.checkVisibility()) continue;
        range.selectNodeContents(at);
        const {left, top, height} = range.getBoundingClientRect();
        if (height) found.push([at.data.trim(), left, top - pane, height]);
    }
    return found;
}"""
"""Each text of the turn, and where it stands."""
SAMPLED = f"""() => {{
    const places = {PLACES};
    window.turn = [...document.querySelectorAll('.ak-turn')].at(-1);
    window.seen = new Set();
    const next = () => {{ window.seen.add(JSON.stringify(places())); requestAnimationFrame(next); }};
    next();
}}"""
"""Notes what stands where in each frame."""
THOUGHT = {"reasoning_content": "I think about it at length. " * 30}
ANSWERS: dict[str, list[str | dict[str, str]]] = {
    "one paragraph": ["It goes ", "on and on. " * 40, "End."],
    "paragraphs": ["One of them.\n\nTwo", " of them.\n\nThree of them."],
    "markdown": [
        "# A head\n\nSome **bold** words and `code`.\n\n",
        "- one\n- two\n\n> said\n\n## Another\n\n1. a\n2. b\n\n",
        "```python\nx = 1\n```\n\n",
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n\nThe last words of it.",
    ],
    "markdown at the end": ["Some words.\n\n", "- one\n", "- **two**"],
    "reasoning and text": [THOUGHT, "The answer of it."],
    "short reasoning and text": [{"reasoning_content": "I think."}, "The **answer** of it."],
}


def streamed(page: Page, pieces: list[str | dict[str, str]]) -> tuple[Any, Any]:
    """Where the texts stand when the last has come and the answer is not yet whole, and after."""
    gate = threading.Event()
    waits: list[str | dict[str, str]] = [""] * (len(pieces) + 2)
    dbg = streaming([*pieces, *waits], gate=gate)
    view = StandIn(page, DebuggerView(dbg))
    dbg.post("run")
    last = pieces[-1]
    assert isinstance(last, str)
    words = " ".join(last.split()[-1:]).strip("*.")
    view.settle(lambda: words in (page.get_by_role("log").text_content() or ""), quiet=0.3)
    before = page.evaluate(PLACES)
    page.evaluate(SAMPLED)
    gate.set()
    view.settle(lambda: not dbg.running, quiet=0.3)
    return before, page.evaluate(PLACES)


@pytest.mark.parametrize("name", ANSWERS)
def test_no_text_moves_when_the_answer_has_come(chromium: Browser, name: str) -> None:
    """Nor is it gone for a frame; and it stays in the block of its turn."""
    with tab(chromium, height=900) as (page, heard):
        before, after = streamed(page, ANSWERS[name])
        assert len(before) > 0
        assert after == before
        assert [json.loads(seen) for seen in page.evaluate("() => [...window.seen]")] == [before]
        assert page.evaluate("() => window.turn.isConnected")
        assert page.locator("[data-key^='growing']").count() == 0
        assert heard == Heard()
