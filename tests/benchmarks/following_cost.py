"""What a turn costs a page that follows the end of a rollout while it grows to 1,000 turns, as
milliseconds of the page's main thread (its processor time, from Chromium's own counts).

    python tests/benchmarks/following_cost.py [TURNS ...]

Turns are appended one by one to a debugger in a real page, which draws each before the next comes.
For each length it prints the median of the last turns before it: all of it, and what of that was
script, style and layout. It checks nothing but that the end was in view throughout.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import agentkit as ak
from agentkit.show.notebook.views.debugger.debugger_view import DebuggerView
from tests.browser.lab import browser, tab
from tests.browser.stand_in import StandIn
from tests.show.render_samples import long

LENGTHS = (100, 500, 1000)
LAST = 20
"""The turns before a length that are measured."""
COUNTS = ("TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
DRAWN = """() => new Promise(done => {
    let frames = 5;
    const next = () => frames-- ? requestAnimationFrame(next) : setTimeout(done);
    next();
})"""
"""Until what follows an append, over several frames, is done."""
HIDDEN = """() => {
    const rows = document.querySelector('.ak-rows');
    return rows.scrollHeight - rows.clientHeight - rows.scrollTop;
}"""
"""The pixels below what is in view."""


def main(lengths: list[int]) -> None:
    whole = long(max(lengths))
    dbg = ak.debug(ak.demo(), "Go on.")
    engine = dbg._cursor.engine
    with browser() as chromium, tab(chromium, height=1000) as (page, heard):
        engine.trajectory = replace(whole, turns=(), stop_reason=None)
        shown = StandIn(page, DebuggerView(dbg))
        told = page.context.new_cdp_session(page)
        told.send("Performance.enable", {"timeDomain": "threadTicks"})

        def counts() -> list[float]:
            found: Any = told.send("Performance.getMetrics")
            known = {each["name"]: each["value"] for each in found["metrics"]}
            return [known[name] * 1000 for name in COUNTS]

        print(f"{'turns':>6} {'all':>7} {'script':>7} {'style':>7} {'layout':>7}   ms a turn")
        spent: list[list[float]] = []
        idle = []
        for _ in range(LAST):
            before = counts()
            page.evaluate(DRAWN)
            idle.append([b - a for a, b in zip(before, counts(), strict=True)])
        floor = [median(each) for each in zip(*idle, strict=True)]
        print(f"{'idle':>6} " + " ".join(f"{each:7.2f}" for each in floor))
        for n in range(1, max(lengths) + 1):
            engine.trajectory = replace(whole, turns=whole.turns[:n], stop_reason=None)
            before = counts()
            shown.view.refresh()
            shown._carry()
            page.evaluate(DRAWN)
            shown._carry()
            spent.append([b - a for a, b in zip(before, counts(), strict=True)])
            if n % 50 == 0 or n in lengths:
                assert page.evaluate(HIDDEN) < 40, f"the end is out of sight at turn {n}"
            if n in lengths:
                told_of = [median(each) for each in zip(*spent[-LAST:], strict=True)]
                print(f"{n:6} " + " ".join(f"{each:7.2f}" for each in told_of), flush=True)
        assert not heard.errors, heard.errors


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [*LENGTHS])
