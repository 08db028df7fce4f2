"""An answer in the order in which it was sent, but for its calls: reasoning, what the server did by
itself, text with what it cites.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from agentkit.dialects.codecs import CODECS, Codec
from agentkit.types.answer import ReasoningBlock, Response

Kind = Literal["reasoning", "step", "text"]


class AnswerPiece(NamedTuple):
    """One piece: a row of its turn."""

    kind: Kind
    name: str
    """The end of its row's key: `reasoning`, `step-0`, `text`, `text-1`, …."""
    text: str = ""
    blocks: tuple[ReasoningBlock, ...] = ()
    step: int = 0
    """Which step of the server it is."""
    cites: tuple[dict[str, Any], ...] = ()
    """What the text cites, as sent."""
    alone: bool = True
    """Whether it is all reasoning, or all text, of the answer."""


def pieces(response: Response) -> list[AnswerPiece]:
    """List what an answer holds beside its calls, in the order in which it was sent where that is
    known: reasoning first, then what the server did, then text.
    """
    codec = CODECS.get(response.dialect)
    found = _merged(_in_order(codec, response)) if codec and response.items else None
    if not found or not _is_all(found, response):
        found = _by_kind(response)
    return _numbered(found, response)


def _by_kind(response: Response) -> list[AnswerPiece]:
    blocks = response.reasoning_blocks
    found = [AnswerPiece("reasoning", "", blocks=blocks)] if response.reasoning or blocks else []
    found += [AnswerPiece("step", "", step=i) for i in range(len(response.server_steps))]
    return [*found, AnswerPiece("text", "", response.content or "")]


def _in_order(codec: Codec, response: Response) -> Iterator[AnswerPiece]:
    """Read the items one by one."""
    places = {id(step.raw): i for i, step in enumerate(response.server_steps)}
    for item in response.items:
        place = places.get(id(item))
        if place is not None:
            yield AnswerPiece("step", "", step=place)
            continue
        parts = codec.read({codec.field: [item]})
        if parts.reasoning:
            yield AnswerPiece("reasoning", "", blocks=tuple(parts.reasoning))
        if parts.content:
            cites = tuple(codec.cited(item))
            yield AnswerPiece("text", "", parts.content, cites=cites)


def _merged(found: Iterator[AnswerPiece]) -> list[AnswerPiece]:
    """Put together what stands beside its like."""
    pieces: list[AnswerPiece] = []
    for piece in found:
        last = pieces[-1] if pieces else None
        if last is None or last.kind != piece.kind or piece.kind == "step":
            pieces.append(piece)
            continue
        blocks, cites = last.blocks + piece.blocks, last.cites + piece.cites
        pieces[-1] = last._replace(text=last.text + piece.text, blocks=blocks, cites=cites)
    return pieces


def _is_all(found: list[AnswerPiece], response: Response) -> bool:
    """Tell whether the items still are the answer: a person may have changed it, or a parser taken
    calls and reasoning out of its text.
    """
    steps = sum(piece.kind == "step" for piece in found)
    blocks = sum(len(piece.blocks) for piece in found)
    text = "".join(piece.text for piece in found if piece.kind == "text")
    return (
        steps == len(response.server_steps)
        and blocks == len(response.reasoning_blocks)
        and text == (response.content or "")
    )


def _numbered(found: list[AnswerPiece], response: Response) -> list[AnswerPiece]:
    """Name the pieces, write the text of reasoning, and let there be a text."""
    if not any(piece.kind == "text" for piece in found):
        found = [*found, AnswerPiece("text", "")]
    kinds = [piece.kind for piece in found]
    named = []
    for place, piece in enumerate(found):
        number, alone = kinds[:place].count(piece.kind), kinds.count(piece.kind) == 1
        name = f"{piece.kind}-{number}" if number or piece.kind == "step" else piece.kind
        text = piece.text
        if piece.kind == "reasoning":
            parts = [block.text for block in piece.blocks if block.text]
            text = (response.reasoning or "") if alone else "\n\n".join(parts)
        named.append(piece._replace(name=name, text=text, alone=alone))
    return named
