"""What the manners of the reference server share: tokens, made-up logprobs, ids that repeat, and the way from a message to a body or a stream.

A manner is how one kind of server puts an answer into JSON: names, order and presence of fields, ids, chunks, errors. What was taken from
captured traffic and what was constructed after documentation or source is said in each manner's own module.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

_TOKENS = re.compile(r"<\|[^|>]{1,40}\|>|</?\w{1,40}>|\s?\w{1,6}|\s|[^\w\s]")
_OTHERS = (" the", " a", ".", "\n", " of", " to", ",", " and", " in", " is", ":", " it", " for", "!", " on", " at", " no", " by", " or", " as")
_BASE62 = string.digits + string.ascii_letters


def tokens(text: str) -> list[str]:
    """The text cut into made-up tokens, nothing lost.

    >>> tokens("Oslo is cold.")
    ['Oslo', ' is', ' cold', '.']
    """
    return _TOKENS.findall(text)


def token_id(token: str) -> int:
    """A made-up id that a token has everywhere."""
    return zlib.crc32(token.encode("utf-8", "surrogatepass")) % 150_000


def prompt_tokens(messages: Sequence[Any]) -> list[str]:
    """The tokens of a history in the manner of ChatML, up to where the answer begins.

    An assistant message is written as the answer was, so the prompt of a turn goes on from the tokens of the turn before, unless the client
    changed or left out something of it (its reasoning, for example): as with a real server.
    """
    found: list[str] = []
    for message in messages:
        given: Mapping[str, Any] = message if isinstance(message, dict) else {}
        role = str(given.get("role"))
        said = answer_tokens(given) if role == "assistant" else [*tokens(_text(given.get("content"))), "<|im_end|>"]
        found += ["<|im_start|>", *tokens(role), "\n", *said, "\n"]
    return [*found, "<|im_start|>", *tokens("assistant"), "\n"]


def answer_tokens(message: Mapping[str, Any]) -> list[str]:
    """The tokens a model would have written for this message."""
    return [token for step in steps(message) for token in step.tokens]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Step:
    """One piece of an answer as it is generated."""

    kind: str
    """`reasoning`, `content`, `refusal`, `call` (a call begins), `arguments` (it goes on), `other` (fields sent as they are), `silent`."""
    value: Any = None
    position: int = 0
    """Which call it belongs to."""
    tokens: tuple[str, ...] = ()


def steps(message: Mapping[str, Any]) -> Iterator[Step]:
    """A message as the pieces a stream sends it in; what has no pieces (arguments as an object, a call that is none) is one step."""
    reasoning, content = message.get("reasoning", message.get("reasoning_content")), message.get("content")
    if isinstance(reasoning, str) and reasoning:
        yield Step("silent", tokens=("<think>",))
        yield from (Step("reasoning", token, tokens=(token,)) for token in tokens(reasoning))
        yield Step("silent", tokens=("</think>",))
    elif reasoning:
        yield Step("reasoning", reasoning, tokens=tuple(tokens(_text(reasoning))))
    if isinstance(content, str):
        yield from (Step("content", token, tokens=(token,)) for token in tokens(content))
    elif content is not None:
        yield Step("content", content, tokens=tuple(tokens(_text(content))))
    if isinstance(message.get("refusal"), str):
        yield from (Step("refusal", token, tokens=(token,)) for token in tokens(message["refusal"]))
    listed = message.get("tool_calls")
    if isinstance(listed, list):
        for position, entry in enumerate(listed):
            yield from _call_steps(entry, position)
    elif listed is not None:
        yield Step("other", {"tool_calls": listed})
    others = {key: message[key] for key in message if key not in _KNOWN and message[key] is not None}
    if others:
        yield Step("other", others)
    yield Step("silent", tokens=("<|im_end|>",))


_KNOWN = frozenset({"role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "annotations", "audio"})


def _call_steps(entry: Any, position: int) -> Iterator[Step]:
    function = entry.get("function") if isinstance(entry, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str) or set(function) != {"name", "arguments"}:
        yield Step("call", entry, position, tuple(tokens(_text(entry))))
        return
    opening = ["<tool_call>", "\n", *tokens(f'{{"name": "{function["name"]}", "arguments": ')]
    begun = {**entry, "function": {"name": function["name"]}}
    yield Step("call", begun, position, tuple(opening))
    yield from (Step("arguments", token, position, (token,)) for token in tokens(function["arguments"]) or [""])
    yield Step("silent", position=position, tokens=("}", "\n", "</tool_call>"))


@dataclass(frozen=True)
class Refusal:
    """A request that is refused; each manner has its own shape for it."""

    status: int
    message: str
    type: str = ""
    """The error's class as the manner names it; "" for the usual one of the status."""
    code: str | None = None
    """OpenAI's word for it."""
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Sent in place of the manner's own shape."""


@dataclass(frozen=True)
class Asking:
    """What an answer is made for."""

    request: Mapping[str, Any]
    model: str
    seed: str
    """The same for the same request asked the same time, so that ids repeat from run to run."""
    prompt: Sequence[str]
    """Its tokens."""
    context: int = 32_768
    """Most tokens of prompt and answer."""
    parser: bool = True
    """The server was started with a tool-call parser."""

    @property
    def created(self) -> int:
        """Unix time in seconds, made up and always the same."""
        return 1_767_225_600

    @property
    def named(self) -> bool:
        """Whether one tool was asked for by its name."""
        return isinstance(self.request.get("tool_choice"), dict)

    @property
    def forced(self) -> bool:
        return self.named or self.request.get("tool_choice") == "required"

    @property
    def choices(self) -> int:
        n = self.request.get("n")
        return n if isinstance(n, int) and 0 < n <= 64 else 1

    @property
    def include_usage(self) -> bool:
        options = self.request.get("stream_options")
        return bool(isinstance(options, dict) and options.get("include_usage"))

    def hex(self, what: str, length: int) -> str:
        """Hexadecimal digits that repeat from run to run."""
        return hashlib.sha256(f"{self.seed}:{what}".encode()).hexdigest()[:length]

    def base62(self, what: str, length: int) -> str:
        """Letters and digits that repeat from run to run."""
        return "".join(_BASE62[byte % 62] for byte in hashlib.sha512(f"{self.seed}:{what}".encode()).digest()[:length])

    def logprobs(self, said: Sequence[str], order: Sequence[str] = ("token", "logprob", "bytes")) -> list[dict[str, Any]] | None:
        """Made-up logprobs of these tokens; None where none were asked for."""
        if not self.request.get("logprobs"):
            return None
        top = self.request.get("top_logprobs")
        wanted = min(top, len(_OTHERS)) if isinstance(top, int) else 0
        return [_logprob(token, wanted, order) for token in said]

    def token_ids(self, said: Sequence[str]) -> list[int] | None:
        """The ids of these tokens; None where they were not asked for."""
        return [token_id(token) for token in said] if self.request.get("return_token_ids") else None


def _logprob(token: str, wanted: int, order: Sequence[str]) -> dict[str, Any]:
    own = -(token_id(token) % 1000) / 10_000
    ranked = [(token, own), *((other, own - 3.0 - rank) for rank, other in enumerate(o for o in _OTHERS if o != token))][:wanted]
    return {**_entry(token, own, order), "top_logprobs": [_entry(other, value, order) for other, value in ranked]}


def _entry(token: str, logprob: float, order: Sequence[str]) -> dict[str, Any]:
    said = {"token": token, "logprob": round(logprob, 4), "bytes": list(token.encode("utf-8", "surrogatepass"))}
    return {key: said[key] for key in order}


class Manner:
    """How one kind of server puts answers and errors into JSON; the base of the three there are."""

    name: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every answer."""
    writes_calls_as_text = True
    """Calls stand in the content where no parser reads them."""
    cut_in_last_piece = False
    """An answer that is cut has its finish reason on the last piece, not on a chunk of its own."""
    bare_delta = True
    """A stream's pieces without content are sent where logprobs or token ids come with them."""

    def answer_id(self, asking: Asking) -> str:
        """The id of an answer."""
        raise NotImplementedError

    def call_id(self, asking: Asking, position: int) -> str:
        """The id of a call."""
        raise NotImplementedError

    def finish(self, finish: Any, asking: Asking) -> Any:
        """The finish reason as this server says it."""
        return "stop" if finish == "tool_calls" and asking.named else finish

    def body(self, draft: Mapping[str, Any], asking: Asking) -> dict[str, Any]:
        """A block answer."""
        raise NotImplementedError

    def chunks(self, draft: Mapping[str, Any], asking: Asking) -> list[Any]:
        """A streamed answer: the data of its events in order, the last one `[DONE]`."""
        found = [self.opening(draft, asking, index) for index in range(asking.choices)]
        for index in range(asking.choices):
            found += self._deltas(draft, asking, index)
        if asking.include_usage:
            found.append(self.usage_chunk(draft, asking))
        return [*(chunk for chunk in found if chunk), "[DONE]"]

    def _deltas(self, draft: Mapping[str, Any], asking: Asking, index: int) -> Iterator[dict[str, Any]]:
        *pieces, last = steps(draft["message"])
        asked = asking.request.get("logprobs") or asking.request.get("return_token_ids")
        placed = [(self.delta(step, asking, index), step.tokens) for step in pieces]
        sent = [(delta, said) for delta, said in placed if delta or (asked and self.bare_delta)]
        finish = self.finish(draft.get("finish_reason"), asking)
        merged = sent.pop() if sent and finish == "length" and self.cut_in_last_piece else None
        for delta, said in sent:
            yield self.chunk(delta, asking, index, said)
        yield self.chunk(merged[0], asking, index, merged[1], finish) if merged else self.finish_chunk(draft, asking, index, last.tokens)

    def opening(self, draft: Mapping[str, Any], asking: Asking, index: int) -> dict[str, Any] | None:
        """The chunk with the role; None where the first piece carries it."""
        raise NotImplementedError

    def delta(self, step: Step, asking: Asking, index: int) -> dict[str, Any]:
        """What one step adds; empty where the server sends nothing for it."""
        raise NotImplementedError

    def chunk(self, delta: dict[str, Any], asking: Asking, index: int, said: Sequence[str], finish: Any = None) -> dict[str, Any]:
        """One chunk around a delta."""
        raise NotImplementedError

    def finish_chunk(self, draft: Mapping[str, Any], asking: Asking, index: int, said: Sequence[str]) -> dict[str, Any]:
        """The chunk with the finish reason."""
        return self.chunk({}, asking, index, said, self.finish(draft.get("finish_reason"), asking))

    def usage(self, draft: Mapping[str, Any], asking: Asking, *, stream: bool) -> dict[str, Any]:
        """The token counts."""
        raise NotImplementedError

    def usage_chunk(self, draft: Mapping[str, Any], asking: Asking) -> dict[str, Any]:
        """The chunk with the token counts and no choice."""
        raise NotImplementedError

    def error(self, refusal: Refusal) -> Any:
        """The body of a refused request."""
        raise NotImplementedError

    def refuses(self, asking: Asking, models: Sequence[str] | None) -> Refusal | None:
        """Why this server would not take the request; None where it would.

        Args:
            models: the names it serves; None for any.
        """
        raise NotImplementedError

    def unauthorized(self, sent: str | None) -> Refusal:
        """The refusal of a wrong key, or of none."""
        raise NotImplementedError

    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        """What a GET on this path answers; None where there is nothing."""
        raise NotImplementedError

    def unknown_path(self, method: str, path: str) -> Refusal:
        """The refusal of a path that is not there."""
        return Refusal(404, "Not Found", body={"detail": "Not Found"})

    def malformed(self, position: int) -> Refusal:
        """The refusal of a body that is not JSON, by where it ceases to be."""
        raise NotImplementedError

    def block_text(self, data: Any) -> str:
        """A whole body as text."""
        return self.dumps(data)

    def dumps(self, data: Any) -> str:
        """JSON on one line."""
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return text if _encodable(text) else json.dumps(data, separators=(",", ":"))

    def counts(self, draft: Mapping[str, Any], asking: Asking) -> tuple[int, int, int]:
        """Tokens of the prompt, of the answers, and of the reasoning in them."""
        reasoning = draft["message"].get("reasoning")
        thought = len(tokens(reasoning)) if isinstance(reasoning, str) else 0
        return len(asking.prompt), asking.choices * len(answer_tokens(draft["message"])), asking.choices * thought


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_content(draft: Mapping[str, Any]) -> bool:
    """Whether the message holds calls and no text."""
    message = draft["message"]
    return bool(message.get("tool_calls")) and message.get("content") is None


def tools_named(request: Mapping[str, Any]) -> set[str]:
    """The names of the tools a request offers."""
    listed = request.get("tools")
    entries = [tool.get("function") for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []
    return {str(entry.get("name")) for entry in entries if isinstance(entry, dict)}


def named_choice(request: Mapping[str, Any]) -> str | None:
    """The one tool that is asked for by name."""
    choice = request.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    return str(function.get("name")) if isinstance(function, dict) else None


def output_limit(request: Mapping[str, Any]) -> int | None:
    """The most tokens the answer may have, where the request says it."""
    given = request.get("max_completion_tokens") or request.get("max_tokens")
    return given if isinstance(given, int) else None
