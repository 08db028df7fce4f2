"""OpenAI's manner, constructed after its API reference (chat completions, streaming, error codes)
and answers its users have published.

From these: ids (`call_` and 24 letters and digits), `refusal` and `annotations` on a block message,
content null beside calls, a first chunk that carries the role, the first call's id, name and
empty arguments together, later pieces with index and arguments only, `usage: null` on every
chunk but the last where usage was asked for, details under both counts, `stop` as finish reason
of a named choice, reasoning that is counted and never sent, indented bodies, `x-request-id` and
`x-ratelimit-*` headers, and a history that is checked before it is read. Nothing here was
captured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agentkit.testing.faults.refusals import HISTORY, Refusal
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.forms.responses.openai_responses import OpenAIResponses
from agentkit.testing.server.manners.chat_form import ChatForm
from agentkit.testing.server.manners.manner import Manner
from agentkit.testing.server.pieces import Step, answer_tokens
from agentkit.testing.server.question import Question, named_choice, output_limit, tools_named
from agentkit.trajectory.trouble.preflight import preflight

_TYPES = {403: "request_forbidden", 429: "requests", 503: "service_unavailable_error"}


class OpenAI(ChatForm, Manner):
    """The manner of api.openai.com."""

    name = "openai"
    stores = True
    headers = MappingProxyType(
        {
            "openai-version": "2020-10-01",
            "openai-processing-ms": "1",
            "x-request-id": "req_00000000000000000000000000000000",
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "499",
        }
    )
    writes_calls_as_text = False
    bare_delta = False

    def forms(self, *, store: bool) -> list[DialectForm]:
        return [self, OpenAIResponses(self, store=store)]

    def answer_id(self, question: Question) -> str:
        return f"chatcmpl-{question.base62('answer', 29)}"

    def call_id(self, question: Question, position: int) -> str:
        return f"call_{question.base62(f'call{position}', 24)}"

    def body(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        return {
            "id": self.answer_id(question),
            "object": "chat.completion",
            "created": question.created,
            "model": question.model,
            "choices": [self._choice(draft, question, index) for index in range(question.choices)],
            "usage": self.usage(draft, question, stream=False),
            "service_tier": "default",
            "system_fingerprint": "fp_0000000000",
        }

    def _choice(self, draft: Mapping[str, Any], question: Question, index: int) -> dict[str, Any]:
        listed = question.logprobs(answer_tokens(_shown(draft)))
        return {
            "index": index,
            "message": _message(draft),
            "logprobs": None if listed is None else {"content": listed, "refusal": None},
            "finish_reason": self.finish(draft.get("finish_reason"), question),
        }

    def opening(
        self, draft: Mapping[str, Any], question: Question, index: int
    ) -> dict[str, Any] | None:
        message = draft["message"]
        begins_with_call = (
            message.get("content") in (None, "")
            and isinstance(message.get("tool_calls"), list)
            and message["tool_calls"]
        )
        return (
            None
            if begins_with_call
            else self.chunk(
                {"role": "assistant", "content": "", "refusal": None}, question, index, ()
            )
        )

    def delta(self, step: Step, question: Question, index: int) -> dict[str, Any]:
        match step.kind:
            case "reasoning" | "content" | "refusal":
                return {step.kind: step.value}
            case "call":
                return {"tool_calls": [_begun(step.value, step.position)]}
            case "arguments":
                return {
                    "tool_calls": [{"index": step.position, "function": {"arguments": step.value}}]
                }
            case "other":
                return dict(step.value)
        return {}

    def _deltas(
        self, draft: Mapping[str, Any], question: Question, index: int
    ) -> Iterator[dict[str, Any]]:
        found = list(super()._deltas({**draft, "message": _shown(draft)}, question, index))
        first = found[0]["choices"][0]["delta"]
        if self.opening(draft, question, index) is None and "tool_calls" in first:
            found[0]["choices"][0]["delta"] = {
                "role": "assistant",
                "content": None,
                **first,
                "refusal": None,
            }
        yield from found

    def chunk(
        self,
        delta: dict[str, Any],
        question: Question,
        index: int,
        written: Sequence[str],
        finish: Any = None,
    ) -> dict[str, Any]:
        listed = question.logprobs(written) if written and "content" in delta else None
        logprobs = None if listed is None else {"content": listed, "refusal": None}
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {
            **self._head(question),
            "choices": [choice],
            **({"usage": None} if question.include_usage else {}),
        }

    def usage(
        self, draft: Mapping[str, Any], question: Question, *, stream: bool
    ) -> dict[str, Any]:
        prompt, completion, thought = self.counts(draft, question)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": thought,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def usage_chunk(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        return {
            **self._head(question),
            "choices": [],
            "usage": self.usage(draft, question, stream=True),
        }

    def _head(self, question: Question) -> dict[str, Any]:
        return {
            "id": self.answer_id(question),
            "object": "chat.completion.chunk",
            "created": question.created,
            "model": question.model,
            "service_tier": "default",
            "system_fingerprint": "fp_0000000000",
        }

    def error(self, refusal: Refusal) -> Any:
        kind = refusal.type or _TYPES.get(
            refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error"
        )
        return {
            "error": {
                "message": refusal.message,
                "type": kind,
                "param": refusal.param,
                "code": refusal.code,
            }
        }

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        request, size, limit = (
            question.request,
            len(question.prompt),
            output_limit(question.request),
        )
        model = request.get("model")
        for name in ("model", "messages"):
            if name not in request:
                return Refusal(
                    400,
                    f"Missing required parameter: '{name}'.",
                    param=name,
                    code="missing_required_parameter",
                )
        if not isinstance(request["messages"], list):
            return Refusal(
                400,
                "Invalid type for 'messages': expected an array of objects.",
                param="messages",
                code="invalid_type",
            )
        if models is not None and model not in models:
            text = f"The model `{model}` does not exist or you do not have access to it."
            return Refusal(404, text, code="model_not_found")
        if refusal := _field_refusal(request):
            return refusal
        if found := next(
            (p for p in preflight(request["messages"], "openai") if p.code in HISTORY), None
        ):
            return HISTORY[found.code]
        if limit is not None and limit > question.context:
            text = (
                f"max_tokens is too large: {limit}. This model supports at most {question.context}"
                f" completion tokens, whereas you provided {limit}."
            )
            return Refusal(400, text, param="max_tokens", code="invalid_value")
        if size > question.context:
            text = (
                f"This model's maximum context length is {question.context} tokens. However, your"
                f" messages resulted in {size} tokens."
            )
            return Refusal(
                400,
                f"{text} Please reduce the length of the messages.",
                param="messages",
                code="context_length_exceeded",
            )
        return None

    def unauthorized(self, sent: str | None) -> Refusal:
        if not sent:
            text = (
                "You didn't provide an API key. You need to provide your API key in an"
                " Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
            return Refusal(401, text)
        shown = "*" * 12
        text = (
            f"Incorrect API key provided: {shown}. You can find your API key at"
            " https://platform.openai.com/account/api-keys."
        )
        return Refusal(401, text, code="invalid_api_key")

    def unknown_path(self, method: str, path: str) -> Refusal:
        if path in ("/v1/chat/completions", "/v1/responses"):
            return Refusal(405, f"Not allowed to {method} on {path}.")
        return Refusal(404, f"Invalid URL ({method} {path})")

    def malformed(self, position: int) -> Refusal:
        return Refusal(400, "We could not parse the JSON body of your request.")

    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        if path != "/v1/models":
            return None
        return {
            "object": "list",
            "data": [
                {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "system"}
                for name in models
            ],
        }

    def block_text(self, data: Any) -> str:
        return json.dumps(data, ensure_ascii=True, indent=2)


def _shown(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Give the message without its reasoning, which OpenAI counts and keeps; a fault may show
    it.
    """
    hidden = () if draft.get("shows_reasoning") else ("reasoning",)
    return {key: value for key, value in draft["message"].items() if key not in hidden}


def _message(draft: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in _shown(draft).items() if value is not None}
    calls = {"tool_calls": given["tool_calls"]} if given.get("tool_calls") else {}
    return {
        "role": "assistant",
        "content": None,
        **calls,
        "refusal": None,
        "annotations": [],
        **given,
    }


def _begun(entry: Any, position: int) -> Any:
    if not isinstance(entry, dict):
        return entry
    function = entry.get("function")
    begun = (
        {**function, "arguments": ""}
        if isinstance(function, dict) and set(function) == {"name"}
        else function
    )
    rest = {key: value for key, value in entry.items() if key not in ("index", "function")}
    return {"index": position, **rest, **({} if begun is None else {"function": begun})}


def _field_refusal(request: Mapping[str, Any]) -> Refusal | None:
    for field in ("messages", "tools"):
        if request.get(field) == []:
            text = (
                f"Invalid '{field}': empty array. Expected an array with minimum length 1, but got"
                " an empty array instead."
            )
            return Refusal(400, text, param=field, code="empty_array")
    choice, tools, temperature = (
        request.get("tool_choice"),
        request.get("tools"),
        request.get("temperature"),
    )
    if choice is not None and not tools:
        return Refusal(
            400,
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are"
            " specified.",
            param="tool_choice",
        )
    if (name := named_choice(request)) is not None and name not in tools_named(request):
        return Refusal(
            400, f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice"
        )
    if isinstance(temperature, (int, float)) and temperature < 0:
        text = (
            "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got"
            f" {temperature} instead."
        )
        return Refusal(400, text, param="temperature", code="decimal_below_min_value")
    return None
