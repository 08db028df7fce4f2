"""Answers that did not come whole, requests that failed, and fields of a request that nobody
obeyed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.analysis.divergence.seen import Seen
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.finish import means
from agentkit.types.record import clip

_CUT = {
    "stream_no_finish": "the stream ends without a finish reason",
    "stream_truncated": "the stream ends inside an event",
    "stream_bad_json": "an event of the stream is not JSON",
    "finish_missing": "there is no finish reason",
    "body_empty": "the body is empty",
    "body_not_json": "the body is not JSON",
    "content_encoding_bad": "the body cannot be decoded",
    "finish_empty_string": "",
}
_NOT_NOW = {
    "rate_limited",
    "quota_exhausted",
    "auth_failed",
    "permission_denied",
    "timeout",
    "connection_failed",
    "connection_reset",
    "model_not_found",
    "endpoint_not_found",
    "redirect",
    "stream_no_finish",
    "stream_truncated",
    "body_empty",
    "body_not_json",
}
"""Kinds of failure that say nothing about how a server reads requests."""
_LIMIT = re.compile(
    r"(?:maximum|max\w*|limit\w*)[^.\d]{0,60}?(\d[\d,_]{2,})|(\d[\d,_]{2,})[- ]tokens?\b",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"\bmessages?\b|tool_call_id|tool_calls|role|assistant|template", re.IGNORECASE
)
_REASONING = re.compile(r"reasoning|thinking|thought", re.IGNORECASE)
_CHOICE = re.compile(r"tool[_ ]choice|enable-auto-tool-choice|tool-call-parser", re.IGNORECASE)


def integrity(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Why an answer cannot be compared."""
    for code in sorted(seen.codes & _CUT.keys()):
        if _CUT[code]:
            yield Trait(code, "", _CUT[code])
    broke = "stream_error_event" in seen.codes and bool(seen.text)
    if broke:
        yield Trait(
            "stream_error_event", "", "the server sent an error in the middle of the stream"
        )
    if seen.error is not None and seen.error.kind in _NOT_NOW and seen.error.kind not in seen.codes:
        yield Trait(
            seen.error.kind,
            "",
            f"the request failed: {seen.error.kind}: {clip(seen.error.message, 120)}",
        )


def failed(seen: Seen) -> bool:
    """Whether there is no answer to compare."""
    return seen.error is not None or seen.response is None or not seen.answer.usable


def failure_class(seen: Seen) -> str:
    """The class that a request which fails on this side alone belongs to."""
    error = seen.error
    if error is None:
        return "error_shape"
    said = f"{error.message} {error.param or ''} {error.upstream_message or ''}"
    if error.kind == "context_length_exceeded":
        return "context_limit"
    told = seen.has_history or not seen.asked  # what was sent is not known
    if error.kind == "history_reasoning_missing" or (
        told and _REASONING.search(said) and error.kind != "server_error"
    ):
        return "reasoning_roundtrip"
    if error.kind.startswith("history_") or error.kind == "template_error":
        return "history_rejected"
    if _CHOICE.search(said) or error.kind == "tool_choice_unsupported":
        return "tool_choice_semantics"
    if error.kind in ("bad_request", "unknown_field", "schema_rejected", "server_feature_off"):
        return _refused(seen, said)
    return "error_shape"


def _refused(seen: Seen, said: str) -> str:
    """A request refused for one of its fields, or for its messages."""
    words = (
        {str(name).lower() for name in _names(seen.asked)}
        | {"tools", "tool"}
        | ({"schema"} if seen.tools else set())
    )
    named = any(re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", said.lower()) for word in words)
    if (
        (seen.has_history or not seen.asked)
        and (seen.error is None or seen.error.kind != "schema_rejected")
        and _HISTORY.search(said)
        and not named
    ):
        return "history_rejected"
    known = seen.error is not None and seen.error.kind in (
        "unknown_field",
        "schema_rejected",
        "server_feature_off",
    )
    return "request_ignored" if named or known else "error_shape"


def _names(asked: Mapping[str, Any]) -> Iterator[str]:
    for name, value in asked.items():
        if value not in (None, False) or name != "stream":
            yield name
        if isinstance(value, dict):
            yield from value


def failure(seen: Seen, other: Seen) -> Iterator[Trait]:
    """The failure of a request in whatever class."""
    if failed(seen):
        error = seen.error
        said = (
            f"{error.kind}{f' (HTTP {error.status})' if error.status else ''}:"
            f" {clip(error.message, 160)}"
            if error
            else "no usable answer"
        )
        yield Trait(
            ("failed", shape(seen)),
            _error_pointer(seen),
            f"the request failed, {said}",
            severity="breaks",
        )


def error_shape(seen: Seen, other: Seen) -> Iterator[Trait]:
    """The form of an error: status, where it stands, which fields of which types it has."""
    if failed(seen) and failed(other):
        status, form = shape(seen)
        kind = seen.error.kind if seen.error else None
        told = f"an error as HTTP {status or 'none'}, {kind}, {form}"
        yield Trait(
            (status, form, kind), _error_pointer(seen), told, fault=not form.startswith("error{")
        )


def shape(seen: Seen) -> tuple[int | None, str]:
    """HTTP status of an error and the fields of its body with their types."""
    body = (
        seen.body
        if not seen.streamed
        else next((event for event in seen.events if "error" in event), seen.body)
    )
    where = "in a stream, " if seen.streamed else ""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return (
            seen.exchange.status,
            (
                f"error{{{_fields(body['error'])}}}"
                if not where
                else f"{where}error{{{_fields(body['error'])}}}"
            ),
        )
    if isinstance(body, dict):
        return (
            seen.exchange.status,
            f"{where}object with {_fields({k: v for k, v in body.items() if k not in _PER_RUN})}",
        )
    kind = (
        "a list"
        if isinstance(body, list)
        else "a web page"
        if str(body).lstrip()[:1] == "<"
        else "text"
    )
    return seen.exchange.status, f"{where}{kind}"


_PER_RUN = ("id", "created", "request_id", "trace_id", "timestamp")


def _fields(found: dict[str, Any]) -> str:
    kinds = {
        str: "text",
        int: "number",
        float: "number",
        bool: "boolean",
        type(None): "null",
        dict: "object",
        list: "list",
    }
    told = {
        name: kinds.get(type(value), "?") for name, value in found.items() if name not in _PER_RUN
    }
    return ", ".join(f"{name} {kind}" for name, kind in sorted(told.items()) if kind != "null")


def _error_pointer(seen: Seen) -> str:
    return "/error" if isinstance(seen.body, dict) and "error" in seen.body else ""


def context_limit(seen: Seen, other: Seen) -> Iterator[Trait]:
    """The limit that an error names, where both sides fail for the length."""
    if not failed(seen) and not failed(other):
        yield from _cut_prompt(seen, other)
    both = all(
        side.error is not None and side.error.kind == "context_length_exceeded"
        for side in (seen, other)
    )
    if both and seen.error is not None:
        found = _LIMIT.search(seen.error.message)
        limit = re.sub(r"[,_]", "", next(filter(None, found.groups()))) if found else "unknown"
        if limit != "unknown":
            yield Trait(
                limit,
                _error_pointer(seen),
                f"a limit of {limit} tokens",
                fault=False,
                severity="changes",
            )


def _cut_prompt(seen: Seen, other: Seen) -> Iterator[Trait]:
    """A long prompt of which this side counts so much less that no tokenizer explains it: it was
    cut without a word.
    """
    mine, theirs = (
        side.answer.usage.input_tokens if side.answer.usage else None for side in (seen, other)
    )
    if mine and theirs and theirs >= _LONG and mine < theirs * _FAR_LESS:
        yield Trait(
            "cut",
            "/usage/prompt_tokens",
            f"the prompt is {mine} tokens, {theirs} on the other side: it seems to be cut",
        )


_LONG, _FAR_LESS = 1_000, 0.55


def request_ignored(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Fields of the request that the answer shows were not obeyed."""
    asked = seen.asked or other.asked
    choices = seen.envelope.body.get("choices")
    n = asked.get("n")
    if (
        isinstance(n, int)
        and n > 1
        and not seen.streamed
        and isinstance(choices, list)
        and len(choices) != n
    ):
        yield Trait("n", "/choices", f"n={n} gave {len(choices)} choices")
    yield from _limits(seen, asked)
    if asked.get("parallel_tool_calls") is False and len(seen.calls) > 1:
        told = f"parallel_tool_calls=False gave {len(seen.calls)} calls"
        yield Trait(
            "parallel_tool_calls",
            seen.at("tool_calls"),
            told,
            link="https://github.com/vllm-project/vllm/pull/26233",
        )
    whole = (
        seen.answer.content
        if not seen.calls and not means(seen.answer.finish_reason, "length")
        else None
    )
    if _wants_json(asked) and whole and not _is_json(whole):
        yield Trait(
            "response_format",
            seen.at("content"),
            "response_format asks for JSON, and the content is none",
        )
    if _thinking_off(asked) and seen.answer.reasoning:
        yield Trait(
            "reasoning", seen.at("content"), "reasoning was switched off, and there is some"
        )
    if asked.get("return_token_ids") and not seen.answer.token_ids and other.answer.token_ids:
        yield Trait(
            "return_token_ids", "/choices/0/token_ids", "return_token_ids gave no token ids"
        )
    if "unexpected_sse" in seen.codes or (
        asked.get("stream") is True and not seen.streamed and other.streamed
    ):
        yield Trait(
            "stream", "", "a block answer where a stream was asked for, or the other way round"
        )


def _limits(seen: Seen, asked: Mapping[str, Any]) -> Iterator[Trait]:
    for name in ("max_tokens", "max_completion_tokens"):
        most, used = asked.get(name), seen.answer.usage.output_tokens if seen.answer.usage else None
        if isinstance(most, int) and used is not None and used > most:
            yield Trait("max_tokens", "/usage", f"{name}={most} gave {used} tokens")
    stops = asked.get("stop")
    for stop in [stops] if isinstance(stops, str) else stops if isinstance(stops, list) else []:
        if (
            isinstance(stop, str)
            and stop
            and stop in (seen.answer.content or "")
            and not asked.get("include_stop_str_in_output")
        ):
            yield Trait(
                "stop",
                seen.at("content"),
                f"the text goes on over the stop string {clip(stop, 30)!r}",
            )


def _wants_json(asked: Mapping[str, Any]) -> bool:
    wanted = asked.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _thinking_off(asked: Mapping[str, Any]) -> bool:
    template = asked.get("chat_template_kwargs")
    off = isinstance(template, dict) and (
        template.get("enable_thinking") is False or template.get("thinking") is False
    )
    return off or asked.get("reasoning_effort") == "none"
