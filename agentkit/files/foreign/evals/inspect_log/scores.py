"""What an Inspect log says of a sample beside its conversation: scores, limits, errors, metadata.

Source: inspect_ai, log/_log.py and scorer/_metric.py (`value_to_float`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.evals.fields import given, number_in, object_in, text_in, unix_in
from agentkit.types.trajectory import StopReason

_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""What Inspect counts its grades as."""
_LIMITS: dict[str, StopReason] = {
    "message": "max_turns",
    "turn": "max_turns",
    "token": "length",
    "context": "length",
}
"""What a sample's limit amounts to; by another one it was stopped."""


def meta_of(sample: Mapping[str, Any], log: Mapping[str, Any]) -> dict[str, Any]:
    """Read the metadata of a sample's rollout.

    Args:
        sample: the sample.
        log: the log without its samples.
    """
    run = object_in(log.get("eval"))
    scores = scores_of(sample)
    labels = {name: object_in(score).get("value", score) for name, score in scores.items()}
    rewards = [_reward(value) for value in labels.values()]
    error = object_in(sample.get("error"))
    limit = object_in(sample.get("limit"))
    return given(
        task=run.get("task"),
        sample=sample.get("id"),
        epoch=sample.get("epoch"),
        run=run.get("run_id"),
        uuid=sample.get("uuid"),
        target=sample.get("target"),
        choices=sample.get("choices"),
        reward=rewards[0] if len(rewards) == 1 else None,
        labels=labels,
        scores={name: dict(score) for name, score in scores.items() if isinstance(score, Mapping)},
        metadata=sample.get("metadata"),
        limit=dict(limit),
        error={key: error[key] for key in ("message", "traceback") if error.get(key)},
        started=unix_in(sample.get("started_at")),
        duration=number_in(sample.get("total_time")),
        working_time=number_in(sample.get("working_time")),
    )


def scores_of(sample: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the scores of a sample by the scorer's name; there was one without a name at first."""
    old = sample.get("score")
    return object_in(sample.get("scores")) or ({"score": old} if old is not None else {})


def _reward(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return _GRADES.get(value) if isinstance(value, str) else number_in(value)


def ending_of(sample: Mapping[str, Any], log: Mapping[str, Any]) -> StopReason | None:
    """Tell why a sample ended; None where the log does not say."""
    if sample.get("error"):
        return "error"
    kind = text_in(object_in(sample.get("limit")).get("type"))
    if kind:
        return _LIMITS.get(kind, "stopped")
    scored = bool(scores_of(sample)) or log.get("status") == "success"
    return "final" if scored else None
