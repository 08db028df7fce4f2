"""What reading calls out of raw text costs, as CPU time beside `json.loads` of the same text.

    python tests/benchmarks/parser_speed.py

It prints, for 20 KB of output with ten calls, the ratio for the text in one piece and in pieces of
four characters (about a token), and, for 1 MB of output, the seconds and how they grow with the
length. It checks nothing but that every call is found.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from agentkit.read.parsers.call_parser import Parser
from agentkit.read.parsers.detection import has_call_markup
from agentkit.read.parsers.registry import get_parser
from tests.read.parsers.call_formats import WRITTEN, Call, tools_for

FORMATS = ("hermes", "llama3_json", "qwen3_coder", "deepseek_v3", "pythonic", "kimi_k2")
CODE = 'def area(w, h):\n    """Area of a box."""\n    total = 0\n    for _ in range(w):\n        total += h\n    return total\n\nprint(area(3, 4), "done")\n'
FLOORS = 25
"""How often `json.loads` is timed at once, so that it takes about as long as the reading beside it
and meets the same disturbances.
"""
PROSE = "The weather in Oslo is fine; see [1] for the table of {values}, or `a < b` in the code below.\n"


def calls(size: int) -> list[Call]:
    """Ten calls that are about this many characters together."""
    return [
        (
            "run_code",
            {
                "code": CODE * (size // 10 // len(CODE)),
                "lang": "python",
                "timeout": 30,
                "env": {"A": "1", "B": [1, 2, 3]},
            },
        )
    ] * 10


def least(rounds: int, *runs: Callable[[], Any]) -> list[float]:
    """The least CPU seconds of each, taken in turn and twice each time: a machine's pace changes
    from one moment to the next.
    """
    spent = [float("inf")] * len(runs)
    for _ in range(rounds):
        for n, run in enumerate(runs):
            for _ in range(2):
                began = time.process_time()
                run()
                spent[n] = min(spent[n], time.process_time() - began)
    return spent


def in_pieces(parser: Parser, text: str, tools: Any, size: int = 4) -> Any:
    reading = parser.incremental(tools)
    for at in range(0, len(text), size):
        reading.feed(text[at : at + size])
    return reading.finish()


def main() -> None:
    print(
        f"{'format':12} {'chars':>7} {'whole':>7} {'pieces':>7} {'us/piece':>9} {'1 MB whole':>11} {'1 MB pieces':>12} {'growth':>7}"
    )
    for name in FORMATS:
        made = calls(20_000)
        tools, text = tools_for(made), WRITTEN[name].write(made)
        parser, as_string = get_parser(name), json.dumps(text)
        assert len(parser.parse(text, tools).tool_calls) == 10
        floor, whole, pieces = least(
            40,
            lambda t=as_string: [json.loads(t) for _ in range(FLOORS)],  # type: ignore[misc]
            lambda p=parser, t=text, k=tools: p.parse(t, k),  # type: ignore[misc]
            lambda p=parser, t=text, k=tools: in_pieces(p, t, k),  # type: ignore[misc]
        )
        floor /= FLOORS
        quarter, large = (WRITTEN[name].write(calls(20_000) * repeats) for repeats in (13, 52))
        fast, slow, shorter = least(
            2,
            lambda p=parser, t=large, k=tools: p.parse(t, k),  # type: ignore[misc]
            lambda p=parser, t=large, k=tools: in_pieces(p, t, k),  # type: ignore[misc]
            lambda p=parser, t=quarter, k=tools: in_pieces(p, t, k),  # type: ignore[misc]
        )
        print(
            f"{name:12} {len(text):7} {whole / floor:6.1f}x {pieces / floor:6.0f}x {pieces / (len(text) / 4) * 1e6:9.2f} "
            f"{fast:10.2f}s {slow:11.2f}s {slow / shorter:6.1f}x"
        )
    prose = PROSE * (20_000 // len(PROSE))
    print(
        f"has_call_markup of {len(prose)} characters of prose: {least(20, lambda: has_call_markup(prose))[0] * 1e6:.0f} us"
    )


if __name__ == "__main__":
    main()
