"""Which rollouts are of one prompt where the assistant speaks first, or nobody asks anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import agentkit as ak
from agentkit.analysis.explore.explorer import Explorer

GREETING = {"role": "assistant", "content": "Hi! How can I help?"}
POLICY = {"role": "system", "content": "# Policy"}


def row(said: str, *before: dict[str, Any], **noted: Any) -> dict[str, Any]:
    """Make a constructed conversation in which the assistant greets first."""
    rest = [{"role": "user", "content": said}, {"role": "assistant", "content": "Done."}]
    return {"messages": [*before, GREETING, *(rest if said else ())], **noted}


ROWS = [
    *(row("Cancel my flight.", reward=0), row("Book a flight.", reward=1)),
    *(row("Cancel my flight.", reward=1), row("Book a flight.", POLICY)),
    *(row("Cancel my flight.", POLICY), row("Book a flight.", POLICY)),
    {"messages": [GREETING, {"role": "user", "content": "Book a flight."}]},
    *(row("", task=5), row(""), row("", task=7), row("", task=5), row("")),
]
FOUND = [
    ("Cancel my flight.", (0, 2)),
    ("Book a flight.", (1, 6)),
    ("Book a flight.", (3, 5)),
    ("Cancel my flight.", (4,)),
    ("task 5", (7, 10)),
    ("rollout 8", (8,)),
    ("task 7", (9,)),
    ("rollout 11", (11,)),
]


def tables(folder: Path) -> list[Explorer]:
    """Open the same rollouts in memory, from a log and from a cassette, and by their indexes."""
    log, cassette = folder / "log.jsonl", folder / "run.jsonl"
    log.write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    rollouts = ak.load(log, all=True)
    ak.save(rollouts, cassette)
    indexes = [ak.index(path, progress=False) for path in (log, cassette)]
    return [ak.explore(x) for x in (rollouts, log, cassette, *indexes)]


def test_tasks_are_told_apart_where_the_assistant_speaks_first(tmp_path: Path) -> None:
    for table in tables(tmp_path):
        assert [(group.prompt, group.places) for group in table.groups()] == FOUND
        sizes = {at: len(places) for _, places in FOUND for at in places}
        assert [table.tree(at).size for at in range(len(ROWS))] == [
            sizes[at] for at in sorted(sizes)
        ]


def test_digests_and_the_prompt_column_agree_with_an_index(tmp_path: Path) -> None:
    first, *others = tables(tmp_path)
    for table in others:
        assert [group.key for group in table.groups()] == [g.key for g in first.groups()]
        assert list(table.frame["prompt"]) == list(first.frame["prompt"])
        assert [group.prompt for group in table.filter("reward=none").groups()] == [
            group.prompt for group in first.filter("reward=none").groups()
        ]
