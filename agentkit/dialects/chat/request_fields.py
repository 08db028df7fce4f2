"""The fields that a request in chat form can have, as the packages of OpenAI and Anthropic, vLLM,
SGLang, OpenRouter and Mistral name them.
"""

from __future__ import annotations

_CHAT = """
model messages tools temperature top_p max_tokens max_completion_tokens n stop seed stream
stream_options tool_choice parallel_tool_calls response_format logprobs top_logprobs
frequency_penalty presence_penalty logit_bias user reasoning_effort metadata store audio functions
function_call modalities moderation prediction prompt_cache_key prompt_cache_options
prompt_cache_retention safety_identifier service_tier verbosity web_search_options
"""
_RESPONSES = """
instructions text reasoning include previous_response_id conversation background truncation
max_tool_calls prompt context_management
"""
_MESSAGES = """
top_k thinking cache_control container output_config mcp_servers betas thread speed inference_geo
"""
_SERVERS = """
min_p top_a min_tokens repetition_penalty length_penalty stop_token_ids ignore_eos best_of echo
include_stop_str_in_output skip_special_tokens spaces_between_special_tokens prompt_logprobs
truncate_prompt_tokens allowed_token_ids bad_words add_generation_prompt continue_final_message
add_special_tokens documents chat_template chat_template_kwargs mm_processor_kwargs guided_json
guided_regex guided_choice guided_grammar structured_outputs priority request_id cache_salt
return_tokens_as_token_ids return_token_ids kv_transfer_params vllm_xargs include_reasoning regex
ebnf separate_reasoning stream_reasoning lora_path session_params rid provider models transforms
route plugins usage safe_prompt random_seed prompt_mode enable_thinking thinking_budget extra_body
"""
FIELDS = frozenset(f"{_CHAT} {_RESPONSES} {_MESSAGES} {_SERVERS}".split())
"""Names of fields; a server may know others."""
ELSEWHERE = {
    "system": "messages[0].content",
    "input": "messages",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
}
"""A field of another dialect to where chat form has what it says."""
TYPICAL = {
    "model": "m",
    "messages": [{"role": "user", "content": "Go."}],
    "tools": [],
    **dict.fromkeys(("temperature", "top_p", "frequency_penalty", "presence_penalty"), 1.0),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "n", "seed", "top_k"), 1),
    "stream": True,
}
"""A value of each field whose type is the same everywhere."""
