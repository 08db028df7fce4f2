"""Lists of numbers as they come from trainers: lists, arrays, tensors, batches of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from agentkit.types.problem import Problem, problem


def listed(value: Any) -> list[Any] | None:
    """An array, a tensor, a list as a list; one row of a batch as that row."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return None
    items = list(value)
    inner = items[0] if len(items) == 1 else None
    row = isinstance(inner, (list, tuple)) or bool(getattr(inner, "ndim", 0))
    return listed(inner) if row else items


def read_numbers(raw: Any, kind: Any, at: str) -> tuple[tuple[Any, ...], list[Problem]]:
    """The entries of a list read by `integer` or `real`, None where one is no such number, and what
    is wrong with them.
    """
    if raw is None:
        return (), []
    items = listed(raw)
    if items is None:
        return (), [
            problem(
                "node_value_invalid",
                f"a {type(raw).__name__} stands where a list belongs",
                pointer=at,
            )
        ]
    values = tuple(map(kind, items))
    wrong = [i for i, value in enumerate(values) if value is None]
    if not wrong:
        return values, []
    message = (
        f"{len(wrong)} of {len(values)} entries are no {'number' if kind is real else 'token id'};"
        f" the first stands at {wrong[0]}"
    )
    return values, [
        problem(
            "node_value_invalid", message, pointer=f"{at}/{wrong[0]}", before=repr(items[wrong[0]])
        )
    ]


def integer(value: Any) -> int | None:
    """The value as a token id; None where it is none."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62
        else None
    )


def real(value: Any) -> float | None:
    """The value as a number; None where it is none, or NaN."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return float(value)
