"""The tokens in a cell: a heatmap that is sent as columns of numbers and drawn by the page; what is
asked of one token comes when it is asked.
"""

from __future__ import annotations

import json
import math
import zlib
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from agentkit.analysis.tokens.likelihood import ENTROPIES, METRICS, PROBABILITIES, chance
from agentkit.analysis.tokens.off_policy import is_sampled
from agentkit.analysis.tokens.runs import entropy
from agentkit.analysis.tokens.spans import KINDS, Kind
from agentkit.analysis.tokens.tokens import Tokens
from agentkit.show.html import Html
from agentkit.show.notebook.live import LiveView, sendable
from agentkit.show.notebook.views.tokens.token_strip import strips
from agentkit.show.render.analysis.tokens import MEANINGS, break_line, tokens_head
from agentkit.types.words import visible


class TokensView(LiveView):
    """A heatmap of tokens.

    Its arrays, each compressed, in this order: the distinct tokens as JSON text `[[text or null, id
        or null], …]`; for each token which of them it is (uint32); logprob and entropy (float32,
        NaN where not known); kind, and 8 where it is trained, 16 where that is not known, 32 where
        it is off policy, 64 where it was sampled (uint8); how many tokens each run has (uint32).
    """

    scripts = ("beside/cards", "tokens")

    def fragments(self) -> Mapping[str, Html]:
        """Draw what is above the heatmap."""
        shown: Tokens = self.target
        return tokens_head(shown)

    def state(self) -> dict[str, Any]:
        """Describe what the script needs beside the numbers."""
        shown: Tokens | None = self.target
        if shown is None:
            return {}
        return {
            "metric": shown.metric,
            "metrics": list(METRICS),
            "meanings": {name: list(steps) for name, steps in MEANINGS.items()},
            "kinds": list(KINDS),
            "probabilities": list(PROBABILITIES),
            "entropies": list(ENTROPIES),
            "runs": [[run.title, run.offset, run.node is not None] for run in shown.runs],
            "breaks": {b.run: break_line(b) for b in shown.breaks},
            "strips": self._strips(),
        }

    def _strips(self) -> dict[str, Html]:
        shown, starts = self.target, [0]
        for run in shown.runs:
            starts.append(starts[-1] + len(run))
        return strips(*_numbers(shown), [starts[b.run] for b in shown.breaks])

    def arrays(self) -> Sequence[bytes]:
        """Return the columns."""
        return [zlib.compress(column, 1) for column in columns(self.target)]

    def do_ask(self, index: int) -> None:
        """Send the page the alternatives of a token: text, probability in words and as a number."""
        asked, shown = index, self.target
        for run in shown.runs:
            if index < len(run):
                listed = [
                    [sendable(visible(repr(text))), chance(value), math.exp(min(0.0, value))]
                    for text, value in run.tops[index]
                    if text != run.texts[index]
                ]
                self.reply({"type": "token", "index": asked, "alternatives": listed})
                return
            index -= len(run)


def columns(shown: Tokens) -> list[bytes]:
    """Make the arrays of a heatmap."""
    known: dict[tuple[str | None, int | None], int] = {}
    which = array("I")
    for run in shown.runs:
        which.extend(
            known.setdefault(token, len(known)) for token in zip(run.texts, run.ids, strict=True)
        )
    flags, logprobs, entropies = _numbers(shown)
    table = json.dumps(
        [(text and visible_token(text), i) for text, i in known],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    sizes = array("I", map(len, shown.runs))
    return [
        table.encode("utf-8", "replace"),
        *(column.tobytes() for column in (which, logprobs, entropies, flags, sizes)),
    ]


def _numbers(shown: Tokens) -> tuple[array[int], array[float], array[float]]:
    """List what is known of each token: its flags, logprob and entropy."""
    logprobs, entropies, flags = array("f"), array("f"), array("B")
    for run, off in zip(shown.runs, shown.off_policy, strict=True):
        sampled = [is_sampled(run, i) for i in range(len(run))]
        flags.extend(map(_flag, run.kinds, run.trained, off, sampled))
        logprobs.extend(math.nan if value is None else value for value in run.logprobs)
        entropies.extend(math.nan if (value := entropy(top)) is None else value for top in run.tops)
    return flags, logprobs, entropies


@cache
def _flag(kind: Kind, trained: bool | None, off: int, sampled: bool) -> int:
    return KINDS.index(kind) + (16 if trained is None else 8 * trained) + 32 * off + 64 * sampled


def visible_token(text: str) -> str:
    """Write out what does not show itself, line breaks as they are."""
    return "\n".join(map(visible, text.split("\n"))) if "\n" in text else visible(text)
