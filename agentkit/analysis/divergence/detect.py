"""Divergences between two answers to the same request: found layer by layer from the wire up, each
folded into the lowest one that explains it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agentkit.analysis.divergence import (
    behaviour,
    envelope,
    parser_faults,
    round_trip,
    transport,
    wire_form,
)
from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.classes import DEPTH, EXPLAINS, ORDER
from agentkit.analysis.divergence.traits import (
    Divergence,
    Names,
    Trait,
    Traits,
    compared,
    of_traits,
)

_DETECTORS: dict[str, Traits] = {
    "request_ignored": transport.request_ignored,
    "context_limit": transport.context_limit,
    "finish_reason": envelope.finish_reason,
    "usage": envelope.usage,
    "logprobs": envelope.logprobs,
    "truncation": envelope.truncation,
    "call_id": wire_form.call_id,
    "arguments_encoding": wire_form.arguments_encoding,
    "content_form": wire_form.content_form,
    "reasoning_field": wire_form.reasoning_field,
    "stream_identity": wire_form.stream_identity,
    "stream_vs_block": wire_form.stream_and_end,
    "call_in_text": parser_faults.call_in_text,
    "arguments_syntax": parser_faults.arguments_syntax,
    "tool_name": parser_faults.tool_name,
    "token_leak": parser_faults.token_leak,
    "reasoning_roundtrip": round_trip.reasoning_roundtrip,
    "prefix_broken": round_trip.prefix_broken,
    "tool_selection": behaviour.tool_selection,
    "parallel_calls": behaviour.parallel_calls,
    "arguments_value": behaviour.arguments_value,
    "arguments_schema": behaviour.arguments_schema,
    "tool_choice_semantics": behaviour.tool_choice_semantics,
    "sampling_defaults": behaviour.sampling_defaults,
}
"""The detectors for two answers that came whole, bottom up."""


def detect(
    left: AnswerView, right: AnswerView, names: Names, *, same_server: bool = False
) -> list[Divergence]:
    """Find every divergence of two answers, bottom up and not yet folded.

    Args:
        left: the answer of one side.
        right: the answer of the other side to the same request.
        names: what the two sides are called.
        same_server: one server was asked once for a stream and once for a block.
    """
    found = list(compared("completion_integrity", transport.integrity, left, right, names))
    if found or any(True for _ in transport.integrity(left, right)):
        return found  # cut on both sides alike: there is nothing to compare, and no difference
    if transport.failed(left) or transport.failed(right):
        return list(_failures(left, right, names))
    detectors = _DETECTORS
    if same_server and left.streamed != right.streamed:
        detectors = {**_DETECTORS, "stream_vs_block": wire_form.stream_vs_block}
    for name, traits in detectors.items():
        found += compared(name, traits, left, right, names)
    return sorted(found, key=_order)


def _order(divergence: Divergence) -> int:
    return ORDER[divergence.class_]


def _failures(left: AnswerView, right: AnswerView, names: Names) -> Iterator[Divergence]:
    """Compare the failures of both sides, or report the failure of one."""
    if transport.failed(left) and transport.failed(right):
        yield from compared("error_shape", transport.error_shape, left, right, names)
        yield from compared("context_limit", transport.context_limit, left, right, names)
        return
    side, other = (left, right) if transport.failed(left) else (right, left)
    traits: list[Trait] = list(transport.failure(side, other))
    mine, theirs = (traits, []) if side is left else ([], traits)
    yield of_traits(transport.failure_class(side), mine, theirs, left, right, names)


def fold(found: list[Divergence]) -> list[Divergence]:
    """Fold the divergences of one turn: each consequence goes into the lowest one that explains it,
    and nothing is left out.
    """
    causes: list[Divergence] = []
    effects: dict[str, list[Divergence]] = {}
    for divergence in sorted(found, key=_depth):
        cause = next((cause for cause in causes if _explains(cause, divergence)), None)
        if cause is None:
            causes.append(divergence)
        else:
            effects.setdefault(cause.class_, []).append(divergence)
    folded = (replace(cause, explains=tuple(effects.get(cause.class_, ()))) for cause in causes)
    return sorted(folded, key=_order)


def _depth(divergence: Divergence) -> float:
    return DEPTH[divergence.class_]


def _explains(cause: Divergence, effect: Divergence) -> bool:
    """Tell whether one divergence can be the cause of another; a fault of one side does not explain
    a fault of the other.
    """
    # of one server's two forms it is open which one is right
    same_side = cause.at is None or effect.at is None or cause.at == effect.at
    same_side = same_side or cause.class_ == "stream_vs_block"
    return same_side and effect.class_ in EXPLAINS.get(cause.class_, ())


def flat(found: list[Divergence]) -> Iterator[tuple[Divergence, Divergence | None]]:
    """Yield every divergence with the one that explains it, or None."""
    for divergence in found:
        yield divergence, None
        yield from ((effect, divergence) for effect in divergence.explains)
