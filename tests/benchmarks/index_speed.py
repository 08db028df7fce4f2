"""What an index answers and how long it takes, in wall and processor time, of rollouts that are
constructed for it: they are written, indexed, asked, and removed.

    python -m tests.benchmarks.index_speed 1000000 --folder /tmp/many
    python -m tests.benchmarks.index_speed 100000 --folder /tmp/many --beside

`--beside` asks the same of DuckDB on the plain file, and, where `--inspect PYTHON` names an
interpreter that has inspect-ai, of Inspect's `samples_df` on equal logs.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView
from tests.benchmarks.constructed_rollouts import write

GROUPED = 'select "meta.training_step" as s, avg("meta.reward") from rollouts group by s order by s'
PLAIN = """select meta.training_step as s, avg(meta.reward) from read_json('{path}',
  format = 'newline_delimited', ignore_errors = true) where kind = 'rollout' group by s order by s"""
SEARCH = """select count(distinct sample) from read_csv('{path}', columns = {{'line': 'varchar'}},
  delim = '\\x01', header = false, quote = '', escape = '', auto_detect = false), lateral (
  select json_extract(line, '$.sample')::bigint as sample) where contains(line, '{word}')"""
TOOK: dict[str, tuple[float, float]] = {}
"""Wall and processor time of each question."""


def timed(name: str, ask: Callable[[], Any], bound: float | None = None) -> Any:
    """Print what a question took, the bound it is meant to keep, and the start of its answer."""
    gc.collect()
    wall, busy = time.perf_counter(), time.process_time()
    found = ask()
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    TOOK[name] = wall, busy
    meant = "" if bound is None else f"at most {bound:g} s: {'yes' if busy <= bound else 'NO'}"
    line = f"{name:34} {wall:8.3f} s, {busy:8.3f} s of CPU   {meant:20} {str(found)[:50]!r}"
    print(line, flush=True)
    return found


def searched(name: str, ask: Callable[[], Any], bound: float) -> None:
    """Time a search, and print how many rollouts it finds."""
    timed(name, lambda: int(ask().sum()), bound)


def memory() -> str:
    """Read how much memory the process has: all, its own without mapped files, and the most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return ", ".join(f"{name} {told[name].strip()}" for name in ("VmRSS", "RssAnon", "VmHWM"))


class OwnMemory:
    """The most memory of its own that the process had, mapped files apart."""

    def __init__(self) -> None:
        self.most = 0

    def look(self) -> None:
        """Look at it now."""
        found = Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]
        self.most = max(self.most, int(found))


def build(path: Path, count: int) -> None:
    """Index the file in this process, and print the rollouts a processor second."""
    found = timed("build", lambda: ak.index(path, progress=False))
    took = TOOK["build"]
    size = sum(sidecar.size for sidecar in found.sidecars) / 1e9
    rate = count / took[1]
    said = "yes" if rate >= 2000 else "NO"
    print(f"{rate:,.0f} rollouts a CPU second (at least 2,000: {said})")
    print(f"{size:.2f} GB beside {path.stat().st_size / 1e9:.2f} GB; {memory()}", flush=True)


def ask_index(path: Path) -> None:
    """Ask everything once, of an index that was just opened."""
    own = OwnMemory()
    found = timed("open", lambda: ak.index(path, progress=False), 2.0)
    table = timed("open as a table", lambda: ak.explore(found), 2.0)
    timed("groups by prompt, the first", lambda: len(table.groups()), 0.3)
    timed("filter, the first", lambda: len(table.filter("reward<0.5 tools=pay")), 0.3)
    timed("filter", lambda: len(table.filter("reward<0.4 tools=search")), 0.3)
    timed("groups by prompt", lambda: len(table.groups()), 0.3)
    timed("groups of a filter", lambda: len(table.filter("reward<0.4").groups()), 0.3)
    timed("over steps", lambda: len(table.over("training_step")), 0.3)
    timed("points over steps", lambda: table.axis("training_step"), 0.3)
    timed("view", lambda: ExplorerView(table))
    timed("aggregates", lambda: table.aggregates().summary())
    timed("facets", lambda: len(table.filter("reward<0.4").facets()))
    timed("histogram", lambda: table.histogram())
    timed("sort", lambda: table.sort("reward", descending=True).places[0])
    own.look()
    rollout = timed("one rollout", lambda: found[len(found) // 3], 0.05)
    timed("another", lambda: len(found[len(found) - 3].turns), 0.05)
    words = str(rollout.turns[0].response.content).split()
    common, rare = words[0], words[1]
    letters = next((word for word in words[::2] if not word.isascii()), "ßäü")
    for name, text in (("rare", rare), ("common", common), ("nowhere", "qqxqq"), ("é", letters)):
        searched(f"exact case, {name}", partial(found.holding, text, exact=True), 3.0)
        own.look()
    others = (("rare", rare), ("common", common), ("é", letters), ("nowhere", "ßäüöqqx"))
    for name, text in others:
        searched(f"any case, {name}", partial(found.holding, text.upper()), 6.0)
        own.look()
    for name, text in (("rare", rare), ("common", common), ("é", letters.upper())):
        searched(f"word, {name}", partial(found.holding_word, text), 0.5)
    timed("SQL, grouped", lambda: len(found.sql(GROUPED)))
    calls = "select count(*) from calls where arguments like '%limit%'"
    timed("SQL, texts", lambda: found.sql(calls).iloc[0, 0])
    own.look()
    said = "yes" if own.most < 2**20 else "NO"
    print(f"most memory of its own: {own.most / 2**20:.2f} GB (at most 1: {said}); {memory()}")


def ask_file(path: Path, inspect: str) -> None:
    """Ask DuckDB of the plain file, and Inspect of an equal log, and print the ratios."""
    import duckdb

    found = ak.index(path, progress=False)
    content = found[len(found) // 3].turns[0].response.content or ""
    word = content.split()[1]
    timed("index: means over steps", lambda: len(found.sql(GROUPED)))
    timed("index: a text", lambda: int(found.holding(word, exact=True).sum()))
    duck = duckdb.connect()
    timed("DuckDB: means over steps", lambda: len(duck.execute(PLAIN.format(path=path)).fetchall()))
    asked = SEARCH.format(path=path, word=word)
    timed("DuckDB: a text", lambda: duck.execute(asked).fetchall())
    for name in ("means over steps", "a text"):
        ratio = TOOK[f"DuckDB: {name}"][1] / TOOK[f"index: {name}"][1]
        print(f"DuckDB takes {ratio:.1f} times the processor time of the index: {name}")
    if inspect:
        ask_inspect(path, inspect, len(found))


def ask_inspect(path: Path, python: str, count: int) -> None:
    """Ask Inspect's `samples_df` of logs with as many samples and the same messages."""
    timed("index: a frame of rollouts", lambda: ak.explore(ak.index(path, progress=False)).frame)
    script = Path(__file__).with_name("inspect_frame.py")
    logs = path.with_name("logs")
    given = [python, str(script), str(path), str(logs), str(count)]
    told = subprocess.run(given, check=True, capture_output=True, text=True).stdout.split()
    TOOK["Inspect: a frame of rollouts"] = float(told[-2]), float(told[-1])
    ratio = float(told[-1]) / TOOK["index: a frame of rollouts"][1]
    print(f"Inspect's samples_df: {told[-2]} s, {told[-1]} s of CPU, {ratio:.0f} times the index")


def main() -> None:
    """Construct, build, ask, remove."""
    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("count", type=int)
    given.add_argument("--folder", type=Path, required=True)
    given.add_argument("--beside", action="store_true")
    given.add_argument("--inspect", default="")
    given.add_argument("--keep", action="store_true", help="leave the files where they are")
    asked = given.parse_args()
    folder = asked.folder / f"constructed-{os.getpid()}"
    folder.mkdir(parents=True)
    path = folder / "constructed.jsonl"
    try:
        begun = time.perf_counter()
        write(path, asked.count, os.cpu_count() or 1)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = path.stat().st_size / 1e9
        print(f"{asked.count:,} CONSTRUCTED rollouts, {size:.2f} GB, made in", end=" ")
        print(f"{time.perf_counter() - begun:.0f} s, {spent.ru_utime:.0f} s of CPU", flush=True)
        build(path, asked.count)
        # another process: nothing of the build is known to it, nor counted as its memory
        again = [sys.executable, "-m", "tests.benchmarks.index_speed", "--ask", str(path)]
        rest = ["--beside", asked.inspect] if asked.beside else []
        subprocess.run([*again, *rest], check=True)
    finally:
        if not asked.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        ask_index(Path(sys.argv[2]))
        if "--beside" in sys.argv:
            ask_file(Path(sys.argv[2]), sys.argv[-1])
    else:
        main()
