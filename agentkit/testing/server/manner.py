"""What the manners of the reference server share: the way from a message to a body or a stream, and
the parts that each manner supplies.

A manner is how one kind of server puts an answer into JSON: names, order and presence of fields,
ids, chunks, errors. Each manner's own module lists what was taken from captured traffic and what
was constructed after documentation or source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from agentkit.read.plain import compact_json
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.pieces import Step, answer_tokens, steps, tokens
from agentkit.testing.server.question import Question

_STREAM = {"content-type": "text/event-stream; charset=utf-8"}
_JSON = {"content-type": "application/json", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}


class Manner(ABC):
    """How one kind of server puts answers and errors into JSON; the base of the three there are."""

    name: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Sent with every answer."""
    writes_calls_as_text = True
    """Calls are text in the content where no parser reads them."""
    cut_in_last_piece = False
    """An answer that is cut has its finish reason on the last piece, not on a chunk of its own."""
    bare_delta = True
    """A stream's pieces without content are sent where logprobs or token ids come with them."""

    def sent_headers(self, *, stream: bool) -> dict[str, str]:
        """Give the headers of an answer."""
        return {**_JSON, **self.headers, **(_STREAM if stream else {})}

    @abstractmethod
    def answer_id(self, question: Question) -> str:
        """Give the id of an answer."""

    @abstractmethod
    def call_id(self, question: Question, position: int) -> str:
        """Give the id of a call."""

    def finish(self, finish: Any, question: Question) -> Any:
        """Give the finish reason in this server's words."""
        return "stop" if finish == "tool_calls" and question.named else finish

    @abstractmethod
    def body(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        """Make a block answer."""

    def chunks(self, draft: Mapping[str, Any], question: Question) -> list[Any]:
        """Make a streamed answer: the data of its events in order, the last one `[DONE]`."""
        found = [self.opening(draft, question, index) for index in range(question.choices)]
        for index in range(question.choices):
            found += self._deltas(draft, question, index)
        if question.include_usage:
            found.append(self.usage_chunk(draft, question))
        return [*(chunk for chunk in found if chunk), "[DONE]"]

    def _deltas(
        self, draft: Mapping[str, Any], question: Question, index: int
    ) -> Iterator[dict[str, Any]]:
        *pieces, last = steps(draft["message"])
        asked = question.request.get("logprobs") or question.request.get("return_token_ids")
        placed = [(self.delta(step, question, index), step.tokens) for step in pieces]
        sent = [
            (delta, written) for delta, written in placed if delta or (asked and self.bare_delta)
        ]
        finish = self.finish(draft.get("finish_reason"), question)
        merged = sent.pop() if sent and finish == "length" and self.cut_in_last_piece else None
        for delta, written in sent:
            yield self.chunk(delta, question, index, written)
        yield (
            self.chunk(merged[0], question, index, merged[1], finish)
            if merged
            else self.finish_chunk(draft, question, index, last.tokens)
        )

    @abstractmethod
    def opening(
        self, draft: Mapping[str, Any], question: Question, index: int
    ) -> dict[str, Any] | None:
        """Give the chunk with the role; None where the first piece carries it."""

    @abstractmethod
    def delta(self, step: Step, question: Question, index: int) -> dict[str, Any]:
        """Give what one step adds; empty where the server sends nothing for it."""

    @abstractmethod
    def chunk(
        self,
        delta: dict[str, Any],
        question: Question,
        index: int,
        written: Sequence[str],
        finish: Any = None,
    ) -> dict[str, Any]:
        """Put one chunk around a delta.

        Args:
            delta: what the chunk adds.
            question: what is answered.
            index: which of the `n` choices it belongs to.
            written: the tokens of the delta.
            finish: the finish reason; None before the end.
        """

    def finish_chunk(
        self, draft: Mapping[str, Any], question: Question, index: int, written: Sequence[str]
    ) -> dict[str, Any]:
        """Give the chunk with the finish reason."""
        return self.chunk(
            {}, question, index, written, self.finish(draft.get("finish_reason"), question)
        )

    @abstractmethod
    def usage(
        self, draft: Mapping[str, Any], question: Question, *, stream: bool
    ) -> dict[str, Any]:
        """Give the token counts."""

    @abstractmethod
    def usage_chunk(self, draft: Mapping[str, Any], question: Question) -> dict[str, Any]:
        """Give the chunk with the token counts and no choice."""

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

    @abstractmethod
    def unauthorized(self, sent: str | None) -> Refusal:
        """Give the refusal of a wrong key, or of none."""

    @abstractmethod
    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        """Answer a GET; None where there is nothing.

        Args:
            path: what is asked for.
            models: the names it serves.
            context: most tokens of prompt and answer.
        """

    def unknown_path(self, method: str, path: str) -> Refusal:
        """Give the refusal of a path that is not there, or not for this method: FastAPI's own."""
        text = "Method Not Allowed" if path == "/v1/chat/completions" else "Not Found"
        return Refusal(404 if text == "Not Found" else 405, text, body={"detail": text})

    @abstractmethod
    def malformed(self, position: int) -> Refusal:
        """Give the refusal of a body that is not JSON, by where it ceases to be."""

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
