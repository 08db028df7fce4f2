"""What is noted of how a rollout ended, as opposed to what names its task: a fork has another end,
and none of it is true of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

JUDGEMENTS: Final = frozenset(
    {
        *("reward", "reward_exception", "labels", "score", "scores", "metrics", "final_metrics"),
        *("advantage", "review", "submission", "output", "response", "acc", "pred"),
        *("response_length", "completion_length", "output_length"),
        *("elapsed", "working_time", "cost", "user_cost", "usage", "token_usage"),
        *("error", "exception", "traceback", "exit_status", "stop_condition"),
        *("termination_reason", "limit"),
        *("tokens", "masks", "loss_mask", "advantages", "ref_logprobs", "inference_logprobs"),
    }
)
"""The names in `meta` under which rewards, what importers read, and data sets say of a rollout how
it ended: what it was worth, took, cost and failed by, and the tokens of its answers. `answer` and
`target` are what the task expects, and are none of them.
"""
_WEIGHTS = "weights"
"""How much each answer counts in training, one number an answer."""


def without_judgements(meta: Mapping[str, Any], turn: int) -> dict[str, Any]:
    """Copy the meta of a rollout without what was noted of its end.

    Args:
        meta: the meta.
        turn: the first turn that is another's from here on.
    """
    kept = {name: value for name, value in meta.items() if name not in JUDGEMENTS}
    weights = kept.get(_WEIGHTS)
    return {**kept, _WEIGHTS: weights[:turn]} if isinstance(weights, list) else kept
