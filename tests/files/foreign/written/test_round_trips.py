"""What is read, written in a format and read again is the same, or the writer says what it lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.files.foreign.written.writers import WRITERS, written_in
from agentkit.types.trajectory import Trajectory
from tests.files.foreign.hostile.every_format import EVERY

SAID: dict[str, tuple[str, ...]] = {
    "turns": ("that an answer was put into the history, and no model gave it",),
    "finish": ("finish reasons",),
    "usage": ("token counts",),
    "status": ("errors of tools",),
    "reward": ("meta.reward",),
    "sample": ("meta.sample",),
    "labels": ("meta.labels",),
    "attempts": ("attempts that failed",),
    "tools": ("tools",),
}
"""In which words a writer says that a fact has no place in its format."""
EARLIER = "history before it was changed"


def facts(rollout: Trajectory) -> dict[str, Any]:
    """Give what a person would compare of two rollouts."""
    turns = rollout.all_turns
    usages = [turn.usage for turn in turns]
    results = [one for turn in turns for one in turn.results]
    return {
        "turns": len(turns),
        "calls": [call.name for turn in turns for call in turn.tool_calls],
        "texts": [turn.response.content or "" for turn in turns],
        "results": [one and one.content for one in results],
        "finish": [turn.response.finish_reason for turn in turns],
        "usage": [one and (one.input_tokens, one.output_tokens) for one in usages],
        "status": [one and one.status for one in results],
        "reward": rollout.meta.get("reward"),
        "sample": rollout.meta.get("sample"),
        "labels": rollout.meta.get("labels"),
        "attempts": len(rollout.attempts),
        "tools": len(rollout.spec.tools),
    }


@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize("name", EVERY)
def test_a_loss_of_a_writer_is_in_what_it_says(name: str, format: str, tmp_path: Path) -> None:
    given = ak.load(json.dumps(EVERY[name]), all=True)
    written = written_in(given, format, None, lambda text: text)
    lost = set(written.losses.counts)
    path = tmp_path / "x"
    data = written.data
    path.write_bytes(data if isinstance(data, bytes) else data.encode(errors="surrogatepass"))
    again = ak.load(path, all=True) if len(data) > 2 else []
    if "rollouts without a message" in lost:
        given = [one for one in given if one.messages]
    assert len(again) == len(given)
    if EARLIER in lost:
        return
    for before, after in zip(given, again, strict=True):
        there, here = facts(before), facts(after)
        moved = lost & set(SAID["turns"])
        for fact in there if not moved else ("reward",):
            if there[fact] != here[fact]:
                assert lost & set(SAID.get(fact, ())), (fact, there[fact], here[fact])
