"""The texts of a rollout that is searched without an index: the same as an index holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentkit.analysis.explore.query import TEXTS, WORD
from agentkit.files.index.index_rows import rows_of
from agentkit.files.index.stores.word_store import holds_word
from agentkit.types.trajectory import Trajectory


def texts_of(trajectory: Trajectory, kinds: Sequence[str] = TEXTS[""]) -> Iterator[str]:
    """Yield the texts of a rollout of some kinds; by default every one."""
    rows = rows_of(trajectory)
    for kind in kinds:
        yield from [rows.prompt] if kind == "prompt" else getattr(rows, kind)


def has_text(trajectory: Trajectory, column: str, wanted: Sequence[str]) -> bool:
    """Tell whether one of some texts stands in a rollout's texts of a kind.

    Args:
        trajectory: the rollout.
        column: a key of `TEXTS`, or `WORD`.
        wanted: texts whose case is folded.
    """
    if column == WORD:
        every = [text.casefold() for text in texts_of(trajectory)]
        return any(holds_word(text, one) for text in every for one in wanted)
    texts = [text.casefold() for text in texts_of(trajectory, TEXTS[column])]
    return any(one in text for text in texts for one in wanted)
