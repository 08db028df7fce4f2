"""The finish reason of an answer, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.dialects.parts import Ending
from agentkit.read.body.finish_words import REASONS, STANDARD, broken_kind, means
from agentkit.read.failure.error import read_error
from agentkit.types.answer import ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip
from agentkit.types.words import shared


def read_finish(choice: dict[str, Any], pointer: str) -> tuple[str | None, list[Problem]]:
    """Read the server's own word for why it stopped, and what is odd about it: that it is none of
    OpenAI's, that it says that the answer broke off, or was filtered.
    """
    raw = choice.get("finish_reason")
    at = f"{pointer}/finish_reason"
    word, odd = _word(raw, at)
    return word and shared(word), [*odd, *_broken(choice, raw, word, at)]


def _word(raw: Any, at: str) -> tuple[str | None, list[Problem]]:
    if raw is None:
        return None, [problem("finish_missing", "the answer says no finish reason", pointer=at)]
    if isinstance(raw, dict):
        word = str(raw.get("type") or "")
        message = "the finish reason is an object"
        return word or None, [
            problem("finish_nonstandard", message, pointer=at, before=raw, after=word)
        ]
    if not isinstance(raw, str):
        message = "the finish reason is not a text"
        return str(raw), [problem("finish_nonstandard", message, pointer=at, before=raw)]
    if not raw.strip():
        message = "the finish reason is an empty text"
        return raw, [problem("finish_empty_string", message, pointer=at)]
    if raw not in STANDARD:
        message = f"the finish reason {clip(raw)!r} is not one of OpenAI's"
        return raw, [problem("finish_nonstandard", message, pointer=at, before=raw)]
    return raw, []


def _broken(choice: dict[str, Any], raw: Any, word: str | None, at: str) -> Iterator[Problem]:
    """Report an answer that broke off: by its finish reason, or by the one of a provider behind a
    gateway (OpenRouter's `native_finish_reason`).
    """
    kind, native = broken_kind(word), choice.get("native_finish_reason")
    behind = broken_kind(native) if isinstance(native, str) else None
    if behind and kind in (None, "generation_aborted") and not means(word, "length"):
        kind, word, at = behind, native, at.replace("/finish_reason", "/native_finish_reason")
    filtered = _categories(choice.get("content_filter_results"))
    if kind is None and filtered and not ("message" in choice or "delta" in choice):
        kind = "content_filtered"
    if kind is None:
        return
    if kind == "content_filtered":
        why = _categories(
            choice.get("content_filter_results") or choice.get("content_filter_result")
        )
        yield problem("finish_content_filter", f"{REASONS[kind]}{why}", pointer=at)
        return
    kind, why = _detailed(kind, raw)
    what = REASONS.get(kind, REASONS["generation_aborted"])
    message = f"{what} (finish reason {clip(word or '')!r}){why}"
    yield problem(kind, message, pointer=at, before=raw if raw is not None else native)


def _detailed(kind: str, raw: Any) -> tuple[str, str]:
    """Let the message beside an abort (SGLang's `{"type": "abort", "message": …}`) tell the kind,
    where it tells more than that.
    """
    message = raw.get("message") if isinstance(raw, dict) else None
    if not isinstance(message, str) or not message.strip():
        return kind, ""
    failed = read_error(None, None, {**raw, "type": raw.get("err_type")})
    vague = failed.kind in ("server_error", "bad_response")
    return kind if vague else failed.kind, f": {clip(message, 200)}"


def _categories(results: Any) -> str:
    """Name what Azure's filter found: `: hate (high)`; "" where it does not say."""
    found = [
        f"{clip(name)} ({clip(str(result['severity']))})" if result.get("severity") else clip(name)
        for name, result in (results.items() if isinstance(results, dict) else ())
        if isinstance(result, dict) and (result.get("filtered") or result.get("detected"))
    ]
    return f": {', '.join(found[:10])}" if found else ""


def finish_problems(
    finish: str | None,
    ending: Ending | None,
    calls: tuple[ToolCall, ...],
    found: tuple[ToolCall, ...],
    pointer: str,
) -> Iterator[Problem]:
    """Check the word for the end of an answer of any dialect against what the answer holds.

    Args:
        finish: the server's word.
        ending: what it means.
        calls: the calls of the answer.
        found: calls in its text that are not run.
        pointer: JSON pointer of the word.
    """
    cut = [
        call
        for call in (*calls, *found)
        if any(p.code == "arguments_truncated" for p in call.problems)
    ]
    if ending == "length":
        yield problem("finish_length", "the answer was cut at the token limit", pointer=pointer)
    elif cut and finish and ending not in ("broken", "filter", "going"):
        names = ", ".join(repr(call.name) for call in cut)
        yield problem(
            "finish_hides_truncation",
            f"the finish reason is {finish!r}, but the arguments of {names} are cut",
            pointer=pointer,
        )
    if ending == "natural" and calls:
        yield problem(
            "finish_stop_with_tool_calls",
            f"the finish reason is {finish!r} although there are calls; they count",
            pointer=pointer,
        )
    if ending == "calls" and not calls:
        yield problem(
            "finish_tool_calls_without_calls",
            f"the finish reason is {finish!r}, but there are no calls",
            pointer=pointer,
        )
