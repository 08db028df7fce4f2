"""Answers that did not come whole, requests that failed, and fields of a request that nobody
obeyed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.traits import Trait
from agentkit.dialects.codecs import CODECS
from agentkit.types.record import clip
from agentkit.types.wire import ApiError

_CUT = {
    "stream_no_finish": "the stream ends without a finish reason",
    "stream_truncated": "the stream ends inside an event",
    "stream_bad_json": "an event of the stream is not JSON",
    "finish_missing": "there is no finish reason",
    "body_empty": "the body is empty",
    "body_not_json": "the body is not JSON",
    "content_encoding_bad": "the body cannot be decoded",
    "body_too_large": "the body is larger than what is read of it",
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
"""Kinds of failure that show nothing of how a server reads requests."""
_LIMIT = re.compile(
    r"(?:maximum|max\w*|limit\w*)[^.\d]{0,60}?(\d[\d,_]{2,})|(\d[\d,_]{2,})[- ]tokens?\b",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"\bmessages?\b|tool_call_id|tool_calls|role|assistant|template", re.IGNORECASE
)
_REASONING = re.compile(r"reasoning|thinking|thought", re.IGNORECASE)
_CHOICE = re.compile(r"tool[_ ]choice|enable-auto-tool-choice|tool-call-parser", re.IGNORECASE)
_OF_A_FIELD = ("unknown_field", "schema_rejected", "server_feature_off")
"""Kinds of failure that are always about one field of the request."""
_PER_RUN = ("id", "created", "request_id", "trace_id", "timestamp")
"""Fields of an error that change with every request."""
_TYPES = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    dict: "object",
    list: "list",
}
_LONG, _FAR_LESS = 1_000, 0.55
"""From how many prompt tokens on, and from which share of the other side's count downwards, a
prompt seems to be cut: no two tokenizers are that far apart.
"""
_PARALLEL_LINK = "https://github.com/vllm-project/vllm/pull/26233"


def integrity(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find why an answer cannot be compared."""
    for code in sorted(view.codes & _CUT.keys()):
        if _CUT[code]:
            yield Trait(code, "", _CUT[code])
    if "stream_error_event" in view.codes and view.text:
        cause = "the server sent an error in the middle of the stream"
        yield Trait("stream_error_event", "", cause)
    error = view.error
    if error is not None and error.kind in _NOT_NOW and error.kind not in view.codes:
        cause = f"the request failed: {error.kind}: {clip(error.message, 120)}"
        yield Trait(error.kind, "", cause)


def failed(view: AnswerView) -> bool:
    """Tell whether there is no answer to compare."""
    return view.error is not None or view.response is None or not view.answer.usable


def failure_class(view: AnswerView) -> str:
    """Choose the class of a request that fails on this side alone."""
    error = view.error
    if error is None:
        return "error_shape"
    message = f"{error.message} {error.param or ''} {error.upstream_message or ''}"
    if error.kind == "context_length_exceeded":
        return "context_limit"
    # an empty `asked` means that the request is not known, so it may have had a history
    history = view.has_history or not view.asked
    if error.kind == "history_reasoning_missing" or (
        history and _REASONING.search(message) and error.kind != "server_error"
    ):
        return "reasoning_roundtrip"
    if error.kind.startswith("history_") or error.kind == "template_error":
        return "history_rejected"
    if _CHOICE.search(message) or error.kind == "tool_choice_unsupported":
        return "tool_choice_semantics"
    if error.kind == "bad_request" or error.kind in _OF_A_FIELD:
        return _refused(view, error, message)
    return "error_shape"


def _refused(view: AnswerView, error: ApiError, message: str) -> str:
    """Choose the class of a request refused for one of its fields, or for its messages."""
    words = {str(name).lower() for name in _names(view.asked)} | {"tools", "tool"}
    if view.tools:
        words.add("schema")
    text = message.lower()
    named = any(re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", text) for word in words)
    history = (view.has_history or not view.asked) and error.kind != "schema_rejected"
    if history and not named and _HISTORY.search(message):
        return "history_rejected"
    return "request_ignored" if named or error.kind in _OF_A_FIELD else "error_shape"


def _names(asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the request's fields, and those one level down."""
    for name, value in asked.items():
        if value not in (None, False) or name != "stream":
            yield name
        if isinstance(value, dict):
            yield from value


def failure(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Describe the failure of a request, in whatever class."""
    if failed(view):
        error = view.error
        what = "no usable answer"
        if error:
            status = f" (HTTP {error.status})" if error.status else ""
            what = f"{error.kind}{status}: {clip(error.message, 160)}"
        key, cause = ("failed", shape(view)), f"the request failed, {what}"
        if view.chained and failure_class(view) == "history_rejected":
            cause += "; the request named the answer before by `previous_response_id` alone"
        yield Trait(key, _error_pointer(view), cause, severity="breaks")


def error_shape(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare the form of an error: status, place, and the types of its fields."""
    if failed(view) and failed(other):
        status, form = shape(view)
        kind = view.error.kind if view.error else None
        fault = not form.startswith("error{")
        if view.dialect != other.dialect:
            fault = not _is_own(view)
            form = f"not in the form of its API: {form}" if fault else "in the form of its API"
        cause = f"an error as HTTP {status or 'none'}, {kind}, {form}"
        yield Trait((status, form, kind), _error_pointer(view), cause, fault=fault)


def shape(view: AnswerView) -> tuple[int | None, str]:
    """Read the HTTP status of an error and the form of its body: the fields with their types."""
    where = "in a stream, " if view.streamed else ""
    return view.exchange.status, f"{where}{_form(_error_body(view))}"


def _error_body(view: AnswerView) -> Any:
    if not view.streamed:
        return view.body
    return next((event for event in view.events if "error" in event), view.body)


def _is_own(view: AnswerView) -> bool:
    """Tell whether an error has the form that its dialect has for errors."""
    is_error = (view.codec or CODECS["responses"]).is_error  # chat completions has the same
    return is_error(_error_body(view))


def _form(body: Any) -> str:
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict):
            return f"error{{{_fields(error)}}}"
        return f"object with {_fields(body)}"
    if isinstance(body, list):
        return "a list"
    return "a web page" if str(body).lstrip()[:1] == "<" else "text"


def _fields(found: dict[str, Any]) -> str:
    """List the fields with their types, without what changes with every request."""
    kinds = {name: _TYPES.get(type(value), "?") for name, value in found.items()}
    return ", ".join(
        f"{name} {kind}"
        for name, kind in sorted(kinds.items())
        if name not in _PER_RUN and kind != "null"
    )


def _error_pointer(view: AnswerView) -> str:
    return "/error" if isinstance(view.body, dict) and "error" in view.body else ""


def context_limit(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare the limits that errors name, where both sides fail for the length."""
    if not failed(view) and not failed(other):
        yield from _cut_prompt(view, other)
    kinds = [side.error.kind if side.error else None for side in (view, other)]
    if view.error is None or kinds != ["context_length_exceeded"] * 2:
        return
    found = _LIMIT.search(view.error.message)
    if found:
        limit = re.sub(r"[,_]", "", next(filter(None, found.groups())))
        cause = f"a limit of {limit} tokens"
        yield Trait(limit, _error_pointer(view), cause, fault=False, severity="changes")


def _cut_prompt(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find a long prompt of which this side counts so much less that no tokenizer explains it: the
    server cut it and did not say so.
    """
    mine, theirs = (
        side.answer.usage.input_tokens if side.answer.usage else None for side in (view, other)
    )
    if mine and theirs and theirs >= _LONG and mine < theirs * _FAR_LESS:
        cause = f"the prompt is {mine} tokens, {theirs} on the other side: it seems to be cut"
        yield Trait("cut", view.counted_at("input"), cause)


def request_ignored(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find fields of the request that the answer shows were not obeyed."""
    asked = view.asked or other.asked
    yield from _number_ignored(view, asked)
    yield from _limits_ignored(view, asked)
    yield from _form_ignored(view, asked)
    if asked.get("store") is True and view.envelope.body.get("store") is False:
        yield Trait("store", "/store", "store=True was ignored: the answer says it is not kept")
    if asked.get("return_token_ids") and not view.answer.token_ids and other.answer.token_ids:
        cause = "return_token_ids gave no token ids"
        yield Trait("return_token_ids", "/choices/0/token_ids", cause)
    unstreamed = asked.get("stream") is True and not view.streamed and other.streamed
    if "unexpected_sse" in view.codes or unstreamed:
        cause = "a block answer where a stream was asked for, or the other way round"
        yield Trait("stream", "", cause)


def _number_ignored(view: AnswerView, asked: Mapping[str, Any]) -> Iterator[Trait]:
    """Find another number of choices or calls than the request allows."""
    n, choices = asked.get("n"), view.envelope.body.get("choices")
    several = isinstance(n, int) and n > 1 and not view.streamed
    if several and isinstance(choices, list) and len(choices) != n:
        yield Trait("n", "/choices", f"n={n} gave {len(choices)} choices")
    if asked.get("parallel_tool_calls") is False and len(view.calls) > 1:
        cause = f"parallel_tool_calls=False gave {len(view.calls)} calls"
        yield Trait("parallel_tool_calls", view.at("tool_calls"), cause, link=_PARALLEL_LINK)


def _limits_ignored(view: AnswerView, asked: Mapping[str, Any]) -> Iterator[Trait]:
    """Find an answer that goes on over its token limit or a stop string."""
    used = view.answer.usage.output_tokens if view.answer.usage else None
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        most = asked.get(name)
        if isinstance(most, int) and used is not None and used > most:
            yield Trait("max_tokens", "/usage", f"{name}={most} gave {used} tokens")
    if asked.get("include_stop_str_in_output"):
        return
    stops = asked.get("stop")
    if isinstance(stops, str):
        stops = [stops]
    for stop in stops if isinstance(stops, list) else ():
        if isinstance(stop, str) and stop and stop in (view.answer.content or ""):
            cause = f"the text goes on over the stop string {clip(stop, 30)!r}"
            yield Trait("stop", view.at("content"), cause)


def _form_ignored(view: AnswerView, asked: Mapping[str, Any]) -> Iterator[Trait]:
    """Find text where JSON was asked for, and reasoning where none was."""
    complete = not view.calls and view.ending != "length"
    content = view.answer.content if complete else None
    if _wants_json(asked) and content and not _is_json(content):
        cause = "response_format asks for JSON, and the content is none"
        yield Trait("response_format", view.at("content"), cause)
    if _thinking_off(asked) and view.answer.reasoning:
        cause = "reasoning was switched off, and there is some"
        yield Trait("reasoning", view.at("content"), cause)


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
    """Tell whether the request switches reasoning off: by the template's own argument (Qwen says
    `enable_thinking`, DeepSeek `thinking`), by Anthropic's own field, or by the effort.
    """
    template = asked.get("chat_template_kwargs")
    off = isinstance(template, dict) and (
        template.get("enable_thinking") is False or template.get("thinking") is False
    )
    thinking = asked.get("thinking")
    off = off or (isinstance(thinking, dict) and thinking.get("type") == "disabled")
    return off or asked.get("reasoning_effort") == "none"
