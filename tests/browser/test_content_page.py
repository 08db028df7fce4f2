"""What models and tools wrote, in a plain page: images from their own bytes, and nothing that
acts.
"""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from agentkit.show.notebook.views.conversation_view import ConversationView
from agentkit.types.answer import Response
from agentkit.types.trajectory import Trajectory, Turn
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.render_samples import call, message, result
from tests.show.test_content_images import png

pytestmark = pytest.mark.browser

TEXT = (
    "# A *title*\n\n- [a link](https://example.invalid/)\n- ![an image](https://example.invalid/x)"
)


def test_content_is_drawn_and_nothing_of_it_acts(chromium: Browser) -> None:
    address = f"data:image/png;base64,{png(4, 4)}"
    records = [{"name": f"Inn {i}", "eur": i} for i in range(40)]
    sent = message("user", [{"type": "image_url", "image_url": {"url": address}}])
    response = Response(tool_calls=(call(arguments={"map": address}),))
    first = Turn(index=0, response=response, results=(result(json.dumps(records)),))
    last = Turn(index=1, response=Response(content=TEXT))
    shown = Trajectory(prompt=(sent,), turns=(first, last), stop_reason="final")
    with tab(chromium) as (page, heard):
        StandIn(page, ConversationView(shown))
        expect(page.get_by_role("heading", name="A title")).to_be_visible()
        images = page.locator("img")
        expect(images).to_have_count(2)
        assert images.first.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [4, 4]
        assert page.locator("a").count() == 0
        rows = page.get_by_text("37 more rows")
        expect(page.get_by_text("Inn 39", exact=True)).to_be_hidden()
        before = rows.bounding_box()
        rows.click()
        expect(page.get_by_text("Inn 39", exact=True)).to_be_visible()
        assert rows.bounding_box() == before, "it stays under the pointer"
        widths = page.eval_on_selector_all(
            ".ak-records table", "all => all.map(e => [...e.rows[1].cells].map(c => c.offsetWidth))"
        )
        assert widths[0] == widths[1]
        assert heard == Heard()
