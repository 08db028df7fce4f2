"""The classes of divergence between two answers to the same request, in the order in which they are
looked for: from the wire up.

A class can be the cause of one further down the list, never the other way round. `EXPLAINS` lists
the causes that are known.
"""

from __future__ import annotations

from typing import Literal

from agentkit.types.record import Record, record

Layer = Literal["integrity", "transport", "envelope", "wire", "parser", "history", "behaviour"]
Impact = Literal["breaks", "changes", "cosmetic"]


@record
class DivergenceClass(Record):
    """One way in which two servers differ, and what is known about it."""

    name: str
    layer: Layer
    severity: Impact
    """What it usually does to a client: it `breaks` it, `changes` what it does, or is `cosmetic`. A
    single case can be milder or worse.
    """
    means: str
    """One line: what differs."""
    hint: str
    """One line: a server flag, a profile setting, a client change."""
    link: str | None = None
    """Where it is documented or discussed."""

    def summary(self) -> str:
        return f"{self.layer} {self.name}: {self.means}"


_VLLM_TOOLS = "https://docs.vllm.ai/en/latest/features/tool_calling/"
_LISTED = (
    (
        "completion_integrity",
        "integrity",
        "breaks",
        "an answer did not come whole, so that side cannot be compared",
        (
            "ask again; look for a proxy's time-out, a cut connection or a server that stops"
            " streams without a finish reason"
        ),
        None,
    ),
    (
        "error_shape",
        "transport",
        "changes",
        "the same request fails in another way, or fails on one side only",
        (
            "read errors with ak.read_error, which classifies by text before status, instead of by"
            " status or field"
        ),
        None,
    ),
    (
        "request_ignored",
        "transport",
        "changes",
        "a field of the request is obeyed on one side and ignored or refused on the other",
        (
            "check the field against the server's own documentation; drop it, or send it through"
            " extra_body where it is supported"
        ),
        None,
    ),
    (
        "context_limit",
        "transport",
        "breaks",
        "the sides take histories of different length",
        (
            "raise --max-model-len (vLLM) or --context-length (SGLang), or shorten the history"
            " before the smaller limit"
        ),
        None,
    ),
    (
        "finish_reason",
        "envelope",
        "changes",
        "the same outcome ends with another finish reason",
        "let the calls decide, not finish_reason: run them where they are complete",
        "https://github.com/vllm-project/vllm/pull/25054",
    ),
    (
        "usage",
        "envelope",
        "cosmetic",
        "tokens are counted differently or not at all",
        (
            'in streams ask for them: stream_options={"include_usage": True}; count nothing across'
            " two tokenizers"
        ),
        None,
    ),
    (
        "logprobs",
        "envelope",
        "changes",
        "log probabilities are missing, of another form, or of another model",
        (
            "ask for logprobs=True and top_logprobs; for training take token ids too"
            " (return_token_ids on vLLM)"
        ),
        None,
    ),
    (
        "truncation",
        "envelope",
        "breaks",
        "one answer was cut at the token limit",
        (
            "send the same max_tokens to both, high enough for reasoning and calls; never complete"
            " a cut call"
        ),
        None,
    ),
    (
        "call_id",
        "wire",
        "cosmetic",
        "calls carry ids of another form",
        "keep ids verbatim; where a server wants a form choose its profile (mistral, kimi)",
        None,
    ),
    (
        "arguments_encoding",
        "wire",
        "breaks",
        "arguments or calls are encoded differently on the wire",
        (
            "read answers with ak.read_response, which normalizes and says so; on the server choose"
            " the tool-call parser of the model"
        ),
        None,
    ),
    (
        "content_form",
        "wire",
        "cosmetic",
        "the same text comes in another form",
        "treat null, empty and missing content alike, and strip it beside calls",
        None,
    ),
    (
        "reasoning_field",
        "wire",
        "changes",
        "reasoning is in another field",
        (
            "vLLM and SGLang: --reasoning-parser of the model, or none of it; client: read"
            " reasoning and reasoning_content"
        ),
        "https://docs.vllm.ai/en/v0.11.2/features/reasoning_outputs/",
    ),
    (
        "stream_identity",
        "wire",
        "breaks",
        (
            "the pieces of a stream are missing, out of order, or do not name what they belong to"
            " as those of its API do"
        ),
        (
            "put calls together by index and first id, as ak.read_stream does; take the name from"
            " the first piece"
        ),
        None,
    ),
    (
        "stream_vs_block",
        "wire",
        "breaks",
        "the stream of a server does not give what its block answer gives",
        (
            "use the form that is right for this model and parser until the server's streaming"
            " parser is fixed"
        ),
        "https://github.com/vllm-project/vllm/issues/11392",
    ),
    (
        "call_in_text",
        "parser",
        "breaks",
        "a call is in the text and not in tool_calls",
        (
            "start the server with --enable-auto-tool-choice and the model's own"
            " --tool-call-parser; or ak.Agent(parser=...) to read it here"
        ),
        _VLLM_TOOLS,
    ),
    (
        "arguments_syntax",
        "parser",
        "breaks",
        "arguments are no valid JSON",
        (
            "choose the model's own --tool-call-parser, or constrain the arguments (strict tools,"
            " tool_choice='required')"
        ),
        "https://github.com/vllm-project/vllm/issues/22885",
    ),
    (
        "tool_name",
        "parser",
        "breaks",
        "a tool's name comes in another spelling",
        (
            "choose the model's own --tool-call-parser; names of letters, digits, _ and - survive"
            " every template"
        ),
        None,
    ),
    (
        "token_leak",
        "parser",
        "changes",
        "special tokens or markup are left in what should be text",
        "choose the model's own parser and chat template; leave skip_special_tokens on",
        None,
    ),
    (
        "history_rejected",
        "history",
        "breaks",
        "one side refuses a history that the other takes",
        (
            "choose the profile of that server: ak.Agent(..., profile=...); ak.preflight says which"
            " message it will refuse"
        ),
        None,
    ),
    (
        "reasoning_roundtrip",
        "history",
        "breaks",
        "reasoning sent back is required on one side and refused or dropped on the other",
        (
            "choose the profile that sends reasoning as this server wants it: deepseek, kimi, vllm,"
            " sglang, openai, mistral"
        ),
        "https://github.com/anomalyco/opencode/issues/24083",
    ),
    (
        "prefix_broken",
        "history",
        "breaks",
        "the prompt of a turn does not go on from the tokens of the turn before",
        (
            "train and cache on tokens, not on re-rendered text; use a chat template that keeps"
            " earlier reasoning"
        ),
        "https://github.com/PrimeIntellect-ai/prime-rl/issues/1334",
    ),
    (
        "tool_selection",
        "behaviour",
        "changes",
        "other tools are called, or none",
        "compare more samples; check that both sides render the same tools and system prompt",
        None,
    ),
    (
        "parallel_calls",
        "behaviour",
        "changes",
        "one side makes in one turn the calls the other makes one by one, or repeats them",
        "set parallel_tool_calls on both sides, and check that the server obeys it",
        "https://github.com/sgl-project/sglang/issues/9696",
    ),
    (
        "arguments_value",
        "behaviour",
        "changes",
        "the same tool is called with other values",
        (
            "compare more samples at the same temperature; then look at the chat template and the"
            " quantization"
        ),
        None,
    ),
    (
        "arguments_schema",
        "behaviour",
        "changes",
        "arguments fit the tool's schema on one side only",
        (
            "mark the tool strict where the server constrains arguments, or validate and answer"
            " with the problem"
        ),
        None,
    ),
    (
        "tool_choice_semantics",
        "behaviour",
        "breaks",
        "tool_choice is obeyed on one side only",
        (
            "start the server with --enable-auto-tool-choice and --tool-call-parser; check which"
            " forms of tool_choice it supports"
        ),
        "https://github.com/vllm-project/vllm/issues/53255",
    ),
    (
        "sampling_defaults",
        "behaviour",
        "changes",
        "what the request leaves open is filled in differently",
        (
            "send temperature, top_p and max_tokens yourself; vLLM takes the model's own defaults"
            " unless started with --generation-config vllm"
        ),
        "https://github.com/vllm-project/vllm/pull/11164",
    ),
)

CLASSES: dict[str, DivergenceClass] = {
    name: DivergenceClass(
        name=name,
        layer=layer,  # type: ignore[arg-type]
        severity=severity,  # type: ignore[arg-type]
        means=means,
        hint=hint,
        link=link,
    )
    for name, layer, severity, means, hint, link in _LISTED
}
"""The classes by name, bottom up."""
LAYERS = tuple(dict.fromkeys(c.layer for c in CLASSES.values()))
ORDER = {name: i for i, name in enumerate(CLASSES)}
DEPTH = {**ORDER, "tool_choice_semantics": ORDER["tool_selection"] - 0.5}
"""The order of causes: an order that was not obeyed comes before what was done instead."""
BEHAVIOUR = frozenset(name for name, c in CLASSES.items() if c.layer == "behaviour")
_CALLS = "tool_selection parallel_calls arguments_value arguments_schema tool_choice_semantics"
EXPLAINS: dict[str, frozenset[str]] = {
    cause: frozenset(effects.split())
    for cause, effects in {
        "request_ignored": "parallel_calls tool_selection",
        "truncation": (
            "call_in_text arguments_syntax tool_name token_leak stream_vs_block sampling_defaults"
            f" {_CALLS}"
        ),
        "arguments_encoding": "arguments_syntax arguments_schema arguments_value",
        "reasoning_field": "token_leak",
        "stream_identity": f"stream_vs_block arguments_syntax tool_name {_CALLS}",
        "stream_vs_block": f"call_in_text arguments_syntax tool_name token_leak {_CALLS}",
        "call_in_text": f"arguments_syntax token_leak {_CALLS}",
        "arguments_syntax": "arguments_value arguments_schema",
        "tool_name": "tool_selection arguments_schema",
        "tool_choice_semantics": "tool_selection parallel_calls",
    }.items()
}
"""Maps a cause to the consequences it is known to have in the same turn. A cause always lies deeper
(`DEPTH`) than its consequences.
"""
