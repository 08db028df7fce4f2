"""Problems: what a model, tool or server got wrong, as data. The codes are the project's vocabulary
and are never reused for a second meaning.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from agentkit.types.record import Record, clip, record

Severity = Literal["info", "warning", "error"]

_ERRORS = """
arguments_truncated arguments_concatenated arguments_not_object arguments_invalid_json
arguments_nonfinite name_missing finish_hides_truncation error_in_200 choices_missing
message_missing foreign_dialect stream_no_finish stream_error_event stream_bad_json stream_not_sse
stream_truncated body_not_json body_not_object body_nonstandard_number body_empty body_html
content_encoding_bad body_too_large empty_response refusal generation_aborted bad_request
bad_response rate_limited quota_exhausted request_too_large server_error server_feature_off
context_length_exceeded auth_failed permission_denied model_not_found endpoint_not_found redirect
unknown_field schema_rejected template_error tool_choice_unsupported tool_use_failed
content_filtered timeout connection_failed connection_reset history_tool_result_missing
history_orphan_tool_result history_role_order history_id_format history_empty_tool_calls
history_bad_name history_bad_arguments history_bad_content history_reasoning_missing
node_key_missing node_value_invalid
node_lengths_differ node_mask_differs node_trains_on_prompt node_logprobs_short
node_logprob_positive node_dummy_tokens file_damaged calls_too_many
token_ids_missing
"""

_WARNINGS = """
arguments_object arguments_double_encoded arguments_empty arguments_null arguments_null_string
arguments_leading_data arguments_trailing_data arguments_duplicated arguments_duplicate_keys
arguments_python_literal arguments_control_chars arguments_bad_escape arguments_schema
arguments_code_fence arguments_comments arguments_trailing_comma arguments_lone_surrogate
arguments_key_parameters arguments_retyped name_unknown name_prefix name_whitespace
name_special_tokens wrapper_tool_call id_missing id_empty id_duplicate id_not_string id_changed
index_missing index_collision identity_repeated stream_cumulative tool_call_flat
tool_calls_not_list tool_call_null_entry legacy_function_call tool_call_in_content
tool_call_in_reasoning answer_in_reasoning markup_leak think_in_content orphan_think_close
unclosed_think content_list reasoning_not_string finish_missing finish_nonstandard
finish_empty_string finish_length finish_content_filter finish_stop_with_tool_calls
finish_tool_calls_without_calls choices_split nested_envelope unexpected_sse node_empty
node_sampled_masked node_trains_nothing node_finish_differs nodes_several nodes_repeated
fault_injected stream_final_differs reasoning_unsigned history_changed history_shortened
flow_cut flow_not_read flow_not_recorded
"""

_INFOS = """
secret_redacted choices_several item_unknown
"""

SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys(_ERRORS.split(), "error"),
    **dict.fromkeys(_WARNINGS.split(), "warning"),
    **dict.fromkeys(_INFOS.split(), "info"),
}
"""Every code and its severity: *error* means the call or turn cannot be used as it is,
*warning* means handled and always shown, *info* a harmless difference.
"""


@record
class Problem(Record):
    """One thing that is wrong or odd in an answer, a history or a request, by its code."""

    code: str
    """A code of `SEVERITIES`."""
    severity: Severity
    """`error`, `warning` or `info`, as `SEVERITIES` has it for the code."""
    message: str
    """One lower-case fact a person can act on."""
    pointer: str = ""
    """JSON pointer into the raw answer (RFC 6901), or "" where none applies."""
    before: Any = None
    """What the server sent, at most a short excerpt of it."""
    after: Any = None
    """What it was read as, where it was changed."""

    def summary(self) -> str:
        return f"{self.severity} {self.code}: {clip(self.message, 100)}"


def problem(
    code: str, message: str, *, pointer: str = "", before: Any = None, after: Any = None
) -> Problem:
    """Make a `Problem` with the severity of its code; excerpts are cut at 200 characters.

    Args:
        code: a code of `SEVERITIES`.
        message: one lower-case fact a person can act on.
        pointer: JSON pointer into the raw answer, "" where none applies.
        before: what the server sent.
        after: what it was read as, where it was changed.

    Raises:
        KeyError: the code is not in the vocabulary.
    """
    return Problem(
        code=code,
        severity=SEVERITIES[code],
        message=message,
        pointer=pointer,
        before=excerpt(before),
        after=excerpt(after),
    )


def excerpt(value: Any, limit: int = 200) -> Any:
    """Cut a value down to what a person can read at once.

    A number stays what it is. Everything else becomes text of at most `limit` characters, an object
    with its keys in order.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
