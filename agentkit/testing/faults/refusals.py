"""Requests refused, by the problem code that the refusal is read as. Wordings are those that users
of these servers have published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """A request that is refused; each manner has its own shape for it."""

    status: int
    message: str
    type: str = ""
    """The error's class as the manner names it; "" for the usual one of the status."""
    code: str | None = None
    """OpenAI's word for it."""
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Sent in place of the manner's own shape."""


BAD_ARGUMENTS = (
    "3 validation errors:\n  {{'type': 'string_type', 'loc':"
    " 'body.0.ChatCompletionMessageFunctionToolCallParam.function', 'msg': 'Input should be a valid"
    " string', 'input': '<dict of {items} items>'}}\n  {{'type': 'missing', 'loc':"
    " 'body.0.ChatCompletionMessageCustomToolCallParam.custom', 'msg': 'Field required', 'input':"
    " '<dict of 3 items>'}}\n  {{'type': 'literal_error', 'loc':"
    " 'body.0.ChatCompletionMessageCustomToolCallParam.type', 'msg': \"Input should be 'custom'\","
    " 'input': 'function', 'ctx': {{'expected': \"'custom'\"}}}}"
)

HISTORY: dict[str, Refusal] = {
    "history_tool_result_missing": Refusal(
        400,
        "An assistant message with 'tool_calls' must be followed by tool messages responding to"
        " each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1",
        param="messages.[2].role",
    ),
    "history_orphan_tool_result": Refusal(
        400,
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message"
        " with 'tool_calls'.",
        param="messages.[2].role",
    ),
    "history_role_order": Refusal(
        400,
        "After the optional system message, conversation roles must alternate"
        " user/assistant/user/assistant/...",
    ),
    "history_id_format": Refusal(
        400,
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum"
        " length 40, but got a string with length 51 instead.",
        param="messages[1].tool_calls[0].id",
        code="string_above_max_length",
    ),
    "history_empty_tool_calls": Refusal(
        400,
        "Invalid 'messages[1].tool_calls': empty array. Expected an array with minimum length 1,"
        " but got an empty array instead.",
        param="messages[1].tool_calls",
        code="empty_array",
    ),
    "history_bad_name": Refusal(
        400,
        "Invalid 'messages[1].tool_calls[0].function.name': string does not match pattern. Expected"
        " a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
        param="messages[1].tool_calls[0].function.name",
        code="invalid_value",
    ),
    "history_bad_arguments": Refusal(
        400,
        BAD_ARGUMENTS.format(items=1),
        type="Bad Request",
        param="body.0.ChatCompletionMessageFunctionToolCallParam.function",
    ),
    "history_bad_content": Refusal(
        400,
        "Invalid type for 'messages[2].content': expected one of a string or array of objects, but"
        " got an object instead.",
        param="messages[2].content",
        code="invalid_type",
    ),
    "history_reasoning_missing": Refusal(
        400,
        "Missing reasoning_content field in the assistant message at message index 2: it must be"
        " passed back.",
        param="messages",
    ),
}
"""A history that is not taken."""

REFUSALS: dict[str, Refusal] = {
    **HISTORY,
    "bad_request": Refusal(400, "The request could not be understood.", param=None),
    "rate_limited": Refusal(
        429,
        "Rate limit reached for this model on requests per min (RPM): Limit 500. Please try again"
        " in 120ms.",
        code="rate_limit_exceeded",
        headers={"retry-after-ms": "120", "retry-after": "1"},
    ),
    "quota_exhausted": Refusal(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        type="insufficient_quota",
        code="insufficient_quota",
    ),
    "request_too_large": Refusal(413, "Request body too large: at most 1048576 bytes are taken."),
    "server_error": Refusal(500, "Internal server error: EngineCore encountered an issue."),
    "server_feature_off": Refusal(
        400,
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    ),
    "context_length_exceeded": Refusal(
        400,
        "This model's maximum context length is 2048 tokens. However, your prompt contains 32217"
        " characters (more than 26624 characters, which is the upper bound for 2048 input tokens)."
        " Please reduce the length of the input prompt. (parameter=input_text, value=32217)",
        param="input_text",
        code="context_length_exceeded",
    ),
    "auth_failed": Refusal(
        401,
        "Incorrect API key provided: ************. You can find your API key at"
        " https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    ),
    "permission_denied": Refusal(
        403, "Your key does not have access to this model.", type="PermissionDeniedError"
    ),
    "model_not_found": Refusal(
        404,
        "The model `nope` does not exist. Valid aliases: tiny.",
        param="model",
        code="model_not_found",
    ),
    "endpoint_not_found": Refusal(404, "Not Found", body={"detail": "Not Found"}),
    "unknown_field": Refusal(400, "Unrecognized request argument supplied: top_k", param="top_k"),
    "schema_rejected": Refusal(
        400,
        "Invalid schema for function 'get_weather': 'strng' is not valid under any of the given"
        " schemas.",
        code="invalid_function_parameters",
    ),
    "template_error": Refusal(
        400, "Error rendering prompt with jinja template: 'None' has no attribute 'strip'"
    ),
    "tool_choice_unsupported": Refusal(
        400, "tool_choice 'required' is not supported by this model", param="tool_choice"
    ),
    "tool_use_failed": Refusal(
        400,
        "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more"
        " details.",
        code="tool_use_failed",
    ),
    "content_filtered": Refusal(
        400,
        "The response was filtered due to the prompt triggering the content management policy.",
        param="prompt",
        code="content_filter",
    ),
}
"""Every refusal there is a word for."""

CAPTURED = {
    "server_feature_off": "vLLM 0.32 without a tool-call parser",
    "context_length_exceeded": "vLLM 0.32, a prompt over max_model_len",
    "model_not_found": "vLLM 0.32, a model it does not serve",
    "endpoint_not_found": "vLLM 0.32, /chat/completions without /v1",
    "history_bad_arguments": "vLLM 0.32, arguments sent back as an object",
}
"""Where a wording was captured; the others are constructed."""
