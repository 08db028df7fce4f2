"""The texts of a rollout that is searched without an index: the same as an index holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from agentkit.analysis.explore.query import TEXTS, WORD, spellings
from agentkit.files.index.index_rows import IndexRows
from agentkit.files.index.stores.word_store import holds_word
from agentkit.types.words import forms_of


def has_text(rows: IndexRows, column: str, wanted: Sequence[str]) -> bool:
    """Tell whether one of some texts stands in a rollout's texts of a kind, in any case.

    Args:
        rows: the rollout's.
        column: a key of `TEXTS`, or `WORD`.
        wanted: the texts.
    """
    if column == WORD:
        words = [form.casefold() for text in wanted for form in forms_of(text)]
        every = [text for _, text in _folded(rows, TEXTS[""])]
        return any(holds_word(text, one) for text in every for one in words)
    return any(_stand(_folded(rows, TEXTS[column]), wanted))


def has_every_text(rows: IndexRows, wanted: Sequence[str]) -> bool:
    """Tell whether every one of some texts stands somewhere in a rollout's texts, in any case."""
    return all(_stand(_folded(rows, TEXTS[""]), wanted))


def _stand(texts: Iterable[tuple[str, str]], wanted: Iterable[str]) -> Iterator[bool]:
    """Tell of each text that is wanted whether it stands in one of these."""
    there = list(texts)
    for one in wanted:
        yield any(form in text for kind, text in there for form in spellings(one, kind))


def _folded(rows: IndexRows, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the texts of a rollout of some kinds, each with its kind."""
    for kind in kinds:
        for text in [rows.prompt] if kind == "prompt" else getattr(rows, kind):
            if text:
                yield kind, text.casefold()
