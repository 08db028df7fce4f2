"""How Anthropic writes Messages, after recorded answers of api.anthropic.com: names and order of
fields, ids, a ping after the first event of a block, an empty first piece of arguments, a signature
as the last delta of thinking, cache counts beside the input, `request_id` in errors. Thinking is
shown only where the request asks for it. Constructed: all values, and the wording of refusals that
users of it have published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import Lost
from agentkit.testing.server.forms.messages.block_rules import block_refusal
from agentkit.testing.server.forms.messages.messages_form import Block, MessagesForm
from agentkit.testing.server.forms.opaque import opaque, sound
from agentkit.testing.server.question import Question

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}
_REQUEST = "req_011CSHoEeqs5C35K2UUqR7Fy"
_NO_CACHE = {
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
}


class AnthropicMessages(MessagesForm):
    """The Messages of api.anthropic.com."""

    headers = MappingProxyType(
        {
            "request-id": _REQUEST,
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-organization-id": "00000000-0000-0000-0000-000000000000",
        }
    )
    writes_calls_as_text = False

    def __init__(self) -> None:
        super().__init__()
        self._thought: set[Any] = set()
        """The calls that were made after thinking, by their ids."""

    def answered(self, draft: Mapping[str, Any], question: Question, lost: Lost = "") -> None:
        blocks = self.blocks(draft, question)
        if any(block["type"] == "thinking" for block in blocks):
            self._thought |= {str(block.get("id")) for block in blocks}

    def answer_id(self, question: Question) -> str:
        return f"msg_01{question.base62('answer', 22)}"

    def call_id(self, question: Question, position: int) -> str:
        return f"toolu_01{question.base62(f'call{position}', 22)}"

    def signature(self, text: str, question: Question) -> str:
        return opaque(text, f"Eq{mark(text)}", 320)

    def blocks(self, draft: Mapping[str, Any], question: Question) -> list[Block]:
        found = super().blocks(draft, question)
        asked = question.native.get("thinking")
        wanted = isinstance(asked, dict) and asked.get("type") != "disabled"
        if wanted or draft.get("shows_reasoning") or draft.get("native"):
            return found
        return [block for block in found if block["type"] != "thinking"]

    def envelope(self, question: Question, content: list[Block], stop: Any, usage: Block) -> Block:
        return {
            "model": question.model,
            "id": self.answer_id(question),
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }

    def usage(self, draft: Mapping[str, Any], question: Question) -> Block:
        prompt, written, _ = self.counts(draft, question)
        counted = {"input_tokens": prompt, **_NO_CACHE, "output_tokens": written}
        return {**counted, "service_tier": "standard"}

    def opening(self, draft: Mapping[str, Any], question: Question) -> Block:
        usage = {**self.usage(draft, question), "output_tokens": 1}
        return self.envelope(question, [], None, usage)

    def ending(self, stop: Any, usage: Any) -> Block:
        hidden = ("cache_creation", "service_tier")
        kept = {key: value for key, value in usage.items() if key not in hidden}
        return super().ending(stop, kept)

    def events(self, draft: Mapping[str, Any], question: Question) -> Iterator[Block]:
        pinged = False
        for event in super().events(draft, question):
            yield event
            if not pinged and event["type"] == "content_block_start":
                pinged = True
                yield {"type": "ping"}

    def deltas(self, block: Block) -> Iterator[Block]:
        if block["type"] == "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
        yield from super().deltas(block)

    def error(self, refusal: Refusal) -> Any:
        usual = _TYPES.get(refusal.status, "api_error")
        kind = refusal.type if refusal.type.endswith("_error") else usual
        error = {"type": kind, "message": refusal.message}
        return {"type": "error", "error": error, "request_id": _REQUEST}

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        native, model = question.native, question.request.get("model")
        counting = question.counting
        for name in ("model", "messages", *(() if counting else ("max_tokens",))):
            if name not in native:
                return Refusal(400, f"{name}: Field required")
        if models is not None and model not in models:
            return Refusal(404, f"model: {model}")
        if refusal := block_refusal(native, _signed, self._thought):
            return refusal
        if len(question.prompt) > question.context:
            size = len(question.prompt)
            text = f"prompt is too long: {size} tokens > {question.context} maximum"
            return Refusal(400, text)
        return None


def mark(text: str) -> str:
    """Give the part of a signature that follows from what is signed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]


def _signed(block: Mapping[str, Any]) -> str:
    """Tell what is wrong with the signature of thinking: "" nothing, "foreign" it is none of ours,
    "changed" it signs another text.
    """
    if not sound(block.get("signature"), "Eq"):
        return "foreign"
    text = str(block.get("thinking") or "")
    return "" if block["signature"].startswith(f"Eq{mark(text)}") else "changed"
