"""What the manners share in chat completions: the way from a message to a body or a stream, and the
parts that each manner supplies.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.pieces import Step, steps
from agentkit.testing.server.question import Question


class ChatForm(DialectForm):
    """How one kind of server writes chat completions."""

    cut_in_last_piece = False
    """An answer that is cut has its finish reason on the last piece, not on a chunk of its own."""
    bare_delta = True
    """A stream's pieces without content are sent where logprobs or token ids come with them."""

    @abstractmethod
    def answer_id(self, question: Question) -> str:
        """Give the id of an answer."""

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
