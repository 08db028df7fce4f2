"""What the attributes and events of a span say that a model was shown, and what it said.

Sources: docs/gen-ai of semantic-conventions (attributes of 1.37, events of 1.28 to 1.36),
openinference-semantic-conventions, OpenLLMetry's `gen_ai.prompt.0.content`, Logfire's
`request_data`, the AI SDK's `ai.prompt.messages`, MLflow's `mlflow.spanInputs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.traces.loose import (
    count,
    decoded,
    first,
    known,
    mapping,
    mappings,
    text,
)
from agentkit.files.foreign.traces.run.recorded_runs import (
    answer_in,
    asked_messages,
    one_answer,
)
from agentkit.files.foreign.traces.span.span import Span
from agentkit.files.foreign.traces.spelling.any_spelling import utterances_in
from agentkit.files.foreign.traces.spelling.utterance import Utterance, assistant, call

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_ASKED = (
    *("gen_ai.input.messages", "llm.input_messages", "gen_ai.prompt", "ai.prompt.messages"),
    *("request_data", "mlflow.chat.messages", "mlflow.spanInputs", "langfuse.observation.input"),
    *("ai.prompt", "traceloop.entity.input", "input.value"),
)
_ANSWERED = (
    *("gen_ai.output.messages", "llm.output_messages", "gen_ai.completion", "response_data"),
    *("mlflow.spanOutputs", "langfuse.observation.output", "traceloop.entity.output"),
    *("output.value",),
)
MESSAGES = (
    *_ASKED,
    *_ANSWERED,
    *("gen_ai.system_instructions", "events", "all_messages_events", "pydantic_ai.all_messages"),
    *("ai.response.text", "ai.response.toolCalls", "ai.response.reasoning"),
)
"""Attributes that hold messages."""


def shown_messages(span: Span, losses: Losses) -> list[dict[str, Any]]:
    """Give what the model of a span was shown; [] where that was not kept."""
    orders = span.get("gen_ai.system_instructions")
    system = [] if orders is None else _orders(orders, losses)
    given = span.get(*_ASKED[:4])
    if given is not None:
        return [*system, *_history(given, losses)]
    found = [said.message for said in _from_events(span, losses) if said.answer.get("at") is None]
    if found:
        return [*system, *found]
    given = span.get(*_ASKED[4:])
    return system if given is None else [*system, *_history(given, losses)]


def _orders(given: Any, losses: Losses) -> list[dict[str, Any]]:
    """Read the system's instructions: parts, or a text."""
    parts = decoded(given)
    listed = mappings(parts) if isinstance(parts, list) else []
    texts = [one.get("content") for one in listed if isinstance(one.get("content"), str)]
    if texts:
        return [{"role": "system", "content": "\n".join(map(str, texts))}]
    return [{"role": "system", "content": str(parts)}]


def _history(given: Any, losses: Losses) -> list[dict[str, Any]]:
    found = asked_messages(given, losses)
    return [
        message
        for message in found
        if message.get("content") != "" or message["role"] == "assistant" or len(message) > 2
    ]


def span_answer(span: Span, losses: Losses) -> Utterance | None:
    """Give what the model of a span said; None where that was not kept."""
    given, several = span.get(*_ANSWERED[:4]), _asked_for_several(span)
    if given is None:
        chosen = [said for said in _from_events(span, losses) if said.answer.get("at") == "choice"]
        if chosen:
            for one in chosen:
                one.answer.pop("at")
            return one_answer(chosen, losses, several, {})
        made = _ai_sdk_answer(span)
        if made is not None:
            return made
        given = span.get(*_ANSWERED[4:])
    return None if given is None else answer_in(given, losses, several)


def _asked_for_several(span: Span) -> bool:
    fields = mapping(span.get("llm.invocation_parameters"))
    asked = first(span.get("gen_ai.request.choice.count"), fields.get("n"))
    return (count(asked) or 1) > 1


def _from_events(span: Span, losses: Losses) -> list[Utterance]:
    """Read the messages of events; an answer has `at`, which is `choice`."""
    events = [(event.name, event.fields) for event in span.events]
    for name in ("events", "all_messages_events"):
        listed = mappings(span.attributes.get(name))
        events += [(str(one.get("event.name")), one) for one in listed]
    found: list[Utterance] = []
    for name, fields in events:
        if name == "gen_ai.choice":
            found.append(_choice(fields, losses))
        elif name in _ROLES:
            found += _event_message(_ROLES[name], fields, losses)
        elif name == "gen_ai.client.inference.operation.details":
            found += utterances_in(fields.get("gen_ai.input.messages"), losses)
            answer = answer_in(fields.get("gen_ai.output.messages"), losses)
            found += _chosen(answer)
        elif name == "gen_ai.content.prompt":
            found += utterances_in(fields.get("gen_ai.prompt"), losses)
        elif name == "gen_ai.content.completion":
            answer = answer_in(fields.get("gen_ai.completion"), losses)
            found += _chosen(answer)
    return found


def _chosen(answer: Utterance | None) -> list[Utterance]:
    return [Utterance(answer.message, {**answer.answer, "at": "choice"})] if answer else []


def whole_conversation(span: Span, losses: Losses) -> list[Utterance]:
    """Give all that a span holds of a conversation, its answer behind what was shown."""
    shown = [Utterance(message) for message in shown_messages(span, losses)]
    answer = span_answer(span, losses)
    if answer is None or (shown and shown[-1].role == "assistant"):
        return shown
    return [*shown, answer]


def _event_message(role: str, fields: Mapping[str, Any], losses: Losses) -> list[Utterance]:
    kept = {key: decoded(fields[key]) for key in ("tool_calls",) if key in fields}
    beside = {key: fields[key] for key in ("name", "id", "tool_call_id") if key in fields}
    content = first(fields.get("content"), fields.get("gen_ai.event.content"))
    inner = mapping(content)
    if "role" in inner or ("content" in inner and role != "tool"):
        return utterances_in({"role": role, **inner}, losses)
    given = fields.get("role")
    written_role = role if role == "tool" or not isinstance(given, str) else given
    message = {**beside, **kept, "role": written_role, "content": content}
    return utterances_in(message, losses)


def _choice(fields: Mapping[str, Any], losses: Losses) -> Utterance:
    given = first(fields.get("message"), fields.get("gen_ai.event.content"))
    inner = mapping(given)
    inner = mapping(inner.get("message")) or inner
    if not inner:
        inner = known(
            content=first(given, fields.get("content")), tool_calls=fields.get("tool_calls")
        )
    listed = decoded(first(inner.get("tool_calls"), fields.get("tool_calls")))
    made = {**inner, **known(tool_calls=listed), "role": "assistant"}
    found = utterances_in(made, losses)
    message = found[-1].message if found else assistant(None, [])
    reason = first(fields.get("finish_reason"), mapping(given).get("finish_reason"))
    return Utterance(message, answer={**known(finish_reason=text(reason)), "at": "choice"})


def _ai_sdk_answer(span: Span) -> Utterance | None:
    """Read the answer that the AI SDK writes in three attributes."""
    said = text(span.attributes.get("ai.response.text"))
    asked = mappings(span.attributes.get("ai.response.toolCalls"))
    if said is None and not asked:
        return None
    calls = [
        call(one.get("toolName"), first(one.get("input"), one.get("args")), one.get("toolCallId"))
        for one in asked
    ]
    reasoning = text(span.attributes.get("ai.response.reasoning"))
    return Utterance(assistant(said, calls, reasoning))
