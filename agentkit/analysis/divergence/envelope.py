"""What stands around the message: why it ended, what it cost, how likely it was, whether it was
cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.analysis.divergence.seen import Seen
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.finish import means

_TOLERANCE = 0.1
"""Nats that the log probabilities of the same tokens may differ on the mean: what batch and kernel
effects do.
"""
_SENTINEL = 0.0


def is_cut(seen: Seen) -> bool:
    """Whether the answer was cut, whatever its finish reason says."""
    cut = any(
        p.code == "arguments_truncated"
        for call in (*seen.calls, *seen.answer.recoverable)
        for p in call.problems
    )
    return (
        means(seen.answer.finish_reason, "length") or "finish_hides_truncation" in seen.codes or cut
    )


def finish_reason(seen: Seen, other: Seen) -> Iterator[Trait]:
    """The finish reason, where both sides came to the same outcome or this one's word contradicts
    its own answer.
    """
    word, raw = seen.answer.finish_reason, seen.look(seen.finish_pointer)
    if is_cut(seen) != is_cut(other) or word is None or other.answer.finish_reason is None:
        return
    calls, others = bool(seen.calls), bool(other.calls)
    wrong = (calls and word == "stop") or (not calls and means(word, "tool_calls"))
    named = calls and word == "stop" and isinstance(seen.asked.get("tool_choice"), dict)
    odd = (wrong and not named) or not seen.codes.isdisjoint(
        ("finish_nonstandard", "finish_empty_string", "finish_hides_truncation")
    )
    if calls == others or (wrong and not named):
        form = "an object" if "finish_nonstandard" in seen.codes and str(raw)[:1] == "{" else ""
        told = (
            f"finish_reason {word!r}{' as an object' if form else ''}"
            f" {'with' if calls else 'without'} calls"
        )
        yield Trait((word, form), seen.finish_pointer, told, fault=odd)


def usage(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Which tokens were counted, and whether the counts can be right."""
    counted, at = seen.answer.usage, "/usage"
    theirs = other.answer.usage
    if seen.envelope.bare or other.envelope.bare:
        return
    if counted is None or (counted.input_tokens is None and counted.output_tokens is None):
        options = seen.asked.get("stream_options")
        unasked = (
            seen.streamed
            and bool(seen.asked)
            and not (isinstance(options, dict) and options.get("include_usage"))
        )
        told = (
            "no tokens are counted, include_usage was not asked for"
            if unasked
            else "no tokens are counted"
        )
        yield Trait(
            "missing", at, told, fault=not unasked, severity="cosmetic" if unasked else "changes"
        )
        return
    raw = seen.envelope.body.get("usage")
    raw = raw if isinstance(raw, dict) else {}
    names = tuple(
        sorted(
            name
            for name in raw
            if name in ("input_tokens", "output_tokens", "prompt_tokens", "completion_tokens")
        )
    )
    if names and names != ("completion_tokens", "prompt_tokens"):
        yield Trait(names, at, f"tokens are counted as {', '.join(names)}", severity="changes")
    total = raw.get("total_tokens")
    if isinstance(total, int) and total != counted.counted_tokens:
        yield Trait(
            "total",
            f"{at}/total_tokens",
            f"total_tokens is {total}, the parts come to {counted.counted_tokens}",
        )
    if counted.output_tokens == 0 and seen.text:
        yield Trait(
            "zero", at, "no output tokens are counted, and there is output", severity="changes"
        )
    apart = any(block.source != "content:think_tags" for block in seen.answer.reasoning_blocks)
    if (
        apart
        and seen.answer.reasoning
        and not counted.reasoning_tokens
        and theirs is not None
        and theirs.reasoning_tokens
    ):
        yield Trait(
            "reasoning_tokens", at, "tokens of the reasoning are not counted apart", fault=False
        )
    yield from _same_text(seen, other)


def _same_text(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Counts that should agree: one model, one prompt, one text."""
    mine, theirs = seen.answer.usage, other.answer.usage
    if (
        mine is None
        or theirs is None
        or seen.answer.model is None
        or seen.answer.model != other.answer.model
    ):
        return
    if not seen.has_history and mine.input_tokens is not None and theirs.input_tokens is not None:
        yield Trait(
            ("input", mine.input_tokens),
            "/usage/prompt_tokens",
            f"the prompt is {mine.input_tokens} tokens",
            fault=False,
        )
    if (
        mine.output_tokens is not None
        and theirs.output_tokens is not None
        and seen.text == other.text
    ):
        yield Trait(
            ("output", mine.output_tokens),
            "/usage/completion_tokens",
            f"the answer is {mine.output_tokens} tokens",
            fault=False,
        )


def logprobs(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Whether there are log probabilities, and whether they can be used."""
    asked = seen.asked or other.asked
    found, theirs = seen.answer.logprobs, other.answer.logprobs
    at = f"{seen.envelope.pointer.rpartition('/')[0]}/logprobs"
    if not found:
        if theirs and (asked.get("logprobs") or not asked):
            yield Trait("missing", at, "no log probabilities")
        return
    if any(p.logprob != p.logprob or p.logprob > _SENTINEL for p in found):
        yield Trait("impossible", at, "log probabilities above 0, or none at all")
    if any(p.token.startswith("token_id:") for p in found):
        yield Trait("ids", at, "tokens are given as ids", fault=False)
    mine, others = (max((len(p.top) for p in side), default=0) for side in (found, theirs))
    if theirs and mine < others:
        told = (
            f"{mine} alternatives are listed, {others} on the other side"
            if mine
            else "no alternatives are listed"
        )
        yield Trait("top", at, told, fault=mine < (asked.get("top_logprobs") or others))
    if (
        theirs
        and seen.text == other.text
        and len(found) != len(theirs)
        and seen.answer.model == other.answer.model
    ):
        yield Trait(("count", len(found)), at, f"{len(found)} tokens have one", fault=False)
    yield from _values(seen, other, at)


def _values(seen: Seen, other: Seen, at: str) -> Iterator[Trait]:
    gaps = []
    for a, b in zip(seen.answer.logprobs, other.answer.logprobs, strict=False):
        if a.token != b.token:
            break
        gaps.append(a.logprob - b.logprob if max(a.logprob, b.logprob) <= 0 else 0.0)
    if len(gaps) >= 3 and sum(map(abs, gaps)) / len(gaps) > _TOLERANCE:
        mean = sum(p.logprob for p in seen.answer.logprobs[: len(gaps)]) / len(gaps)
        yield Trait(
            ("values", round(sum(gaps) / len(gaps), 9), mean),
            at,
            f"a mean of {mean:.3f} over the same {len(gaps)} tokens",
            fault=False,
        )


def truncation(seen: Seen, other: Seen) -> Iterator[Trait]:
    """An answer that was cut."""
    if is_cut(seen):
        used: Any = seen.answer.usage.output_tokens if seen.answer.usage else None
        after = f" after {used} tokens" if used else ""
        yield Trait(
            "cut",
            seen.finish_pointer,
            f"the answer was cut{after}, finish_reason {seen.answer.finish_reason!r}",
        )
