"""The finish reason and the usage of an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentkit.read.body.finish_words import REASONS, STANDARD, broken_kind, means
from agentkit.read.failure.error import read_error
from agentkit.types.answer import ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import clip
from agentkit.types.wire import Exchange, TokenIds, TokenLogprob, Usage


def read_finish(choice: dict[str, Any], pointer: str) -> tuple[str | None, list[Problem]]:
    """Read the server's own word for why it stopped, and what is odd about it: that it is none of
    OpenAI's, that it says that the answer broke off, or was filtered.
    """
    raw = choice.get("finish_reason")
    at = f"{pointer}/finish_reason"
    word, odd = _word(raw, at)
    return word, [*odd, *_broken(choice, raw, word, at)]


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
    finish: str | None, calls: tuple[ToolCall, ...], found: tuple[ToolCall, ...], pointer: str
) -> Iterator[Problem]:
    """Check the finish reason against what the answer holds.

    Args:
        finish: the server's word.
        calls: the calls of the answer.
        found: calls in its text that are not run.
        pointer: JSON pointer of the choice.
    """
    at = f"{pointer}/finish_reason"
    cut = [
        call
        for call in (*calls, *found)
        if any(p.code == "arguments_truncated" for p in call.problems)
    ]
    if means(finish, "length"):
        yield problem("finish_length", "the answer was cut at the token limit", pointer=at)
    elif cut and finish and not broken_kind(finish):
        names = ", ".join(repr(call.name) for call in cut)
        yield problem(
            "finish_hides_truncation",
            f"the finish reason is {finish!r}, but the arguments of {names} are cut",
            pointer=at,
        )
    if finish == "stop" and calls:
        yield problem(
            "finish_stop_with_tool_calls",
            "the finish reason is 'stop' although there are calls; they count",
            pointer=at,
        )
    if means(finish, "tool_calls") and not calls:
        yield problem(
            "finish_tool_calls_without_calls",
            f"the finish reason is {finish!r}, but there are no calls",
            pointer=at,
        )


def read_usage(raw: Any) -> Usage | None:
    """Read token counts under the names of OpenAI, Anthropic and DeepSeek; None where there are
    none.
    """
    if not isinstance(raw, dict) or not raw:
        return None
    output = _inner(raw, "completion_tokens_details", "output_tokens_details")
    prompt = _inner(raw, "prompt_tokens_details", "input_tokens_details")
    return Usage(
        input_tokens=_count(raw, "prompt_tokens", "input_tokens"),
        output_tokens=_count(raw, "completion_tokens", "output_tokens"),
        reasoning_tokens=_count({**raw, **output}, "reasoning_tokens"),
        cached_tokens=_count(
            {**raw, **prompt}, "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"
        ),
    )


def _inner(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return next((raw[name] for name in names if isinstance(raw.get(name), dict)), {})


def _count(raw: dict[str, Any], *names: str) -> int | None:
    values = (raw.get(name) for name in names)
    return next(
        (
            int(v)
            for v in values
            if isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 1e15
        ),
        None,
    )


def read_logprobs(raw: Any) -> tuple[TokenLogprob, ...]:
    """Read the logprobs of the output tokens, from `logprobs.content` (OpenAI, vLLM, SGLang)."""
    content = raw.get("content") if isinstance(raw, dict) else None
    return (
        tuple(_logprob(item) for item in content or () if isinstance(item, dict))
        if isinstance(content, list)
        else ()
    )


def _logprob(item: dict[str, Any]) -> TokenLogprob:
    token = str(item.get("token", ""))
    token_id = item.get("token_id")
    if not isinstance(token_id, int):
        token_id = int(token[9:]) if token.startswith("token_id:") and token[9:].isdigit() else None
    tops = item.get("top_logprobs")
    listed = [top for top in tops if isinstance(top, dict)] if isinstance(tops, list) else []
    return TokenLogprob(
        token=token,
        logprob=_number(item.get("logprob")),
        token_id=token_id,
        top=tuple((str(top.get("token", "")), _number(top.get("logprob"))) for top in listed),
    )


def _number(value: Any) -> float:
    return (
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300
        else float("nan")
    )


def read_token_ids(raw: Any) -> TokenIds | tuple[()]:
    """Read token ids as sent; empty where there are none or one is not an integer."""
    if (
        not isinstance(raw, list)
        or not raw
        or not all(type(i) is int and abs(i) < 2**62 for i in raw)
    ):
        return ()
    return TokenIds(raw)


_HOLDERS = ("usage", "x_groq", "meta_info", "choices", "metrics", "timings")


def queue_of(exchange: Exchange) -> float | None:
    """Find the seconds a server reports that a request waited: `usage.queue_time` (Groq),
    `meta_info.queue_time` (SGLang); None where it reports nothing.
    """
    if '"queue_time"' not in exchange.body and not any(
        '"queue_time"' in chunk.text for chunk in exchange.chunks[-4:]
    ):
        return None
    stack: list[Any] = [exchange.raw] if exchange.body else _events(exchange)
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(found := item.get("queue_time"), (int, float)):
                return float(found)
            stack.extend(value for key, value in item.items() if key in _HOLDERS)
        elif isinstance(item, list):
            stack.extend(item)
    return None


def _events(exchange: Exchange) -> list[Any]:
    found = []
    for line in "".join(chunk.text for chunk in exchange.chunks[-4:]).splitlines():
        try:
            found.append(json.loads(line.removeprefix("data:")))
        except ValueError:  # [DONE], a comment, or a line cut in two
            continue
    return found
