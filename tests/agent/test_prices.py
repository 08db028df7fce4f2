"""What a rollout cost: from the prices it was run with, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentkit as ak
from agentkit.errors import UsageError
from agentkit.testing import ScriptedServer

PRICES = {"input": 2.0, "cached": 0.5, "output": 10.0}


def answer(usage: dict[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "choices": [
            {"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"},
        ]
    }
    return body if usage is None else {**body, "usage": usage}


def rollout(usage: dict[str, Any] | None, prices: Any = PRICES) -> ak.Trajectory:
    agent = ak.Agent("m", server=ScriptedServer([answer(usage)]), prices=prices)
    return ak.rollout(agent, "go")


COUNTED = {
    "prompt_tokens": 1_000_000,
    "completion_tokens": 100_000,
    "prompt_tokens_details": {"cached_tokens": 400_000},
}


def test_cached_tokens_have_a_price_of_their_own() -> None:
    done = rollout(COUNTED)
    assert done.turns[0].cost == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 10)
    assert done.cost == done.turns[0].cost


def test_without_a_price_for_them_they_cost_what_others_cost() -> None:
    assert rollout(COUNTED, {"input": 2, "output": 10}).cost == pytest.approx(3.0)


def test_what_is_not_known_is_not_guessed() -> None:
    assert rollout(None).cost is None
    assert rollout({"prompt_tokens": 10}).cost is None
    assert rollout(COUNTED, None).cost is None
    known, unknown = rollout(COUNTED), rollout(None)
    assert replace(known, turns=(*known.turns, *unknown.turns)).cost is None


def test_prices_are_kept_with_the_rollout(tmp_path: Path) -> None:
    done = rollout(COUNTED)
    ak.save(done, tmp_path / "r.jsonl")
    loaded = ak.load(tmp_path / "r.jsonl")
    assert isinstance(loaded, ak.Trajectory)
    assert loaded.cost == done.cost
    assert loaded.spec.prices == done.spec.prices
    assert ak.turns_df(loaded)["cost"].tolist() == [done.cost]


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({"input": 1}, "no price of output"),
        ({"input": 1, "ouput": 2}, "did you mean 'output'"),
        ({"input": -1, "output": 2}, "-1"),
        ({"input": True, "output": 2}, "True"),
        ({"input": float("nan"), "output": 2}, "nan"),
        ([1, 2], "list"),
    ],
)
def test_prices_are_checked(prices: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        ak.Agent("m", server=ScriptedServer([]), prices=prices)
    assert said in f"{refused.value} {refused.value.hint}"
