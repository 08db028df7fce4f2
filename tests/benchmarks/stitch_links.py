"""How many requests of recorded agents are linked wrong, and what one costs.

    python -m tests.benchmarks.stitch_links FILE [--shuffles 3] [--labels] [--renumber] [--show]

FILE has a request a line: `run`, `order`, `path`, `headers`, `body`, `answer`, `end` and `truth`
(`rollout`, `prev`, `relation`). It is stitched in its own order, and in seeded shuffles that keep
the order of each run.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentkit.read.response import read_response
from agentkit.trajectory.stitch.flow_node import node_of
from agentkit.trajectory.stitch.known_answers import KnownAnswers
from agentkit.trajectory.stitch.stitcher import Stitcher
from agentkit.trajectory.stitch.units import answer_units, read_asked
from agentkit.types.answer import Response
from agentkit.types.wire import ApiError, Exchange, Flow

Row = dict[str, Any]


def exchange_of(row: Row) -> Exchange:
    if row["answer"] is not None:
        body = json.dumps(row["answer"], ensure_ascii=False)
        return Exchange(body=body, status=200, elapsed=0.001)
    if row["end"].isdigit():
        return Exchange(body='{"error": {"message": "no"}}', status=int(row["end"]), elapsed=0.001)
    gone = ApiError(kind="connection_reset", message=row["end"])
    return Exchange(transport_error=gone, elapsed=0.001)


def renumbered(rows: list[Row]) -> list[Row]:
    """Number the ids of calls anew in each run, as some servers do: equal runs get equal ids."""
    names: dict[str, dict[str, str]] = {}
    found = []
    for row in rows:
        known = names.setdefault(row["truth"]["rollout"].split("#")[0], {})
        text = json.dumps(row)
        for name in re.findall(r"(?:call|toolu)_\d+_\d+", text):
            known.setdefault(name, f"call_{len(known)}")
        for old in sorted(known, key=len, reverse=True):
            text = text.replace(old, known[old])
        found.append(json.loads(text))
    return found


def flow_of(row: Row, number: int, label: str) -> Flow:
    return Flow(
        number=number,
        label=label,
        path=row["path"],
        headers=tuple(row["headers"].items()),
        body=json.dumps(row["body"], ensure_ascii=False),
    )


def shuffled(rows: list[Row], seed: int) -> list[Row]:
    """Mix the runs anew; each keeps its own order, and a request comes after what it goes on from."""
    chance = random.Random(seed)
    queues: dict[str, list[Row]] = {}
    for row in rows:
        queues.setdefault(row["run"], []).append(row)
    waiting = [list(reversed(queue)) for queue in queues.values()]
    found = []
    while waiting:
        queue = chance.choice(waiting)
        found.append(queue.pop())
        if not queue:
            waiting.remove(queue)
    return found


def stitched(rows: list[Row], labels: bool) -> tuple[Stitcher, float]:
    """Stitch the requests, each answered at once; give the seconds that took."""
    flows = [flow_of(r, n, r["run"] if labels else "") for n, r in enumerate(rows)]
    ended = [(flow, exchange_of(row)) for flow, row in zip(flows, rows, strict=True)]
    pairs = [(flow, _ended(flow, exchange)) for flow, exchange in ended]
    stitcher, began = Stitcher(), time.process_time()
    for flow, done in pairs:
        stitcher.add(flow)
        stitcher.add(done)
    return stitcher, time.process_time() - began


def linking_seconds(rows: list[Row]) -> float:
    """Measure the links alone: bodies are decoded, answers are read, no rollout is made."""
    prepared: list[tuple[Flow, Any, Response | None]] = []
    for number, row in enumerate(rows):
        flow, response = flow_of(row, number, ""), read_response(exchange_of(row))
        prepared.append((flow, row["body"], response if row["answer"] else None))
    known, began = KnownAnswers(), time.process_time()
    for flow, body, answer in prepared:
        asked = read_asked(body, flow.path)
        assert asked is not None
        said = asked.units
        node = node_of(flow, asked, said, len(asked.tools))
        known.find(node, asked, said)
        known.arrive(node)
        node.failed = answer is None
        if answer is None:
            known.fail(node)
        else:
            node.answer = answer_units(answer)
            known.answer(node, answer.id if answer.dialect != "chat" else None)
    return time.process_time() - began


def _ended(flow: Flow, exchange: Exchange) -> Flow:
    return replace(flow, exchange=exchange)


def _is_twin(rows: list[Row], a: int, b: int | None) -> bool:
    """Tell whether two requests and their answers say the same."""
    return b is not None and _words(rows[a]) == _words(rows[b])


def _words(row: Row) -> str:
    answer = {name: value for name, value in (row["answer"] or {}).items() if name != "id"}
    return json.dumps([row["path"], row["body"], answer], sort_keys=True)


def report(name: str, rows: list[Row], labels: bool, show: bool) -> int:
    stitcher, seconds = stitched(rows, labels)
    places = {row["order"]: number for number, row in enumerate(rows)}
    wrong, swaps = [], 0
    relations: Counter[str] = Counter()
    for number, row in enumerate(rows):
        link, truth = stitcher.link(number), row["truth"]
        assert link is not None
        expected = None if truth["prev"] is None else places[truth["prev"]]
        if link.previous != expected:
            swaps += link.previous is not None and _is_twin(rows, link.previous, expected)
            wrong.append((row, link))
        elif link.relation != truth["relation"]:
            relations[f"{truth['relation']} as {link.relation}"] += 1
    runs = Counter(row["run"].split(".")[0] for row, _ in wrong)
    each = seconds / len(rows) * 1e6
    alone = linking_seconds(rows) / len(rows) * 1e6
    print(f"{name}: {len(wrong)} of {len(rows)} wrong {dict(runs)}, {each:.0f} µs a request")
    print(f"  of which the link {alone:.0f} µs, without JSON, reading and rollout")
    print(f"  {swaps} of them between runs that say the same, byte for byte")
    print(f"  {len(stitcher.rollouts)} rollouts, other relations: {dict(relations)}")
    if show:
        for row, link in wrong:
            print("   ", row["run"], row["order"], row["truth"], link)
    return len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--shuffles", type=int, default=3)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--renumber", action="store_true")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.file.read_text().splitlines()]
    if given.renumber:
        rows = renumbered(rows)
    report("as recorded", rows, given.labels, given.show)
    for seed in range(given.shuffles):
        report(f"shuffle {seed}", shuffled(rows, seed), given.labels, given.show)


if __name__ == "__main__":
    main()
