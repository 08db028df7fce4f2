"""What the words of an error body mean. Each rule: the kind, and a pattern of its text.

The order matters: the first match wins. Wordings are those of OpenAI, Azure, vLLM, SGLang,
    llama.cpp, Ollama, LM Studio, Mistral, Gemini, Groq, DeepSeek, Moonshot, OpenRouter, LiteLLM,
    MiniMax, Z.ai, Cohere, Bedrock, NVIDIA, xAI and DashScope, as their users have met them.
"""

from __future__ import annotations

import re
from functools import cache

from agentkit.read.failure.dialect_rules import DIALECT_HINTS, DIALECT_RULES
from agentkit.read.failure.profile_hints import profile_hint

_GAP = r"(?:[^.]|\.(?=\S))"
"""A character of one sentence; model names and paths have dots in them."""

_RULES = (
    (
        "tool_choice_unsupported",
        r"(thinking|reasoning)[^.]{0,60}tool_choice|tool_choice[^.]{0,90}\bthinking"
        r"|does not support this tool_choice|support the provided .?tool_choice"
        r"|tool_choice[^.]{0,40}(invalid type|expected a? ?string|must be a string"
        r"|input should be)|invalid[^.]{0,24}tool_choice|only .?auto.? [^.]{0,30}tool_choice"
        r"|tool_choice[^.]{0,40}only (supports? )?.?auto|tool choice must be auto|forced tool use",
    ),
    (
        "quota_exhausted",
        r"tokens per day, please wait|free-models-per-day|monthly included credits"
        r"|exceeded your (monthly|daily|weekly)|key limit exceeded"
        r"|(daily|weekly|monthly)[^.]{0,30}(limit|quota|usage)[^.]{0,30}"
        r"(exceeded|reached|exhausted)|usage limit (reached|exceeded)|无可用资源包"
        r"|allocated quota exceeded|recharge",
    ),
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
        r"|prompt is too long|input is too long"
        r"|too many (input tokens|tokens(?!( per \w+)?, please wait))"
        r"|max(_new|_completion|_output)?_tokens\b[^.]{0,60}(got|value *[=:]|is|:) *'?-\d"
        r"|input_tokens[^.]{0,60}max_tokens[^.]{0,30}exceed|token limit (reached|exceeded)"
        r"|context (the )?overflow|reached context length|n_keep[^.]{0,30}n_ctx"
        r"|tokens to keep[^.]{0,60}context|prompt tokens[^.]{0,40}exceed|提示词超长|上下文长度"
        r"|reduce the length of|input token count[^.]{0,40}exceeds|exceed_context_size"
        r"|model token limit|range of input length|maximum prompt length"
        r"|must have less than \d+ tokens|max_new_tokens[^.]{0,20}must be",
    ),
    (
        "model_not_found",
        r"model_not_found|model_not_exist|model_not_available|unable to access model"
        r"|no such model|unknown model|invalid model|not a valid model"
        rf"|model{_GAP}{{0,100}}(does not exist|not found|not exist|is not available|not loaded"
        r"|unloaded|not supported by any provider|is not deployed|has been deprecated"
        r"|decommissioned)"
        r"|not_found\w* +model: *\S|模型不存在"
        r"|on-demand throughput|inference profile that contains this model"
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
        r"|error parsing tool call|tool call validation failed|malformed function call"
        r"|failed to parse (xml|input at pos|response|(the )?(model|llm|tool)[^.]{0,20}output)"
        r"|xml syntax error|harmonyerror|(in|while parsing) message header"
        r"|tool call (parsing|parser)[^.]{0,20}(failed|error)"
        r"|(un(able|parsable)|could not|couldn't|cannot|failed to)[^.]{0,20}(parse|extract)?"
        r"[^.]{0,12}(the )?(generated|model's|output|produced)[^.]{0,30}(tool|function) calls?"
        r"|(model|llm)[^.]{0,30}(generated|produced|returned|wrote)[^.]{0,20}"
        r"(invalid|malformed|unparsable)[^.]{0,20}(tool|function|call|json)"
        r"|(model|llm) output[^.]{0,20}(could not|cannot) be parsed|invalid tool generation"
        r"|did not call a tool|invalid sequence as part of tooluse"
        r"|unexpected token \d+ while expecting"
        r"|malformed_function_call",
    ),
    (
        "content_filtered",
        r"content[_ ]filter|content management policy|responsibleai|prohibited_content"
        r"|data_?inspection_?failed|new_sensitive|potentially unsafe|unsafe or sensitive"
        r"|不安全或敏感|敏感内容|(was|been) flagged|flagged (by|as|for)|content[_ ]policy"
        r"|safety system",
    ),
    (
        "history_orphan_tool_result",
        r"missing corresponding tool call|toolresult blocks? at \S{1,60} exceeds",
    ),
    (
        "history_tool_result_missing",
        r"must be followed by tool messages|did not have response messages"
        r"|tool_use. ids were found without|missing tool (result|response)"
        r"|not the same number of function calls and responses|number of function response parts"
        r"|no tool output (found|for)|expected toolresult|tool results? (is|are) missing"
        r"|(without|missing|lacks?)[^.]{0,30}(tool|function)[_ ](results?|outputs?|responses?)\b",
    ),
    (
        "history_orphan_tool_result",
        r"must be a response to a prece+ding|must have a corresponding tool call"
        r"|unexpected .?tool_use_id|tool_call_id[^.]{0,60}not found|unexpected tool call id"
        r"|no tool call found|tool call result does not follow"
        r"|tool (result|call|message)'?s?[^.]{0,30}\bid[^.]{0,60}not found"
        r"|(no|missing|without)[^.]{0,24}(preceding|previous|corresponding) (assistant )?"
        r"(tool|function)[_ ]calls?"
        r"|tool (message|result|role)[^.]{0,60}(no|without|must follow|preceding)[^.]{0,40}"
        r"tool[_ ]calls?",
    ),
    (
        "history_bad_name",
        r"function name was|invalid function name"
        r"|(tool_calls?|function_call|function_response|messages)[^ ]{0,40}\.name\b"
        r"[^.]{0,60}(empty|required|missing|minimum|cannot be|must not)"
        r"|(tool|function)(_| )?(call)?('s)?[ _]name[^.]{0,30}(empty|missing|required|blank|null)"
        r"|function name or parameters is empty|messages[^.]{0,80}missing field .?name"
        r"|(tool|function) calls?[^.]{0,30}(must|should|does not|without)[^.]{0,10}(have )?a name"
        r"|(missing|empty)[^.]{0,12}(tool|function)( call)?[ _]name",
    ),
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
        r"|property '[^']*' is unsupported|additional properties"
        r"|argument not supported on this model|unknown_parameter|unsupported_parameter",
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
    ("bad_request", r"json_invalid|could not parse the json body"),
    (
        "history_bad_arguments",
        r"function\.arguments|function arguments json|missing field .?arguments"
        r"|(parse|invalid) tool call arguments|validation errors? for function\s+arguments\b"
        r"|(ToolCallParam\.function|tool_calls[^ ]{0,30})[^.]{0,60}(valid string|valid dict|JSON)"
        r"|arguments[^.]{0,60}(valid json|must be a (valid )?json|parse)",
    ),
    (
        "history_role_order",
        r"roles? (must alternate|should be alternating)|first message[^.]{0,60}must be"
        r"|expected last role|unexpected (message )?role|after system|must be (the )?(first"
        r"|last) message"
        r"|must be at the (beginning|start)|function (call|response) turn comes immediately"
        r"|assistant messages at the end|prefill is (incompatible|not supported)"
        r"|invalid (message )?role order"
        r"|last message cannot have role|incorrect role|without its required following item"
        r"|use a valid role|role must be in|role: unknown variant|\.role.? does not support"
        r"|must start with a user message"
        r"|角色信息不正确",
    ),
    (
        "template_error",
        r"jinja|chat[_ ]template|template error|item pairs from a mapping|templateerror"
        r"|undefinederror|raise_exception|error rendering prompt|parser for this template"
        r"|while executing (calltexpression|callexpression)",
    ),
    (
        "history_bad_content",
        r"messages?\.\d+[^ ]{0,60}content|missing field .?content|messages\[\d+\]\.content"
        r"|content[^.]{0,30}(valid string|must be a string|cannot be null|null)"
        r"|must have either content or tool_calls|with role 'assistant' must not be empty"
        r"|unknown variant .?(image|input_audio|audio|video|file|document|tool_)"
        r"|messages[^.]{0,40}(content)?[^.]{0,20}unknown variant|chat content is empty"
        r"|(is not|not) a multimodal model|at most 0 (image|audio|video)"
        r"|(does(n't| not)|not) support(ed)?[^.]{0,20}\b(image|vision|audio|multimodal)"
        r"|(image|vision|audio)[^.]{0,24}(input)?[^.]{0,12}not supported"
        r"|image_url[^.]{0,20}(is )?only supported|message must be at least 1 token"
        r"|contentblock[^.]{0,40}blank|text content blocks must|at least one content element"
        r"|must have non-empty content|must have a text parameter|invalid message content"
        r"|unmarshal[^ ]* \w+ into [^,;]{0,40}messages\.content",
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
        r"(invalid|wrong)[_ ]api[_ ]key|invalid subscription key|incorrect api key"
        r"|api key (is )?(invalid|not valid|missing|required|expired)|no auth credentials"
        r"|unauthorized|authentication[_ ]?(error|failed|fails|required)"
        r"|didn't provide an api key|invalid (bearer|access) token"
        r"|security token[^.]{0,40}(invalid|expired)|missing (bearer|authorization)"
        r"|login fail|not authenticated|invalid (api|proxy server) token|invalid_?api_?key"
        r"|令牌已过期|身份验证失败"
        r"|UNAUTHENTICATED|user not found",
    ),
    ("request_too_large", r"(request|payload|entity|body)[^.]{0,20}too large|request_too_large"),
    (
        "rate_limited",
        r"rate[_ -]?limit|too many (requests|tokens)|request limit|max request|high traffic"
        r"|queue_exceeded|capacity exceeded|resource_exhausted|tokens per min|requests per min"
        r"|throttl|engine_overloaded|concurrency limit|no deployments available"
        r"|total request limit|calls / minute|max organization concurrency|速率限制|请求过多|并发",
    ),
    (
        "permission_denied",
        r"permission[_ ]denied|not authorized|access denied|unsupported_country"
        r"|location is not supported|not have (access|permission)|forbidden"
        r"|matching your [^.]{0,40}(data policy|guardrail)|no allowed providers"
        r"|not allowed to access|key_model_access_denied|data policy|model training violation",
    ),
    (
        "server_error",
        r"overloaded|out of memory|more system memory|model has crashed|process has terminated"
        r"|model is not ready|engine (is )?(dead|not running|loop)|model is (currently )?loading"
        r"|loading model|internal server error|service unavailable|bad gateway"
        r"|upstream(?! (request |server |connection )?tim(ed? ?)?out)"
        r"|model (is )?too busy|over[_ ]capacity|degraded function|no healthy deployments"
        r"|temporarily unavailable"
        r"|provider disconnected|no instances? available",
    ),
    ("timeout", r"timed? ?out|deadline exceeded"),
    ("endpoint_not_found", r"unexpected endpoint|(unknown|invalid) (url|endpoint|route)"),
    (
        "connection_reset",
        r"econnreset|connection (was )?(reset|closed|aborted)"
        r"|socket hang up|broken pipe|peer closed|incomplete chunked read|server disconnected",
    ),
)

JSON_WORDS = re.compile(
    r"Expecting (value(?!: line 1 column 1 \(char 0\))|property name|',' delimiter|':' delimiter)"
    r"|Unterminated string starting"
    r"|Extra data: line|Invalid control character at|Invalid \\+(escape|u)|JSONDecodeError"
    r"|unexpected end of JSON|invalid character .{1,6} (looking|after|in)"
    r"|Unexpected token .{1,20}JSON"
    r"|EOF while parsing|trailing characters at line|expected `[^`]{1,10}` (or `|at line)"
    r"|json\.exception\.|the JSON object must be str"
    r"|'str'? object'? has no attribute|string indices must be|dictionary update sequence"
    r"|not JSON serializable|Bad control character in string",
    re.IGNORECASE,
)
"""What a parser of JSON, or Python, says of the arguments in a history: nothing else in a request
is JSON inside JSON.
"""


@cache
def rules() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile the rules, in order, when the first error is read."""
    listed = (*DIALECT_RULES, *_RULES)
    return tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in listed)


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
    "tool_choice_unsupported": "the server does not take this tool_choice: let it be 'auto', "
    "or leave it out",
    "history_bad_name": "a call or tool message in the history has no name the server takes: "
    "a-z, A-Z, 0-9, _ and -",
    "history_bad_content": "a message's content is of a form the server does not take: text "
    "where the model reads no images, and never empty",
    "history_orphan_tool_result": "each tool message must follow the call it answers, under "
    "the call's own id",
    "history_tool_result_missing": "each call in the history needs its tool message right "
    "behind it",
    "history_role_order": "the server wants other roles, or another order of them: try "
    "another profile",
    "tool_use_failed": "the model wrote a call the server could not read: ask again, or "
    "lower the temperature",
    "generation_aborted": "ask again; what had come is kept on the attempt",
    "content_filtered": "a content filter stopped it: change what is sent, or the filter's "
    "settings where the account may",
    "connection_failed": "is the server running, and is the URL right?",
    "connection_reset": "ask again; if it goes on, the log of the server may say why it closed",
    "timeout": "ask again, raise timeout= of the server, or ask for fewer tokens",
    "redirect": "the URL answers with a redirect; use the address it points to",
    "body_html": "a web page came back, not an API answer: check the base URL and any proxy",
}
"""What to change, by kind, where one sentence is enough."""

_HINTS_BY_WORDS = (
    (
        r"matching your [^.]{0,40}(data policy|guardrail)|model training violation",
        "the account's privacy settings rule out every provider of this model: change them, or "
        "choose another model",
    ),
    (
        r"no allowed providers|no endpoints found",
        "no provider that the request may go to serves this: check `provider` in extra_body and "
        "the providers the account ignores",
    ),
    (r"free-models-per-day", "the free requests of the day are used up: buy credits or wait"),
    (
        r"drop_params",
        "LiteLLM refuses a field that the provider does not know: drop it, or set drop_params "
        "in the proxy",
    ),
    (
        r"': not found for account",
        "the account may not use this model, or it is gone: GET /v1/models lists the others",
    ),
    (
        r"tool_choice[^.]{0,90}\bthinking|thinking[^.]{0,60}tool_choice",
        "turn thinking off for this request, or let tool_choice be 'auto'",
    ),
    (r"max(_\w+)?_tokens\b[^.]{0,60}-\d", "the prompt leaves no room for an answer: shorten it"),
    (r"--mmproj|mmproj", "start the server with the model's --mmproj file, or send no images"),
)


@cache
def _hint_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    listed = (*DIALECT_HINTS, *_HINTS_BY_WORDS)
    return tuple((re.compile(words, re.IGNORECASE), hint) for words, hint in listed)


def hint_of(kind: str, words: str) -> str:
    """Choose what to advise: for some wordings more than their kind tells, or the profile whose
    history the server takes.
    """
    by_words = next((hint for found, hint in _hint_patterns() if found.search(words)), "")
    return by_words or profile_hint(kind, words) or HINTS.get(kind, "")
