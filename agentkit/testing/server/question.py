"""What an answer is made for: the request, and what is derived from it."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit.testing.server.pieces import token_id
from agentkit.types.answer import Dialect

_OTHERS = (
    " the",
    " a",
    ".",
    "\n",
    " of",
    " to",
    ",",
    " and",
    " in",
    " is",
    ":",
    " it",
    " for",
    "!",
    " on",
    " at",
    " no",
    " by",
    " or",
    " as",
)
_BASE62 = string.digits + string.ascii_letters


@dataclass(frozen=True)
class Question:
    """What an answer is made for."""

    request: Mapping[str, Any]
    """In the form of chat completions, whatever dialect it came in."""
    model: str
    seed: str
    """The same for the same request asked the same time, so that ids repeat from run to run."""
    prompt: Sequence[str]
    """Its tokens."""
    context: int = 32_768
    """Most tokens of prompt and answer."""
    parser: bool = True
    """The server was started with a tool-call parser."""
    seconds: float = 1.0
    """How long what is slow takes."""
    dialect: Dialect = "chat"
    native: Mapping[str, Any] = field(default_factory=dict)
    """The request as it came, in another dialect than chat completions."""
    counting: bool = False
    """Only the tokens of the request are asked for."""

    @property
    def created(self) -> int:
        """Unix time in seconds, made up and always the same."""
        return 1_767_225_600

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the request, without entries that are none."""
        listed = self.request.get("messages")
        return (
            [message for message in listed if isinstance(message, dict)]
            if isinstance(listed, list)
            else []
        )

    @property
    def turn(self) -> int:
        """Which answer of the conversation this will be, counting from 0."""
        return sum(message.get("role") == "assistant" for message in self.messages)

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
        """Make up hexadecimal digits that repeat from run to run."""
        return hashlib.sha256(f"{self.seed}:{what}".encode()).hexdigest()[:length]

    def share(self, what: str) -> float:
        """Draw a number from 0 up to 1 that repeats from run to run."""
        return int(self.hex(what, 12), 16) / 16**12

    def base62(self, what: str, length: int) -> str:
        """Make up letters and digits that repeat from run to run."""
        return "".join(
            _BASE62[byte % 62]
            for byte in hashlib.sha512(f"{self.seed}:{what}".encode()).digest()[:length]
        )

    def logprobs(
        self, written: Sequence[str], order: Sequence[str] = ("token", "logprob", "bytes")
    ) -> list[dict[str, Any]] | None:
        """Make up logprobs of these tokens; None where none were asked for."""
        if not self.request.get("logprobs"):
            return None
        top = self.request.get("top_logprobs")
        wanted = min(top, len(_OTHERS)) if isinstance(top, int) else 0
        return [_logprob(token, wanted, order) for token in written]

    def token_ids(self, written: Sequence[str]) -> list[int] | None:
        """Give the ids of these tokens; None where they were not asked for."""
        return (
            [token_id(token) for token in written] if self.request.get("return_token_ids") else None
        )


def _logprob(token: str, wanted: int, order: Sequence[str]) -> dict[str, Any]:
    own = -(token_id(token) % 1000) / 10_000
    ranked = [
        (token, own),
        *((other, own - 3.0 - rank) for rank, other in enumerate(o for o in _OTHERS if o != token)),
    ][:wanted]
    return {
        **_entry(token, own, order),
        "top_logprobs": [_entry(other, value, order) for other, value in ranked],
    }


def _entry(token: str, logprob: float, order: Sequence[str]) -> dict[str, Any]:
    entry = {
        "token": token,
        "logprob": round(logprob, 4),
        "bytes": list(token.encode("utf-8", "surrogatepass")),
    }
    return {key: entry[key] for key in order}


def tools_named(request: Mapping[str, Any]) -> set[str]:
    """Give the names of the tools a request offers."""
    listed = request.get("tools")
    entries = (
        [tool.get("function") for tool in listed if isinstance(tool, dict)]
        if isinstance(listed, list)
        else []
    )
    return {str(entry.get("name")) for entry in entries if isinstance(entry, dict)}


def named_choice(request: Mapping[str, Any]) -> str | None:
    """Give the one tool that is asked for by name."""
    choice = request.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    return str(function.get("name")) if isinstance(function, dict) else None


def output_limit(request: Mapping[str, Any]) -> int | None:
    """Give the most tokens the answer may have, where the request limits them."""
    given = request.get("max_completion_tokens") or request.get("max_tokens")
    return given if isinstance(given, int) else None
