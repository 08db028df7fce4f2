"""What an index answers and how long it takes, in wall and processor time, of a file of constructed
rollouts; with `--beside`, the same of DuckDB on the plain file.

    python tests/benchmarks/constructed_rollouts.py /tmp/many.jsonl 1000000
    python tests/benchmarks/index_speed.py /tmp/many.jsonl
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.show.notebook.views.explorer.explorer_view import ExplorerView

GROUPED = 'select "meta.training_step" as s, avg("meta.reward") from rollouts group by s order by s'
PLAIN = """select meta.training_step as s, avg(meta.reward) from read_json('{path}',
  format = 'newline_delimited', ignore_errors = true) where kind = 'rollout' group by s order by s"""
SEARCH = """select count(distinct sample) from read_csv('{path}', columns = {{'line': 'varchar'}},
  delim = '\\x01', header = false, quote = '', escape = '', auto_detect = false), lateral (
  select json_extract(line, '$.sample')::bigint as sample) where contains(line, '{word}')"""


def timed(name: str, ask: Callable[[], Any]) -> Any:
    """Print what a question took, and the start of its answer."""
    wall, busy = time.perf_counter(), time.process_time()
    found = ask()
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    print(f"{name:32} {wall:8.3f} s, {busy:8.3f} s of CPU   {str(found)[:60]!r}", flush=True)
    return found


def memory() -> str:
    """Read how much memory the process has: all, its own without mapped files, and the most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return ", ".join(f"{name} {told[name].strip()}" for name in ("VmRSS", "RssAnon", "VmHWM"))


def ask_index(path: str) -> None:
    """Ask everything once."""
    found = timed("open", lambda: ak.index(path, progress=False))
    timed("rows", lambda: len(found))
    table = timed("table", lambda: ak.explore(found))
    view = timed("view", lambda: ExplorerView(table))
    timed("first page", lambda: len(str(view._page(0, 40))))
    timed("filter", lambda: len(table.filter("reward<0.5 tools=pay")))
    timed("filter, columns read", lambda: len(table.filter("reward<0.4 tools=search")))
    timed("aggregates", lambda: table.aggregates().summary())
    timed("facets", lambda: len(table.filter("reward<0.4").facets()))
    timed("histogram", lambda: table.histogram())
    timed("groups", lambda: len(table.groups()))
    timed("groups, columns read", lambda: len(table.groups()))
    timed("groups of a filter", lambda: len(table.filter("reward<0.4").groups()))
    timed("over steps", lambda: len(table.over("training_step")))
    timed("sort", lambda: table.sort("reward", descending=True).places[0])
    print(memory(), flush=True)
    rollout = timed("one rollout", lambda: found[len(found) // 3])
    timed("another", lambda: len(found[len(found) - 3].turns))
    words = str(rollout.turns[0].response.content).split()
    common, rare = words[0], words[1]
    letters = next((word for word in words[::2] if not word.isascii()), "ßäü")
    timed(f"exact case, rare: {rare}", lambda: found.holding(rare, exact=True).sum())
    timed("exact case, common", lambda: found.holding(common, exact=True).sum())
    timed("exact case, nowhere", lambda: found.holding("qqxqq", exact=True).sum())
    timed(f"exact case, {letters}", lambda: found.holding(letters, exact=True).sum())
    timed("any case, rare", lambda: found.holding(rare.upper()).sum())
    timed("any case, common", lambda: found.holding(common.upper()).sum())
    timed("any case, letters", lambda: found.holding(letters.upper()).sum())
    timed("any case, nowhere", lambda: found.holding("ßÄÜÖqqx").sum())
    timed("word, rare", lambda: found.holding_word(rare).sum())
    timed("word, common", lambda: found.holding_word(common).sum())
    timed("word, letters", lambda: found.holding_word(letters.upper()).sum())
    print(memory(), flush=True)
    timed("SQL, grouped", lambda: len(found.sql(GROUPED)))
    calls = "select count(*) from calls where arguments like '%limit%'"
    timed("SQL, texts", lambda: found.sql(calls).iloc[0, 0])
    print(memory(), flush=True)


def ask_file(path: str) -> None:
    """Ask DuckDB of the plain file."""
    import duckdb

    content = ak.index(path, progress=False)[1000].turns[0].response.content or ""
    word = content.split()[1]
    timed("DuckDB, grouped", lambda: len(duckdb.execute(PLAIN.format(path=path)).fetchall()))
    asked = SEARCH.format(path=path, word=word)
    timed("DuckDB, a text", lambda: duckdb.execute(asked).fetchall())


if __name__ == "__main__":
    many = timed("build, or bring up to date", lambda: ak.index(sys.argv[1], progress=False))
    print(f"{sum(sidecar.size for sidecar in many.sidecars) / 1e9:.2f} GB beside the file")
    del many
    ask_index(sys.argv[1])
    if "--beside" in sys.argv:
        ask_file(sys.argv[1])
