"""What the servers share in OpenAI's Responses API: from a draft to output items, to a body, to the
events of a stream. The events' order is that of recorded streams of OpenAI and vLLM: items one
after another, numbered from 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.dialects.responses.request_in import chat_request
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.server.form import DialectForm, Lost
from agentkit.testing.server.forms.responses.answer_store import AnswerStore
from agentkit.testing.server.forms.responses.item_events import item_events
from agentkit.testing.server.pieces import tokens
from agentkit.testing.server.question import Question

CUT: dict[Any, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is incomplete, by the finish reason of a script."""
_ENDS = ("stop", "tool_calls", *CUT)
Item = dict[str, Any]


class ResponsesForm(DialectForm):
    """How one kind of server writes Responses."""

    dialect = "responses"
    path = "/v1/responses"
    prefix = "output_item"
    forgets: Lost = ""
    """What it loses of the answers it keeps."""
    deletes = False
    """Whether a stored answer can be deleted."""

    def __init__(self, chat: DialectForm, *, store: bool) -> None:
        """Make a form.

        Args:
            chat: how the same server writes chat completions: ids and errors are alike.
            store: whether answers are kept.
        """
        self._chat = chat
        self._store = AnswerStore() if store else None
        self.headers = chat.headers
        self.writes_calls_as_text = chat.writes_calls_as_text

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read a request, with what was said before the answer it goes on from."""
        found = chat_request(request)
        before = self.previous(request)
        if before is not None:
            found["messages"] = [*before, *found["messages"]]
        return found

    def previous(self, request: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Give the messages up to the answer that a request goes on from; None where it names
        none, or one that is not kept.
        """
        wanted = request.get("previous_response_id")
        kept = self._store.get(wanted) if self._store else None
        return None if kept is None else kept.messages

    def answered(self, draft: Mapping[str, Any], question: Question, lost: Lost = "") -> None:
        if self._store is not None and question.native.get("store") is not False and lost != "all":
            answer_id = self.answer_id(question)
            self._store.keep(answer_id, draft, question, lost or self.forgets)

    def call_id(self, question: Question, position: int) -> str:
        return self._chat.call_id(question, position)

    def error(self, refusal: Refusal) -> Any:
        return self._chat.error(refusal)

    def block_text(self, data: Any) -> str:
        return self._chat.block_text(data)

    @abstractmethod
    def answer_id(self, question: Question) -> str:
        """Give the id of an answer."""

    @abstractmethod
    def item_id(self, question: Question, prefix: str, position: int) -> str:
        """Give the id of an item."""

    @abstractmethod
    def reasoning(self, text: str, draft: Mapping[str, Any], question: Question) -> Item:
        """Write the item of what the model thought."""

    @abstractmethod
    def message(self, parts: list[Item], question: Question, position: int) -> Item:
        """Write the item of a text."""

    @abstractmethod
    def call(self, fields: Item, item_id: str, kind: str) -> Item:
        """Write the item of a call; the fields are those that the draft has of it."""

    @abstractmethod
    def envelope(self, question: Question, **filled: Any) -> Item:
        """Write everything around the items; the names that are filled are `status`, `output`,
        `usage` and `incomplete_details`.
        """

    @abstractmethod
    def usage(self, draft: Mapping[str, Any], question: Question) -> Item:
        """Give the token counts."""

    def items(self, draft: Mapping[str, Any], question: Question, *, stream: bool) -> list[Item]:
        """Write a draft as output items: reasoning, text, calls."""
        if draft.get("native") == self.dialect:
            return [dict(item) for item in draft["items"]]
        message, found = draft["message"], list[Item]()
        if isinstance(thought := message.get("reasoning"), str) and thought:
            found.append(self.reasoning(thought, draft, question))
        parts = [*self._texts(message, question), *_refusals(message)]
        if parts:
            found.append(self.message(parts, question, len(found)))
        listed = message.get("tool_calls")
        for position, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict):
                found.append(self._called(entry, question, position))
        return found

    def _texts(self, message: Mapping[str, Any], question: Question) -> list[Item]:
        text = message.get("content")
        if not isinstance(text, str) or not text:
            return []
        listed = question.logprobs(tokens(text), ("token", "bytes", "logprob"))
        return [{"type": "output_text", "text": text, "annotations": [], "logprobs": listed or []}]

    def _called(self, entry: Mapping[str, Any], question: Question, position: int) -> Item:
        kind = "custom" if isinstance(entry.get("custom"), dict) else "function"
        given = entry.get(kind)
        fields = dict(given) if isinstance(given, dict) else {}
        if "id" in entry:
            fields["call_id"] = entry["id"]
        prefix, name = (
            ("fc", "function_call") if kind == "function" else ("ctc", "custom_tool_call")
        )
        return self.call(fields, self.item_id(question, prefix, position), name)

    def ending(self, draft: Mapping[str, Any]) -> Item:
        """Give the status of an answer, and why it is incomplete."""
        finish = draft.get("finish_reason")
        if isinstance(finish, str) and finish not in _ENDS:
            return {"status": finish, "incomplete_details": None}
        reason = CUT.get(finish) if isinstance(finish, str) else None
        details = {"reason": reason} if reason else None
        return {"status": "incomplete" if reason else "completed", "incomplete_details": details}

    def body(self, draft: Mapping[str, Any], question: Question) -> Item:
        return self._whole(draft, question, self.items(draft, question, stream=False))

    def _whole(self, draft: Mapping[str, Any], question: Question, items: list[Item]) -> Item:
        if draft.get("native") == self.dialect:
            return {**draft["body"], "output": items}
        usage = self.usage(draft, question)
        return self.envelope(question, output=items, usage=usage, **self.ending(draft))

    def chunks(self, draft: Mapping[str, Any], question: Question) -> list[Any]:
        listed = enumerate(self._events(draft, question))
        return [self.numbered(event, number) for number, event in listed]

    def _events(self, draft: Mapping[str, Any], question: Question) -> Iterator[Item]:
        items = self.items(draft, question, stream=True)
        whole = self._whole(draft, question, items)
        begun: Item = {
            "status": "in_progress",
            "output": [],
            "usage": None,
            "incomplete_details": None,
        }
        start = {**whole, **begun}
        yield {"type": "response.created", "response": start}
        yield {"type": "response.in_progress", "response": start}
        for index, item in enumerate(items):
            for event in item_events(item, index):
                yield self.event(event, item, question)
        yield {"type": self.last_event(str(whole.get("status"))), "response": self.final(whole)}

    def event(self, event: Item, item: Item, question: Question) -> Item:
        """Give an event of an item as this server has it."""
        return event

    def final(self, whole: Item) -> Item:
        """Give the answer that the last event of a stream holds."""
        return whole

    def last_event(self, status: str) -> str:
        """Name the event that ends a stream."""
        return "response.completed"

    def numbered(self, event: Item, number: int) -> Item:
        """Number an event."""
        return {**event, "sequence_number": number}

    def frame(self, data: Any) -> str:
        kind = data.get("type") if isinstance(data, dict) else None
        return f"event: {kind}\n{super().frame(data)}" if kind else super().frame(data)

    def beside(self, method: str, path: str, question: Question | None) -> Any:
        name, _, action = path.removeprefix("/").partition("/")
        known = {"": ("GET", "DELETE"), "cancel": ("POST",), "input_items": ("GET",)}
        if method not in known.get(action, ()) or (method == "DELETE" and not self.deletes):
            return None
        kept = self._store.get(name) if self._store else None
        if kept is None:
            return self.not_found(name)
        if method == "DELETE" and self._store is not None:
            self._store.drop(name)
            return {"id": name, "object": "response", "deleted": True}
        if action == "cancel":
            text = "Cannot cancel a synchronous response."
            return Refusal(400, text, type="invalid_request_error", param="response_id")
        if action == "input_items":
            given = kept.question.native.get("input")
            listed = given if isinstance(given, list) else [{"role": "user", "content": given}]
            return {"object": "list", "data": listed[::-1], "has_more": False}
        return self.body(kept.draft, kept.question)

    def not_found(self, name: str) -> Refusal:
        """Refuse to show an answer that is not kept."""
        text = f"Response with id '{name}' not found."
        return Refusal(404, text, type="invalid_request_error", param="response_id")


def _refusals(message: Mapping[str, Any]) -> list[Item]:
    refusal = message.get("refusal")
    return [{"type": "refusal", "refusal": refusal}] if isinstance(refusal, str) else []
