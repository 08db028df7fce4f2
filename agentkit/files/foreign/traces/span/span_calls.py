"""Spans as calls of models, runs of tools, or neither."""

from __future__ import annotations

from typing import Any

from agentkit.files.foreign.entries import Losses, result_status_in
from agentkit.files.foreign.traces.loose import count, decoded, first, known, mapping, text, written
from agentkit.files.foreign.traces.run.recorded_runs import (
    ModelRun,
    ToolRun,
    raw_body,
    tool_schemas,
)
from agentkit.files.foreign.traces.span.span import Span
from agentkit.files.foreign.traces.span.span_messages import (
    MESSAGES,
    shown_messages,
    span_answer,
)
from agentkit.files.foreign.traces.spelling.token_counts import langfuse_usage
from agentkit.files.foreign.traces.spelling.utterance import Utterance

_MODEL_OPERATIONS = ("chat", "text_completion", "generate_content", "completion", "responses")
_MODEL_KINDS = ("LLM", "CHAT_MODEL", "GENERATION")
_SAMPLING = ("temperature", "top_p", "top_k", "max_tokens", "seed", "frequency_penalty")
_DEFINITIONS = (
    *("gen_ai.tool.definitions", "llm.tools", "mlflow.chat.tools", "llm.request.functions"),
    *("ai.prompt.tools", "gen_ai.request.tools"),
)
_BODIES = ("output.value", "mlflow.spanOutputs", "langfuse.observation.output")
_BODIES_IN = ("request_data", "mlflow.spanInputs", "input.value", "langfuse.observation.input")
_MODELS = (
    *("gen_ai.request.model", "llm.request.model_name", "llm.model_name", "ai.model.id"),
    *("mlflow.llm.model", "langfuse.observation.model.name"),
)
_PARAMETERS = ("llm.invocation_parameters", "langfuse.observation.model.parameters")
_USAGES = ("mlflow.chat.tokenUsage", "langfuse.observation.usage_details")
_REASONS = (
    *("gen_ai.response.finish_reasons", "ai.response.finishReason", "llm.finish_reason"),
    *("langfuse.observation.metadata.finish_reason", "anthropic.message.stop_reason"),
)
_KIND = (
    *("openinference.span.kind", "mlflow.spanType", "langfuse.observation.type"),
    *("traceloop.span.kind",),
)


def kind_of(span: Span) -> str | None:
    """Tell whether a span is of a `model`, a `tool` or an `agent`; None of anything else."""
    operation = span.get("gen_ai.operation.name", "llm.request.type")
    kind = decoded(span.get(*_KIND))
    kind = kind.upper() if isinstance(kind, str) else None
    if operation == "execute_tool" or kind == "TOOL" or text(span.get("ai.toolCall.name")):
        return "tool"
    if operation in _MODEL_OPERATIONS or kind in _MODEL_KINDS:
        return "model"
    if operation in ("invoke_agent", "create_agent", "invoke_workflow") or kind == "AGENT":
        return "agent"
    inner = text(span.get("ai.operationId"))
    if inner is not None:
        return "model" if inner.endswith((".doGenerate", ".doStream")) else None
    if operation is not None or kind is not None:
        return None
    if mapping(span.get("request_data")).get("messages") or _has_choice(span):
        return "model"
    if text(span.get("gen_ai.tool.name")) or span.name.startswith("running tool:"):
        return "tool"
    if span.get("pydantic_ai.all_messages", "all_messages_events") is not None:
        return "agent"
    asked = span.get("gen_ai.input.messages", "gen_ai.prompt", "llm.input_messages")
    return "model" if asked is not None or text(span.get("gen_ai.request.model")) else None


def _has_choice(span: Span) -> bool:
    return any(
        event.name in ("gen_ai.choice", "gen_ai.content.completion") for event in span.events
    )


def model_run(span: Span, losses: Losses) -> ModelRun:
    """Read a span of a model."""
    answer = span_answer(span, losses)
    if answer is not None:
        answer = Utterance(answer.message, answer={**_beside(span), **answer.answer})
        reasons = decoded(span.get(*_REASONS))
        given = reasons[0] if isinstance(reasons, list) and reasons else reasons
        if isinstance(given, str) and given:  # the server's own word
            answer.answer["finish_reason"] = given
    model = span.get(*_MODELS)
    return ModelRun(
        span=span.id,
        messages=shown_messages(span, losses),
        answer=answer,
        model=text(decoded(model)) or text(mapping(span.get(*_BODIES_IN)).get("model")),
        tools=_tools(span),
        sampling=_sampling(span),
        started=span.started,
        elapsed=span.elapsed,
        error=span.error,
        source=_source(span),
        body=raw_body(span.get(*_BODIES)),
    )


def _source(span: Span) -> dict[str, Any]:
    """Give what is kept of a span beside its messages, which are kept as such."""
    kept = {
        name: value
        for name, value in span.attributes.items()
        if not str(name).startswith(MESSAGES) or name == "gen_ai.prompt.name"
    }
    return {"name": span.name, "span_id": span.id, "trace_id": span.trace, "attributes": kept}


def _tools(span: Span) -> list[dict[str, Any]]:
    given = span.get(*_DEFINITIONS)
    if given is None:
        asked = mapping(span.get(*_BODIES_IN))
        parameters = mapping(span.get("model_request_parameters"))
        fields = mapping(span.get("llm.invocation_parameters"))
        given = first(asked.get("tools"), parameters.get("function_tools"), fields.get("tools"))
    return tool_schemas(given)


def _sampling(span: Span) -> dict[str, Any]:
    fields = mapping(span.get(*_PARAMETERS)) or mapping(span.get(*_BODIES_IN))
    own = {name: span.get(f"gen_ai.request.{name}", f"llm.request.{name}") for name in _SAMPLING}
    given = {
        name: value
        for name, value in fields.items()
        if name in _SAMPLING and not isinstance(value, str)
    }
    return {**given, **known(**own)}


def _beside(span: Span) -> dict[str, Any]:
    """Give what a span says of its answer beside the message."""
    read = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
    wrote = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
    cached = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")
    thought = (
        *("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.details.reasoning_tokens"),
        *("gen_ai.usage.reasoning_tokens", "ai.usage.reasoningTokens"),
    )
    usage = known(
        prompt_tokens=count(span.get(*read, "ai.usage.promptTokens", "ai.usage.inputTokens")),
        completion_tokens=count(
            span.get(
                *(*wrote, "llm.token_count.completion"),
                *("ai.usage.completionTokens", "ai.usage.outputTokens"),
            )
        ),
        total_tokens=count(span.get("llm.token_count.total", "llm.usage.total_tokens")),
        prompt_tokens_details=_details(
            "cached_tokens",
            span.get(
                *(*cached, "llm.token_count.prompt_details.cache_read"),
                *("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
            ),
        ),
        completion_tokens_details=_details(
            "reasoning_tokens", span.get(*thought, "llm.token_count.completion_details.reasoning")
        ),
    )
    counted = langfuse_usage(mapping(span.get(*_USAGES)))
    named = span.get("gen_ai.response.model", "llm.model_name", "ai.response.model")
    return known(
        model=text(named),
        id=text(span.get("gen_ai.response.id", "ai.response.id")),
        usage=usage or counted or None,
    )


def _details(name: str, value: Any) -> dict[str, Any] | None:
    found = count(value)
    return None if found is None else {name: found}


def tool_run(span: Span) -> ToolRun:
    """Read a span of a tool."""
    name = span.get("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
    given = span.get("gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id", "tool_call_id")
    outputs = ("gen_ai.tool.call.result", "tool_response", "ai.toolCall.result", "output.value")
    output = span.get(*outputs, "mlflow.spanOutputs", "traceloop.entity.output")
    output = span.get("langfuse.observation.output") if output is None else output
    if output is None and "" in (span.attributes.get(name) for name in outputs):
        output = ""  # it said nothing, which is a result
    return ToolRun(
        span=span.id,
        name=text(name) or _name(span.name),
        call_id=text(given) or text(mapping(span.get("output.value")).get("tool_call_id")),
        content=None if output is None else _content(output),
        error=span.error,
        status=result_status_in(span.get("error.type")),
        started=span.started,
        elapsed=span.elapsed,
    )


def _name(name: str) -> str:
    """Give the name of a tool of a span that is called after it."""
    for prefix in ("execute_tool ", "running tool: ", "ai.toolCall "):
        name = name.removeprefix(prefix)
    return name


def _content(output: Any) -> str:
    """Write the output of a tool as the model saw it, as far as that can be told."""
    value = decoded(output)
    fields = mapping(value) if isinstance(value, dict) else {}
    inner = mapping(fields.get("kwargs")) or mapping(fields.get("update")) or fields
    if isinstance(inner.get("content"), str) and ("tool_call_id" in inner or "type" in inner):
        return str(inner["content"])
    return written(output)
