"""Divergences between two answers to the same request: found layer by layer from the wire up, each
folded into the lowest one that explains it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agentkit.analysis.divergence import behaviour, calls, envelope, history, transport, wire
from agentkit.analysis.divergence.classes import (
    BEHAVIOUR,
    CLASSES,
    DEPTH,
    EXPLAINS,
    LAYERS,
    ORDER,
    DivergenceClass,
)
from agentkit.analysis.divergence.seen import Seen, seen_turns
from agentkit.analysis.divergence.traits import (
    Divergence,
    Excerpt,
    Names,
    Trait,
    Traits,
    compared,
    of_traits,
)

__all__ = [
    "BEHAVIOUR",
    "CLASSES",
    "DEPTH",
    "LAYERS",
    "ORDER",
    "Divergence",
    "DivergenceClass",
    "Excerpt",
    "Seen",
    "detect",
    "flat",
    "fold",
    "seen_turns",
]

_DETECTORS: dict[str, Traits] = {
    "request_ignored": transport.request_ignored,
    "context_limit": transport.context_limit,
    "finish_reason": envelope.finish_reason,
    "usage": envelope.usage,
    "logprobs": envelope.logprobs,
    "truncation": envelope.truncation,
    "call_id": wire.call_id,
    "arguments_encoding": wire.arguments_encoding,
    "content_form": wire.content_form,
    "reasoning_field": wire.reasoning_field,
    "stream_identity": wire.stream_identity,
    "call_in_text": calls.call_in_text,
    "arguments_syntax": calls.arguments_syntax,
    "tool_name": calls.tool_name,
    "token_leak": calls.token_leak,
    "reasoning_roundtrip": history.reasoning_roundtrip,
    "prefix_broken": history.prefix_broken,
    "tool_selection": behaviour.tool_selection,
    "parallel_calls": behaviour.parallel_calls,
    "arguments_value": behaviour.arguments_value,
    "arguments_schema": behaviour.arguments_schema,
    "tool_choice_semantics": behaviour.tool_choice_semantics,
    "sampling_defaults": behaviour.sampling_defaults,
}
"""For two answers that came whole, bottom up."""


def detect(left: Seen, right: Seen, names: Names, *, twins: bool = False) -> list[Divergence]:
    """Every divergence of two answers, bottom up and not yet folded.

    Args:
        twins: the same server was asked once for a stream and once for a block.
    """
    found = list(compared("completion_integrity", transport.integrity, left, right, names))
    if found or any(True for _ in transport.integrity(left, right)):
        return found  # cut on both sides alike: nothing to compare, and no difference
    if transport.failed(left) or transport.failed(right):
        return list(_failures(left, right, names))
    detectors = (
        {**_DETECTORS, "stream_vs_block": wire.stream_vs_block}
        if twins and left.streamed != right.streamed
        else _DETECTORS
    )
    return sorted(
        (
            d
            for name, traits in detectors.items()
            for d in compared(name, traits, left, right, names)
        ),
        key=lambda d: ORDER[d.class_],
    )


def _failures(left: Seen, right: Seen, names: Names) -> Iterator[Divergence]:
    if transport.failed(left) and transport.failed(right):
        yield from compared("error_shape", transport.error_shape, left, right, names)
        yield from compared("context_limit", transport.context_limit, left, right, names)
        return
    side, other = (left, right) if transport.failed(left) else (right, left)
    traits: list[Trait] = list(transport.failure(side, other))
    mine, theirs = (traits, []) if side is left else ([], traits)
    yield of_traits(transport.failure_class(side), mine, theirs, left, right, names)


def fold(found: list[Divergence]) -> list[Divergence]:
    """The divergences of one turn, each consequence inside the lowest one that explains it; nothing
    is left out.
    """
    ordered = sorted(found, key=lambda d: DEPTH[d.class_])
    causes: list[Divergence] = []
    effects: dict[str, list[Divergence]] = {}
    for divergence in ordered:
        cause = next(
            (
                c
                for c in causes
                if divergence.class_ in EXPLAINS.get(c.class_, ()) and _same_side(c, divergence)
            ),
            None,
        )
        if cause is None:
            causes.append(divergence)
        else:
            effects.setdefault(cause.class_, []).append(divergence)
    folded = (replace(cause, explains=tuple(effects.get(cause.class_, ()))) for cause in causes)
    return sorted(folded, key=lambda d: ORDER[d.class_])


def _same_side(cause: Divergence, effect: Divergence) -> bool:
    """Whether a fault of one side can be the cause of another: not where each is the other
    side's.
    """
    return cause.at is None or effect.at is None or cause.at == effect.at


def flat(found: list[Divergence]) -> Iterator[tuple[Divergence, Divergence | None]]:
    """Every divergence with the one that explains it, or None."""
    for divergence in found:
        yield divergence, None
        yield from ((effect, divergence) for effect in divergence.explains)
