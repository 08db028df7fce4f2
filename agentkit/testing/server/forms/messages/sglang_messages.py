"""How SGLang writes Messages, constructed after its source
(`python/sglang/srt/entrypoints/anthropic/serving.py`): `msg_` and 32 hexadecimal digits, null
fields left out, the signature `dummy-signature`, thinking that only blocks have, a stream that
begins with zero counts, arguments that are no JSON as an empty object. Nothing here was captured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.forms.messages.messages_form import Block, MessagesForm
from agentkit.testing.server.question import Question

_TYPES = {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error"}
_NONE = {"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0}


class SGLangMessages(MessagesForm):
    """The Messages of `sglang.launch_server`."""

    def answer_id(self, question: Question) -> str:
        return f"msg_{question.hex('answer', 32)}"

    def signature(self, text: str, question: Question) -> str:
        return "dummy-signature"

    def envelope(self, question: Question, content: list[Block], stop: Any, usage: Block) -> Block:
        whole = {
            "id": self.answer_id(question),
            "type": "message",
            "role": "assistant",
            "content": content,
            "model": question.model,
        }
        return {**whole, **({} if stop is None else {"stop_reason": stop}), "usage": usage}

    def usage(self, draft: Mapping[str, Any], question: Question) -> Block:
        prompt, written, _ = self.counts(draft, question)
        return {"input_tokens": prompt, "output_tokens": written, "cache_read_input_tokens": 0}

    def opening(self, draft: Mapping[str, Any], question: Question) -> Block:
        return self.envelope(question, [], None, dict(_NONE))

    def streamed(self, draft: Mapping[str, Any], question: Question) -> list[Block]:
        found = self.blocks(draft, question)
        if draft.get("shows_reasoning"):
            return found
        return [block for block in found if block.get("type") != "thinking"]

    def ending(self, stop: Any, usage: Any) -> Block:
        return {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage}

    def error(self, refusal: Refusal) -> Any:
        usual = "internal_error" if refusal.status >= 500 else "invalid_request_error"
        kind = refusal.type or _TYPES.get(refusal.status, usual)
        return {"type": "error", "error": {"type": kind, "message": refusal.message}}

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        assert self._chat is not None
        if "max_tokens" not in question.native and not question.counting:
            text = (
                "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'max_tokens'), 'msg':"
                " 'Field required'}"
            )
            return Refusal(400, text)
        return self._chat.refuses(question, models)
