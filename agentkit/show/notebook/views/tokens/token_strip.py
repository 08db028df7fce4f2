"""The strip of all tokens of a heatmap: each part of it looks like its most telling tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from typing import Any

from agentkit.analysis.tokens.likelihood import ENTROPIES, METRICS, PROBABILITIES
from agentkit.show.html import Html, el

_PARTS = 480
_LOOKS = ("given", "sampled", "off", "1", "2", "3", "4")
"""What a part can look like, the more telling later."""
_OFF, _SAMPLED = 32, 64
_LIMITS = {"logprob": [-log(limit) for limit in PROBABILITIES], "entropy": list(ENTROPIES)}


def strips(
    flags: Sequence[int],
    logprobs: Sequence[float],
    entropies: Sequence[float],
    breaks: Iterable[int],
) -> dict[str, Html]:
    """Draw the strip for each metric.

    Args:
        flags: of each token, as the heatmap's columns have them.
        logprobs: NaN where not known, as `entropies`.
        entropies: in nats.
        breaks: the tokens at which a prefix breaks.
    """
    import numpy as np

    total = len(flags)
    if not total:
        return {}
    known = np.asarray(flags)
    plain = np.where(known & _SAMPLED, np.where(known & _OFF, 2, 1), 0)
    unlikely = {"logprob": -np.asarray(logprobs), "entropy": np.asarray(entropies)}
    edges = np.arange(min(total, _PARTS) + 1) * total // min(total, _PARTS)
    broken = "".join(_box(_PARTS * at / total - 1, 2) for at in breaks)
    found: dict[str, Html] = {}
    for name in METRICS:
        looks = plain
        if name in unlikely:
            steps = (unlikely[name][:, None] >= np.asarray(_LIMITS[name])).sum(axis=1)
            looks = np.where((plain > 0) & (steps > 0), steps + 2, plain)
        parts = _most_telling(looks, edges)
        width = _PARTS / len(parts)
        boxes = dict.fromkeys(_LOOKS, "")
        for i, look in enumerate(parts):
            boxes[_LOOKS[look]] += _box(i * width, width)
        boxes["broken"] = broken
        drawn = [el("path", d=d, class_=f"ak-strip-{look}") for look, d in boxes.items() if d]
        box = {"viewBox": f"0 0 {_PARTS} 12", "preserveAspectRatio": "none"}
        found[name] = el("svg", drawn, class_="ak-tokens-strip", **box)
    return found


def _most_telling(looks: Any, edges: Any) -> list[int]:
    """Find for each part the most telling look that a tenth of its tokens have: one of a hundred is
    no colour.
    """
    import numpy as np

    starts, sizes = edges[:-1], np.diff(edges)
    counts = [np.add.reduceat(looks == look, starts, dtype=int) for look in range(len(_LOOKS))]
    from_top = np.cumsum(counts[::-1], axis=0)
    enough = from_top >= sizes / 10
    enough[-1] = True
    return [len(_LOOKS) - 1 - int(at) for at in enough.argmax(axis=0)]


def _box(x: float, width: float) -> str:
    return f"M{x:.6g} 0h{width:.6g}v12h{-width:.6g}z"
