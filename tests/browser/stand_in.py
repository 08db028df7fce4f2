"""A live view in a plain page, with a stand-in for the notebook's model: the real Python view, the
real script, no Jupyter.

Example:
    with tab(chromium) as (page, heard):
        shown = StandIn(page, view)
        shown.settle()
        page.get_by_role("button", name="Step").click()
"""

from __future__ import annotations

import base64
import json
import queue
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from agentkit.show.notebook.live import LiveView

_PAGE = """
async ([script, packed]) => {
    const bytes = new DataView(Uint8Array.from(atob(packed), c => c.charCodeAt(0)).buffer);
    const module = await import(URL.createObjectURL(new Blob([script], {type: 'text/javascript'})));
    window.pages = []; // the widget's model in each, as one browser page has one
    window.models = []; // what is shown of them
    window.opens = async (given = {}) => {
        const listeners = {};
        const model = {
            on: (name, listener) => (listeners[name] ??= new Set()).add(listener),
            off: (name, listener) => listeners[name]?.delete(listener),
            get: (name) => ({counted: {turns: 3, calls: 4}, packed: bytes})[name],
            send: (content) => window.toPython(JSON.stringify(content)),
            tell: (name, ...args) => listeners[name]?.forEach(listener => listener(...args)),
            ...given,
        };
        model.widget = await module.default();
        await model.widget.initialize({model});
        window.pages.push(model);
        return model;
    };
    window.shows = async (model = window.pages[0]) => {
        const el = document.body.appendChild(document.createElement('div'));
        window.models.push({el, tell: model.tell, end: await model.widget.render({model, el})});
    };
    window.deliver = (messages) => {
        for (const [content, buffers] of messages) {
            const views = buffers.map(text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer));
            window.pages.forEach(model => model.tell('msg:custom', structuredClone(content), views));
        }
    };
    await window.opens();
}
"""


_DRAWN = """
() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))
"""
"""Until the page has drawn what it was given, and asked for what that needs: a busy machine takes
longer over a frame than any wait that is written down.
"""


class StandIn:
    """A view and the page that shows it. Messages to the page wait until `settle`, as they come
    from any thread.
    """

    def __init__(
        self,
        page: Page,
        view: LiveView,
        *,
        begins: bool = True,
        asked: queue.SimpleQueue[Any] | None = None,
    ) -> None:
        """Show the view.

        Args:
            page: where.
            view: what.
            begins: whether the kernel answers.
            asked: what the page says to Python, of a page that shows one view after the other.
        """
        self.page = page
        self.view = view
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self.lost = False
        """Whether what is sent does not arrive."""
        self._waiting: queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[Any] = queue.SimpleQueue() if asked is None else asked
        view.send = lambda content, buffers=None: self._waiting.put((content, list(buffers or ())))
        if asked is None:
            page.expose_function("toPython", lambda content: self._asked.put(json.loads(content)))
        page.evaluate(_PAGE, [str(view._esm), base64.b64encode(view.packed).decode()])
        if begins:
            view.begin()
            self._carry()
        page.evaluate("() => window.shows()")
        self.settle()

    def settle(self, until: Callable[[], bool] = lambda: True, *, quiet: float = 0.12) -> None:
        """Carries messages both ways until there are none for a while and the condition holds."""
        deadline, since = time.monotonic() + 30, time.monotonic()
        while time.monotonic() < deadline:
            self.page.wait_for_timeout(15)
            if self._carry():
                since = time.monotonic()
            elif time.monotonic() - since > quiet and until() and self._idle():
                self.page.evaluate(_DRAWN)
                if self._idle():
                    return
        raise TimeoutError("the view does not settle")

    def _idle(self) -> bool:
        """Whether nothing waits, is about to be drawn, or is being drawn, which is done under the
        view's lock.
        """
        with self.view._lock:
            return not self.view._soon and self._waiting.empty() and self._asked.empty()

    def _carry(self) -> bool:
        moved = False
        while not self._asked.empty():
            self.view._heard(self._asked.get())
            moved = True
        batch = []
        while not self._waiting.empty():
            content, buffers = self._waiting.get()
            self.sent.append((content, buffers))
            batch.append((content, [base64.b64encode(buffer).decode() for buffer in buffers]))
        if batch and not self.lost:
            self.page.evaluate("messages => window.deliver(messages)", batch)
        return moved or bool(batch)

    def size(self) -> int:
        """Bytes of what was sent."""
        return sum(
            len(json.dumps(content, ensure_ascii=False).encode()) + sum(map(len, buffers))
            for content, buffers in self.sent
        )
