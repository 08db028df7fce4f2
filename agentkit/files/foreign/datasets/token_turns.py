"""The token ids of a whole rollout, divided into those of its answers by the mask of the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LEFT_OUT = -100
"""PyTorch's `ignore_index`: the label of a token that is not trained on."""


def token_turns(
    ids: Any, mask: Any, count: int, logprobs: Any = None
) -> list[dict[str, Any]] | None:
    """Divide the tokens of a rollout among its answers.

    Args:
        ids: all tokens, the prompt's too.
        mask: for each, whether it was written by the model: 1 and 0, or labels with -100.
        count: how many answers there are.
        logprobs: for each, how likely it was, where that is known.

    Returns:
        For each answer `choice` and `prompt_token_ids`, as `answered` takes them; None where the
        mask has another number of spans than there are answers, so that nothing is guessed.
    """
    if not _are_ints(ids) or not _are_ints(mask) or len(ids) != len(mask):
        return None
    spans = _spans(mask)
    if not spans or len(spans) != count:
        return None
    likely = logprobs if isinstance(logprobs, (list, tuple)) and len(logprobs) == len(ids) else None
    return [
        {"choice": _choice(ids, likely, start, end), "prompt_token_ids": list(ids[:start])}
        for start, end in spans
    ]


def _choice(ids: Sequence[int], logprobs: Any, start: int, end: int) -> dict[str, Any]:
    if logprobs is None:
        return {"token_ids": list(ids[start:end])}
    pairs = zip(logprobs[start:end], ids[start:end], strict=True)
    return {"output_token_logprobs": [[logprob, token, None] for logprob, token in pairs]}


def _spans(mask: Sequence[int]) -> list[tuple[int, int]]:
    labels = _LEFT_OUT in mask
    spans: list[tuple[int, int]] = []
    start = None
    for place, value in enumerate((*mask, _LEFT_OUT if labels else 0)):
        trained = value != _LEFT_OUT if labels else value == 1
        if trained and start is None:
            start = place
        elif not trained and start is not None:
            spans.append((start, place))
            start = None
    return spans


def _are_ints(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(type(one) is int for one in value)
