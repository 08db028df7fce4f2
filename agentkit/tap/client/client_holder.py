"""Stops requests and answers of a watched client, in the process and on the thread of its agent.

A client waits here as long as it takes: its time-outs begin with what lies below this.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from itertools import count
from typing import Any

from agentkit.files.foreign.logs.flow_log import flow_line
from agentkit.tap.carrier.flow_record import FlowReader
from agentkit.tap.carrier.speaker import Speaker
from agentkit.tap.carrier.stops.decision import (
    CHAINED,
    changed_answer_of,
    changed_body_of,
    refusal,
    substitute_of,
)
from agentkit.tap.seam.holder import Substitute
from agentkit.tap.seam.passing import Passing

Decision = dict[str, Any]


class OpenQuestion(Future[Decision]):
    """What is asked about a request or an answer, which waits for it."""

    number: int


class ClientHolder:
    """Asks about each request and each answer, where there is a breakpoint on them.

    Args:
        speaker: tells whoever decides.
    """

    def __init__(self, speaker: Speaker) -> None:
        self.requests = False
        """Whether requests are asked about."""
        self.answers = False
        """Whether answers are asked about, and so are read whole before they pass."""
        self._speaker = speaker
        self.flush: Callable[[], None] = lambda: None
        """Has whoever decides told of all that has passed."""
        self._reader = FlowReader()
        self._lock = threading.Lock()
        self._numbers = count()
        self._waiting: dict[int, OpenQuestion] = {}

    def hear(self, message: Any) -> None:
        """Take what is asked about, or what was decided."""
        if "verdict" in message:
            question = self._waiting.pop(message["verdict"], None)
            if question is not None and not question.done():
                question.set_result(message)
            return
        self.requests, self.answers = message["requests"], message["answers"]
        self._speaker.say("hold", f"set {message['set']}")

    def ask(self, side: str, passing: Passing) -> OpenQuestion:
        """Ask about a request (`request`) or an answer (`answer`)."""
        if any(CHAINED in piece for piece in passing.body):
            self.flush()  # what is asked about names what came before
        with self._lock:
            read = self._reader.request if side == "request" else self._reader.flow
            line = flow_line(read(passing))
        question = OpenQuestion()
        question.number = next(self._numbers)
        self._waiting[question.number] = question
        self._speaker.say("hold", f"ask {question.number} {side} {line}")
        return question

    def leave(self, question: OpenQuestion) -> None:
        """Tell that the agent waits no more."""
        if self._waiting.pop(question.number, None) is not None:
            self._speaker.say("hold", f"gone {question.number}")

    def course(self, request: Any, passing: Passing, library: str) -> Generator[Any, Any, Any]:
        """Say what is done with a request, step by step, for transports that wait and for those
        that await: yield an `OpenQuestion` to be answered, a request to be sent, an answer to be
        read; return the answer that the agent gets.

        Args:
            request: of the client's library.
            passing: the same request.
            library: `httpx` or `httpx2`.
        """
        if self.requests and passing.body:
            decision = yield from self._asked("request", passing)
            given = substitute_of(decision, late=False)
            try:
                if given is None and decision.get("changes"):
                    request = self._changed(request, passing, decision)
            except Exception as exc:  # what was not meant to leave must not leave
                given = refusal(exc)
            if given is not None:
                return _answer(library, given, request, passing)
        response = yield request
        if not self.answers:
            return response
        passing.answered(response.status_code, "", response.headers.raw)
        yield response
        decision = yield from self._asked("answer", passing)
        given = substitute_of(decision, late=False)
        if given is None and decision.get("changes"):
            try:
                with self._lock:
                    given = changed_answer_of(passing, self._reader, decision["changes"])
            except Exception as exc:
                given = refusal(exc)
        if given is not None:
            return _answer(library, given, request, passing)
        raw = b"".join(piece for _, piece in passing.pieces)
        response.stream = sys.modules[library].ByteStream(raw)
        passing.pieces.clear()
        return response

    def _asked(self, side: str, passing: Passing) -> Generator[OpenQuestion, Decision, Decision]:
        begun = time.monotonic()
        decision = yield self.ask(side, passing)
        if decision.get("person"):
            passing.waited = (passing.waited or 0.0) + time.monotonic() - begun
        return decision

    def _changed(self, request: Any, passing: Passing, decision: Decision) -> Any:
        with self._lock:
            body = changed_body_of(passing, self._reader, decision["changes"])
        passing.changed = body
        headers = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
        more = {"headers": headers, "content": body, "extensions": request.extensions}
        return type(request)(request.method, request.url, **more)


def _answer(library: str, given: Substitute, request: Any, passing: Passing) -> Any:
    """Make the answer that an agent gets in place of the server's."""
    headers = [(name.encode(), value.encode()) for name, value in given.headers]
    came = Passing(passing.number, passing.label, passing.method, passing.path)
    came.answered(given.status, "", headers)
    for piece in given.pieces:
        came.add(piece)
    came.end()
    passing.substitute = came
    content = b"".join(given.pieces)
    return sys.modules[library].Response(
        given.status, headers=headers, content=content, request=request
    )
