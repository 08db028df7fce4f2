"""What OpenAI's Responses and Anthropic's Messages APIs refuse, by their words: rules that go
before those of all servers, and what to do about each.

Sources: what users of openai-agents-python, codex, claude-code, continue and hermes-agent have met,
vLLM's entrypoints, and the lists of error codes of both APIs.
"""

from __future__ import annotations

DIALECT_RULES = (
    (
        "history_reasoning_missing",
        r"without its required .?reasoning|expected .?thinking.? or .?redacted_thinking"
        r"|must start with a thinking block|invalid .?signature.? in .?thinking"
        r"|thinking.? blocks? [^.]{0,60}cannot be modified|thinking[^.]{0,30}signature: field req"
        r"|encrypted content [^.]{0,200}could not be|invalid_encrypted_content",
    ),
    ("history_role_order", r"first message must use|not support assistant message prefill"),
    (
        "history_id_format",
        r"expected an id that begins with|call_id.?: string too long|duplicate item found with id"
        r"|tool_use\.id: string should|tool_use_id: string should|tool_use.? ids must be unique",
    ),
    ("history_bad_arguments", r"tool_use\.input: input should be"),
    (
        "history_bad_content",
        r"previous response with id|response with id \S+ not found|previous_response_not_found"
        r"|item with id \S+ not found|encrypted content is not supported"
        r"|unsupported input item type|content cannot end with trailing whitespace",
    ),
    ("schema_rejected", r"\btools\.\d+\S{0,40}input_schema"),
    ("server_feature_off", r"does not support .?store=true|VLLM_ENABLE_RESPONSES_API_STORE"),
)
"""As in `error_rules`: the kind, and a pattern of its text."""

DIALECT_HINTS = (
    (
        r"without its required (.?reasoning|following item)",
        "reasoning and the item behind it belong together: send the items of an answer back as "
        "they came, all of them and in order",
    ),
    (
        r"signature.? in .?thinking|cannot be modified|encrypted content [^.]{0,200}could not be"
        r"|invalid_encrypted_content|thought.?signature[^.]{0,40}(not valid|invalid|corrupt)",
        "a signed or encrypted thought goes back to the model that wrote it, unchanged: take the "
        "edit back, or go on without it: rollout.fork(turn, server=…, sealed=False)",
    ),
    (
        r"expected .?thinking.? or .?redacted_thinking|must start with a thinking block",
        "an answer with thinking goes back with its thinking first: send its blocks as they came, "
        "or turn thinking off",
    ),
    (
        r"previous response with id|response with id \S+ not found|previous_response_not_found",
        "the server does not have that answer, or did not keep it: send the history's own items "
        "instead of previous_response_id",
    ),
    (
        r"item with id \S+ not found",
        "the server did not keep the item: send it whole, reasoning with "
        'include=["reasoning.encrypted_content"], or ask with store',
    ),
    (
        r"encrypted content is not supported|unsupported input item type",
        "the items come from another server: leave out those that this one does not know",
    ),
    (
        r"call_id.?: string too long|expected an id that begins with|tool_use\.id: string should",
        "ids of another server do not fit here: leave an item's own id out, and give calls ids "
        "of letters, digits, _ and - of at most 64 characters",
    ),
    (
        r"does not support .?store=true|VLLM_ENABLE_RESPONSES_API_STORE",
        "start vLLM with VLLM_ENABLE_RESPONSES_API_STORE=1, or send the history's own items",
    ),
    (
        r"\btools\.\d+\.input_schema(', 'msg')?: '?field required",
        "this server takes tools with an `input_schema` only, none of Anthropic's own",
    ),
    (r"max_tokens: field required|body\.max_tokens", "Messages wants max_tokens: give a number"),
    (
        r"content cannot end with trailing whitespace|text content blocks must",
        "Anthropic takes no text of white space alone, and none that ends in it at the last turn",
    ),
)
"""As in `error_rules`: a pattern of the words, and what to do."""
