"""What damage to a file of rollouts costs: each kind of damage, and wrong values at every place of
one rollout's lines, against every function that reads files.

    python tests/benchmarks/attack_damage.py

Printed are a line for each kind of damage, and what was raised that is no `AgentkitError` with a
hint, and in how many readings another rollout lost anything.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import agentkit as ak
from agentkit.errors import AgentkitError
from tests.files import damage_cases as cases


class Table:
    """What was read of damaged files, and what became of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = cases.recorded(path)
        self.whole = ak.load(path, all=True)
        self.counts: Counter[str] = Counter()

    def read(self, data: bytes, names: list[str]) -> None:
        """Read a file with some of the readers, and always load it."""
        self.path.write_bytes(data)
        for name in dict.fromkeys([*names, "load"]):
            self.counts["read"] += 1
            try:
                found = cases.READERS[name](self.path)
            except AgentkitError as exc:
                self.counts["refused"] += 1
                self.counts["no hint"] += not exc.hint
            except Exception as exc:
                self.counts["raised"] += 1
                print(f"    {name}: {type(exc).__name__}: {exc}"[:200])
            else:
                if name in ("load", "open", "resume"):
                    self.counts["lost"] += not self._kept(found)

    def _kept(self, found: Any) -> bool:
        """Tell whether the other rollouts are there, with all their turns."""
        others = [one for at, one in enumerate(self.whole) if at != cases.HIT]
        return all(other in list(found) for other in others)


def files(table: Table) -> None:
    """Read every kind of damaged file with every reader."""
    kinds: dict[str, list[bytes]] = {}
    for name, data in cases.damaged_files(table.lines).items():
        kinds.setdefault(name.split(" line ")[0], []).append(data)
    for kind, datas in kinds.items():
        table.counts.clear()
        for data in datas:
            table.read(data, list(cases.READERS))
        report(table, f"{kind} ({len(datas)} files)")


def values(table: Table, seconds: float) -> None:
    """Put wrong values at places of the rollout's lines, in an order of chance, for so long."""
    table.counts.clear()
    chance = random.Random(0)
    rows = [at for at, line in enumerate(table.lines) if json.loads(line)["sample"] == cases.HIT]
    where = [(at, place) for at in rows for place in cases.places(json.loads(table.lines[at]))]
    where = [(at, place) for at, place in where if place != ("sample",)]
    tried = [(at, place, value) for at, place in where for value in cases.WRONG]
    chance.shuffle(tried)
    until = time.monotonic() + seconds
    done = 0
    for at, place, value in tried:
        if time.monotonic() > until:
            break
        line = cases.with_value(table.lines[at], place, value)
        text = "".join([*table.lines[:at], line, *table.lines[at + 1 :]])
        table.read(text.encode("utf-8", "surrogatepass"), chance.sample(list(cases.READERS), 4))
        done += 1
    report(table, f"wrong values ({done} of {len(tried)}: {len(where)} places, {len(cases.WRONG)})")


def report(table: Table, name: str) -> None:
    """Print what came of one kind of damage."""
    counts = table.counts
    print(
        f"{name}: {counts['read']} readings, {counts['refused']} refused, raised-not-AgentkitError"
        f" {counts['raised']}, without a hint {counts['no hint']}, other rollouts' losses"
        f" {counts['lost']}",
        flush=True,
    )
    for key in ("raised", "no hint", "lost", "read"):
        TOTAL[key] += counts[key]


TOTAL: Counter[str] = Counter()


def main(seconds: float = 60.0) -> Counter[str]:
    """Run all of it, and print what was found.

    Args:
        seconds: how long wrong values are tried.
    """
    logging.disable(logging.WARNING)
    attacks: list[Callable[[Table], None]] = [files, lambda table: values(table, seconds)]
    for attack in attacks:
        with tempfile.TemporaryDirectory() as folder:
            attack(Table(Path(folder) / "x.jsonl"))
    print(
        f"all: {TOTAL['read']} readings, raised-not-AgentkitError {TOTAL['raised']}, without a hint"
        f" {TOTAL['no hint']}, other rollouts' losses {TOTAL['lost']}"
    )
    return TOTAL


if __name__ == "__main__":
    totals = main()
    raise SystemExit(1 if totals["raised"] or totals["no hint"] or totals["lost"] else 0)
