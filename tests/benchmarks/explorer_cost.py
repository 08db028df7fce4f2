"""What many rollouts cost, as CPU time and bytes: a file opened by its index, against reading its
bytes, and fifty thousand rollouts in a table.

    python tests/benchmarks/explorer_cost.py                 # 100,000 rollouts on disk, 50,000 in memory
    python tests/benchmarks/explorer_cost.py --quick         # a tenth of them

The rollouts are the scripted demo's. What a page is sent is measured with a stand-in for its
connection; what it paints is not measured here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.files.cassette.codec import encode_line
from agentkit.files.cassette.lines import dump
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
from agentkit.types.trajectory import Trajectory

PROMPTS = ("Do I need a coat in Oslo?", "Weather in Rome and Cairo?", "Hello")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what came of it."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def written(rollouts: list[Trajectory], number: int, path: Path) -> int:
    """The size of a file of so many rollouts."""
    blocks = [[encode_line(line) for line in dump(t, 0)] for t in rollouts]
    with path.open("w", encoding="utf-8") as file:
        for i in range(number):
            file.writelines(
                line.replace('"sample":0', f'"sample":{i}', 1) for line in blocks[i % len(blocks)]
            )
    return path.stat().st_size


def on_disk(rollouts: list[Trajectory], number: int) -> Iterator[str]:
    """The index of a file, and what a table of it costs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.jsonl"
        size = written(rollouts, number, path)
        read, _ = timed(lambda: sum(len(line) for line in path.open("rb")))
        opened, table = timed(lambda: ak.explore(path))
        yield f"{number:,} rollouts on disk, {size / 1e6:.0f} MB: opened in {opened:.2f} s CPU, {opened / read:.0f} times reading the lines"
        tracemalloc.start()
        kept = ak.explore(path)
        yield f"  the index keeps {tracemalloc.get_traced_memory()[0] / len(kept):.0f} bytes a rollout"
        tracemalloc.stop()
        yield from asked(table)
        yield f"  one opened: {timed(lambda: table[number // 2])[0] * 1000:.1f} ms; a word nowhere in it: {timed(lambda: table.filter('zebra'))[0]:.2f} s"


def in_memory(rollouts: list[Trajectory], number: int) -> Iterator[str]:
    """A table of rollouts in memory, and what a page that shows it is sent."""
    many = [
        replace(rollouts[i % len(rollouts)], meta={"reward": i * 7 % 11 / 10})
        for i in range(number)
    ]
    made, table = timed(lambda: ak.explore(many))
    kept, bundle = timed(table._repr_mimebundle_)
    yield f"{number:,} rollouts in memory: a table in {made * 1000:.1f} ms, its HTML in {kept * 1000:.1f} ms and {len(bundle['text/html']) / 1000:.1f} kB"
    sent: list[Any] = []
    view = ExplorerView(table)
    view.send = lambda content, buffers=None: sent.append((content, buffers))

    shown, _ = timed(lambda: view._heard({"type": "ready", "view": "page"}))
    size = sum(len(json.dumps(content)) + sum(map(len, buffers or ())) for content, buffers in sent)
    code, plain = (
        len(json.dumps(view.get_state(), default=lambda raw: " " * len(raw))),
        len(bundle["text/html"]) + len(bundle["text/plain"]),
    )
    yield f"  shown: {shown * 1000:.1f} ms in the kernel, {size / 1000:.1f} kB of rows, {code / 1000:.1f} kB of script and style, {plain / 1000:.1f} kB kept"
    yield from asked(table)


def asked(table: Any) -> Iterator[str]:
    """A filter, an order and groups: the first time, and when the columns are known."""
    for name, work in (
        ("filter", lambda: table.filter("turns>2 stop_reason=final")),
        ("sort", lambda: table.sort("output_tokens", descending=True)),
        ("groups", table.groups),
    ):
        first, again = timed(work)[0], timed(work)[0]
        yield f"  {name}: {first * 1000:.0f} ms, then {again * 1000:.0f} ms"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    share = 10 if options.parse_args().quick else 1
    rollouts = list(ak.rollouts(ak.demo(), PROMPTS, n=2, progress=False))
    for line in (*on_disk(rollouts, 100_000 // share), *in_memory(rollouts, 50_000 // share)):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
