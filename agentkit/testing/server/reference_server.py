"""A server over real HTTP that answers from a script in the manner of OpenAI, Anthropic, vLLM or
SGLang, in the dialects each speaks, sound or with faults switched on by name.
"""

from __future__ import annotations

import copy
import hashlib
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from agentkit.dialects.codecs import codec_of
from agentkit.errors import checked_keywords
from agentkit.read.plain import plain
from agentkit.testing.faults.fault import Fault, Mode
from agentkit.testing.faults.refusals import Refusal
from agentkit.testing.scripted import next_answer
from agentkit.testing.server.drafts import draft_for, refusal_of
from agentkit.testing.server.form import DialectForm, Lost
from agentkit.testing.server.loopback import Asked, Reply, StandIn, redacted
from agentkit.testing.server.manners.anthropic_manner import Anthropic
from agentkit.testing.server.manners.manner import Manner
from agentkit.testing.server.manners.openai_manner import OpenAI
from agentkit.testing.server.manners.sglang_manner import SGLang
from agentkit.testing.server.manners.vllm_manner import VLLM
from agentkit.testing.server.pieces import prompt_tokens, tokens
from agentkit.testing.server.question import Question
from agentkit.testing.server.recorded import (
    body_of,
    dialect_of,
    is_answer,
    is_recorded,
    recorded,
    reply_of,
)
from agentkit.testing.server.stages import json_reply, refused, reply_to
from agentkit.types.wire import ApiError, Exchange

_MANNERS: tuple[type[Manner], ...] = (OpenAI, Anthropic, VLLM, SGLang)
MANNERS = {manner.name: manner for manner in _MANNERS}


@checked_keywords
class ReferenceServer(StandIn):
    """What `serve` gives for a script: a context manager, sync and async, or to be started and
    stopped by hand.
    """

    def __init__(
        self,
        script: Any,
        manner: Manner,
        faults: tuple[Fault, ...],
        *,
        models: tuple[str, ...] | None,
        key: str | None,
        tool_parser: bool,
        context: int,
        rate: float,
        seed: int,
        turns: Collection[int] | None,
        latency: float,
        pace: float,
        store: bool | None,
    ) -> None:
        self.manner = manner.name
        self.faults = faults
        """The faults that are switched on."""
        self._script = recorded(script) if is_recorded(script) else script
        self._manner = manner
        kept = manner.stores if store is None else store
        self._forms: dict[str, DialectForm] = {form.path: form for form in manner.forms(store=kept)}
        self._first = next(iter(self._forms.values()))
        self._models, self._key, self._tool_parser, self._context = (
            models,
            key,
            tool_parser,
            context,
        )
        self._rate, self._seed, self._turns, self._latency = rate, seed, turns, latency
        self._answered = 0
        self._seen: Counter[str] = Counter()
        super().__init__(gap=pace)

    def __repr__(self) -> str:
        named = f" with {', '.join(fault.name for fault in self.faults)}" if self.faults else ""
        return f"<ReferenceServer in the manner of {self.manner}{named}: no model>"

    def _respond(self, asked: Asked) -> Reply:
        self.asked.append(redacted(asked))
        path = asked.path.partition("?")[0]
        form = self._form(path)
        if refusal := self._unauthorized(asked, path):
            return self._refused(refusal, form)
        if form is None:
            return self._elsewhere(asked, path)
        if refusal := self._manner.lacks(asked.headers):
            return self._refused(refusal, form)
        try:
            request = asked.json if asked.method == "POST" and asked.body else {}
        except ValueError as exc:
            return self._refused(self._manner.malformed(getattr(exc, "pos", 0)), form)
        given = request if isinstance(request, dict) else {}
        if path != form.path or asked.method != "POST":
            return self._beside(form, asked, path, given)
        reply = self._asked(form, given, asked.body)
        return replace(reply, delay=reply.delay + self._latency)

    def _form(self, path: str) -> DialectForm | None:
        """Find the dialect of a path: its own, or one below it."""
        found = (form for at, form in self._forms.items() if f"{path}/".startswith(f"{at}/"))
        return next(found, None)

    def _elsewhere(self, asked: Asked, path: str) -> Reply:
        """Answer what is no dialect's: the models, the version, tokens."""
        if asked.method == "GET":
            found = self._manner.get(path, self._models or ("reference",), self._context)
            if found is not None:
                return self._json(found)
        elif path == "/tokenize" and isinstance(self._manner, VLLM):
            try:
                request = asked.json
            except ValueError as exc:
                return self._refused(self._manner.malformed(getattr(exc, "pos", 0)), None)
            return self._json(self._tokenized(self._manner, request))
        return self._refused(self._manner.unknown_path(asked.method, path), None)

    def _tokenized(self, manner: VLLM, request: Any) -> Any:
        given = request if isinstance(request, dict) else {}
        text = given.get("prompt")
        written = tokens(text) if isinstance(text, str) else None
        prompt = written or self._question(given, b"", self._first).prompt
        return manner.tokenized(prompt, self._context)

    def _beside(self, form: DialectForm, asked: Asked, path: str, request: dict[str, Any]) -> Reply:
        """Answer what is asked for beside an answer, below the path of a dialect."""
        question = None
        if asked.method == "POST":
            question = replace(self._question(request, asked.body, form), counting=True)
            if refusal := form.refuses(question, self._models) if request else None:
                return self._refused(refusal, form)
        found = form.beside(asked.method, path.removeprefix(form.path), question)
        if found is None:
            return self._refused(self._manner.unknown_path(asked.method, path), form)
        return self._refused(found, form) if isinstance(found, Refusal) else self._json(found, form)

    def _unauthorized(self, asked: Asked, path: str) -> Refusal | None:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ").strip()
        sent = bearer or asked.headers.get("x-api-key", "")
        return (
            self._manner.unauthorized(sent)
            if self._key and sent != self._key and path.startswith("/v1")
            else None
        )

    def _asked(self, form: DialectForm, request: dict[str, Any], body: bytes) -> Reply:
        question = self._question(request, body, form)
        mode: Mode = "stream" if request.get("stream") else "block"
        on = [fault for fault in self.faults if self._is_on(fault, question)]
        refusals = [f.refusal for f in on if f.refusal and f.applies(None, question, mode)]
        refusal = refusals[0] if refusals else form.refuses(question, self._models)
        if refusal is not None:
            return self._refused(refusal, form)
        index, self._answered = self._answered, self._answered + 1
        answer = next_answer(self._script, index, copy.deepcopy(question.messages))
        return self._answer(answer, question, mode, on, form)

    def _question(self, native: dict[str, Any], body: bytes, form: DialectForm) -> Question:
        request = form.read(native)
        digest = hashlib.sha256(body).hexdigest()
        times, self._seen[digest] = self._seen[digest], self._seen[digest] + 1
        model = request.get("model")
        served = self._models[0] if self._models else "reference"
        listed = request.get("messages")
        return Question(
            request,
            model if isinstance(model, str) else served,
            f"{self._seed}:{digest}:{times}",
            prompt_tokens(listed if isinstance(listed, list) else ()),
            self._context,
            self._tool_parser,
            dialect=form.dialect,
            native=native,
        )

    def _is_on(self, fault: Fault, question: Question) -> bool:
        if self._turns is not None and question.turn not in self._turns:
            return False
        if self._rate >= 1:
            return True
        return random.Random(f"{question.seed}:{fault.name}").random() < self._rate  # noqa: S311

    def _answer(
        self, answer: Any, question: Question, mode: Mode, on: list[Fault], form: DialectForm
    ) -> Reply:
        """Reply to a request that is taken: with a failure or a body as it is, else with a message
        in the manner's form.
        """
        if isinstance(answer, ApiError):
            return self._refused(refusal_of(answer), form)
        if isinstance(answer, BaseException):
            return self._refused(Refusal(500, f"{type(answer).__name__}: {answer}"), form)
        if isinstance(answer, tuple):
            status, body = answer
            return self._json(body if isinstance(body, str) else plain(body), form, status)
        if isinstance(answer, Exchange):
            if not is_answer(answer) or (_fits(answer, question, mode) and not on):
                return self._failed(answer, form)
            return self._made(body_of(answer), question, mode, on, form)
        data = answer if isinstance(answer, str) or answer is None else plain(answer)
        if _is_sent(data, question, mode, on):
            return self._json(data, form)
        return self._made(data, question, mode, on, form)

    def _failed(self, exchange: Exchange, form: DialectForm) -> Reply:
        error = exchange.transport_error
        if error and exchange.status is None:
            return self._refused(refusal_of(error), form)
        return reply_of(exchange)

    def _made(
        self, answer: Any, question: Question, mode: Mode, on: list[Fault], form: DialectForm
    ) -> Reply:
        draft = draft_for(answer, question, form, parser=self._tool_parser)
        if any(fault.message for fault in on):
            draft.pop("native", None)
        lost: Lost = next((fault.lost for fault in on if fault.lost), "")
        form.answered(draft, question, lost)
        return reply_to(question, draft, mode, form, on)

    def _json(self, data: Any, form: DialectForm | None = None, status: int = 200) -> Reply:
        return json_reply(data, form or self._first, status)

    def _refused(self, refusal: Refusal, form: DialectForm | None) -> Reply:
        return refused(refusal, form or self._first)


def _fits(exchange: Exchange, question: Question, mode: Mode) -> bool:
    """Tell whether a recorded answer can be sent as it came."""
    return bool(exchange.chunks) == (mode == "stream") and dialect_of(exchange) == question.dialect


def _is_sent(data: Any, question: Question, mode: Mode, on: list[Fault]) -> bool:
    """Tell whether a body is sent as it is: an error, or a whole chat completion."""
    if not isinstance(data, dict) or codec_of(data) is not None:
        return False
    whole = "choices" in data and mode == "block" and not on and question.dialect == "chat"
    return "error" in data or whole
