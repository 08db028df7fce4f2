"""What a server needs to write one dialect: its bodies, its streams, its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from agentkit.read.plain import compact_json
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.pieces import answer_tokens, tokens
from agentkit.testing.server.question import Question
from agentkit.types.answer import Dialect

_STREAM = {"content-type": "text/event-stream; charset=utf-8"}
_JSON = {"content-type": "application/json", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}

Lost = Literal["", "calls", "all"]
"""What a server forgets of an answer that it was to keep."""


class DialectForm(ABC):
    """How one kind of server writes one dialect."""

    dialect: ClassVar[Dialect] = "chat"
    path: ClassVar[str] = "/v1/chat/completions"
    headers: Mapping[str, str] = MappingProxyType({})
    """Sent with every answer."""
    writes_calls_as_text: bool = True
    """Calls are text in the content where no parser reads them."""

    def sent_headers(self, *, stream: bool) -> dict[str, str]:
        """Give the headers of an answer."""
        return {**_JSON, **self.headers, **(_STREAM if stream else {})}

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read a request of this dialect as the chat request that asks for the same."""
        return request

    @abstractmethod
    def call_id(self, question: Question, position: int) -> str:
        """Give the id of a call."""

    @abstractmethod
    def body(self, draft: Any, question: Question) -> Any:
        """Make a block answer of a draft."""

    @abstractmethod
    def chunks(self, draft: Any, question: Question) -> list[Any]:
        """Make a streamed answer of a draft: the data of its events in order."""

    @abstractmethod
    def error(self, refusal: Refusal) -> Any:
        """Give the body of a refused request."""

    @abstractmethod
    def refuses(self, question: Question, models: Sequence[str] | None) -> Refusal | None:
        """Give the reason to refuse a request; None where this server would take it.

        Args:
            question: the request.
            models: the names it serves; None for any.
        """

    def beside(self, method: str, path: str, question: Question | None) -> Any:
        """Answer what is asked for beside an answer: a stored one, a count of tokens.

        Args:
            method: as in HTTP.
            path: below that of the dialect, with its slash.
            question: the request that was sent along; None where there was none.

        Returns:
            A body, a refusal, or None where there is nothing.
        """
        return None

    def answered(self, draft: Mapping[str, Any], question: Question, lost: Lost = "") -> None:
        """Take note of an answer that is sent."""
        return

    def frame(self, data: Any) -> str:
        """Write one event of a stream as text."""
        return f"data: {data if isinstance(data, str) else self.dumps(data)}\n\n"

    def block_text(self, data: Any) -> str:
        """Write a whole body as text."""
        return self.dumps(data)

    def dumps(self, data: Any) -> str:
        """Write JSON on one line."""
        return compact_json(data)

    def counts(self, draft: Mapping[str, Any], question: Question) -> tuple[int, int, int]:
        """Count the tokens of the prompt, of the answers, and of the reasoning in them."""
        reasoning = draft["message"].get("reasoning")
        thought = len(tokens(reasoning)) if isinstance(reasoning, str) else 0
        return (
            len(question.prompt),
            question.choices * len(answer_tokens(draft["message"])),
            question.choices * thought,
        )
