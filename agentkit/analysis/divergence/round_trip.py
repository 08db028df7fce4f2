"""What a turn does to the next one: whether its tokens are still there, and whether its reasoning
is.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.traits import Trait
from agentkit.dialects.messages.preflight import signature_problems
from agentkit.types.sequences.token_ids import TokenIds

_SHOWN = 5
"""Token ids that are listed where a prompt goes another way."""


def prefix_broken(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find a prompt that does not begin with the tokens of the turn before: its prompt and what was
    sampled.
    """
    place = broken_at(view)
    if place is None or view.before is None:
        return
    before = view.before.answer
    kept = len(before.prompt_token_ids)
    what = "the prompt of the turn before" if place < kept else "what was sampled"
    ids = [*before.prompt_token_ids, *before.token_ids][place : place + _SHOWN]
    now = list(view.answer.prompt_token_ids[place : place + _SHOWN])
    cause = (
        f"the prompt leaves the tokens of the turn before at {place}, inside {what}: {ids} there,"
        f" {now} now"
    )
    yield Trait("broken", f"/prompt_token_ids/{place}", cause)


def broken_at(view: AnswerView) -> int | None:
    """Find the first token at which a prompt differs from the turn before.

    Returns:
        Its position; None if there is no such token or the server returned no ids.
    """
    before, prompt = view.before, view.answer.prompt_token_ids
    if before is None or not prompt:
        return None
    if not before.answer.token_ids or not before.answer.prompt_token_ids:
        return None
    expected = TokenIds([*before.answer.prompt_token_ids, *before.answer.token_ids])
    kept = TokenIds(prompt, base=expected).shared
    return kept if kept < len(expected) else None


def reasoning_roundtrip(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find reasoning that cannot go back because nobody signed it, and reasoning that the next
    prompt no longer holds. Without token ids, the number of tokens shows it.
    """
    if view.dialect == other.dialect == "messages":
        for p in signature_problems(view.answer):
            yield Trait(
                ("unsigned", p.message), view.at("reasoning"), p.message, severity="changes"
            )
    before = view.before
    if before is None or view.answer.prompt_token_ids or not before.answer.reasoning:
        return
    then, now = before.answer.usage, view.answer.usage
    if then is None or now is None or not _counts(other):
        return
    if None in (then.input_tokens, then.output_tokens, now.input_tokens):
        return
    if (now.input_tokens or 0) < then.total_tokens:
        cause = (
            f"the prompt has {now.input_tokens} tokens, the turn before came to"
            f" {then.total_tokens}: its reasoning was dropped"
        )
        yield Trait("dropped", view.counted_at("input"), cause)


def _counts(view: AnswerView) -> bool:
    """Tell whether a side counted what it takes to see that reasoning was dropped; one that was
    asked on another's history did not.
    """
    if view.before is None:
        return False
    counted = (view.answer.usage, view.before.answer.usage)
    return all(usage is not None and usage.input_tokens is not None for usage in counted)
