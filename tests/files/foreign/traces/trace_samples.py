"""One run of an agent, constructed, as each tracer writes it: a call of a tool in which a second
agent is asked, and the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ASKED = [
    {"role": "system", "content": "You know the weather."},
    {"role": "user", "content": "How cold is it in Oslo?"},
]
CALL = {"id": "call_oslo", "name": "weather", "arguments": {"city": "Oslo"}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_oslo",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
        }
    ],
}
GAVE = {"role": "tool", "tool_call_id": "call_oslo", "content": "-3"}
FINAL = {"role": "assistant", "content": "It is three below."}
SUB_ASKED = [{"role": "user", "content": "Read the thermometer of Oslo."}]
SUB_FINAL = {"role": "assistant", "content": "-3"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}

CALLS = (
    ("m1", "root", 1, 2, ASKED, CALLED, "tool_calls"),
    ("m2", "t1", 4, 5, SUB_ASKED, SUB_FINAL, "stop"),
    ("m3", "root", 7, 9, [*ASKED, CALLED, GAVE], FINAL, "stop"),
)
"""Span, the span it is in, when it began and ended, what was asked and answered, and the end."""
_DAY = 1767225600


def _span(name: str, span: str, parent: str | None, start: int, end: int, **rest: Any) -> Any:
    return {
        "name": name,
        "context": {"trace_id": "0xab", "span_id": f"0x{span}"},
        "parent_id": f"0x{parent}" if parent else None,
        "start_time": f"2026-01-01T00:00:{start:02d}.000000Z",
        "end_time": f"2026-01-01T00:00:{end:02d}.000000Z",
        "status": {"status_code": "UNSET"},
        "attributes": {},
        "events": [],
        **rest,
    }


def _spans(model: Any, tool: Mapping[str, Any], events: Any = None) -> list[Any]:
    """Write the run as spans; `model` and `events` make what a model's span holds."""
    made = [_span("agent", "root", None, 0, 10)]
    for span, parent, start, end, asked, answer, finish in CALLS:
        attributes = model(asked, answer, finish)
        inner = events(asked, answer, finish) if events else []
        made.append(_span("chat m", span, parent, start, end, attributes=attributes, events=inner))
    made.append(_span("weather", "t1", "root", 3, 6, attributes=dict(tool)))
    return made


# OpenTelemetry's GenAI, attributes


def _parts(message: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    parts: list[Any] = []
    if message["role"] == "tool":
        parts = [{"type": "tool_call_response", "id": "call_oslo", "response": message["content"]}]
    elif message["content"]:
        parts = [{"type": "text", "content": message["content"]}]
    if message.get("tool_calls"):
        parts.append({"type": "tool_call", **CALL})
    return {
        "role": message["role"],
        "parts": parts,
        **({"finish_reason": finish} if finish else {}),
    }


def _genai(asked: Any, answer: Any, finish: str) -> dict[str, Any]:
    word = finish.removesuffix("s") if finish == "tool_calls" else finish
    return {
        **_REQUEST,
        "gen_ai.input.messages": json.dumps([_parts(one) for one in asked]),
        "gen_ai.output.messages": json.dumps([_parts(answer, word)]),
        "gen_ai.tool.definitions": json.dumps([{"name": "weather", "parameters": PARAMETERS}]),
    }


_REQUEST = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.model": "m-1",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 4,
}
_TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "weather",
    "gen_ai.tool.call.id": "call_oslo",
    "gen_ai.tool.call.result": "-3",
}
GENAI = _spans(_genai, _TOOL)


# the same as OTLP's JSON


def _typed(value: Any) -> Any:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_typed(one) for one in value]}}
    if isinstance(value, dict):
        pairs = [{"key": key, "value": _typed(one)} for key, one in value.items()]
        return {"kvlistValue": {"values": pairs}}
    return {"stringValue": value}


def otlp(spans: list[Any]) -> dict[str, Any]:
    """Write spans as an exporter of OTLP does."""
    made = []
    for span in spans:
        start, end = (int(span[name][17:19]) for name in ("start_time", "end_time"))
        made.append(
            {
                "traceId": "ab",
                "spanId": span["context"]["span_id"].removeprefix("0x"),
                "parentSpanId": (span["parent_id"] or "").removeprefix("0x"),
                "name": span["name"],
                "startTimeUnixNano": str((_DAY + start) * 10**9),
                "endTimeUnixNano": str((_DAY + end) * 10**9),
                "attributes": [
                    {"key": k, "value": _typed(v)} for k, v in span["attributes"].items()
                ],
                "events": [
                    {
                        "name": event["name"],
                        "attributes": [
                            {"key": k, "value": _typed(v)} for k, v in event["attributes"].items()
                        ],
                    }
                    for event in span["events"]
                ],
                "status": {},
            }
        )
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "weather"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": made}]}]}


# OpenTelemetry's GenAI, events


def _events(asked: Any, answer: Any, finish: str) -> list[Any]:
    found = []
    for message in asked:
        fields = {key: value for key, value in message.items() if key != "role" and value}
        if "tool_call_id" in fields:
            fields["id"] = fields.pop("tool_call_id")
        if "tool_calls" in fields:
            fields["tool_calls"] = json.dumps(fields["tool_calls"])
        name = f"gen_ai.{message['role']}.message"
        found.append({"name": name, "attributes": {"gen_ai.system": "openai", **fields}})
    chosen = {"index": 0, "finish_reason": finish, "message": json.dumps(answer)}
    return [*found, {"name": "gen_ai.choice", "attributes": chosen}]


GENAI_EVENTS = _spans(lambda *_: dict(_REQUEST), _TOOL, _events)


# Logfire's rows, with pydantic-ai's list of events


def _logfire(asked: Any, answer: Any, finish: str) -> dict[str, Any]:
    events = []
    for message in asked:
        fields = {key: value for key, value in message.items() if key != "tool_call_id"}
        given = {"id": "call_oslo"} if message["role"] == "tool" else {}
        events.append({"event.name": f"gen_ai.{message['role']}.message", **fields, **given})
    events.append({"event.name": "gen_ai.choice", "index": 0, "message": answer})
    return {**_REQUEST, "events": events, "gen_ai.response.finish_reasons": [finish]}


_RUNNING = {
    "gen_ai.tool.name": "weather",
    "gen_ai.tool.call.id": "call_oslo",
    "tool_response": "-3",
}


def logfire_rows(spans: list[Any]) -> list[Any]:
    """Write spans as rows of Logfire's table `records`."""
    return [
        {
            "trace_id": "ab",
            "span_id": span["context"]["span_id"].removeprefix("0x"),
            "parent_span_id": (span["parent_id"] or "").removeprefix("0x") or None,
            "span_name": span["name"],
            "start_timestamp": span["start_time"],
            "end_timestamp": span["end_time"],
            "attributes": span["attributes"],
            "otel_status_code": None,
        }
        for span in spans
    ]


LOGFIRE = logfire_rows(_spans(_logfire, _RUNNING))


# OpenInference, flat and nested


def _message(place: str, message: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"{place}.message.role": message["role"]}
    if message["content"]:
        found[f"{place}.message.content"] = message["content"]
    if "tool_call_id" in message:
        found[f"{place}.message.tool_call_id"] = message["tool_call_id"]
    for number, call in enumerate(message.get("tool_calls", ())):
        at = f"{place}.message.tool_calls.{number}.tool_call"
        found[f"{at}.id"] = call["id"]
        found[f"{at}.function.name"] = call["function"]["name"]
        found[f"{at}.function.arguments"] = call["function"]["arguments"]
    return found


def _inference(asked: Any, answer: Any, finish: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "m",
        "llm.invocation_parameters": '{"temperature": 0.5, "model": "m"}',
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 4,
        "llm.tools.0.tool.json_schema": json.dumps(TOOL),
    }
    for number, message in enumerate(asked):
        found |= _message(f"llm.input_messages.{number}", message)
    return found | _message("llm.output_messages.0", answer)


_INFERENCE_TOOL = {"openinference.span.kind": "TOOL", "tool.name": "weather", "output.value": "-3"}
INFERENCE = _spans(_inference, _INFERENCE_TOOL)


def nested(value: Mapping[str, Any]) -> dict[str, Any]:
    """Write dotted names as objects in objects, as a table of Phoenix does."""
    root: dict[str, Any] = {}
    for name, item in value.items():
        now = root
        *path, last = name.split(".")
        for part in path:
            now = now.setdefault(part, {})
        now[last] = item
    return root


INFERENCE_NESTED = [{**span, "attributes": nested(span["attributes"])} for span in INFERENCE]


# OpenLLMetry


def _llmetry(asked: Any, answer: Any, finish: str) -> dict[str, Any]:
    found: dict[str, Any] = {"llm.request.type": "chat", "gen_ai.request.model": "m"}
    listed = [*(("prompt", n, one) for n, one in enumerate(asked)), ("completion", 0, answer)]
    for kind, number, message in listed:
        place = f"gen_ai.{kind}.{number}"
        found[f"{place}.role"] = message["role"]
        if message["content"]:
            found[f"{place}.content"] = message["content"]
        if "tool_call_id" in message:
            found[f"{place}.tool_call_id"] = message["tool_call_id"]
        for at, call in enumerate(message.get("tool_calls", ())):
            found[f"{place}.tool_calls.{at}.id"] = call["id"]
            found[f"{place}.tool_calls.{at}.name"] = call["function"]["name"]
            found[f"{place}.tool_calls.{at}.arguments"] = call["function"]["arguments"]
    return {**found, "gen_ai.completion.0.finish_reason": finish}


_ENTITY = {"traceloop.span.kind": "tool", "traceloop.entity.name": "weather"}
LLMETRY = _spans(_llmetry, {**_ENTITY, "traceloop.entity.output": "-3"})


# the AI SDK


def _ai_sdk(asked: Any, answer: Any, finish: str) -> dict[str, Any]:
    listed = []
    for message in asked:
        content: Any = message["content"]
        if message["role"] == "tool":
            output = {"type": "text", "value": "-3"}
            content = [{"type": "tool-result", "toolCallId": "call_oslo", "output": output}]
        elif message.get("tool_calls"):
            call = {"toolCallId": "call_oslo", "toolName": "weather", "input": {"city": "Oslo"}}
            content = [{"type": "tool-call", **call}]
        listed.append({"role": message["role"], "content": content})
    calls = [{"toolCallId": "call_oslo", "toolName": "weather", "input": '{"city": "Oslo"}'}]
    return {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.id": "m",
        "ai.prompt.messages": json.dumps(listed),
        "ai.response.finishReason": finish.replace("_", "-"),
        "ai.usage.promptTokens": 10,
        **({"ai.response.text": answer["content"]} if answer["content"] else {}),
        **({"ai.response.toolCalls": json.dumps(calls)} if answer.get("tool_calls") else {}),
    }


_AI_TOOL = {
    "ai.toolCall.name": "weather",
    "ai.toolCall.id": "call_oslo",
    "ai.toolCall.result": "-3",
}
AI_SDK = _spans(_ai_sdk, {**_AI_TOOL, "ai.operationId": "ai.toolCall"})


# MLflow


def _mlflow(asked: Any, answer: Any, finish: str) -> dict[str, Any]:
    choice = {"index": 0, "message": answer, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "model": "m-1", "choices": [choice]}
    request = {"model": "m", "messages": asked, "tools": [TOOL], "temperature": 0.5}
    return {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps(request),
        "mlflow.spanOutputs": json.dumps(body),
        "mlflow.traceRequestId": '"tr-1"',
    }


_MLFLOW_TOOL = {"mlflow.spanType": '"TOOL"', "mlflow.spanOutputs": '"-3"'}
MLFLOW: dict[str, Any] = {
    "info": {
        "request_id": "tr-1",
        "trace_metadata": {"mlflow.trace.session": "talk"},
        "tags": {"mlflow.traceName": "agent", "team": "north"},
        "assessments": [{"assessment_name": "right", "feedback": {"value": True}}],
    },
    "data": {"spans": _spans(_mlflow, _MLFLOW_TOOL)},
}


# Langfuse and LangSmith


def _observation(span: str, parent: str | None, start: int, end: int, **rest: Any) -> Any:
    return {
        "id": span,
        "traceId": "ab",
        "parentObservationId": parent,
        "startTime": f"2026-01-01T00:00:{start:02d}Z",
        "endTime": f"2026-01-01T00:00:{end:02d}Z",
        "level": "DEFAULT",
        **rest,
    }


LANGFUSE: dict[str, Any] = {
    "id": "ab",
    "name": "agent",
    "sessionId": "talk",
    "scores": [{"name": "right", "value": 1}],
    "output": FINAL,
    "observations": [
        _observation("root", None, 0, 10, type="SPAN", name="agent"),
        *(
            _observation(
                *(span, parent, start, end),
                type="GENERATION",
                model="m",
                modelParameters={"temperature": 0.5},
                input={"messages": asked, "tools": [TOOL]},
                output=answer,
                usageDetails={"input": 10, "output": 4},
            )
            for span, parent, start, end, asked, answer, _ in CALLS
        ),
        _observation("t1", "root", 3, 6, type="TOOL", name="weather", output="-3"),
    ],
}


def _constructor(message: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"system": "System", "user": "Human", "assistant": "AI", "tool": "Tool"}
    kwargs: dict[str, Any] = {"content": message["content"] or ""}
    if message.get("tool_calls"):
        call = {"name": "weather", "args": {"city": "Oslo"}, "id": "call_oslo", "type": "tool_call"}
        kwargs["tool_calls"] = [call]
    if "tool_call_id" in message:
        kwargs["tool_call_id"] = message["tool_call_id"]
    path = ["langchain", "schema", "messages", f"{kinds[message['role']]}Message"]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": kwargs}


def _run(span: str, start: int, end: int, run_type: str, **rest: Any) -> dict[str, Any]:
    times = {
        "start_time": f"2026-01-01T00:00:{start:02d}",
        "end_time": f"2026-01-01T00:00:{end:02d}",
    }
    return {"id": span, "run_type": run_type, "trace_id": "root", **times, **rest}


def _llm_run(span: str, start: int, end: int, asked: Any, answer: Any, finish: str) -> Any:
    chosen = {
        "text": "",
        "message": _constructor(answer),
        "generation_info": {"finish_reason": finish},
    }
    return _run(
        *(span, start, end, "llm"),
        name="ChatOpenAI",
        inputs={"messages": [[_constructor(one) for one in asked]]},
        outputs={"generations": [[chosen]], "llm_output": {"model_name": "m-1"}},
        extra={"invocation_params": {"model": "m", "temperature": 0.5, "tools": [TOOL]}},
    )


_LLM = {span: _llm_run(span, s, e, a, b, f) for span, _, s, e, a, b, f in CALLS}
_TOOL_RUN = _run(
    *("t1", 3, 6, "tool"),
    name="weather",
    inputs={"input": "{'city': 'Oslo'}"},
    outputs={"output": {"type": "tool", "content": "-3", "tool_call_id": "call_oslo"}},
    child_runs=[_LLM["m2"]],
)
LANGSMITH = _run(
    *("root", 0, 10, "chain"),
    name="agent",
    inputs={"messages": ASKED},
    outputs={},
    child_runs=[_LLM["m1"], _TOOL_RUN, _LLM["m3"]],
)

TRACES: dict[str, Any] = {
    "genai": GENAI,
    "genai otlp": [otlp(GENAI)],
    "genai events": GENAI_EVENTS,
    "genai events otlp": [otlp(GENAI_EVENTS)],
    "logfire": LOGFIRE,
    "openinference": INFERENCE,
    "openinference otlp": [otlp(INFERENCE)],
    "openinference nested": INFERENCE_NESTED,
    "openllmetry": LLMETRY,
    "ai sdk": AI_SDK,
    "mlflow": [MLFLOW],
    "langfuse": [LANGFUSE],
    "langfuse observations": LANGFUSE["observations"],
    "langsmith": [LANGSMITH],
}
