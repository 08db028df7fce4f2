"""What the finish reasons in the wild mean: the words of OpenAI, Anthropic, Azure, Bedrock, Cohere,
DeepSeek, Fireworks, Gemini, llama.cpp, LM Studio, Mistral, Ollama, OpenRouter, SGLang, TGI,
Together, vLLM, watsonx and Z.ai, each decided once.
"""

from __future__ import annotations

import re

from agentkit.dialects.parts import Ending

STANDARD = ("stop", "length", "tool_calls", "content_filter", "function_call")
"""OpenAI's own."""

_NATURAL = """
stop stopped stop_sequence stop_sequences stop_string stop_token stop_token_id stop_reason_stop eos
eos_token eos_found eosfound end_of_text end_of_turn end_turn end complete completed done finish
finished normal null none finish_reason_unspecified finish_reason_stop pause_turn stopstringfound
load
"""
_LENGTH = """
length max_tokens max_output_tokens max_completion_tokens max_new_tokens model_length token_limit
max_length max_tokens_reached max_context_length context_length context_length_exceeded
context_window_exceeded model_context_window_exceeded error_limit max_output_reached
maxpredictedtokensreached contextlengthreached finish_reason_length
"""
_FILTER = """
content_filter content_filtered content-filter safety sensitive prohibited_content recitation
blocklist spii language image_safety image_prohibited_content image_recitation model_armor
guardrail guardrails guardrail_intervened error_toxic refusal moderation filtered blocked
content_policy_violation finish_reason_safety
"""
_CALLS = "tool_calls function_call tool_use tool_call toolcalls tool_call_end function_calls"
_ABORTED = """
error errored failed failure abort aborted cancel canceled cancelled user_cancel user_cancelled
userstopped modelunloaded unload interrupted other unknown_error internal_error malformed_response
malformed_model_output repetition repetition_truncation not_finished engine_error
"""
_RESOURCES = """
insufficient_system_resource insufficient_system_resources network_error overloaded server_error
"""
_BAD_CALL = """
malformed_function_call malformed_tool_use malformed_tool_call unexpected_tool_call
too_many_tool_calls tool_call_error tool_use_failed tool_error
"""

NATURAL = frozenset(_NATURAL.split())
"""The model ended its answer by itself, or the word says nothing."""

MEANINGS = {
    "stop": NATURAL,
    "length": frozenset(_LENGTH.split()),
    "content_filter": frozenset(_FILTER.split()),
    "tool_calls": frozenset(_CALLS.split()),
}
"""What a server's word means, for the meanings that are read here."""

BROKEN = {
    **dict.fromkeys(_ABORTED.split(), "generation_aborted"),
    **dict.fromkeys(("timeout", "timed_out", "time_limit", "deadline_exceeded"), "timeout"),
    **dict.fromkeys(_RESOURCES.split(), "server_error"),
    **dict.fromkeys(_BAD_CALL.split(), "tool_use_failed"),
    "missing_thought_signature": "history_reasoning_missing",
    "rate_limit": "rate_limited",
    "rate_limited": "rate_limited",
}
"""A word that says that the answer broke off, and the kind of failure that is."""

REASONS = {
    "generation_aborted": "the server broke the generation off",
    "timeout": "the server broke the answer off because it took too long",
    "server_error": "the server broke the answer off for want of its own resources",
    "tool_use_failed": "the model wrote a call that the server could not read",
    "history_reasoning_missing": "the server misses the signature of its reasoning",
    "rate_limited": "the server broke the answer off at a rate limit",
    "content_filtered": "the answer was stopped by a content filter",
}

_PARTS = re.compile(r"[^a-z0-9_-]+")


def word_of(finish: str | None) -> str:
    """Reduce a server's finish reason to the word that tells, in lower case.

    Gemini's OpenAI endpoint writes `function_call_filter: MALFORMED_FUNCTION_CALL`, SDKs print
    `FinishReason.STOP`.
    """
    word = (finish or "").strip().lower()
    if len(word) > 200 or _known(word):
        return word
    parts = [part for part in _PARTS.split(word) if part]
    return next((part for part in reversed(parts) if _known(part)), word)


def _known(word: str) -> bool:
    return word in BROKEN or any(word in meaning for meaning in MEANINGS.values())


def means(finish: str | None, meaning: str) -> bool:
    """Return whether the server's word means `stop`, `length`, `content_filter` or `tool_calls`, in
    any server's spelling; False for a meaning that is none of these.
    """
    if finish is None:
        return False
    return (finish if finish in STANDARD else word_of(finish)) in MEANINGS.get(meaning, ())


def broken_kind(finish: str | None) -> str | None:
    """Return the kind of failure that a finish reason means (`content_filtered` for a filter);
    None where the answer came to an end of its own, or to the token limit.
    """
    if finish is None or finish in ("stop", "tool_calls", "length"):
        return None
    word = word_of(finish)
    return BROKEN.get(word) or ("content_filtered" if word in MEANINGS["content_filter"] else None)


def ending_of(finish: str | None) -> Ending | None:
    """Return what the finish reason of a chat completion means; None where it says nothing, or
    only that the model ended in another server's word.
    """
    kind = broken_kind(finish)
    if means(finish, "length"):
        return "length"
    if kind is not None:
        return "filter" if kind == "content_filtered" else "broken"
    if means(finish, "tool_calls"):
        return "calls"
    return "natural" if finish == "stop" else None
