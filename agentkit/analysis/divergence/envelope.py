"""What comes around the message: why it ended, what it cost, how likely it was, whether it was
cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.finish_words import means
from agentkit.types.answer import ToolCall
from agentkit.types.wire import Usage

_TOLERANCE = 0.1
"""Nats by which the mean log probability of the same tokens may differ: batch and kernel effects
do as much.
"""
_SENTINEL = 0.0
_CACHE_HINT = (
    "vLLM: --enable-prompt-tokens-details; SGLang: --enable-cache-report; otherwise measure the"
    " time to the first token"
)
_THOUGHT_HINT = "take the count from a dialect of the same server that has it"
_CUT_HINT = (
    "tell a cut by the answer's own `status` and `incomplete_details`, not by the name of its last"
    " event or the status of an item"
)
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_USAGE = "/usage"
_COUNTS = frozenset(("input_tokens", "output_tokens", "prompt_tokens", "completion_tokens"))


def is_cut(view: AnswerView) -> bool:
    """Tell whether the answer was cut, whatever its finish reason says."""
    if means(view.answer.finish_reason, "length") or view.ending == "length":
        return True
    cut = ("arguments_truncated", "finish_hides_truncation")
    if not view.codes.isdisjoint(cut) and not any(map(_truncated, view.calls)):
        used = view.answer.usage.output_tokens if view.answer.usage else None
        limits = [view.asked.get(name) for name in _LIMITS]
        if used and any(type(limit) is int and used < limit for limit in limits):
            return False  # the model stopped by itself inside a call that it wrote as text
    return "finish_hides_truncation" in view.codes or any(
        map(_truncated, (*view.calls, *view.answer.recoverable))
    )


def _truncated(call: ToolCall) -> bool:
    return any(p.code == "arguments_truncated" for p in call.problems)


def finish_reason(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare the finish reasons where both sides came to the same outcome, or where a side's
    finish reason contradicts its own answer.
    """
    word, raw = view.answer.finish_reason, view.look(view.finish_pointer)
    if is_cut(view) != is_cut(other) or word is None or other.answer.finish_reason is None:
        return
    calls, end = bool(view.calls), view.ending
    # OpenAI itself answers `stop` to a tool_choice that names a tool
    named = calls and end == "natural" and isinstance(view.asked.get("tool_choice"), dict)
    wrong = not named and end == ("natural" if calls else "calls")
    odd = wrong or not view.codes.isdisjoint(
        ("finish_nonstandard", "finish_empty_string", "finish_hides_truncation")
    )
    if calls == bool(other.calls) or wrong:
        form = "an object" if "finish_nonstandard" in view.codes and str(raw)[:1] == "{" else ""
        as_object = " as an object" if form else ""
        cause = f"finish_reason {word!r}{as_object} {'with' if calls else 'without'} calls"
        # the dialects have other words for one end
        key = word if view.dialect == other.dialect else "calls" if named else end or word
        yield Trait((key, form), view.finish_pointer, cause, fault=odd)


def usage(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare which tokens were counted, and find counts that cannot be right."""
    counted = view.answer.usage
    if view.envelope.bare or other.envelope.bare:
        return
    if counted is None or (counted.input_tokens is None and counted.output_tokens is None):
        yield _uncounted(view)
        return
    yield from _impossible_counts(view, counted)
    yield from _uncounted_reasoning(view, other, counted)
    yield from _uncounted_cache(view, other, counted)
    yield from _same_text(view, other)


def _uncounted(view: AnswerView) -> Trait:
    """Describe an answer without counts; a stream counts only where the request asks for it."""
    options = view.asked.get("stream_options")
    included = isinstance(options, dict) and options.get("include_usage")
    if view.streamed and view.asked and not included:
        cause = "no tokens are counted, include_usage was not asked for"
        return Trait("missing", _USAGE, cause, fault=False, severity="cosmetic")
    return Trait("missing", _USAGE, "no tokens are counted", severity="changes")


def _impossible_counts(view: AnswerView, counted: Usage) -> Iterator[Trait]:
    """Find counts under other names, or that contradict each other or the text."""
    raw = view.envelope.body.get("usage")
    raw = raw if isinstance(raw, dict) else {}
    names = tuple(sorted(_COUNTS & raw.keys()))
    own = tuple(sorted(view.counted_at(what).rpartition("/")[2] for what in ("input", "output")))
    if names and names != own:
        cause = f"tokens are counted as {', '.join(names)}"
        yield Trait(names, _USAGE, cause, severity="changes")
    total = raw.get("total_tokens")
    if isinstance(total, int) and total != counted.counted_tokens:
        cause = f"total_tokens is {total}, the parts come to {counted.counted_tokens}"
        yield Trait("total", f"{_USAGE}/total_tokens", cause)
    if counted.output_tokens == 0 and view.text:
        cause = "no output tokens are counted, and there is output"
        yield Trait("zero", _USAGE, cause, severity="changes")
    if counted.input_tokens == 0:
        cause = "no input tokens are counted, and there was a prompt"
        yield Trait("zero input", _USAGE, cause, severity="changes")


def _uncounted_reasoning(view: AnswerView, other: AnswerView, counted: Usage) -> Iterator[Trait]:
    """Find reasoning in a field of its own whose tokens only the other side counts; in one dialect
    a count that only the other side has.
    """
    theirs = other.answer.usage
    if theirs is None or counted.reasoning_tokens or not _tells(theirs.reasoning_tokens, other):
        return
    apart = any(block.source != "content:think_tags" for block in view.answer.reasoning_blocks)
    missing = counted.reasoning_tokens is None and view.dialect == other.dialect != "chat"
    if (apart and view.answer.reasoning and theirs.reasoning_tokens) or missing:
        cause = "tokens of the reasoning are not counted apart"
        yield Trait("reasoning_tokens", _USAGE, cause, fault=False, hint=_THOUGHT_HINT)


def _tells(number: int | None, view: AnswerView) -> bool:
    """Tell whether a count says something: in chat completions a zero does not."""
    return bool(number) or (number == 0 and view.dialect != "chat")


def _uncounted_cache(view: AnswerView, other: AnswerView, counted: Usage) -> Iterator[Trait]:
    """Find that only the other side says what came from its cache: any number in one dialect, and
    tokens that did come from it in two.
    """
    theirs = other.answer.usage
    if (
        theirs is None
        or counted.cached_tokens is not None
        or view.dialect == "chat" == other.dialect
    ):
        return
    if theirs.cached_tokens or (theirs.cached_tokens == 0 and view.dialect == other.dialect):
        cause = "tokens from the cache are not counted"
        yield Trait("cached_tokens", _USAGE, cause, fault=False, hint=_CACHE_HINT)


def _same_text(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare counts that should agree: one model, one prompt, one text."""
    mine, theirs = view.answer.usage, other.answer.usage
    if mine is None or theirs is None:
        return
    if view.answer.model is None or view.answer.model != other.answer.model:
        return
    alike = not view.apart and (not view.has_history or _as_long_before(view, other))
    if alike and mine.input_tokens and theirs.input_tokens:
        cause = f"the prompt is {mine.input_tokens} tokens"
        yield Trait(("input", mine.input_tokens), view.counted_at("input"), cause, fault=False)
    if mine.output_tokens and theirs.output_tokens and view.text == other.text:
        at, cause = view.counted_at("output"), f"the answer is {mine.output_tokens} tokens"
        yield Trait(("output", mine.output_tokens), at, cause, fault=False)


def _as_long_before(view: AnswerView, other: AnswerView) -> bool:
    """Tell whether the same history, of one turn, should be as long on both sides, and is not: a
    template that writes ids down makes a token or two of a call's.
    """
    before, mine, theirs = view.before, view.answer.usage, other.answer.usage
    if before is None or before.before is not None or view.dialect == other.dialect:
        return False
    if view.history != other.history or mine is None or theirs is None:
        return False
    apart = abs((mine.input_tokens or 0) - (theirs.input_tokens or 0))
    return apart > 2 * len(before.calls)


def logprobs(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare whether there are log probabilities, and whether they can be used."""
    asked = view.asked or other.asked
    found, theirs = view.answer.logprobs, other.answer.logprobs
    if any(
        s.dialect == "responses" and not (s.answer.content or "").strip() for s in (view, other)
    ):
        return  # Responses has them for texts alone
    at = f"{view.envelope.pointer.rpartition('/')[0]}/logprobs"
    at = at if view.codec is None else view.at("content")
    if not found:
        if theirs and (asked.get("logprobs") or not asked):
            yield Trait("missing", at, "no log probabilities")
        return
    if any(p.logprob != p.logprob or p.logprob > _SENTINEL for p in found):  # NaN, or above 0
        yield Trait("impossible", at, "log probabilities above 0, or none at all")
    if any(p.token.startswith("token_id:") for p in found):
        yield Trait("ids", at, "tokens are given as ids", fault=False)
    if theirs:
        yield from _fewer_alternatives(view, other, asked.get("top_logprobs"), at)
        same = view.text == other.text and view.answer.model == other.answer.model
        same = same and view.dialect == other.dialect  # Responses has them for texts alone
        if same and len(found) != len(theirs):
            yield Trait(("count", len(found)), at, f"{len(found)} tokens have one", fault=False)
    yield from _values(view, other, at)


def _fewer_alternatives(
    view: AnswerView, other: AnswerView, asked: int | None, at: str
) -> Iterator[Trait]:
    """Find that this side lists fewer alternatives a token than the other."""
    mine, theirs = (
        max((len(p.top) for p in side.answer.logprobs), default=0) for side in (view, other)
    )
    if mine < theirs:
        cause = "no alternatives are listed"
        if mine:
            cause = f"{mine} alternatives are listed, {theirs} on the other side"
        yield Trait("top", at, cause, fault=mine < (asked or theirs))


def _values(view: AnswerView, other: AnswerView, at: str) -> Iterator[Trait]:
    """Compare the log probabilities of the tokens that both answers begin with."""
    gaps = []
    for a, b in zip(view.answer.logprobs, other.answer.logprobs, strict=False):
        if a.token != b.token:
            break
        gaps.append(a.logprob - b.logprob if max(a.logprob, b.logprob) <= 0 else 0.0)
    if len(gaps) >= 3 and sum(map(abs, gaps)) / len(gaps) > _TOLERANCE:
        mean = sum(p.logprob for p in view.answer.logprobs[: len(gaps)]) / len(gaps)
        key = ("values", round(sum(gaps) / len(gaps), 9), mean)
        cause = f"a mean of {mean:.3f} over the same {len(gaps)} tokens"
        yield Trait(key, at, cause, fault=False)


def truncation(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find an answer that was cut."""
    if is_cut(view) and not _as_far(view, other):
        used: Any = view.answer.usage.output_tokens if view.answer.usage else None
        after = f" after {used} tokens" if used else ""
        cause = f"the answer was cut{after}, finish_reason {view.answer.finish_reason!r}"
        yield Trait("cut", view.finish_pointer, cause)
        for odd in view.oddities:
            if odd.of == "cut":
                at = f"{view.envelope.pointer}{odd.pointer}"
                yield Trait(odd.name, at, odd.text, severity="changes", hint=_CUT_HINT)


def _as_far(view: AnswerView, other: AnswerView) -> bool:
    """Tell whether both sides came equally far, and neither says that it was cut: a model may stop
    inside a call by itself, which one parser passes on and the other leaves in the text.
    """
    if "length" in (view.ending, other.ending) or view.calls == other.calls:
        return False
    counted = [
        side.answer.usage.output_tokens if side.answer.usage else None for side in (view, other)
    ]
    left = any(map(_truncated, other.answer.recoverable))
    return left and counted[0] is not None and counted[0] == counted[1]
