"""The reasoning of each turn beside the calls it led to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agentkit.show.html import Child, Html, el, joined
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import code, facts, note, prose, row, status
from agentkit.show.render.rollout.turn.call import call_alone
from agentkit.types.answer import Response
from agentkit.types.record import Record, record
from agentkit.types.trajectory import Turn
from agentkit.types.words import count


@record
class Thought(Record):
    """The reasoning of one turn."""

    rollout: int
    turn: int
    text: str = ""
    """"" where the turn has none, or only encrypted."""
    sources: tuple[str, ...] = ()
    """Where it was found: `reasoning`, `reasoning_content`, `content:think_tags`, …."""
    encrypted: int = 0
    """Parts that cannot be read."""
    tokens: int | None = None
    """Tokens of reasoning, as the server counted them."""
    output_tokens: int | None = None
    response: Response
    """The answer it led to."""

    @property
    def share(self) -> float | None:
        """Its part of the output tokens; None where the server did not count."""
        return (
            self.tokens / self.output_tokens
            if self.tokens is not None and self.output_tokens
            else None
        )

    @property
    def known(self) -> bool:
        """Whether there is any reasoning."""
        return bool(self.text or self.sources or self.encrypted)

    def summary(self) -> str:
        return (
            f"turn {self.turn}: {len(self.text)} characters from"
            f" {', '.join(self.sources) or 'nowhere'}"
        )


def thought(rollout: int, turn: Turn) -> Thought:
    """Collect the reasoning of a turn."""
    response, usage = turn.response, turn.response.usage
    blocks = response.reasoning_blocks
    return Thought(
        rollout=rollout,
        turn=turn.index,
        text=response.reasoning or "",
        sources=tuple(dict.fromkeys(block.source for block in blocks)),
        encrypted=sum(block.kind == "encrypted" for block in blocks),
        tokens=usage.reasoning_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        response=response,
    )


class Sum(NamedTuple):
    """What several turns come to."""

    turns: int
    with_reasoning: int
    characters: int
    share: float | None


def summed(thoughts: Iterable[Thought]) -> Sum:
    """Add up the totals; the share is of the turns whose tokens the server counted."""
    listed = list(thoughts)
    counted = [t for t in listed if t.share is not None]
    output = sum(t.output_tokens or 0 for t in counted)
    share = sum(t.tokens or 0 for t in counted) / output if output else None
    return Sum(len(listed), sum(t.known for t in listed), sum(len(t.text) for t in listed), share)


def thought_facts(one: Thought) -> Html | None:
    """Write source, length and share of the tokens."""
    share = (
        f"{one.tokens:,} of {one.output_tokens:,} output tokens, {100 * one.share:.0f} %"
        if one.share is not None
        else None
    )
    sources: Child = (
        ["from ", joined(", ", [code(source) for source in one.sources])] if one.sources else None
    )
    length = count(len(one.text), "character") if one.text else None
    return facts(
        sources,
        length,
        share,
        f"{count(one.encrypted, 'part')} encrypted" if one.encrypted else None,
    )


def thought_row(key: str, one: Thought, limits: Limits, at: str, many: bool) -> Html:
    """Draw the reasoning of a turn as a row: the text, then the calls or the answer it led to."""
    where = f"rollout {one.rollout}, turn {one.turn}" if many else f"turn {one.turn}"
    text = (
        prose(one.text.strip("\n"), limits, f"{at}.reasoning")
        if one.text
        else note("no reasoning" if not one.encrypted else "encrypted")
    )
    response = one.response
    led = [
        call_alone(call, limits, f"{at}.tool_calls[{i}]")
        for i, call in enumerate(response.tool_calls[: limits.items])
    ]
    end: Child = led or (
        prose(response.content, limits, f"{at}.content")
        if response.content
        else status("no answer")
    )
    to = "→ calls" if led else "→ answer"
    return row(
        key,
        "thought",
        ([el("strong", "reasoning"), " ", el("small", where)], [thought_facts(one), text]),
        (el("strong", to), end),
    )
