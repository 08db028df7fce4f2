"""What a notebook shows of a tap: the HTML and text that are kept, and the view that lives."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets import widget

import agentkit as ak
from agentkit.show.notebook.display import live_view
from agentkit.show.notebook.live import LiveView
from tests.show.watch_samples import PROMPT, beside, run_agent, stream_from, tapped, until


class Page:
    """What a view has sent, as the page would have it."""

    def __init__(self, watch: Any) -> None:
        found = live_view(watch)
        assert found is not None
        self.view: LiveView = found
        self.state: dict[str, Any] = {}
        self.rollouts: dict[int, Any] = {}
        self.replies: list[dict[str, Any]] = []
        self.text = ""
        found.send = self.hear

    def hear(self, content: Any, buffers: Any = None) -> None:
        self.text += json.dumps(content)
        for name, *args in content.get("ops", ()):
            if name == "state":
                self.state |= args[0]
            if name == "rollout":
                self.rollouts[args[0]] = args[1]
        if content["type"] == "told":
            self.replies.append(content)

    def do(self, action: str, **arguments: Any) -> dict[str, Any]:
        """What the page's own script would ask for, and what it is told."""
        asked = {"action": action, "arguments": {**arguments, "ask": -1}}
        self.view._heard({"type": "do", "view": "page", **asked})
        return self.replies[-1]


def test_what_is_kept_has_no_port_no_token_and_no_time() -> None:
    with tapped() as watch:
        assert watch.text() == (
            "Watch: a server on this machine · 0 requests · 0 rollouts\n"
            "Nothing has come yet. An agent is led here by w.env, or within with w:"
        )
        run_agent(watch.url)
        bundle = watch._repr_mimebundle_()
        secret = watch.url.split("/")[3]
        for text in bundle.values():
            assert str(watch.port) not in text
            assert secret not in text
            assert "sk-proj" not in text
        assert bundle["text/plain"] == (
            "Watch: a server on this machine · 3 requests · 1 rollout\n"
            f"0: {PROMPT}\n    3 turns · ✓ Answered"
        )
        assert "<img" not in bundle["text/html"]


def test_what_waits_is_drawn_as_it_would_go_or_come() -> None:
    with tapped() as watch:
        watch.hold(ak.break_on.tool("pay"))
        thread, _ = beside(lambda: run_agent(watch.url))
        until(lambda: watch.pending)
        assert watch.pending.text() == (
            "Answer waits: request 1 · travel-8b · turn 1 · tool('pay')\n"
            '  → 0 pay  {"amount": 104, "to": "Station Inn"}\n'
            "Each: w.pending[0].send(), .change(…), .answer('a text'), .fail(429); w.release() lets"
            " all go"
        )
        formatter: Any = InteractiveShell.instance().display_formatter
        data, _ = formatter.format(watch.pending)
        assert data["text/plain"] == watch.pending.text()
        assert "1 held" in watch.text()
        watch.pending[0].change(0, amount=7)
        for drawn in (watch.pending.text(), watch.text(), watch.pending.html()):
            assert "changed, was pay({" in drawn
        watch.release()
        thread.join(20)


def test_nothing_is_followed_while_nobody_looks() -> None:
    with tapped() as watch:
        page = Page(watch)
        run_agent(watch.url)
        assert watch.heard.followers == []
        assert page.text == ""
        page.view.begin()
        assert len(watch.heard.followers) == 1
        page.view._heard({"type": "shown", "view": "page", "seq": page.view._seq})
        page.view._heard({"type": "gone", "view": "page"})
        assert watch.heard.followers == []


def test_rollouts_come_without_a_word_of_the_page() -> None:
    """As in a cell that blocks the kernel: what happens is sent from the thread that hears it."""
    with tapped() as watch:
        page = Page(watch)
        page.view.begin()
        run_agent(watch.url_for("run-7"))
        until(lambda: "3 turns" in json.dumps(page.rollouts.get(0)) and "Answered" in page.text)
        line = json.dumps(page.rollouts[0])
        assert "run-7" in line
        assert page.state["inner"] == 1
        assert re.search(r"[<>]", line.replace(PROMPT, "")) is None
        assert "sk-proj" not in page.text


def test_what_is_open_makes_no_model_of_its_own_in_the_page() -> None:
    # one that a newer rollout closes at once would be reported as failed
    with tapped() as watch:
        page = Page(watch)
        page.view.begin()
        known = {*widget._instances}
        run_agent(watch.url)
        until(lambda: page.state.get("inner"))
        assert {*widget._instances} == known


def test_a_call_is_changed_and_sent() -> None:
    with tapped() as watch:
        page = Page(watch)
        page.view.begin()
        watch.hold(ak.break_on.tool("pay"))
        thread, found = beside(lambda: run_agent(watch.url))
        until(lambda: "Answer held" in json.dumps(page.state.get("in_pending")))
        new = '{"amount": 99.5, "to": "Station Inn"}'
        told = page.do("draft", number=1, field="call-0", text=new)
        assert told["fits"] is True
        assert "<del>104</del> <ins>99.5</ins>" in told["html"]
        wrong = page.do("draft", number=1, field="call-0", text='{"amount": "x"}')
        assert wrong["fits"] is False
        assert wrong["wrong"]
        refused = page.do("decide", number=1, act="send", drafts={"call-0": "{"})
        assert "no JSON" in refused["wrong"]
        assert len(watch.pending) == 1
        assert page.do("decide", number=1, act="send", drafts={"call-0": new})["wrong"] == ""
        thread.join(20)
        assert found == [f"Booked: <b>Station Inn</b>. paid {new}"]
        assert "waits no more" in page.do("decide", number=1, act="release")["wrong"]


@pytest.mark.parametrize(
    ("act", "value", "outcome"),
    [
        ("answer", "No room is left.", "No room is left. paid "),
        ("answer", '[["pay", {"amount": 1}]]', 'Booked: <b>Station Inn</b>. paid {"amount": 1}'),
        ("fail", "429", "429"),
        ("release", "", '"amount": 104'),
    ],
)
def test_what_waits_is_answered_failed_or_let_go(act: str, value: str, outcome: str) -> None:
    with tapped() as watch:
        page = Page(watch)
        page.view.begin()
        page.view.do("hold", {"kind": "tool", "value": "pay"})
        thread, found = beside(lambda: run_agent(watch.url))
        until(lambda: watch.pending)
        page.view.do("unhold", {"place": 0})
        number = watch.pending[0].number
        assert page.do("decide", number=number, act=act, value=value)["wrong"] == ""
        thread.join(20)
        assert outcome in str(found[0])


def test_a_request_is_changed_before_it_leaves() -> None:
    with tapped() as watch:
        page = Page(watch)
        page.view.begin()
        watch.hold(ak.break_on.request())
        thread, _ = beside(lambda: run_agent(watch.url))
        until(lambda: "Request held" in json.dumps(page.state.get("in_pending")))
        watch.breakpoints.clear()
        drafts = {
            "messages": json.dumps([{"role": "user", "content": "Bergen instead"}]),
            "sampling": '{"temperature": 0}',
        }
        assert page.do("decide", number=0, act="send", drafts=drafts)["wrong"] == ""
        thread.join(20)
        sent = json.loads(watch.flows[0].body)
        assert sent["messages"][0]["content"] == "Bergen instead"
        assert sent["temperature"] == 0
        assert len(sent["tools"]) == 2


def test_all_are_let_go() -> None:
    with tapped() as watch:
        page = Page(watch)
        page.view.begin()
        page.view.do("hold", {"kind": "request"})
        thread, found = beside(lambda: run_agent(watch.url))
        until(lambda: watch.pending)
        page.view.do("let_go", {})
        thread.join(20)
        assert "104" in found[0]
        assert len(watch.breakpoints) == 0


def test_an_answer_on_its_way_shows_its_last_words() -> None:
    """Pieces of a stream are told only while somebody looks."""
    with ak.testing.serve([ak.testing.says("word " * 40 + "end")], pace=0.05) as server:
        watch = ak.watch(server.url)
        page = Page(watch)
        page.view.begin()
        thread, _ = beside(lambda: stream_from(watch.url))
        until(lambda: "writing: " in page.text or "writing: \\u2026" in page.text)
        assert "in flight" in json.dumps(page.state["in_head"])
        watch.close()
        thread.join(20)
        until(lambda: "Closed" in json.dumps(page.state["in_head"]))
