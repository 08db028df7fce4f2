"""How vLLM 0.32 writes Responses, captured: fields and their order, nulls, ids, thoughts as
`reasoning_text`, a text of two line breaks between thoughts and call that only streams have,
`response.completed` at a cut, no `response.incomplete` or `response.failed`, items `completed`
whatever comes of the answer, the name in `function_call_arguments.done`, the refusals but for that
of encrypted reasoning (after its source). Custom tools are not known to it and are dropped.
Constructed: all values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.forms.responses.responses_form import Item, ResponsesForm
from agentkit.testing.server.question import Question, output_limit

BETWEEN = "\n\n"
"""What a stream of vLLM has between thoughts and a call, and a block has not."""
_TOOL = ("name", "parameters", "strict", "type", "allowed_callers", "async", "defer_loading")
_PER_TURN: Item = {"input_tokens_per_turn": [], "cached_tokens_per_turn": []}
_WRITTEN_PER_TURN: Item = {"output_tokens_per_turn": [], "tool_output_tokens_per_turn": []}


class VLLMResponses(ResponsesForm):
    """The Responses of `vllm serve`."""

    forgets = "calls"

    def answer_id(self, question: Question) -> str:
        return f"resp_{question.hex('answer', 16)}"

    def item_id(self, question: Question, prefix: str, position: int) -> str:
        return f"{prefix}_{question.hex(f'{prefix}{position}', 16)}"

    def reasoning(self, text: str, draft: Mapping[str, Any], question: Question) -> Item:
        return {
            "id": self.item_id(question, "rs", 0),
            "summary": [],
            "type": "reasoning",
            "content": [{"text": text, "type": "reasoning_text"}],
            "encrypted_content": None,
            "status": None,
        }

    def message(self, parts: list[Item], question: Question, position: int) -> Item:
        item_id = self.item_id(question, "msg", position)
        head = {"id": item_id, "content": [_part(part) for part in parts]}
        return {
            **head,
            "role": "assistant",
            "status": "completed",
            "type": "message",
            "phase": None,
        }

    def call(self, fields: Item, item_id: str, kind: str) -> Item:
        nulls = {"async": None, "caller": None, "namespace": None}
        known: Item = {
            name: fields[name] for name in ("arguments", "call_id", "name") if name in fields
        }
        more = {name: value for name, value in fields.items() if name not in known}
        return {**known, "type": kind, "id": item_id, **nulls, "status": "completed", **more}

    def items(self, draft: Mapping[str, Any], question: Question, *, stream: bool) -> list[Item]:
        found = super().items(draft, question, stream=stream)
        found = [item for item in found if item.get("type") != "custom_tool_call"]
        if not stream:
            return found
        if found and found[0].get("type") == "reasoning":
            found[0] = {**found[0], "status": "completed"}
            called = len(found) > 1 and found[1].get("type") == "function_call"
            if called and not question.forced:
                part = {"type": "output_text", "text": BETWEEN, "annotations": []}
                found.insert(1, self.message([part], question, 1))
        return found

    def envelope(self, question: Question, **filled: Any) -> Item:
        asked, room = question.native, question.context - len(question.prompt)
        return {
            "id": self.answer_id(question),
            "created_at": question.created,
            "incomplete_details": filled["incomplete_details"],
            "instructions": asked.get("instructions"),
            "metadata": asked.get("metadata"),
            "model": question.model,
            "object": "response",
            "output": filled["output"],
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "temperature": float(asked.get("temperature") or 0.0),
            "tool_choice": _choice(asked) if asked.get("tools") else "none",
            "tools": [_tool(tool) for tool in asked.get("tools") or ()],
            "top_p": float(asked.get("top_p") or 1.0),
            "background": False,
            "max_output_tokens": asked.get("max_output_tokens") or room,
            "max_tool_calls": asked.get("max_tool_calls"),
            "previous_response_id": asked.get("previous_response_id"),
            "prompt": None,
            "reasoning": asked.get("reasoning"),
            "service_tier": "auto",
            "status": filled["status"],
            "text": asked.get("text"),
            "top_logprobs": asked.get("top_logprobs"),
            "truncation": "disabled",
            "usage": filled["usage"],
            "user": asked.get("user"),
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "kv_transfer_params": None,
            "ec_transfer_params": None,
            "input_messages": None,
            "output_messages": None,
        }

    def usage(self, draft: Mapping[str, Any], question: Question) -> Item:
        prompt, written, thought = self.counts(draft, question)
        cached = {"cached_tokens": 0, "cache_write_tokens": 0}
        inside = {"reasoning_tokens": thought, "tool_output_tokens": 0}
        return {
            "input_tokens": prompt,
            "input_tokens_details": {**cached, **_PER_TURN},
            "output_tokens": written,
            "output_tokens_details": {**inside, **_WRITTEN_PER_TURN},
            "total_tokens": prompt + written,
        }

    def numbered(self, event: Item, number: int) -> Item:
        ordered = {**event, "sequence_number": number}
        last = ("name",) if "name" in event else ()
        return {name: ordered[name] for name in (*sorted(ordered.keys() - last), *last)}

    def event(self, event: Item, item: Item, question: Question) -> Item:
        if event["type"] == "response.function_call_arguments.done":
            return {**event, "name": item.get("name")}
        return event

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        native, model = question.native, question.request.get("model")
        if "input" not in native:
            return _missing("input", len(native) + 1)
        if models is not None and model is not None and model not in models:
            text = f"The model `{model}` does not exist. Valid aliases: {', '.join(models)}."
            return Refusal(404, text, param="model")
        if native.get("background") and self._store is None:
            return Refusal(400, _NO_STORE, type="invalid_request_error", param="background")
        before = native.get("previous_response_id")
        if before is not None and self.previous(native) is None:
            return self.not_found(before)
        if not question.parser and native.get("tools") and native.get("tool_choice") != "none":
            return Refusal(
                400,
                '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to'
                " be set",
            )
        return bounds(question) or _encrypted(native)


_NO_STORE = (
    "This vLLM engine does not support `store=True` and therefore does not support the background"
    " mode. To enable these features, set the environment variable"
    " `VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server."
)


def bounds(question: Question) -> Refusal | None:
    """Refuse a temperature, a limit or a prompt beyond what vLLM takes."""
    temperature, context = question.native.get("temperature"), question.context
    if isinstance(temperature, (int, float)) and not 0 <= temperature <= 2:
        value = float(temperature)
        text = f"temperature must be in [0, 2], got {value}. (parameter=temperature, value={value})"
        return Refusal(400, text, param="temperature")
    limit = output_limit(question.request) or 0
    if len(question.prompt) > context or limit > context:
        size = context + 1
        text = (
            f"This model's maximum context length is {context} tokens. However, your prompt"
            f" contains at least {size} input tokens, which exceeds this limit even without any"
            " output tokens. Please reduce the length of the input prompt."
            f" (parameter=input_tokens, value={size})"
        )
        return Refusal(400, text, param="input_tokens")
    return None


def _missing(name: str, count: int) -> Refusal:
    text = (
        f"1 validation error:\n  {{'type': 'missing', 'loc': 'body.{name}', 'msg': 'Field"
        f" required', 'input': '<dict of {count} items>'}}"
    )
    return Refusal(400, text, type="Bad Request", param=f"body.{name}")


def _encrypted(native: Mapping[str, Any]) -> Refusal | None:
    given = native.get("input")
    items = given if isinstance(given, list) else ()
    if any(isinstance(item, dict) and item.get("encrypted_content") for item in items):
        return Refusal(400, "Encrypted content is not supported.")
    return None


def _part(part: Item) -> Item:
    if part["type"] != "output_text":
        return part
    head = {"annotations": [], "text": part["text"], "type": "output_text"}
    return {**head, "logprobs": part.get("logprobs") or None}


def _choice(asked: Mapping[str, Any]) -> Any:
    choice = asked.get("tool_choice", "auto")
    return {name: choice[name] for name in sorted(choice)} if isinstance(choice, dict) else choice


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return tool
    known = {name: tool.get(name) for name in _TOOL}
    return {**known, "description": tool.get("description"), "output_schema": None}
