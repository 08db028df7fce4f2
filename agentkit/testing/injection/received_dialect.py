"""An answer that came in Responses or Messages, so that faults can be applied to it: its own body
and events where nobody changes what it says, and else written anew around what it says now.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from agentkit.dialects.messages import request_in as messages_in
from agentkit.dialects.responses import request_in as responses_in
from agentkit.testing.faults.fault import Draft
from agentkit.testing.injection.received import Received
from agentkit.testing.server.drafts import draft_from
from agentkit.testing.server.form import DialectForm
from agentkit.testing.server.forms.messages.anthropic_messages import AnthropicMessages
from agentkit.testing.server.forms.responses.openai_responses import OpenAIResponses
from agentkit.testing.server.manners.openai_manner import OpenAI
from agentkit.testing.server.question import Question
from agentkit.testing.server.recorded import body_of, dialect_of, events_of
from agentkit.types.answer import Dialect
from agentkit.types.wire import Exchange

Body = dict[str, Any]
_NATIVE = ("native", "items", "body", "target")


class _AsItCame(DialectForm):
    """What is left as it came."""

    def take(self, exchange: Exchange) -> None:
        """Keep the answer."""
        self._exchange = exchange
        self._came = [data for _, data in events_of(exchange)]
        self._answer: Body = body_of(exchange)
        self._draft = {**_words_of(draft_from(self._answer)), "shows_reasoning": True}

    def draft(self) -> Draft | None:
        """Give the answer as a draft of its own."""
        return copy.deepcopy(self._draft)

    def sent_headers(self, *, stream: bool) -> dict[str, str]:
        headers = dict(self._exchange.headers)
        if stream != bool(self._exchange.chunks):
            headers["content-type"] = "text/event-stream" if stream else "application/json"
        return headers

    def block_text(self, data: Any) -> str:
        return self.dumps(data)

    def body(self, draft: Any, question: Question) -> Any:
        if draft is None or _words_of(draft) == self._draft:
            return copy.deepcopy(self._answer)
        return super().body(draft, question)  # type: ignore[safe-super]

    def chunks(self, draft: Any, question: Question) -> list[Any]:
        if self._came and (draft is None or _words_of(draft) == self._draft):
            return copy.deepcopy(self._came)
        return super().chunks(draft, question)  # type: ignore[safe-super]


class ReceivedResponses(_AsItCame, OpenAIResponses):
    """A Responses answer that came."""

    def envelope(self, question: Question, **filled: Any) -> Body:
        return {**self._answer, **filled}

    def usage(self, draft: Mapping[str, Any], question: Question) -> Any:
        return self._answer.get("usage")


class ReceivedMessages(_AsItCame, AnthropicMessages):
    """A Messages answer that came."""

    def signature(self, text: str, question: Question) -> str:
        listed = self._answer.get("content")
        signed = [b.get("signature") for b in listed or () if isinstance(b, dict)]
        return next((str(mark) for mark in signed if mark), "")

    def envelope(self, question: Question, content: list[Body], stop: Any, usage: Body) -> Body:
        return {**self._answer, "content": content, "stop_reason": stop, "usage": usage}

    def usage(self, draft: Mapping[str, Any], question: Question) -> Any:
        return self._answer.get("usage") or {}


def received(exchange: Exchange) -> Received | ReceivedResponses | ReceivedMessages:
    """Take an answer that came, in its own dialect."""
    match dialect_of(exchange):
        case "responses":
            responses = ReceivedResponses(OpenAI(), store=False)
            responses.take(exchange)
            return responses
        case "messages":
            messages = ReceivedMessages()
            messages.take(exchange)
            return messages
    return Received(exchange)


def refusing(dialect: Dialect) -> DialectForm:
    """Give the form in which a request of this dialect is refused."""
    return AnthropicMessages() if dialect == "messages" else OpenAI()


def asked(body: Body, dialect: Dialect) -> Body:
    """Read a request as the chat request that asks for the same."""
    match dialect:
        case "responses":
            return responses_in.chat_request(body)
        case "messages":
            return messages_in.chat_request(body)
    return body


def _words_of(draft: Draft) -> Draft:
    return {name: value for name, value in draft.items() if name not in _NATIVE}
