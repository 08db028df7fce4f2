"""How OpenAI writes Responses, after recorded answers of api.openai.com: names and order of fields,
ids, `summary` in place of the thoughts themselves, encrypted reasoning where it was asked for
(another text at each of its three places), `response.incomplete` at a cut, item status
`incomplete`, `obfuscation` beside deltas. Constructed: all values, and the wording of refusals
that users of it have published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import DialectForm, Lost
from agentkit.testing.server.forms.opaque import opaque, sound
from agentkit.testing.server.forms.responses.responses_form import Item, ResponsesForm
from agentkit.testing.server.question import Question

_ENCRYPTED = "reasoning.encrypted_content"


class OpenAIResponses(ResponsesForm):
    """The Responses of api.openai.com."""

    deletes = True

    def __init__(self, chat: DialectForm, *, store: bool) -> None:
        super().__init__(chat, store=store)
        self._pairs: dict[str, str] = {}
        """The reasoning that each call was made after, by their ids."""

    def answered(self, draft: Mapping[str, Any], question: Question, lost: Lost = "") -> None:
        super().answered(draft, question, lost)
        items = self.items(draft, question, stream=False)
        if items and items[0].get("type") == "reasoning":
            calls = [item["id"] for item in items if item.get("type") == "function_call"]
            self._pairs.update(dict.fromkeys(calls, items[0]["id"]))

    def answer_id(self, question: Question) -> str:
        return f"resp_{question.hex('thread', 16)}{question.hex('answer', 34)}"

    def item_id(self, question: Question, prefix: str, position: int) -> str:
        return f"{prefix}_{question.hex('thread', 16)}{question.hex(f'{prefix}{position}', 34)}"

    def reasoning(self, text: str, draft: Mapping[str, Any], question: Question) -> Item:
        asked = question.native.get("reasoning")
        wanted = isinstance(asked, dict) and asked.get("summary")
        summary = [{"type": "summary_text", "text": text}] if wanted else []
        item = {"id": self.item_id(question, "rs", 0), "type": "reasoning", "summary": summary}
        if draft.get("shows_reasoning") and not wanted:
            item["content"] = [{"type": "reasoning_text", "text": text}]
        if _ENCRYPTED in (question.native.get("include") or ()):
            item["encrypted_content"] = opaque(question.hex("done", 64), "gAAAAAB", 400)
        return item

    def message(self, parts: list[Item], question: Question, position: int) -> Item:
        item_id = self.item_id(question, "msg", 0)
        head = {"id": item_id, "type": "message", "status": "completed"}
        return {**head, "content": parts, "role": "assistant"}

    def call(self, fields: Item, item_id: str, kind: str) -> Item:
        return {"id": item_id, "type": kind, "status": "completed", **fields}

    def items(self, draft: Mapping[str, Any], question: Question, *, stream: bool) -> list[Item]:
        found = super().items(draft, question, stream=stream)
        cut = self.ending(draft)["status"] == "incomplete"
        if cut and found and "status" in found[-1]:
            found[-1]["status"] = "incomplete"
        return found

    def envelope(self, question: Question, **filled: Any) -> Item:
        asked = question.native
        reasoning = asked.get("reasoning") or {}
        return {
            "id": self.answer_id(question),
            "object": "response",
            "created_at": question.created,
            "status": filled["status"],
            "background": False,
            "error": None,
            "incomplete_details": filled["incomplete_details"],
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "max_tool_calls": asked.get("max_tool_calls"),
            "model": question.model,
            "output": filled["output"],
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "previous_response_id": asked.get("previous_response_id"),
            "prompt_cache_key": None,
            "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
            "safety_identifier": None,
            "service_tier": "default",
            "store": asked.get("store") is not False,
            "temperature": asked.get("temperature", 1.0),
            "text": asked.get("text") or {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": asked.get("tool_choice", "auto"),
            "tools": asked.get("tools") or [],
            "top_logprobs": asked.get("top_logprobs", 0),
            "top_p": asked.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": filled["usage"],
            "user": None,
            "metadata": asked.get("metadata") or {},
        }

    def usage(self, draft: Mapping[str, Any], question: Question) -> Item:
        prompt, written, thought = self.counts(draft, question)
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": prompt + written,
        }

    def numbered(self, event: Item, number: int) -> Item:
        return {"type": event["type"], "sequence_number": number, **event}

    def last_event(self, status: str) -> str:
        return "response.incomplete" if status == "incomplete" else "response.completed"

    def event(self, event: Item, item: Item, question: Question) -> Item:
        if event["type"].endswith(".delta"):
            length = 16 - min(len(event["delta"]), 14)
            return {**event, "obfuscation": question.base62("padding", 16)[:length]}
        if event["type"] == "response.output_item.added" and item.get("encrypted_content"):
            first = opaque(question.hex("added", 64), "gAAAAAB", 300)
            return {**event, "item": {**event["item"], "encrypted_content": first}}
        return event

    def final(self, whole: Item) -> Item:
        output = [
            {**item, "encrypted_content": opaque(whole["id"], "gAAAAAB", 400)}
            if item.get("encrypted_content")
            else item
            for item in whole["output"]
        ]
        return {**whole, "output": output}

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        request, native = question.request, question.native
        model = request.get("model")
        for name in ("model", "input"):
            if name not in native and not (name == "input" and "previous_response_id" in native):
                text = f"Missing required parameter: '{name}'."
                return Refusal(400, text, param=name, code="missing_required_parameter")
        if models is not None and model not in models:
            text = f"The requested model '{model}' does not exist."
            return Refusal(400, text, param="model", code="model_not_found")
        before = native.get("previous_response_id")
        if before is not None and self.previous(native) is None:
            text = f"Previous response with id '{before}' not found."
            code = "previous_response_not_found"
            return Refusal(400, text, param="previous_response_id", code=code)
        return _history_refusal(question, self._pairs) or _size_refusal(question)


def _history_refusal(question: Question, pairs: Mapping[str, str]) -> Refusal | None:
    """Refuse items that lack what belongs to them."""
    given = question.native.get("input")
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    for item, following in zip_longest(items, items[1:]):
        if item.get("type") != "reasoning":
            continue
        if (hidden := item.get("encrypted_content")) and not sound(hidden, "gAAAAAB"):
            text = f"The encrypted content for item {item.get('id')} could not be verified."
            return Refusal(400, text, code="invalid_encrypted_content")
        if not _follows(following):
            text = (
                f"Item '{item.get('id')}' of type 'reasoning' was provided without its required"
                " following item."
            )
            return Refusal(400, text, param="input")
    return _pair_refusal(items, pairs) or _results_refusal(question)


def _follows(item: Item | None) -> bool:
    """Tell whether an item can follow what a model thought: something it said or called."""
    if item is None:
        return False
    return item.get("role", "assistant") == "assistant" and not str(item.get("type")).endswith(
        "_output"
    )


def _pair_refusal(items: list[Item], pairs: Mapping[str, str]) -> Refusal | None:
    """Refuse a call of ours that comes back without the reasoning before it."""
    thoughts = {item.get("id") for item in items if item.get("type") == "reasoning"}
    for item in items:
        needed = pairs.get(str(item.get("id")))
        if needed is not None and needed not in thoughts:
            text = (
                f"Item '{item.get('id')}' of type 'function_call' was provided without its"
                f" required 'reasoning' item: '{needed}'."
            )
            return Refusal(400, text, param="input")
    return None


def _results_refusal(question: Question) -> Refusal | None:
    """Refuse results without calls, and calls without results."""
    called: dict[Any, None] = {}
    for message in question.messages:
        for call in message.get("tool_calls") or ():
            called[call.get("id")] = None
        if message.get("role") != "tool":
            continue
        name = message.get("tool_call_id")
        if name not in called:
            text = f"No tool call found for function call output with call_id {name}."
            return Refusal(400, text, param="input")
        called.pop(name)
    if called:
        text = f"No tool output found for function call {next(iter(called))}."
        return Refusal(400, text, param="input")
    return None


def _size_refusal(question: Question) -> Refusal | None:
    if len(question.prompt) <= question.context:
        return None
    text = (
        "Your input exceeds the context window of this model. Please adjust your input and try"
        " again."
    )
    return Refusal(400, text, param="input", code="context_length_exceeded")
