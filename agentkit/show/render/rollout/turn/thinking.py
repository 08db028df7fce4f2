"""What a model thought before it answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentkit.show.html import Html, el, element
from agentkit.show.render.content.markdown import headline
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, excerpt, fold, note, prose
from agentkit.show.render.parts.rows import away
from agentkit.types.answer import ReasoningBlock
from agentkit.types.words import count

IN_PLACE = 200
"""Characters of reasoning that stand where they are; longer ones are folded."""
_FIRST = 80
"""Characters of a folded reasoning that its line begins with."""


def reasoning(text: str, blocks: Sequence[ReasoningBlock], limits: Limits, at: str) -> Html | None:
    """Draw reasoning: a short text in place, a longer one folded with its first words, whether it
    is signed, one line for what cannot be read; None where there is none.
    """
    if not text and not blocks:
        return None
    sealed = sealed_parts(blocks)
    return _REASONING(
        thoughts(text, limits, at, _signed(blocks)) if text else None,
        note(
            f"reasoning, {_why_sealed(blocks)}: {count(len(sealed), 'part')} of"
            f" {count(sum(sealed), 'character')}, not for reading"
        )
        if sealed
        else None,
    )


_REASONING = element("div", class_="ak-thought")
_SIGNED = el("small", "signed", class_="ak-seal", title="its server will take it back as it is")
_UNSIGNED = el(
    "small",
    el("span", "▲", aria_hidden="true"),
    " unsigned",
    class_="ak-seal ak-warn",
    title="a server that checks signatures will not take it back",
)


def _signed(blocks: Sequence[ReasoningBlock]) -> Html | None:
    """Say whether what can be read is signed, where its dialect has signatures."""
    signs = [
        bool(raw.get("signature"))
        for block in blocks
        if block.text and isinstance(raw := block.raw, dict)
        if raw.get("signature") or block.source == "messages:thinking"
    ]
    return (_SIGNED if all(signs) else _UNSIGNED) if signs else None


_SEALED = {"redacted_thinking": "redacted by the server", "thinking": "not shown by the server"}
"""Why a block cannot be read, by its type; where it is none of these it is encrypted."""


def _why_sealed(blocks: Sequence[ReasoningBlock]) -> str:
    sealed = [block.raw for block in blocks if block.kind == "encrypted"]
    kinds = [str(raw.get("type")) if isinstance(raw, dict) else "" for raw in sealed]
    return " and ".join(dict.fromkeys(_SEALED.get(kind, "encrypted") for kind in kinds))


def thoughts(text: str, limits: Limits, at: str, mark: Html | None = None) -> Html:
    """Draw a text of reasoning, and a mark beside it."""
    plain = text.strip()
    if len(plain) <= IN_PLACE and plain.count("\n") < 4:
        return _SHORT(away("reasoning: "), [mark, " "] if mark else None, prose(plain, limits, at))
    marked = [", ", mark] if mark else None
    title = ["reasoning, ", count(len(text), "character"), marked, ": ", code(_beginning(plain))]
    if not limits.details:
        return fold(title[:3], excerpt(plain))
    return fold(title, prose(text.strip("\n"), limits, at), kind="fold ak-reasoning")


_SHORT = element("div", class_="ak-reasoning")


def _beginning(text: str) -> str:
    """Cut a text to its first words, on one line."""
    first = headline(text, 2 * _FIRST)
    return (
        first if len(first) <= _FIRST else f"{first[:_FIRST].rpartition(' ')[0] or first[:_FIRST]}…"
    )


def sealed_parts(blocks: Sequence[ReasoningBlock]) -> list[int]:
    """List how large the parts of the reasoning are that cannot be read, in characters."""
    return [_size(block.raw) for block in blocks if block.kind == "encrypted"]


def _size(raw: Any) -> int:
    """Return the length of the longest text in a block: what is encrypted is one."""
    values = raw.values() if isinstance(raw, dict) else [raw]
    return max((len(value) for value in values if isinstance(value, str)), default=0)
