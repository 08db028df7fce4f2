"""In which dialects a fault of chat completions can be, too. A fault that is in none of these sets
is one of chat completions alone: of fields, places and words that no other dialect has.
"""

from __future__ import annotations

from dataclasses import replace

from agentkit.testing.faults.fault import Fault
from agentkit.types.answer import Dialect

_ALL: tuple[Dialect, ...] = ("chat", "responses", "messages")
_ANYWHERE = """
arguments_not_object arguments_double_encoded arguments_null arguments_lone_surrogate
arguments_schema arguments_retyped name_missing name_unknown name_prefix name_whitespace
name_special_tokens wrapper_tool_call id_missing id_empty id_not_string id_duplicate
calls_too_many tool_call_in_reasoning answer_in_reasoning stream_vs_block markup_leak
think_in_content orphan_think_close unclosed_think empty_response finish_length
finish_nonstandard finish_content_filter call_id tool_selection parallel_calls
arguments_value tool_choice_semantics error_in_200 choices_missing
body_nonstandard_number nested_envelope unexpected_sse body_not_json
body_empty body_html content_encoding_bad body_too_large stream_not_sse stream_no_finish
stream_error_event stream_bad_json stream_truncated request_ignored usage connection_reset
timeout bad_response redirect bad_gateway overloaded error_shape slow connection_failed
"""
"""Faults of what every dialect has: names, texts, ends, bodies, connections."""

_TEXT_OF_ARGUMENTS = """
arguments_truncated finish_hides_truncation arguments_concatenated arguments_invalid_json
arguments_nonfinite arguments_leading_data arguments_trailing_data arguments_duplicated
arguments_duplicate_keys arguments_python_literal arguments_control_chars
arguments_bad_escape arguments_code_fence arguments_comments arguments_trailing_comma
"""
"""Faults of arguments as JSON text, which Messages has in streams alone: in a block they are an
object.
"""

_RESPONSES = """
arguments_object arguments_empty arguments_null_string refusal body_not_object
"""
_MESSAGES = """
message_missing finish_missing finish_stop_with_tool_calls finish_tool_calls_without_calls
"""
"""Faults of a word for the end, which a Responses answer with calls does not have."""


def spoken(fault: Fault) -> Fault:
    """Give a fault of chat completions with every dialect in which it can be."""
    name = fault.name.partition(":")[0] if fault.name.startswith("tool_call_in") else fault.name
    if name in _ANYWHERE.split() or name == "tool_call_in_content" or fault.refusal is not None:
        return replace(fault, dialects=_ALL)
    if name in _TEXT_OF_ARGUMENTS.split():
        return replace(fault, dialects=_ALL, in_stream=("messages",))
    if name in _RESPONSES.split():
        return replace(fault, dialects=("chat", "responses"))
    return replace(fault, dialects=("chat", "messages")) if name in _MESSAGES.split() else fault
