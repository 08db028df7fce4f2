"""What a turn does to the next one: whether its tokens are still there, and whether its reasoning
is.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentkit.analysis.divergence.seen import Seen
from agentkit.analysis.divergence.traits import Trait
from agentkit.types.wire import TokenIds

_SHOWN = 5
"""Token ids that are told where a prompt goes another way."""


def prefix_broken(seen: Seen, other: Seen) -> Iterator[Trait]:
    """A prompt that does not begin with the tokens of the turn before: its prompt and what was
    sampled.
    """
    place = broken_at(seen)
    if place is not None and seen.before is not None:
        kept = len(seen.before.answer.prompt_token_ids)
        what = "the prompt of the turn before" if place < kept else "what was sampled"
        ids = [*seen.before.answer.prompt_token_ids, *seen.before.answer.token_ids][
            place : place + _SHOWN
        ]
        now = list(seen.answer.prompt_token_ids[place : place + _SHOWN])
        told = (
            f"the prompt leaves the tokens of the turn before at {place}, inside {what}: {ids}"
            f" there, {now} now"
        )
        yield Trait("broken", f"/prompt_token_ids/{place}", told)


def broken_at(seen: Seen) -> int | None:
    """The first token at which a prompt differs from the turn before; None where it does not, or
    the server returned no ids.
    """
    before = seen.before
    if (
        before is None
        or not before.answer.token_ids
        or not before.answer.prompt_token_ids
        or not seen.answer.prompt_token_ids
    ):
        return None
    expected = TokenIds([*before.answer.prompt_token_ids, *before.answer.token_ids])
    kept = TokenIds(seen.answer.prompt_token_ids, base=expected).shared
    return kept if kept < len(expected) else None


def reasoning_roundtrip(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Reasoning that the next prompt no longer holds, told by the number of its tokens where there
    are no ids.
    """
    before = seen.before
    if before is None or seen.answer.prompt_token_ids or not before.answer.reasoning:
        return
    then, now = before.answer.usage, seen.answer.usage
    if (
        then is None
        or now is None
        or None in (then.input_tokens, then.output_tokens, now.input_tokens)
    ):
        return
    if (now.input_tokens or 0) < then.total_tokens:
        told = (
            f"the prompt has {now.input_tokens} tokens, the turn before came to"
            f" {then.total_tokens}: its reasoning was dropped"
        )
        yield Trait("dropped", "/usage/prompt_tokens", told)
