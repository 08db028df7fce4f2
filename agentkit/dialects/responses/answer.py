"""A Responses body, taken apart: texts, reasoning, calls, and what the server did by itself."""

from __future__ import annotations

import sys
from typing import Any

from agentkit.dialects.parts import Ending, Parts
from agentkit.dialects.responses.items.item_kinds import PARTS, STEPS, call_part, dicts, is_call
from agentkit.types.answer import ReasoningBlock, ServerStep
from agentkit.types.problem import problem
from agentkit.types.sequences.token_ids import TokenIds
from agentkit.types.wire import TokenLogprob, Usage

_ENDINGS: dict[str | None, Ending] = {
    "completed": "natural",
    "complete": "natural",
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "filter",
    "failed": "broken",
    "cancelled": "broken",
    "queued": "going",
    "in_progress": "going",
}
_MOST_UNKNOWN = 20
"""Items and parts of unknown types are reported one by one up to this many."""


def is_body(data: dict[str, Any]) -> bool:
    """Tell whether a body is a Responses answer: it says so, or has its `output` and `status`."""
    if data.get("object") == "response":
        return True
    return isinstance(data.get("output"), list) and "status" in data


def read(body: dict[str, Any]) -> Parts:
    """Take a body apart; never raises.

    `content` is what the SDK's `output_text` gives: every `output_text` of every message, joined
    with nothing between. A call that is no function (`computer_call`, `shell_call`,
    `local_shell_call`, `apply_patch_call`, a `tool_search_call` for the client) is a call with its
    action as arguments, named `computer`, `shell`, …: it runs where a tool of that name was given,
    and else is answered as one that nobody has. An `mcp_approval_request` is a call under the name
    of the tool that the server wants to run. What the server has done itself is a step, and so is
    an item of a type that nobody knows.
    """
    output = body.get("output")
    parts = _Reader(output if isinstance(output, list) else []).parts
    parts.model, parts.id = _text(body.get("model")), _text(body.get("id"))
    if not isinstance(output, list):
        parts.problems.append(
            problem("message_missing", "the answer has no `output`", pointer="/output")
        )
    parts.finish, parts.finish_pointer = finish_of(body)
    incomplete = body.get("status") == "incomplete"
    parts.ending = _ENDINGS.get(parts.finish, "broken" if incomplete else None)
    parts.usage = read_usage(body.get("usage"))
    parts.token_ids = read_ids(body, "token_ids", "output_messages")
    parts.prompt_token_ids = read_ids(body, "prompt_token_ids", "input_messages")
    parts.error = body.get("error")
    return parts


def cited(item: dict[str, Any]) -> list[dict[str, Any]]:
    """List what the text of a message cites: the annotations of its parts."""
    parts = dicts(item.get("content"))
    return [each for part in parts for each in dicts(part.get("annotations"))]


def finish_of(body: dict[str, Any]) -> tuple[str | None, str]:
    """Read why the answer ended: its status, or the reason why it is incomplete; and where that
    stands.
    """
    details, status = body.get("incomplete_details"), _text(body.get("status"))
    reason = _text(details.get("reason")) if isinstance(details, dict) else None
    if status == "incomplete" and reason:
        return reason, "/incomplete_details/reason"
    return status, "/status"


class _Reader:
    """Takes the output items one by one."""

    def __init__(self, items: list[Any]) -> None:
        self.parts = Parts(items=tuple(items))
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._unknown = 0
        for index, item in enumerate(items):
            self._take(item, f"/output/{index}")
        self.parts.content = "".join(self._texts) if self._texts else None
        self.parts.refusal = "".join(self._refusals) if self._refusals else None
        self.parts.logprobs = tuple(self._logprobs)

    def _take(self, item: Any, pointer: str) -> None:
        """Take one output item, by its type."""
        if not isinstance(item, dict):
            self._unknown_thing("an output item is no object", pointer, item)
            self.parts.steps.append(ServerStep(kind="unknown", name="unknown", raw=item))
            return
        kind = item.get("type")
        if kind == "message":
            self._message(item, pointer)
        elif kind == "reasoning":
            self._reasoning(item, pointer)
        elif is_call(item):
            self.parts.calls.append(call_part(item, pointer))
        else:
            if not isinstance(kind, str) or kind not in STEPS:
                text = f"no output item of the type {kind!r} is known"[:200]
                self._unknown_thing(text, f"{pointer}/type", kind)
            self.parts.steps.append(_step(item))

    def _message(self, item: dict[str, Any], pointer: str) -> None:
        content, at = item.get("content"), f"{pointer}/content"
        if isinstance(content, str):  # as an input message may have it
            content = [{"type": "output_text", "text": content}]
        for index, part in enumerate(content if isinstance(content, list) else ()):
            kind = part.get("type") if isinstance(part, dict) else None
            if kind == "output_text":
                if isinstance(part.get("text"), str):
                    self._texts.append(part["text"])
                    self.parts.content_pointer = self.parts.content_pointer or at
                self._logprobs += read_logprobs(part.get("logprobs"))
            elif kind == "refusal":
                self._refusals.append(_text(part.get("refusal")) or "")
            else:
                self._unknown_part(part, f"{at}/{index}")

    def _reasoning(self, item: dict[str, Any], pointer: str) -> None:
        """Read the pieces of a reasoning item; where it is encrypted, the item itself is kept on a
        block of its own.
        """
        found = self.parts.reasoning
        for kind, name in (("summary", "summary"), ("text", "content")):
            listed = item.get(name)
            if isinstance(listed, str):
                listed = [{"type": f"{kind}_text", "text": listed}]
            for index, part in enumerate(listed if isinstance(listed, list) else ()):
                if not isinstance(part, dict) or str(part.get("type", "summary_text")) not in PARTS:
                    self._unknown_part(part, f"{pointer}/{name}/{index}")
                text = _text(part.get("text")) if isinstance(part, dict) else None
                if text is not None:
                    block = ReasoningBlock(source="responses:reasoning", kind=kind, text=text)
                    found.append(block)
        if item.get("encrypted_content"):
            block = ReasoningBlock(source="responses:reasoning", kind="encrypted", raw=item)
            found.append(block)

    def _unknown_part(self, part: Any, pointer: str) -> None:
        kind = part.get("type") if isinstance(part, dict) else None
        self._unknown_thing(f"no part of the type {kind!r} is known"[:200], pointer, part)

    def _unknown_thing(self, message: str, pointer: str, found: Any) -> None:
        self._unknown += 1
        if self._unknown <= _MOST_UNKNOWN:
            text = f"{message}; it is kept as it came"
            self.parts.problems.append(problem("item_unknown", text, pointer=pointer, before=found))


def _step(item: dict[str, Any]) -> ServerStep:
    kind = str(item.get("type"))
    return ServerStep(
        kind=kind,
        name=_text(item.get("name")) or kind.removesuffix("_call"),
        id=_text(item.get("id")) or _text(item.get("call_id")),
        status=_text(item.get("status")),
        raw=item,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def read_usage(raw: Any) -> Usage | None:
    """Read token counts, under the names of Chat Completions too, as gateways write them; None
    where there are none.
    """
    if not isinstance(raw, dict) or not raw:
        return None
    chat = "input_tokens" not in raw and "prompt_tokens" in raw
    asked, said = ("prompt", "completion") if chat else ("input", "output")
    read, written = raw.get(f"{asked}_tokens_details"), raw.get(f"{said}_tokens_details")
    return Usage(
        input_tokens=_count(raw, f"{asked}_tokens"),
        output_tokens=_count(raw, f"{said}_tokens"),
        reasoning_tokens=_count(written, "reasoning_tokens"),
        cached_tokens=_count(read, "cached_tokens"),
        raw={sys.intern(key) if type(key) is str else key: value for key, value in raw.items()},
    )


def read_logprobs(listed: Any) -> list[TokenLogprob]:
    """Read the `logprobs` of a text; an entry that is no object is left out."""
    return [
        TokenLogprob(
            token=str(entry.get("token", "")),
            logprob=_number(entry.get("logprob")),
            token_id=entry["token_id"] if type(entry.get("token_id")) is int else None,
            top=tuple(
                (str(top.get("token", "")), _number(top.get("logprob")))
                for top in dicts(entry.get("top_logprobs"))
            ),
        )
        for entry in dicts(listed)
    ]


def read_ids(body: dict[str, Any], name: str, messages: str) -> TokenIds | tuple[()]:
    """Read token ids: under their name, or those that vLLM hangs on its own copies of the messages
    (`enable_response_messages`; `tokens` of `vllm.entrypoints.openai.responses.protocol`).

    Args:
        body: the body.
        name: what the list is called.
        messages: the field with vLLM's copies.
    """
    found = body.get(name)
    if not isinstance(found, list):
        found = [
            token
            for message in dicts(body.get(messages))
            if isinstance(message.get("tokens"), list)
            for token in message["tokens"]
        ]
    if not found or not all(type(token) is int and abs(token) < 2**62 for token in found):
        return ()
    return TokenIds(found)


def _count(holder: Any, name: str) -> int | None:
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        return float("nan")
    return float(value)
