"""The heatmap of tokens in a plain page: the real Python view and the real script."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import agentkit as ak
from agentkit.show.notebook.views.debugger.rollout_view import RolloutView
from agentkit.show.notebook.views.tokens.tokens_live import TokensView
from agentkit.types.answer import Response
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import TokenLogprob
from tests.analysis.token_samples import many_tokens
from tests.browser.lab import Heard, tab
from tests.browser.stand_in import StandIn
from tests.show.render_samples import HOSTILE
from tests.support.captures import conversation

pytestmark = pytest.mark.browser


@contextmanager
def shown(chromium: Browser, x: Any, **more: Any) -> Iterator[tuple[Page, StandIn]]:
    """The tokens in a page of its own, which may say nothing bad and ask for nothing."""
    with tab(chromium) as (page, heard):
        stand_in = StandIn(page, TokensView(ak.tokens(x, **more)))
        expect(page.locator(".ak-map .ak-t").first).to_be_attached()
        yield page, stand_in
        assert heard == Heard()


def real() -> Trajectory:
    return conversation("hermes-qwen3", "rollout-03")


def test_pointing_at_a_token_tells_what_is_known_of_it(chromium: Browser) -> None:
    with shown(chromium, real()) as (page, view):
        page.locator(".ak-map .ak-t", has_text="Tokyo").last.hover()
        view.settle()
        panel = page.locator(".ak-tip")
        for wanted in (
            '" Tokyo"',
            "turn 1",
            "position 237",
            "id 432",
            "37 %",
            "logprob -0.9947",
            "entropy 1.517 nats",
            "trained",
            "' London' 25.1 %",
        ):
            expect(panel).to_contain_text(wanted)
        expect(page.locator(".ak-at")).to_have_text(" Tokyo")


def test_the_metric_is_switched(chromium: Browser) -> None:
    with shown(chromium, real()) as (page, _):
        token = page.locator(".ak-map .ak-t", has_text="Tokyo").last
        line = "e => getComputedStyle(e).textDecorationLine + ' ' + getComputedStyle(e).textDecorationStyle"
        ground = "e => getComputedStyle(e).backgroundColor"
        assert token.evaluate(line) == "underline dashed", "a form, not only a colour"
        page.get_by_role("button", name="mask").click()
        assert token.evaluate(line) == "underline solid"
        expect(page.get_by_role("button", name="mask")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".ak-legend")).to_contain_text("✓ trained ▲ trained, off policy")
        dropped = page.locator(".ak-map .ak-off .ak-t").first
        assert token.evaluate(ground) != dropped.evaluate(ground), (
            "off policy has a ground of its own"
        )
        assert dropped.evaluate(line) == "underline dashed"
        prompt = page.locator(".ak-map .ak-t").first
        assert prompt.evaluate(line) == "none solid"
        page.get_by_role("button", name="entropy").click()
        assert token.evaluate(line) == "underline solid"
        expect(page.locator(".ak-legend")).to_contain_text("2 nats or more")


def test_tokens_are_reached_by_keys(chromium: Browser) -> None:
    with shown(chromium, real()) as (page, view):
        page.locator(".ak-map").focus()
        page.keyboard.press("Home")
        expect(page.locator(".ak-tip")).to_contain_text("position 0")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".ak-tip")).to_contain_text("position 1")
        page.keyboard.press("n")
        view.settle()
        expect(page.locator(".ak-tip")).to_contain_text('" Tokyo"')
        page.keyboard.press("p")
        expect(page.locator(".ak-tip")).to_contain_text('" Tokyo"')  # there is none before it
        page.locator("tr[data-key]").nth(5).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".ak-tip")).to_contain_text("position 141")
        expect(page.locator(".ak-map")).to_be_focused()


def test_what_was_sampled_is_told_from_the_prompt(chromium: Browser) -> None:
    with shown(chromium, real()) as (page, _):
        ink = "e => getComputedStyle(e).color"
        answer, prompt = (
            page.locator(f".ak-map .ak-span{kind}").first
            for kind in (".ak-sampled", ":not(.ak-sampled)")
        )
        assert answer.evaluate(ink) != prompt.evaluate(ink)
        rail = "e => getComputedStyle(e).borderLeftColor"
        assert answer.evaluate(rail) != prompt.evaluate(rail)


def test_the_break_says_what_is_missing_and_marks_what_is_off_policy(chromium: Browser) -> None:
    with shown(chromium, real()) as (page, _):
        expect(page.locator(".ak-map .ak-broken")).to_contain_text("position 88")
        page.locator(".ak-broken summary").click()
        expect(page.locator(".ak-broken tbody tr")).to_have_count(3)
        missing = page.locator(".ak-map del")
        expect(missing).to_contain_text("Two calls are needed")
        expect(missing).not_to_contain_text("tool_call")
        off = page.locator(".ak-map .ak-off")
        assert sum(part.locator(".ak-t").count() for part in off.all()) == 87
        expect(off.first.locator("small")).to_contain_text("off policy")


def test_the_strip_and_the_rows_of_the_least_likely_go_to_their_tokens(chromium: Browser) -> None:
    with shown(chromium, many_tokens()) as (page, view):
        strip = page.locator(".ak-tokens-strip")
        box = strip.bounding_box()
        assert box
        strip.click(position={"x": box["width"] * 0.75, "y": box["height"] / 2})
        view.settle()
        expect(page.locator(".ak-at")).to_be_in_viewport()
        expect(page.locator(".ak-tip")).to_contain_text("turn 5")
        row = page.locator("tr[data-key]").nth(2)
        row.click()
        view.settle()
        expect(row).to_have_attribute("aria-current", "")
        expect(page.locator(".ak-at")).to_be_in_viewport()
        page.get_by_label("go to a turn").select_option("turn 7")
        expect(page.locator(".ak-tokens-turn").nth(7)).to_be_in_viewport()


def test_where_there_is_nothing_to_show_it_says_what_to_ask_for(chromium: Browser) -> None:
    with tab(chromium) as (page, heard):
        StandIn(page, TokensView(ak.tokens(conversation("hermes-qwen3", "rollout-01"))))
        expect(page.locator(".ak-todo")).to_contain_text("return_token_ids")
        expect(page.get_by_role("toolbar")).to_have_count(0)
        assert heard == Heard()


def test_what_to_ask_for_is_what_the_server_takes() -> None:
    answered = ak.tokens(replace(conversation("hermes-qwen3", "rollout-03"), turns=()))
    for profile, own in (("openai", False), ("vllm", True)):
        answered.profile = profile
        assert ("return_token_ids" in answered.html()) is own


def test_the_tokens_of_a_turn_look_as_those_of_a_rollout(chromium: Browser) -> None:
    with tab(chromium) as (page, _):
        view = StandIn(page, RolloutView(ak.view([real()])))
        page.get_by_role("tab", name="Tokens").last.click()
        view.settle()
        part = page.locator(".ak-span.ak-sampled").first
        expect(part).to_be_visible()
        name, text = (part.locator(f"> {tag}").bounding_box() for tag in ("small", "pre"))
        assert name
        assert text
        assert name["x"] + 90 <= text["x"], "the name stands beside the text"
        unlikely = page.locator(".ak-span .ak-s2").first
        ground = unlikely.evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground != "rgba(0, 0, 0, 0)"


def test_texts_are_found_across_tokens(chromium: Browser) -> None:
    with shown(chromium, real()) as (page, _):
        field = page.get_by_role("searchbox")
        field.fill("cloudy with 21")
        expect(page.locator(".ak-metrics small")).to_have_text("1 found")
        assert "".join(page.locator(".ak-hit").all_text_contents()).endswith("cloudy with 21")
        field.fill("degrees")
        field.press("Enter")
        expect(page.locator(".ak-metrics small")).to_have_text("2 found")
        field.fill("nothing like it")
        expect(page.locator(".ak-hit")).to_have_count(0)
        field.fill("")
        expect(page.locator(".ak-metrics small")).to_have_text("")


def test_32_000_tokens_are_sent_and_painted_quickly(chromium: Browser) -> None:
    with shown(chromium, many_tokens()) as (page, view):
        expect(page.locator(".ak-map .ak-t")).to_have_count(32_000)
        assert view.size() < 600_000
        assert min(_drawn_in(page, view) for _ in range(3)) < 0.5
        page.get_by_role("button", name="entropy").click()
        expect(page.locator(".ak-map")).to_have_attribute("data-metric", "entropy")


def _drawn_in(page: Page, view: StandIn) -> float:
    """Seconds the page works from the delivery of a reset to the frame after it is drawn; of its
    own thread, so that a busy machine does not count.
    """
    content, buffers = next((c, b) for c, b in view.sent if c["type"] == "reset")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _worked(session)
    page.evaluate(
        """async ([content, buffers]) => {
            const views = buffers.map(text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer));
            const map = document.querySelector('.ak-map');
            map.replaceChildren();
            await new Promise(requestAnimationFrame);
            window.models[0].tell('msg:custom', content, views);
            while (map.querySelectorAll('.ak-t').length < 32000) await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
        }""",
        [content, [base64.b64encode(buffer).decode() for buffer in buffers]],
    )
    return _worked(session) - before


def _worked(session: Any) -> float:
    metrics = {
        entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]
    }
    spent: float = metrics["TaskDuration"]
    return spent


def test_hostile_tokens_fire_nothing(chromium: Browser) -> None:
    logprobs = tuple(
        TokenLogprob(token=wanted, logprob=-3.0, top=((wanted, -3.0), (f"{wanted}x", -4.0)))
        for wanted in HOSTILE
    )
    response = Response(content="x", logprobs=logprobs, token_ids=TokenIds(range(len(HOSTILE))))
    with shown(chromium, Trajectory(turns=(Turn(index=0, response=response),))) as (page, view):
        for i in range(len(HOSTILE)):
            page.locator(".ak-map .ak-t").nth(i).click()
        view.settle()
        assert page.locator(".ak-root :is(script, img, a, iframe, style)").count() == 0
        assert (
            page.evaluate(
                "() => document.querySelector('.ak-root').textContent.includes('\\u202e')"
            )
            is False
        )
