"""What the manners of the reference server share: the way from a message to a body or a stream, and
what each manner has to say for it.

A manner is how one kind of server puts an answer into JSON: names, order and presence of fields,
    ids, chunks, errors. What was taken from captured traffic and what was constructed after
    documentation or source is said in each manner's own module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from agentkit.read.plain import compact_json
from agentkit.testing.server.asking import Asking, Refusal
from agentkit.testing.server.pieces import Step, answer_tokens, steps, tokens


class Manner(ABC):
    """How one kind of server puts answers and errors into JSON; the base of the three there are."""

    name: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Sent with every answer."""
    writes_calls_as_text = True
    """Calls stand in the content where no parser reads them."""
    cut_in_last_piece = False
    """An answer that is cut has its finish reason on the last piece, not on a chunk of its own."""
    bare_delta = True
    """A stream's pieces without content are sent where logprobs or token ids come with them."""

    @abstractmethod
    def answer_id(self, asking: Asking) -> str:
        """The id of an answer."""

    @abstractmethod
    def call_id(self, asking: Asking, position: int) -> str:
        """The id of a call."""

    def finish(self, finish: Any, asking: Asking) -> Any:
        """The finish reason as this server says it."""
        return "stop" if finish == "tool_calls" and asking.named else finish

    @abstractmethod
    def body(self, draft: Mapping[str, Any], asking: Asking) -> dict[str, Any]:
        """A block answer."""

    def chunks(self, draft: Mapping[str, Any], asking: Asking) -> list[Any]:
        """A streamed answer: the data of its events in order, the last one `[DONE]`."""
        found = [self.opening(draft, asking, index) for index in range(asking.choices)]
        for index in range(asking.choices):
            found += self._deltas(draft, asking, index)
        if asking.include_usage:
            found.append(self.usage_chunk(draft, asking))
        return [*(chunk for chunk in found if chunk), "[DONE]"]

    def _deltas(
        self, draft: Mapping[str, Any], asking: Asking, index: int
    ) -> Iterator[dict[str, Any]]:
        *pieces, last = steps(draft["message"])
        asked = asking.request.get("logprobs") or asking.request.get("return_token_ids")
        placed = [(self.delta(step, asking, index), step.tokens) for step in pieces]
        sent = [(delta, said) for delta, said in placed if delta or (asked and self.bare_delta)]
        finish = self.finish(draft.get("finish_reason"), asking)
        merged = sent.pop() if sent and finish == "length" and self.cut_in_last_piece else None
        for delta, said in sent:
            yield self.chunk(delta, asking, index, said)
        yield (
            self.chunk(merged[0], asking, index, merged[1], finish)
            if merged
            else self.finish_chunk(draft, asking, index, last.tokens)
        )

    @abstractmethod
    def opening(
        self, draft: Mapping[str, Any], asking: Asking, index: int
    ) -> dict[str, Any] | None:
        """The chunk with the role; None where the first piece carries it."""

    @abstractmethod
    def delta(self, step: Step, asking: Asking, index: int) -> dict[str, Any]:
        """What one step adds; empty where the server sends nothing for it."""

    @abstractmethod
    def chunk(
        self,
        delta: dict[str, Any],
        asking: Asking,
        index: int,
        said: Sequence[str],
        finish: Any = None,
    ) -> dict[str, Any]:
        """One chunk around a delta."""

    def finish_chunk(
        self, draft: Mapping[str, Any], asking: Asking, index: int, said: Sequence[str]
    ) -> dict[str, Any]:
        """The chunk with the finish reason."""
        return self.chunk({}, asking, index, said, self.finish(draft.get("finish_reason"), asking))

    @abstractmethod
    def usage(self, draft: Mapping[str, Any], asking: Asking, *, stream: bool) -> dict[str, Any]:
        """The token counts."""

    @abstractmethod
    def usage_chunk(self, draft: Mapping[str, Any], asking: Asking) -> dict[str, Any]:
        """The chunk with the token counts and no choice."""

    @abstractmethod
    def error(self, refusal: Refusal) -> Any:
        """The body of a refused request."""

    @abstractmethod
    def refuses(self, asking: Asking, models: Sequence[str] | None) -> Refusal | None:
        """Why this server would not take the request; None where it would.

        Args:
            models: the names it serves; None for any.
        """

    @abstractmethod
    def unauthorized(self, sent: str | None) -> Refusal:
        """The refusal of a wrong key, or of none."""

    @abstractmethod
    def get(self, path: str, models: Sequence[str], context: int) -> Any:
        """What a GET on this path answers; None where there is nothing."""

    def unknown_path(self, method: str, path: str) -> Refusal:
        """The refusal of a path that is not there, or not for this method: FastAPI's own."""
        said = "Method Not Allowed" if path == "/v1/chat/completions" else "Not Found"
        return Refusal(404 if said == "Not Found" else 405, said, body={"detail": said})

    @abstractmethod
    def malformed(self, position: int) -> Refusal:
        """The refusal of a body that is not JSON, by where it ceases to be."""

    def block_text(self, data: Any) -> str:
        """A whole body as text."""
        return self.dumps(data)

    def dumps(self, data: Any) -> str:
        """JSON on one line."""
        return compact_json(data)

    def counts(self, draft: Mapping[str, Any], asking: Asking) -> tuple[int, int, int]:
        """Tokens of the prompt, of the answers, and of the reasoning in them."""
        reasoning = draft["message"].get("reasoning")
        thought = len(tokens(reasoning)) if isinstance(reasoning, str) else 0
        return (
            len(asking.prompt),
            asking.choices * len(answer_tokens(draft["message"])),
            asking.choices * thought,
        )
