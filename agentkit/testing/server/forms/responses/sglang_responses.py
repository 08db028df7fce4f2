"""How SGLang writes Responses, constructed after its source
(`python/sglang/srt/entrypoints/openai/serving_responses.py`, `protocol.py`): ids of 32 hexadecimal
digits, thoughts as `reasoning_text`, answers kept unless the request says `store: false`, only
their text found again by the next, `response.completed` at the end of every stream. Nothing here
was captured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.forms.responses.responses_form import Item, ResponsesForm
from agentkit.testing.server.question import Question


class SGLangResponses(ResponsesForm):
    """The Responses of `sglang.launch_server`."""

    forgets = "calls"

    def answer_id(self, question: Question) -> str:
        return f"resp_{question.hex('answer', 32)}"

    def item_id(self, question: Question, prefix: str, position: int) -> str:
        return f"{prefix}_{question.hex(f'{prefix}{position}', 32)}"

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
        head = {"id": self.item_id(question, "msg", 0), "content": parts, "role": "assistant"}
        return {**head, "status": "completed", "type": "message"}

    def call(self, fields: Item, item_id: str, kind: str) -> Item:
        return {**fields, "type": kind, "id": item_id, "status": "completed"}

    def envelope(self, question: Question, **filled: Any) -> Item:
        asked = question.native
        return {
            "id": self.answer_id(question),
            "object": "response",
            "created_at": question.created,
            "model": question.model,
            "output": filled["output"],
            "status": filled["status"],
            "usage": filled["usage"],
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "tool_choice": asked.get("tool_choice", "auto"),
            "tools": asked.get("tools") or [],
            "error": None,
            "incomplete_details": filled["incomplete_details"],
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "previous_response_id": asked.get("previous_response_id"),
            "reasoning": asked.get("reasoning"),
            "store": asked.get("store", True),
            "temperature": asked.get("temperature"),
            "text": asked.get("text") or {"format": {"type": "text"}},
            "top_p": asked.get("top_p"),
            "truncation": "disabled",
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

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        native = question.native
        if "input" not in native:
            text = (
                "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'input'), 'msg': 'Field"
                " required'}"
            )
            return Refusal(400, text, type="Bad Request")
        before = native.get("previous_response_id")
        if before is not None and self.previous(native) is None:
            return self.not_found(before)
        return self._chat.refuses(question, models)

    def not_found(self, name: str) -> Refusal:
        if name.startswith("resp_"):
            return super().not_found(name)
        text = f"Invalid 'response_id': '{name}'. Expected an ID that begins with 'resp'."
        return Refusal(400, text, type="invalid_request_error", param="response_id")
