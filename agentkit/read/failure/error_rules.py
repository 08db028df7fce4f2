"""What the words of an error body mean. Each rule: the kind, and a pattern of its text.

The order matters: the first match wins. Wordings are those of OpenAI, Azure, vLLM, SGLang,
    llama.cpp, Ollama, LM Studio, Mistral, Gemini, Groq, DeepSeek, Moonshot, OpenRouter and LiteLLM,
    as their users have met them.
"""

from __future__ import annotations

import re
from functools import cache

_RULES = (
    (
        "quota_exhausted",
        r"insufficient[_ ](quota|balance|credits?|funds)"
        r"|exceed(ed)?[ _](your[ _])?current[ _]quota|payment required|out of credits"
        r"|credit balance is too low|requires more credits|quota (is )?exhausted"
        r"|billing (hard )?(limit|not active)|arrear|in good standing|spending limit|余额不足|欠费"
        r"|budget(_| has been )exceeded",
    ),
    (
        "context_length_exceeded",
        r"context[_ ]length[_ ]exceeded|maximum context length"
        r"|context (window|size|length)[^.]{0,40}(exceed|limit|full|small)"
        r"|(exceed|larger|longer|greater)[^.]{0,60}"
        r"(context|max_model_len|maximum model length|maximum allowed length)|max_model_len"
        r"|prompt is too long|input is too long|too many (input tokens|tokens(?!, please wait))"
        r"|reduce the length of|input token count[^.]{0,40}exceeds|exceed_context_size"
        r"|model token limit|range of input length|maximum prompt length"
        r"|must have less than \d+ tokens|max_new_tokens[^.]{0,20}must be",
    ),
    (
        "model_not_found",
        r"model_not_found|model_not_exist|model_not_available|unable to access model"
        r"|no such model|unknown model|invalid model|not a valid model"
        r"|model[^.]{0,80}(does not exist|not found|not exist|is not available|not loaded"
        r"|unloaded)"
        r"|no endpoints found for|no models? loaded"
        r"|deployment[^.]{0,60}(does not exist|not ?found)|llm provider not provided",
    ),
    (
        "server_feature_off",
        r"requires? (--|the --)|--enable-auto-tool-choice|--tool-call-parser|--jinja"
        r"|--reasoning-parser|--enable-scale-out"
        r"|(is )?not enabled on|feature is (disabled|not enabled)|start the server with"
        r"|no endpoints found that support",
    ),
    (
        "tool_use_failed",
        r"tool_use_failed|failed to call a function|failed to parse tool call(?! arguments)"
        r"|error parsing tool call|tool call validation failed",
    ),
    (
        "content_filtered",
        r"content[_ ]filter|content management policy|responsibleai|prohibited_content"
        r"|data_inspection_failed|(was|been) flagged|flagged (by|as|for)|content[_ ]policy"
        r"|safety system",
    ),
    (
        "history_tool_result_missing",
        r"must be followed by tool messages|did not have response messages"
        r"|tool_use. ids were found without|missing tool (result|response)"
        r"|not the same number of function calls and responses|number of function response parts",
    ),
    (
        "history_orphan_tool_result",
        r"must be a response to a prece+ding|must have a corresponding tool call"
        r"|unexpected .?tool_use_id|tool_call_id[^.]{0,60}not found|unexpected tool call id"
        r"|no tool call found|tool call result does not follow",
    ),
    ("history_bad_name", r"function name was|invalid function name"),
    (
        "history_id_format",
        r"tool call id (was|has to|must)|tool_calls[^ ]{0,12}\.id\b"
        r"|tool_call_id[^.]{0,60}(length|alphanumeric|pattern)|a-z, A-Z, 0-9",
    ),
    (
        "history_empty_tool_calls",
        r"(empty array|too short|at least 1 item|minimum (length|1))[^.]{0,60}"
        r"(messages\.\d+\.)?tool_calls|tool_calls[^.]{0,60}"
        r"(empty array|too short|at least 1 item|minimum length)",
    ),
    (
        "history_reasoning_missing",
        r"reasoning_content[^.]{0,80}(missing|must|required|passed back)"
        r"|(missing|must|required)[^.]{0,60}reasoning_content|thought_signature[^.]{0,60}missing"
        r"|missing a .?thought_signature",
    ),
    (
        "unknown_field",
        r"extra_forbidden|extra inputs are not permitted|unrecognized (request )?argument"
        r"|unknown (name|field|parameter)|unsupported_?parameter|unsupported parameter"
        r"|does not support parameters|unexpected keyword"
        r"|property '[^']*' is unsupported|additional properties",
    ),
    (
        "history_bad_name",
        r"messages[^ ]{0,40}\.name'?[^.]{0,60}(pattern|invalid)"
        r"|(function|tool)[_ ]name[^.]{0,60}(pattern|must be a-z|invalid)",
    ),
    (
        "schema_rejected",
        r"invalid schema for|invalid_function_parameters"
        r"|invalid (tool|function)[^.]{0,40}(schema|parameters)"
        r"|function_declarations\S{0,80}parameters"
        r"|(json )?schema[^.]{0,60}(invalid|not supported|unsupported|not valid)"
        r"|grammar (compil|error|is invalid)"
        r"|(failed|unable|error)[^.]{0,40}(compil|pars|conver)[^.]{0,40}grammar|structured output",
    ),
    (
        "history_bad_arguments",
        r"function\.arguments|parse tool call arguments"
        r"|(ToolCallParam\.function|tool_calls[^ ]{0,30})[^.]{0,60}(valid string|valid dict|JSON)"
        r"|arguments[^.]{0,60}(valid json|must be a (valid )?json|parse)",
    ),
    (
        "history_role_order",
        r"roles? (must alternate|should be alternating)|first message[^.]{0,60}must be"
        r"|expected last role|unexpected role|after system|must be (the )?(first|last) message"
        r"|must be at the (beginning|start)|function call turn comes immediately"
        r"|assistant messages at the end|invalid (message )?role order"
        r"|last message cannot have role",
    ),
    (
        "template_error",
        r"jinja|chat[_ ]template|template error|item pairs from a mapping|templateerror"
        r"|undefinederror|raise_exception|error rendering prompt"
        r"|while executing (calltexpression|callexpression)",
    ),
    (
        "history_bad_content",
        r"messages?\.\d+[^ ]{0,60}content|missing field .?content|messages\[\d+\]\.content"
        r"|content[^.]{0,30}(valid string|must be a string|cannot be null|null)"
        r"|must have either content or tool_calls|with role 'assistant' must not be empty",
    ),
    (
        "tool_choice_unsupported",
        r"tool_choice[^.]{0,60}(not supported|unsupported|not support|only supports?"
        r"|must be (one of|auto))|(not supported|unsupported|does not support)"
        r"[^.]{0,60}tool[_ ]choice",
    ),
    (
        "server_feature_off",
        r"does not support (tool|function|thinking|completions|chat)"
        r"|tools? (is|are) not supported|does not support (embeddings|reranking)"
        r"|(tool use|tools?) ha(s|ve) not been enabled|not support(ed)? (tool|function)[ _]call",
    ),
    (
        "auth_failed",
        r"invalid[_ ]api[_ ]key|invalid subscription key|incorrect api key"
        r"|api key (is )?(invalid|not valid|missing|required|expired)|no auth credentials"
        r"|unauthorized|authentication[_ ]?(error|failed|fails|required)"
        r"|didn't provide an api key|invalid (bearer|access) token"
        r"|security token[^.]{0,40}(invalid|expired)|missing (bearer|authorization)"
        r"|UNAUTHENTICATED|user not found",
    ),
    ("request_too_large", r"(request|payload|entity|body)[^.]{0,20}too large|request_too_large"),
    (
        "rate_limited",
        r"rate[_ -]?limit|too many (requests|tokens)|request limit|max request|high traffic"
        r"|queue_exceeded|capacity exceeded|resource_exhausted|tokens per min|requests per min"
        r"|throttl|engine_overloaded|concurrency limit",
    ),
    (
        "permission_denied",
        r"permission[_ ]denied|not authorized|access denied|unsupported_country"
        r"|location is not supported|not have (access|permission)|forbidden",
    ),
    (
        "server_error",
        r"overloaded|out of memory|more system memory|model has crashed|process has terminated"
        r"|model is not ready|engine (is )?(dead|not running|loop)|model is (currently )?loading"
        r"|loading model|internal server error|service unavailable|bad gateway|upstream",
    ),
    ("timeout", r"timed? ?out|deadline exceeded"),
    ("endpoint_not_found", r"unexpected endpoint|(unknown|invalid) (url|endpoint|route)"),
)


@cache
def rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile the rules, in order, when the first error is read."""
    return tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)


RETRYABLE = frozenset(
    {
        "rate_limited",
        "server_error",
        "timeout",
        "connection_failed",
        "connection_reset",
        "bad_response",
        "body_empty",
        "generation_aborted",
        "tool_use_failed",
    }
)

HINTS = {
    "auth_failed": "pass key=..., or set the key's environment variable before the server is made",
    "permission_denied": "the key is known but may not do this: check its project, model "
    "access and region",
    "quota_exhausted": "the account has no credit left; waiting does not help",
    "model_not_found": "ask the server for the names it serves: GET /v1/models",
    "endpoint_not_found": "check the base URL; most servers answer under /v1",
    "server_feature_off": "start the server with the option its message names",
    "context_length_exceeded": "shorten the history, or ask for fewer output tokens",
    "rate_limited": "wait as long as the server asks, or lower the concurrency",
    "schema_rejected": "the server cannot use a tool's JSON schema: simplify the one its "
    "message names",
    "template_error": "the model's chat template refused the history: try another profile",
    "unknown_field": "the server refuses a field of the request: drop it from extra_body, or "
    "choose the server's profile",
    "history_reasoning_missing": "the server wants its reasoning back: choose the profile "
    "that sends it",
    "history_bad_arguments": "a call in the history carries arguments the server cannot "
    "take: they must be JSON text",
    "tool_use_failed": "the model wrote a call the server could not read: ask again, or "
    "lower the temperature",
    "generation_aborted": "ask again; what had come is kept on the attempt",
    "content_filtered": "a content filter stopped it: change what is sent, or the filter's "
    "settings where the account may",
    "connection_failed": "is the server running, and is the URL right?",
    "redirect": "the URL answers with a redirect; use the address it points to",
    "body_html": "a web page came back, not an API answer: check the base URL and any proxy",
}
"""What to change, by kind, where one sentence is enough."""
