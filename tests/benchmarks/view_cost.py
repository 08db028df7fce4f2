"""What drawing costs, as CPU time beside `html.escape` of the same text, which is the text that the
conversation shows.

    python tests/benchmarks/view_cost.py

It prints, for rollouts of growing length, of short constructed turns and of real ones of vLLM's,
the cost of the conversation, of its timeline, of the charts' drawings and of the frames; the cost
of the timeline of one more turn of a rollout that grows; for 32,000 tokens, the bytes and the time
of the heatmap's columns; the bytes of views on the wire; and, where there is a Chromium, the time
from a first click to the frame that shows what it asked for. It checks nothing.
"""

from __future__ import annotations

import html
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import agentkit as ak
from agentkit.analysis.frames.timings import Timeline, turn_time
from agentkit.show.charts.latency import latency_chart
from agentkit.show.charts.rollout_charts import timeline_svg
from agentkit.show.charts.svg import svg
from agentkit.show.notebook.display import live_view
from agentkit.show.notebook.views.tokens.tokens_live import TokensView
from agentkit.show.render.limits import STATIC, WHOLE
from agentkit.show.render.render import render
from agentkit.types.trajectory import Trajectory
from tests.analysis.token_samples import many_tokens
from tests.show.render_samples import long
from tests.show.wire_bytes import appended, first_state

CAPTURED = [
    Path(__file__).parents[2] / "notebooks" / "cassettes" / f"vllm_{name}.jsonl"
    for name in ("compare_weather", "follow_up", "rollouts")
]


def cpu(run: Callable[[], Any], times: int = 7) -> float:
    """The least CPU seconds of several runs."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        run()
        spent.append(time.process_time() - began)
    return min(spent)


def text_of(rollout: Trajectory) -> str:
    """What the view shows of all that the model, the tools and the server said, each text as often
    as it is shown.

    Such text stands in a `pre` or a `code`. Labels, statuses and numbers of the view's own are not
    counted.
    """
    markup = "".join(render(rollout, WHOLE).values())
    content = "".join(
        text for _, text in re.findall(r"<(pre|code)\b[^>]*>(.*?)</\1>", markup, re.DOTALL)
    )
    return html.unescape(re.sub(r"<[^>]*>", "", content))


def real(turns: int) -> Trajectory:
    """A rollout of captured turns of vLLM's, which are repeated."""
    rollouts = [rollout for path in CAPTURED for rollout in ak.load(path, all=True)]
    captured = [turn for rollout in rollouts for turn in rollout.all_turns]
    return Trajectory(
        spec=rollouts[0].spec,
        prompt=rollouts[0].prompt,
        turns=tuple(replace(captured[i % len(captured)], index=i) for i in range(turns)),
    )


def frames_of(rollout: Trajectory) -> None:
    for make in (ak.turns_df, ak.tool_calls_df, ak.messages_df, ak.problems_df):
        make(rollout)


def main() -> None:
    frames_of(long(2))
    print(
        f"{'turns':>6} {'':11} {'characters':>10} {'conversation':>13} {'timeline':>9} {'latency':>8} {'frames':>7}   (times html.escape of the same text)"
    )
    for turns, make in ((turns, make) for make in (long, real) for turns in (250, 1000, 4000)):
        rollout = make(turns)
        text = text_of(rollout)
        floor = cpu(lambda t=text: html.escape(t), 20)  # type: ignore[misc]
        costs = [
            cpu(lambda r=rollout: render(r, WHOLE)),  # type: ignore[misc]
            cpu(lambda r=rollout: timeline_svg(Timeline().reach(r.turns))),  # type: ignore[misc]
            cpu(lambda r=rollout: svg(latency_chart([turn_time(t) for t in r.turns], most=600))),  # type: ignore[misc]
            cpu(lambda r=rollout: frames_of(r)),  # type: ignore[misc]
        ]
        kind = "constructed" if make is long else "captured"
        print(
            f"{turns:6} {kind:11} {len(text) // turns:10} "
            + " ".join(
                f"{cost / floor:{width}.1f}x"
                for cost, width in zip(costs, (12, 8, 7, 6), strict=True)
            )
        )
        timeline = Timeline().reach(rollout.turns)
        grown = (*rollout.turns, replace(rollout.turns[0], index=turns))
        print(
            f"       one more turn: {cpu(lambda c=timeline, g=grown, n=turns: timeline_svg(c.reach(g, n)), 20) * 1e6:.0f} us"  # type: ignore[misc]
        )
    tokens = ak.tokens(many_tokens())
    view = TokensView(tokens)
    print(
        f"32,000 tokens: {sum(map(len, view.arrays())):,} bytes, columns in {cpu(view.arrays):.2f} s, page kept in {cpu(lambda: tokens.html(STATIC)):.2f} s"
    )


def wire() -> None:
    """Print the bytes of views on the wire."""
    ten = first_state(ak.debug(ak.demo(), "Go on."), long(10))
    print(f"first state of a debugger of 10 turns: {ten:,} bytes, its packed script included")
    whole = long(60)
    grown = [replace(whole, turns=whole.turns[:n], stop_reason=None) for n in range(10, 60)]
    print(f"one more turn, beyond its text: {median(appended(grown)):,.0f} bytes (median)")
    some = [long(n) for n in (1, 2, 3)]
    table = ak.explore([some[i % 3] for i in range(50_000)])
    print(f"50,000 rows: {first_state(table):,} bytes")


CLICK = """
([place, selector, until]) => new Promise(async done => {
    const frame = () => new Promise(requestAnimationFrame);
    document.querySelector(place).scrollIntoView();
    while (!document.querySelector(selector)) await frame();
    await frame();
    const began = performance.now();
    document.querySelector(selector).click();
    while (!document.querySelector(until)) await frame();
    await frame();
    setTimeout(() => done(performance.now() - began));
})
"""
"""Clicks once the place is in sight, and waits for the frame after the one that shows the answer."""


def painted() -> None:
    """Print the milliseconds from a click to the frame after what it asked for is there: the first
    click in a page of its own, and the median of several pages.
    """
    from tests.browser.lab import browser, tab
    from tests.browser.stand_in import StandIn

    dbg = ak.debug(ak.demo(), "Go on.")
    dbg._cursor.engine.trajectory = long(1000)
    some = [long(n) for n in (1, 2, 3)]
    table = ak.explore([some[i % 3] for i in range(2_000)])
    cases = {
        "1,000 turns, the request of one": (
            dbg,
            [
                ".ak-turn[data-turn='990']",
                ".ak-turn[data-turn='990'] [data-tab='request']",
                ".ak-turn[data-turn='990'] .ak-of-request > *",
            ],
        ),
        "2,000 rows, one is opened": (
            table,
            ["[role='row'][aria-rowindex='3']"] * 2 + [".ak-open .ak-rows *"],
        ),
    }
    with browser() as chromium:
        for name, (thing, places) in cases.items():
            spent = []
            for _ in range(5):
                view = live_view(thing)
                assert view is not None
                with tab(chromium) as (page, _heard):
                    shown = StandIn(page, view)
                    page.evaluate(
                        f"() => {{ window.took = null; ({CLICK})({places}).then(t => {{ window.took = t; }}); }}"
                    )
                    shown.settle(lambda p=page: p.evaluate("window.took !== null"))  # type: ignore[misc]
                    spent.append(page.evaluate("window.took"))
            print(
                f"{name}: {median(spent):.0f} ms (median of first clicks: {', '.join(f'{t:.0f}' for t in spent)})"
            )


if __name__ == "__main__":
    main()
    wire()
    painted()
