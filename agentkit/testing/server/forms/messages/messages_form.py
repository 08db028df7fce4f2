"""What the servers share in Anthropic's Messages API: from a draft to content blocks, to a body, to
the events of a stream.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.dialects.messages.request_in import chat_request
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.pieces import answer_tokens, tokens
from agentkit.testing.server.question import Question

STOPS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
"""The stop reason by the finish reason of a script; others stay as they are."""
Block = dict[str, Any]
_GROWING = {
    "thinking": ("thinking", "thinking_delta"),
    "text": ("text", "text_delta"),
    "tool_use": ("input", "input_json_delta"),
}


class MessagesForm(DialectForm):
    """How one kind of server writes Messages."""

    dialect = "messages"
    path = "/v1/messages"
    shows_thinking = True
    """Whether what a model thought is streamed."""

    def __init__(self, chat: DialectForm | None = None) -> None:
        """Make a form; `chat` is how the same server writes chat completions."""
        self._chat = chat
        if chat is not None:
            self.headers = chat.headers
            self.writes_calls_as_text = chat.writes_calls_as_text

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        return chat_request(request)

    def call_id(self, question: Question, position: int) -> str:
        assert self._chat is not None
        return self._chat.call_id(question, position)

    def error(self, refusal: Refusal) -> Any:
        return {"type": "error", "error": {"type": refusal.type, "message": refusal.message}}

    @abstractmethod
    def answer_id(self, question: Question) -> str:
        """Give the id of an answer."""

    @abstractmethod
    def signature(self, text: str, question: Question) -> str:
        """Sign what a model thought."""

    @abstractmethod
    def envelope(self, question: Question, content: list[Block], stop: Any, usage: Block) -> Block:
        """Write everything around the blocks."""

    @abstractmethod
    def usage(self, draft: Mapping[str, Any], question: Question) -> Block:
        """Give the token counts."""

    @abstractmethod
    def opening(self, draft: Mapping[str, Any], question: Question) -> Block:
        """Give the message with which a stream begins."""

    def stop(self, draft: Mapping[str, Any]) -> Any:
        """Give the stop reason."""
        finish = draft.get("finish_reason")
        return STOPS.get(finish, finish) if isinstance(finish, str) else finish

    def blocks(self, draft: Mapping[str, Any], question: Question) -> list[Block]:
        """Write a draft as content blocks: thinking, text, calls. The arguments of a call are the
        text that the model wrote.
        """
        if draft.get("native") == self.dialect:
            return [dict(block) for block in draft["items"]]
        message, found = draft["message"], list[Block]()
        if isinstance(thought := message.get("reasoning"), str) and thought:
            signature = self.signature(thought, question)
            found.append({"type": "thinking", "thinking": thought, "signature": signature})
        text = message.get("content") or message.get("refusal")
        if isinstance(text, str) and text:
            found.append({"type": "text", "text": text})
        listed = message.get("tool_calls")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict):
                found.append(_called(entry))
        return found

    def body(self, draft: Mapping[str, Any], question: Question) -> Block:
        content = [_whole(block) for block in self.blocks(draft, question)]
        if draft.get("native") == self.dialect:
            return {**draft["body"], "content": content}
        usage = self.usage(draft, question)
        return self.envelope(question, content, self.stop(draft), usage)

    def chunks(self, draft: Mapping[str, Any], question: Question) -> list[Any]:
        return list(self.events(draft, question))

    def events(self, draft: Mapping[str, Any], question: Question) -> Iterator[Block]:
        """Give the events of a stream."""
        yield {"type": "message_start", "message": self.opening(draft, question)}
        for index, block in enumerate(self.streamed(draft, question)):
            yield self.started(index, _begun(block))
            for delta in self.deltas(block):
                yield self.grown(index, delta)
            yield {"type": "content_block_stop", "index": index}
        native = draft["body"] if draft.get("native") == self.dialect else None
        stop = native.get("stop_reason") if native else self.stop(draft)
        usage = native.get("usage") if native else self.usage(draft, question)
        yield self.ending(stop, usage)
        yield {"type": "message_stop"}

    def streamed(self, draft: Mapping[str, Any], question: Question) -> list[Block]:
        """Give the blocks that a stream has."""
        return self.blocks(draft, question)

    def started(self, index: int, block: Block) -> Block:
        """Give the event with which a block begins."""
        return {"type": "content_block_start", "index": index, "content_block": block}

    def grown(self, index: int, delta: Block) -> Block:
        """Give the event with what a block grows by."""
        return {"type": "content_block_delta", "index": index, "delta": delta}

    def deltas(self, block: Block) -> Iterator[Block]:
        """Give what a block grows by."""
        field, kind = _GROWING.get(str(block.get("type")), ("", ""))
        given = block.get(field)
        name = "partial_json" if field == "input" else field
        if field == "input" and not isinstance(given, str):
            given = json.dumps(given, ensure_ascii=False)
        for piece in tokens(given) if isinstance(given, str) else ():
            yield {"type": kind, name: piece}
        if block.get("signature"):
            yield {"type": "signature_delta", "signature": block["signature"]}

    def ending(self, stop: Any, usage: Any) -> Block:
        """Give the event with the stop reason and the token counts."""
        delta = {"stop_reason": stop, "stop_sequence": None}
        return {"type": "message_delta", "delta": delta, "usage": usage}

    def frame(self, data: Any) -> str:
        kind = data.get("type") if isinstance(data, dict) else None
        return f"event: {kind}\n{super().frame(data)}" if kind else super().frame(data)

    def beside(self, method: str, path: str, question: Question | None) -> Any:
        if (method, path) != ("POST", "/count_tokens") or question is None:
            return None
        return self.counted(len(question.prompt))

    def counted(self, size: int) -> Block:
        """Answer how many tokens a request has."""
        return {"input_tokens": size}

    def counts(self, draft: Mapping[str, Any], question: Question) -> tuple[int, int, int]:
        thought = draft["message"].get("reasoning")
        size = len(tokens(thought)) if isinstance(thought, str) else 0
        return len(question.prompt), len(answer_tokens(draft["message"])), size


def _called(entry: Mapping[str, Any]) -> Block:
    function = entry.get("function") or entry.get("custom")
    given = function if isinstance(function, dict) else {}
    block: Block = {"type": "tool_use"}
    for name, source in (("id", entry), ("name", given)):
        if name in source:
            block[name] = source[name]
    return {**block, "input": given.get("arguments", given.get("input"))}


def _whole(block: Block) -> Block:
    """Give a block as it is in a body: the arguments of a call as an object, empty where the text
    is none.
    """
    given = block.get("input")
    if block.get("type") != "tool_use" or not isinstance(given, str):
        return block
    try:
        return {**block, "input": json.loads(given)}
    except ValueError:
        return {**block, "input": {}}


def _begun(block: Block) -> Block:
    """Give a block as it is when it begins."""
    match block.get("type"):
        case "tool_use":
            return {**block, "input": {}}
        case "thinking":
            return {**block, "thinking": "", "signature": ""}
        case "text":
            return {**block, "text": ""}
    return block
