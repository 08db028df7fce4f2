"""How vLLM 0.32 writes Messages, captured: fields and their order, ids of chat completions, a
signature of 32 hexadecimal digits that nobody checks, thinking that begins without one, no ping, no
cache counts, one empty text where nothing was generated (a stream then has no block), a text of two
line breaks between thinking and call that only streams have, errors in two envelopes. Constructed:
all values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.forms.messages.messages_form import Block, MessagesForm
from agentkit.testing.server.forms.responses.vllm_responses import BETWEEN, bounds
from agentkit.testing.server.question import Question

_TYPES = {404: "NotFoundError", 429: "RateLimitError", 401: "AuthenticationError"}


class VLLMMessages(MessagesForm):
    """The Messages of `vllm serve`."""

    def answer_id(self, question: Question) -> str:
        return f"chatcmpl-{question.hex('answer', 16)}"

    def signature(self, text: str, question: Question) -> str:
        return question.hex("signature", 32)

    def envelope(self, question: Question, content: list[Block], stop: Any, usage: Block) -> Block:
        return {
            "id": self.answer_id(question),
            "type": "message",
            "role": "assistant",
            "content": content or [{"type": "text", "text": ""}],
            "model": question.model,
            "stop_reason": stop,
            "usage": usage,
        }

    def usage(self, draft: Mapping[str, Any], question: Question) -> Block:
        prompt, written, _ = self.counts(draft, question)
        return {"input_tokens": prompt, "output_tokens": written}

    def opening(self, draft: Mapping[str, Any], question: Question) -> Block:
        usage = {"input_tokens": len(question.prompt), "output_tokens": 0}
        whole = self.envelope(question, [], None, usage)
        del whole["usage"]
        return {**whole, "content": [], "stop_sequence": None, "usage": usage}

    def streamed(self, draft: Mapping[str, Any], question: Question) -> list[Block]:
        found = self.blocks(draft, question)
        kinds = [block.get("type") for block in found[:2]]
        if kinds == ["thinking", "tool_use"] and not question.forced:
            found.insert(1, {"type": "text", "text": BETWEEN})
        return found

    def started(self, index: int, block: Block) -> Block:
        begun = {key: value for key, value in block.items() if key != "signature"}
        return {"type": "content_block_start", "content_block": begun, "index": index}

    def grown(self, index: int, delta: Block) -> Block:
        return {"type": "content_block_delta", "delta": delta, "index": index}

    def counted(self, size: int) -> Block:
        return {"input_tokens": size, "context_management": {"original_input_tokens": size}}

    def error(self, refusal: Refusal) -> Any:
        if refusal.type == "Bad Request":  # faults found before vLLM knows the dialect
            assert self._chat is not None
            return self._chat.error(refusal)
        usual = "InternalServerError" if refusal.status >= 500 else "BadRequestError"
        kind = refusal.type or _TYPES.get(refusal.status, usual)
        return {"type": "error", "error": {"type": kind, "message": refusal.message}}

    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        native, model = question.native, question.request.get("model")
        asked = ("model", "messages", *(() if question.counting else ("max_tokens",)))
        missing = [f"body.{name}" for name in asked if name not in native]
        tools = native.get("tools")
        for index, tool in enumerate(tools if isinstance(tools, list) else ()):
            if isinstance(tool, dict) and "input_schema" not in tool:
                missing.append(f"body.tools.{index}.input_schema")
        if missing:
            return _invalid(missing, len(native))
        if models is not None and model not in models:
            text = f"The model `{model}` does not exist. Valid aliases: {', '.join(models)}."
            return Refusal(404, text)
        if not question.parser and tools and question.request.get("tool_choice") != "none":
            return Refusal(
                400,
                '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to'
                " be set",
            )
        return bounds(question)


def _invalid(missing: list[str], count: int) -> Refusal:
    lines = [
        f"\n  {{'type': 'missing', 'loc': '{name}', 'msg': 'Field required', 'input': '<dict of"
        f" {2 if '.tools.' in name else count} items>'}}"
        for name in missing
    ]
    text = f"{len(missing)} validation error{'s' if len(missing) > 1 else ''}:{''.join(lines)}"
    return Refusal(400, text, type="Bad Request", param=missing[0])
