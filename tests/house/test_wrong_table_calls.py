"""Wrong calls around a table of rollouts: what a hurried researcher tries is refused in a line that
says what to write. All rollouts are constructed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import AgentkitError, UsageError

any_: Any = ak
BESIDE = ak.Agent("m", server="http://127.0.0.1:9/v1")


def table() -> Any:
    rollout = ak.rollout(ak.demo(), "Do I need a coat in Oslo?")
    return ak.explore(
        [replace(rollout, meta={"step": step, "reward": step / 2}) for step in range(3)]
    )


WRONG: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "a longer name": (
        lambda t: t.filter("training_step=2"),
        "named 'training_step'",
        "did you mean step?",
    ),
    "a longer name in code": (lambda t: t.over("mean_reward"), "named 'mean_reward'", "'reward'"),
    "a colon": (lambda t: t.filter("reward:0.5"), "'reward:0.5' is no", "write reward=0.5"),
    "a colon of texts": (lambda t: t.filter("result:cold"), "is no condition", "result~cold"),
    "sort by several": (lambda t: t.sort(["reward"]), "not by a list", 'table.sort("-reward")'),
    "no histogram": (lambda t: t.histogram("rewrd"), "named 'rewrd'", "did you mean 'reward'?"),
    "label too far": (lambda t: t.label("odd", 3), "no rollout 3", "there are 3"),
    "note too far": (lambda t: t.note("odd", 3), "no rollout 3", "there are 3"),
    "tree too far": (lambda t: t.tree(3), "no rollout 3", "there are 3"),
    "rollouts": (lambda t: t.rollouts, "no 'rollouts'", "table.trajectories"),
    "open": (lambda t: t.open(0), "no 'open'", "table[0]"),
    "head": (lambda t: t.head(), "no 'head'", "table[:5]"),
    "a slip": (lambda t: t.fliter("x"), "no 'fliter'", "table.filter"),
    "save": (lambda t: t.save("x.jsonl"), "no 'save'", "ak.save(table, path)"),
    "debug a table": (lambda t: any_.debug(t), "is no agent", "ak.debug(agent, rollouts[0])"),
    "debug from a table": (lambda t: any_.debug(BESIDE, t), "of 3 rollouts", "rollouts[0]"),
    "debug from a list": (lambda t: any_.debug(BESIDE, [*t]), "of 3 rollouts", "rollouts[0]"),
    "reward": (lambda t: t[0].reward, "no 'reward'", ".meta['reward']"),
    "a keyword of fork": (lambda t: t[0].fork(0, servr="x"), "'servr'", "server="),
    "an export of files": (lambda t: any_.export.otel(t), "no 'otel'", "format='otel'"),
    "a chart of steps": (lambda t: any_.charts.over(t), "no 'over'", "ak.explore(x)"),
    "save nothing": (lambda t: ak.save(t[:0], "x.jsonl"), "to save", "its filter left none"),
    "a reward in words": (
        lambda t: any_.save(t, "x.jsonl", min_reward="high"),
        "min_reward is a str",
        "min_reward=0.5",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_says_what_to_write(name: str) -> None:
    call, fault, right = WRONG[name]
    with pytest.raises(AgentkitError) as caught:
        call(table())
    assert fault in caught.value.message
    assert right in caught.value.hint
    assert "\n" not in str(caught.value)


def test_no_reward_is_no_wrong_call() -> None:
    assert ak.explore([ak.rollout(ak.demo(), "Hi")]).histogram() is None
    with pytest.raises(UsageError):
        table().histogram("rewards_of_it")


def test_a_prompt_that_names_a_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(ak.save(ak.rollout(ak.demo(), "Hi"), tmp_path / "run.jsonl"))
    with caplog.at_level(logging.WARNING, "agentkit"):
        ak.debug(BESIDE, path)
        (told,) = caplog.messages
        ak.debug(BESIDE, f"What is in {path}?")
        ak.debug(BESIDE, "no such file.txt")
        ak.debug(BESIDE, "nothing.jsonl")
    assert caplog.messages == [told]
    assert f"ak.load({path!r})" in told


def test_an_index_says_where_the_table_is_and_offers_what_it_has(tmp_path: Path) -> None:
    path = ak.save([ak.rollout(ak.demo(), "Hi")] * 2, tmp_path / "runs.jsonl")
    index: Any = ak.index(path, progress=False)
    with pytest.raises(AttributeError, match=r"no 'filter'; ak.explore\(index\)"):
        index.filter("turns>1")
    with pytest.raises(AttributeError, match=r"did you mean index\.holding"):
        index.holdng("Oslo")
    offered = [name for name in dir(index) if not name.startswith("_")]
    assert offered == ["holding", "holding_word", "paths", "sql"]
    assert all(getattr(index, name) is not None for name in offered)
