"""SGLang's manner, constructed after its source: `python/sglang/srt/entrypoints/openai/`
(serving_chat.py, protocol.py, sse_utils.py).

From the source: ids (`call_` and 24 hexadecimal digits, a bare 32-digit answer id),
`reasoning_content`, content "" and never null, `tool_calls` null where there are none, an
`index` on each call of a block answer, `matched_stop`, `metadata.weight_version`,
`reasoning_tokens` beside the other counts, two kinds of chunks (text without null fields but
`reasoning_content`; calls with every field, null where empty, id and name null on the pieces
that go on), `tool_calls` as finish reason of a named choice, flat error bodies, status 400
where FastAPI would say 422, and no check of the model's name. Nothing here was captured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.forms.messages.sglang_messages import SGLangMessages
from agentkit.testing.server.forms.responses.sglang_responses import SGLangResponses
from agentkit.testing.server.manners.chat_form import ChatForm
from agentkit.testing.server.manners.manner import Manner
from agentkit.testing.server.pieces import Step, answer_tokens
from agentkit.testing.server.question import Question, named_choice, output_limit, tools_named

_TYPES = {
    400: "BadRequestError",
    429: "RATE_LIMITED",
    500: "InternalServerError",
    503: "SERVICE_UNAVAILABLE",
}
_ORDER = ("token", "bytes", "logprob")


class SGLang(ChatForm, Manner):
    """The manner of `sglang.launch_server`."""

    name = "sglang"
    stores = True
    headers = MappingProxyType({"server": "uvicorn"})
    bare_delta = False

    def forms(self, *, store: bool) -> list[DialectForm]:
        return [self, SGLangResponses(self, store=store), SGLangMessages(self)]

    def answer_id(self, question: Question) -> str:
        return question.hex("answer", 32)

    def call_id(self, question: Question, position: int) -> str:
        return f"call_{question.hex(f'call{position}', 24)}"

    def finish(self, finish: Any, question: Question) -> Any:
        return finish

    def body(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        return {
            "id": self.answer_id(question),
            "object": "chat.completion",
            "created": question.created,
            "model": question.model,
            "choices": [self._choice(draft, question, index) for index in range(question.choices)],
            "usage": self.usage(draft, question, stream=False),
            "metadata": {"weight_version": "default"},
        }

    def _choice(self, draft: Mapping[str, Any], question: Question, index: int) -> dict[str, Any]:
        listed = question.logprobs(answer_tokens(draft["message"]), _ORDER)
        finish = self.finish(draft.get("finish_reason"), question)
        return {
            "index": index,
            "message": _message(draft["message"]),
            "logprobs": None if listed is None else {"content": listed},
            "finish_reason": finish,
            "matched_stop": _matched(finish),
        }

    def opening(self, draft: Mapping[str, Any], question: Question, index: int) -> dict[str, Any]:
        return self.chunk({"role": "assistant", "content": ""}, question, index, ())

    def delta(self, step: Step, question: Question, index: int) -> dict[str, Any]:
        match step.kind:
            case "reasoning":
                return {"reasoning_content": step.value}
            case "content" | "refusal":
                return {step.kind: step.value}
            case "call":
                return _calls([_placed(step.value, step.position, begins=True)])
            case "arguments":
                return _calls([_piece(step.position, step.value)])
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
        calls = "tool_calls" in delta
        shown = delta if calls else {"reasoning_content": None, **delta}
        listed = question.logprobs(written, _ORDER) if written else None
        choice = {
            "index": index,
            "delta": shown,
            "logprobs": None if listed is None else {"content": listed},
            "finish_reason": finish,
            "matched_stop": _matched(finish),
        }
        head = {
            "id": self.answer_id(question),
            "object": "chat.completion.chunk",
            "created": question.created,
            "model": question.model,
        }
        return {**head, "choices": [choice], **({"usage": None} if calls else {})}

    def usage(
        self, draft: Mapping[str, Any], question: Question, *, stream: bool
    ) -> dict[str, Any]:
        prompt, completion, thought = self.counts(draft, question)
        return {
            "prompt_tokens": prompt,
            "total_tokens": prompt + completion,
            "completion_tokens": completion,
            "prompt_tokens_details": None,
            "reasoning_tokens": thought,
            "completion_tokens_details": None,
        }

    def usage_chunk(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        head = {
            "id": self.answer_id(question),
            "object": "chat.completion.chunk",
            "created": question.created,
            "model": question.model,
        }
        return {**head, "choices": [], "usage": self.usage(draft, question, stream=True)}

    def error(self, refusal: Refusal) -> Any:
        kind = refusal.type or _TYPES.get(
            refusal.status, "InternalServerError" if refusal.status >= 500 else "BadRequestError"
        )
        return {
            "object": "error",
            "message": refusal.message,
            "type": kind,
            "param": refusal.param,
            "code": refusal.status,
        }

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        request, size, limit = (
            question.request,
            len(question.prompt),
            output_limit(question.request),
        )
        if "messages" not in request or "model" not in request:
            name = "messages" if "messages" not in request else "model"
            text = (
                f"1 validation error:\n  {{'type': 'missing', 'loc': ('body', '{name}'), 'msg':"
                " 'Field required'}"
            )
            return Refusal(400, text, type="Bad Request")
        if not isinstance(request["messages"], list):
            text = (
                "1 validation error:\n  {'type': 'list_type', 'loc': ('body', 'messages'), 'msg':"
                " 'Input should be a valid list'}"
            )
            return Refusal(400, text, type="Bad Request")
        if not request["messages"]:
            return Refusal(400, "Messages cannot be empty.")
        if refusal := _tool_refusal(request):
            return refusal
        if limit is not None and limit > question.context:
            text = (
                f"max_completion_tokens is too large: {limit}.This model supports at most"
                f" {question.context} completion tokens."
            )
            return Refusal(400, text)
        if size > question.context:
            return Refusal(
                400,
                f"The input ({size} tokens) is longer than the model's context length"
                f" ({question.context} tokens).",
            )
        return None

    def unauthorized(self, sent: str | None) -> Refusal:
        return Refusal(401, "Unauthorized", body={"error": "Unauthorized"})

    def malformed(self, position: int) -> Refusal:
        text = (
            f"1 validation error:\n  {{'type': 'json_invalid', 'loc': ('body', {position}), 'msg':"
            " 'JSON decode error'}"
        )
        return Refusal(400, text, type="Bad Request")

    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        match path:
            case "/health":
                return ""
            case "/v1/models":
                return {"object": "list", "data": [_model(name, context) for name in models]}
        return None


def _message(given: Mapping[str, Any]) -> dict[str, Any]:
    content = given.get("content")
    named = {
        "role": "assistant",
        "content": "" if content is None else content,
        "reasoning_content": given.get("reasoning"),
    }
    listed = given.get("tool_calls")
    calls = (
        [_placed(entry, i, begins=False) for i, entry in enumerate(listed)]
        if isinstance(listed, list)
        else listed
    )
    known = {"role", "content", "reasoning", "tool_calls", "refusal"}
    more = {key: value for key, value in given.items() if key not in known and value is not None}
    refusal = {"refusal": given["refusal"]} if given.get("refusal") else {}
    return {**named, "tool_calls": calls or None, **refusal, **more}


def _placed(entry: Any, position: int, *, begins: bool) -> Any:
    """Give a call with its fields in order; one that is none is left as it is."""
    if not isinstance(entry, dict):
        return entry
    named = {key: entry[key] for key in ("id",) if key in entry}
    rest = {key: value for key, value in entry.items() if key not in ("id", "index", "function")}
    function = entry.get("function")
    if begins and isinstance(function, dict) and "arguments" not in function:
        function = {**function, "arguments": ""}
    return {
        **named,
        "index": position,
        **rest,
        **({} if function is None else {"function": function}),
    }


def _piece(position: int, arguments: Any) -> dict[str, Any]:
    return {
        "id": None,
        "index": position,
        "type": "function",
        "function": {"name": None, "arguments": arguments},
    }


def _calls(listed: list[Any]) -> dict[str, Any]:
    return {"role": None, "content": None, "reasoning_content": None, "tool_calls": listed}


def _matched(finish: Any) -> int | None:
    """Give the token that ended the answer; 151645 is Qwen's `<|im_end|>`."""
    return 151_645 if finish == "stop" else None


def _tool_refusal(request: Mapping[str, Any]) -> Refusal | None:
    offered, name = bool(request.get("tools")), named_choice(request)
    if request.get("tool_choice") == "required" and not offered:
        return Refusal(400, "Tools cannot be empty if tool choice is set to required.")
    if name is not None and not offered:
        return Refusal(400, "Tools cannot be empty if tool choice is set to a specific tool.")
    if name is not None and name not in tools_named(request):
        return Refusal(400, f"Tool '{name}' not found in tools list.")
    return None


def _model(name: str, context: int) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1_767_225_600,
        "owned_by": "sglang",
        "root": name,
        "parent": None,
        "max_model_len": context,
    }
