"""vLLM 0.32's manner, captured: bodies, chunks, errors and paths have the fields, order and nulls
of recorded traffic of that version.

Captured: block and streamed answers with and without calls, reasoning, logprobs and token ids;
`tool_choice` auto, required, named, none; `n`; the refusals below but for the key's; headers;
`/v1/models`, `/version`, `/tokenize`. Constructed: the refusal of a key (after vLLM's
AuthenticationMiddleware, `vllm/entrypoints/openai/api_server.py`), and all values: tokens, ids,
logprobs, counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from agentkit.testing.faults.refusals import BAD_ARGUMENTS, HISTORY, Refusal
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.forms.messages.vllm_messages import VLLMMessages
from agentkit.testing.server.forms.responses.vllm_responses import VLLMResponses
from agentkit.testing.server.manners.chat_form import ChatForm
from agentkit.testing.server.manners.manner import Manner
from agentkit.testing.server.pieces import Step, answer_tokens, token_id
from agentkit.testing.server.question import Question, named_choice, output_limit, tools_named

_TYPES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
}
_FINGERPRINT = "vllm-0.32.0-00000000"


class VLLM(ChatForm, Manner):
    """The manner of `vllm serve`."""

    name = "vllm"
    headers = MappingProxyType({"server": "uvicorn", "vary": "Origin"})
    cut_in_last_piece = True

    def forms(self, *, store: bool) -> list[DialectForm]:
        return [self, VLLMResponses(self, store=store), VLLMMessages(self)]

    def answer_id(self, question: Question) -> str:
        return f"chatcmpl-{question.hex('answer', 16)}"

    def call_id(self, question: Question, position: int) -> str:
        return f"chatcmpl-tool-{question.hex(f'call{position}', 16)}"

    def body(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        return {
            "id": self.answer_id(question),
            "object": "chat.completion",
            "created": question.created,
            "model": question.model,
            "choices": [self._choice(draft, question, index) for index in range(question.choices)],
            "service_tier": None,
            "system_fingerprint": _FINGERPRINT,
            "usage": self.usage(draft, question, stream=False),
            "prompt_logprobs": None,
            "prompt_token_ids": question.token_ids(question.prompt),
            "prompt_text": None,
            "kv_transfer_params": None,
            "ec_transfer_params": None,
            "metrics": None,
        }

    def _choice(self, draft: Mapping[str, Any], question: Question, index: int) -> dict[str, Any]:
        written = answer_tokens(draft["message"])
        listed = question.logprobs(written)
        return {
            "index": index,
            "message": self._message(draft, question),
            "logprobs": None if listed is None else {"content": listed},
            "finish_reason": self.finish(draft.get("finish_reason"), question),
            "stop_reason": None,
            "token_ids": question.token_ids(written),
            "routed_experts": None,
        }

    def _message(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        given = dict(draft["message"])
        content = "" if given.get("tool_calls") and question.forced else None
        head = {
            "role": "assistant",
            "content": content,
            "refusal": None,
            "annotations": None,
            "audio": None,
            "function_call": None,
        }
        calls = {"tool_calls": given["tool_calls"]} if given.get("tool_calls") else {}
        reasoning = {"reasoning": given.get("reasoning")}
        return {
            **head,
            **calls,
            **reasoning,
            **{key: value for key, value in given.items() if value is not None},
        }

    def chunks(self, draft: Mapping[str, Any], question: Question) -> list[Any]:
        *found, last, done = super().chunks(draft, question)
        return [*found, {**last, "system_fingerprint": _FINGERPRINT}, done]

    def opening(self, draft: Mapping[str, Any], question: Question, index: int) -> dict[str, Any]:
        choice = {
            "index": index,
            "delta": {"role": "assistant", "content": ""},
            "logprobs": None,
            "finish_reason": None,
        }
        return {
            **self._head(question),
            "choices": [choice],
            "prompt_token_ids": question.token_ids(question.prompt),
            "prompt_text": None,
        }

    def delta(self, step: Step, question: Question, index: int) -> dict[str, Any]:
        match step.kind:
            case "reasoning" | "content" | "refusal":
                return {step.kind: step.value}
            case "call":
                entry = step.value
                placed = (
                    {**_without_index(entry), "index": step.position, **_function(entry)}
                    if isinstance(entry, dict)
                    else entry
                )
                return {"content": None, "tool_calls": [placed]}
            case "arguments":
                return {
                    "content": None,
                    "tool_calls": [{"index": step.position, "function": {"arguments": step.value}}],
                }
            case "other":
                return dict(step.value)
        return {}

    def chunk(
        self,
        delta: dict[str, Any],
        question: Question,
        index: int,
        written: Sequence[str],
        finish: Any = None,
    ) -> dict[str, Any]:
        listed = question.logprobs(written)
        stop = {} if finish is None else {"stop_reason": None}
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None if listed is None else {"content": listed},
            "finish_reason": finish,
            **stop,
            "token_ids": question.token_ids(written),
        }
        return {**self._head(question), "choices": [choice]}

    def finish_chunk(
        self, draft: Mapping[str, Any], question: Question, index: int, written: Sequence[str]
    ) -> dict[str, Any]:
        delta = {} if question.parser else {"content": ""}
        return self.chunk(
            delta, question, index, written, self.finish(draft.get("finish_reason"), question)
        )

    def usage(
        self, draft: Mapping[str, Any], question: Question, *, stream: bool
    ) -> dict[str, Any]:
        prompt, completion, thought = self.counts(draft, question)
        found: dict[str, Any] = {
            "prompt_tokens": prompt,
            "total_tokens": prompt + completion,
            "completion_tokens": completion,
        }
        details = {"reasoning_tokens": thought} if thought else None
        if not stream:
            return {**found, "prompt_tokens_details": None, "completion_tokens_details": details}
        return {**found, "completion_tokens_details": details} if details else found

    def usage_chunk(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        usage = self.usage(draft, question, stream=True)
        return {**self._head(question), "choices": [], "usage": usage}

    def _head(self, question: Question) -> dict[str, Any]:
        return {
            "id": self.answer_id(question),
            "object": "chat.completion.chunk",
            "created": question.created,
            "model": question.model,
        }

    def error(self, refusal: Refusal) -> Any:
        kind = refusal.type or _TYPES.get(
            refusal.status, "InternalServerError" if refusal.status >= 500 else "BadRequestError"
        )
        return {
            "error": {
                "message": refusal.message,
                "type": kind,
                "param": refusal.param,
                "code": refusal.status,
            }
        }

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        request = question.request
        model, choice = request.get("model"), request.get("tool_choice")
        if "messages" not in request:
            return _invalid(
                "missing", "body.messages", "Field required", f"<dict of {len(request)} items>"
            )
        if not isinstance(request["messages"], list):
            return _invalid(
                "list_type",
                "body.messages",
                "Input should be a valid list",
                str(request["messages"]),
            )
        if request.get("tools") == []:
            return _parameter(
                "`tools` must not be an empty array. Either provide at least one tool or omit the"
                " field entirely.",
                "tools",
            )
        if refusal := _arguments_refusal(question):
            return refusal
        if refusal := _choice_refusal(request):
            return refusal
        if models is not None and model is not None and model not in models:
            served = ", ".join(models)
            return Refusal(
                404, f"The model `{model}` does not exist. Valid aliases: {served}.", param="model"
            )
        if not question.parser and request.get("tools") and choice != "none":
            return Refusal(400, _needs_parser(choice, named_choice(request)))
        if not request["messages"]:
            return Refusal(
                400,
                "Cannot apply chat template to an empty conversation. Provide at least one"
                " message.",
            )
        return _number_refusal(question)

    def unauthorized(self, sent: str | None) -> Refusal:
        return Refusal(401, "Unauthorized", body={"error": "Unauthorized"})

    def malformed(self, position: int) -> Refusal:
        return _invalid(
            "json_invalid",
            f"body.{position}",
            "JSON decode error",
            "<dict of 0 items>",
            ", 'ctx': {'error': 'Expecting value'}",
        )

    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        match path:
            case "/health":
                return ""
            case "/version":
                return {"version": "0.32.0"}
            case "/v1/models":
                return {"object": "list", "data": [_model(name, context) for name in models]}
        return None

    def tokenized(self, asked: Sequence[str], context: int) -> dict[str, Any]:
        """Answer `/tokenize`."""
        ids = [token_id(token) for token in asked]
        return {"count": len(ids), "max_model_len": context, "tokens": ids, "token_strs": None}


def _without_index(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("index", "function")}


def _function(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"function": entry["function"]} if "function" in entry else {}


def _parameter(text: str, param: str, value: Any = None) -> Refusal:
    given = "" if value is None else f", value={value}"
    return Refusal(400, f"{text} (parameter={param}{given})", param=param)


def _invalid(kind: str, where: str, message: str, given: str, more: str = "") -> Refusal:
    text = (
        f"1 validation error:\n  {{'type': '{kind}', 'loc': '{where}', 'msg': '{message}', 'input':"
        f" '{given}'{more}}}"
    )
    return Refusal(400, text, type="Bad Request", param=where)


def _arguments_refusal(question: Question) -> Refusal | None:
    """Give the refusal of arguments that are sent back as an object; None where there are none."""
    found = [
        message["tool_calls"]
        for message in question.messages
        if isinstance(message.get("tool_calls"), list)
    ]
    listed = [call for calls in found for call in calls if isinstance(call, dict)]
    functions = [call["function"] for call in listed if isinstance(call.get("function"), dict)]
    given = next(
        (
            function["arguments"]
            for function in functions
            if isinstance(function.get("arguments"), dict)
        ),
        None,
    )
    if given is None:
        return None
    text = BAD_ARGUMENTS.format(items=len(given))
    return replace(HISTORY["history_bad_arguments"], message=text)


def _needs_parser(choice: Any, name: str | None) -> str:
    if name is not None:
        return f'tool_choice=function "{name}" requires --tool-call-parser to be set'
    if choice == "required":
        return 'tool_choice="required" requires --tool-call-parser to be set'
    return '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'


def _too_long(question: Question) -> Refusal:
    context = question.context
    size, bound = sum(len(token) for token in question.prompt), 13 * context
    text = (
        f"This model's maximum context length is {context} tokens. However, your prompt contains"
        f" {size} characters (more than {bound} characters, which is the upper bound for {context}"
        " input tokens). Please reduce the length of the input prompt."
    )
    return _parameter(text, "input_text", size)


def _model(name: str, context: int) -> dict[str, Any]:
    permission = {
        "id": "modelperm-0000000000000000",
        "object": "model_permission",
        "created": 1_767_225_600,
        "allow_create_engine": False,
        "allow_sampling": True,
        "allow_logprobs": True,
        "allow_search_indices": False,
        "allow_view": True,
        "allow_fine_tuning": False,
        "organization": "*",
        "group": None,
        "is_blocking": False,
    }
    return {
        "id": name,
        "object": "model",
        "created": 1_767_225_600,
        "owned_by": "vllm",
        "root": name,
        "parent": None,
        "max_model_len": context,
        "permission": [permission],
    }


def _choice_refusal(request: Mapping[str, Any]) -> Refusal | None:
    """Refuse a tool choice that no tool of the request can serve."""
    choice = request.get("tool_choice")
    if choice is None:
        return None
    if choice != "none" and not request.get("tools"):
        return _parameter("When using `tool_choice`, `tools` must be set.", "tool_choice")
    name = named_choice(request)
    if name is not None and name not in tools_named(request):
        return _parameter(
            "The tool specified in `tool_choice` does not match any of the specified `tools`",
            "tool_choice",
        )
    return None


def _number_refusal(question: Question) -> Refusal | None:
    """Refuse a temperature below zero, and more tokens than the model has room for."""
    temperature, limit = question.request.get("temperature"), output_limit(question.request)
    if isinstance(temperature, (int, float)) and temperature < 0:
        return _parameter(
            f"temperature must be non-negative, got {float(temperature)}.",
            "temperature",
            float(temperature),
        )
    if limit is not None and limit > question.context:
        text = (
            f"max_tokens={limit} cannot be greater than max_model_len={question.context}."
            " Please request fewer output tokens."
        )
        return _parameter(text, "max_tokens", limit)
    if len(question.prompt) > question.context:
        return _too_long(question)
    return None
