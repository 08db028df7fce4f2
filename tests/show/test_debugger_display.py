"""What a cell shows of a debugger and of what belongs to it: golden files, reviewed by eye.

To write them anew after a wanted change: `python -m tests.show.test_debugger_display`, then look at
    the
    diff.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.show.render.limits import STATIC, TEXT
from agentkit.show.render.render import html_of, text_of
from agentkit.testing import FixedClock, ScriptedServer, calls, says
from tests.show.render_samples import HOSTILE
from tests.show.test_html import read
from tests.support.paths import GOLDEN

GOLDEN = GOLDEN / "debugger"


def pay(amount: int) -> str:
    """Pay.

    Args:
        amount: how much
    """
    return f"paid {amount}"


def debugger(said: str = "Shall I?") -> ak.Debugger:
    """A debugger that has been used: edited, asked again, held by a breakpoint, with a call left in
    the text.
    """
    clock = FixedClock()
    found = f'{said} <tool_call>{{"name": "pay", "arguments": {{"amount": 7}}}}</tool_call>'
    script = [
        says(said, calls("pay", amount=1), calls("pay", amount=2)),
        says(said),
        says(said),
        says("other"),
        says(found, calls("pay", amount=3)),
    ]
    server = ScriptedServer(script, clock=clock)
    dbg = ak.debug(
        ak.Agent("m", tools=[pay], server=server, clock=clock, parallel_tools=False), "go"
    )
    dbg.run()
    dbg.edit(turn=0, call=1, result="nothing was paid")
    dbg.run()
    dbg.rerun()
    dbg.switch("main")
    dbg.rerun(turn=0)
    dbg.breakpoints.add(
        ak.break_on.tool("pay")
        & ak.break_on.call(lambda call: (call.arguments or {})["amount"] > 2)
    )
    dbg.breakpoints.add(ak.break_on.problem("arguments_truncated") | ak.break_on.turn(5))
    dbg.run()
    return dbg


def approving() -> ak.Debugger:
    return ak.debug(
        ak.Agent("m", tools=[pay], server=ScriptedServer([says(None, calls("pay", amount=1))])),
        "go",
        approve=["pay"],
    )


PARTS: dict[str, Callable[[], Any]] = {
    "debugger": debugger,
    "tree": lambda: debugger().tree,
    "pending": lambda: debugger().pending,
    "breakpoints": lambda: debugger().breakpoints,
    "stop": lambda: debugger().stop_at,
    "approval": lambda: approving().breakpoints,
    "held": lambda: approving().next(),
}


def golden(name: str) -> dict[Path, str]:
    part = PARTS[name]()
    shown, plain = html_of(part, STATIC), text_of(part, TEXT)
    laid_out = re.sub(r"(?=<(?:header|section|dl|dt|dd|details|ul|li|p)\b)", "\n", shown)
    return {GOLDEN / f"{name}.html": laid_out + "\n", GOLDEN / f"{name}.txt": plain + "\n"}


@pytest.mark.parametrize("name", PARTS)
def test_golden(name: str) -> None:
    for path, shown in golden(name).items():
        assert shown == path.read_text("utf-8"), f"{path.name} is not what is shown now"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(PARTS)


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_model_says_makes_no_element(said: str) -> None:
    dbg = debugger(said)
    named = ak.debug(
        ak.Agent(
            "m", tools=[pay], server=ScriptedServer([says(said, calls(said, x=said)), says(said)])
        ),
        "go",
    )
    named.step()
    named.pending.change(0, x=1)
    named.run(until=ak.break_on.tool())
    for part in (dbg, dbg.tree, dbg.pending, named, named.tree, named.pending):
        tags = {tag for tag, _ in read(part.html(STATIC)).tags}
        assert not tags & {"script", "img", "style", "a", "iframe"}
        assert not set(part.text(TEXT)) & {"\x00", "\x1b", "\u202e", "\ud800"}
        assert repr(part).encode()


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for part_name in PARTS:
        for file, content in golden(part_name).items():
            file.write_text(content, "utf-8")
