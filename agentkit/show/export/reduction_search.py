"""`ak.export.shrink`: the search for a smaller request that still shows the fault."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from agentkit.agent.event_loop import run
from agentkit.dialects.native_preflight import body_problems
from agentkit.dialects.responses.request import new_messages
from agentkit.errors import AgentkitError, UsageError, checked_keywords
from agentkit.files.cassette.codec import request_key
from agentkit.read.plain import plain
from agentkit.servers.clients import as_server, dialect_of
from agentkit.servers.model_call import Call
from agentkit.servers.retry import ask as ask_again
from agentkit.show.export.exported_call import ModelCall, model_call
from agentkit.show.export.reductions import Body, Reduction, fewest, reductions
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.trajectory.loop import apply, failure, read_answer
from agentkit.trajectory.profiles import profile_of
from agentkit.trajectory.trouble.preflight import preflight
from agentkit.types.answer import Response
from agentkit.types.problem import Problem
from agentkit.types.record import Drawn, Record, record
from agentkit.types.request import Request, Spec
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Message, Trajectory
from agentkit.types.wire import ApiError, Exchange
from agentkit.types.words import count

Predicate = Callable[[Response], bool]
Ask = Callable[[Request], Any]
"""Return an answer, or the awaitable of one: anything that `read_response` reads or
`testing.says` makes, a `Response`, or an `ApiError`.
"""


@record
class Shrunk(Record, Drawn):
    """The smallest request found that shows the fault, and its answer.

    It is exported as any rollout is: `ak.export.curl(shrunk)`.
    """

    trajectory: Trajectory
    """One turn: the request and its answer."""
    size_before: int
    """Characters of the request's JSON."""
    size_after: int
    asks: int
    """How many requests were sent."""
    ended: Literal["smallest", "limit", "interrupted"]
    """Why the search stopped. `smallest`: no single piece can be left out; `limit`: as many
    requests were sent as were allowed."""

    @property
    def request(self) -> Request:
        """The request."""
        return self.trajectory.request(0)

    @property
    def response(self) -> Response | None:
        """The answer that shows the fault; None where the fault is that the request fails."""
        return self.trajectory.all_turns[0].response if self.trajectory.all_turns else None

    def summary(self) -> str:
        request = self.request
        holds = f"{count(len(request.messages), 'message')}, {count(len(request.tools), 'tool')}"
        why = {
            "smallest": "nothing more can be left out",
            "limit": "the limit was reached",
            "interrupted": "interrupted",
        }[self.ended]
        return (
            f"{self.size_before:,} → {self.size_after:,} characters ({holds}),"
            f" {count(self.asks, 'ask')}; {why}"
        )


@checked_keywords
def shrink(
    source: Any,
    predicate: Predicate | str,
    ask: Any = None,
    *,
    turn: int | None = None,
    limit: int = 200,
    tries: int = 1,
    progress: Callable[[str], object] | None = print,
) -> Shrunk:
    """Search for the smallest request whose answer still shows the fault.

    Messages, tools, parts of schemas, fields and texts are left out as long as the fault shows.
    Calls keep their results, and no history is asked that `preflight` objects to where it did not
    object to the first. No request is asked twice. An interrupt ends it with the best so far.

    Args:
        source: a turn, or a rollout or what holds one.
        predicate: whether a `Response` shows the fault; or a problem's code, also the kind of a
            failed request. A request that fails shows nothing else.
        ask: who answers: an agent, a server or its URL, or a function of a `Request`, as for a
            check offline. None: the debugger's own agent, else the recorded address.
        turn: which turn of the rollout, counting from 0.
        limit: how often is asked at most.
        tries: how often each request is asked before it counts as not showing the fault, where
            answers are sampled.
        progress: gets a line for each tenth that was saved; None for silence.

    Raises:
        UsageError: the request as it is does not show the fault, or there is nobody to ask.
        NotFound: there is no such turn.
    """
    call = model_call(source, turn)
    asking = _asking(
        ask if ask is not None else getattr(source, "agent", None) or call.endpoint.base or None,
        call,
    )
    search = _Search(
        call,
        asking,
        _named(predicate) if isinstance(predicate, str) else predicate,
        limit,
        max(1, tries),
        progress,
    )
    return search.run()


def _named(code: str) -> Predicate:
    def shows(response: Response) -> bool:
        return any(problem.code == code for problem in response.all_problems)

    shows.code = code  # type: ignore[attr-defined]
    return shows


def _asking(ask: Any, call: ModelCall) -> Ask:
    """Return the function that answers a request."""
    if ask is None:
        raise UsageError(
            "no address was recorded, so there is nobody to ask",
            hint="pass ask=: an agent, a server's URL, or a function of a request",
        )
    if callable(ask) and not hasattr(ask, "chat_completion"):
        return _awaited(ask)
    server = as_server(getattr(ask, "server", ask))

    dialect_of(server, call.trajectory.spec.dialect)

    def send(request: Request) -> Exchange:
        form = chat_form(request)
        call = Call(
            messages=form.pop("messages"),
            stream=bool(form.pop("stream", False)),
            fields=form,
            dialect=request.dialect,
        )
        return run(ask_again(server, call, None, retries=2))

    return send


def _awaited(ask: Ask) -> Ask:
    async def wait(answer: Any) -> Any:
        return await answer

    def send(request: Request) -> Any:
        answer = ask(request)
        return run(wait(answer)) if inspect.isawaitable(answer) else answer

    return send


class _Spent(Exception):
    """As many requests were sent as were allowed."""


class _Search:
    """One search: the smallest request so far, and which requests were tried."""

    def __init__(
        self,
        call: ModelCall,
        ask: Ask,
        predicate: Predicate,
        limit: int,
        tries: int,
        progress: Callable[[str], object] | None,
    ) -> None:
        self._spec, self._url = call.trajectory.spec, call.endpoint.url
        self._ask, self._predicate, self._limit, self._tries, self._progress = (
            ask,
            predicate,
            limit,
            tries,
            progress,
        )
        asked = chat_form(call.request)
        self._first: Body = {**asked, **({"stream": True} if self._spec.stream else {})}
        self._objections = self._preflight(self._first)
        self._known: dict[str, bool] = {}
        self._asks = 0
        self._best, self._answer = self._first, Exchange()
        self._reported = self._size(self._first)

    def run(self) -> Shrunk:
        ended: Literal["smallest", "limit", "interrupted"] = "smallest"
        try:
            self._check()
            while self._round():
                pass
        except _Spent:
            ended = "limit"
        except KeyboardInterrupt:
            if not self._known.get(request_key(self._sent(self._first))):
                raise
            ended = "interrupted"
        return Shrunk(
            trajectory=self._trajectory(),
            size_before=self._size(self._first),
            size_after=self._size(self._best),
            asks=self._asks,
            ended=ended,
        )

    def _check(self) -> None:
        if self._shows(self._first):
            return
        times = f" in {self._asks} tries" if self._asks > 1 else ""
        raise UsageError(
            f"the request as it is does not show the fault{times}",
            hint=(
                "check the predicate on the recorded answer; where answers are sampled, set a seed"
                " or raise tries="
            ),
        )

    def _round(self) -> bool:
        """Try every reduction once, and return whether anything could be left out."""
        before = self._best
        for way in reductions(self._best):
            for index in range(len(list(way(self._best)))):
                found = list(way(self._best))
                if index < len(found):
                    self._reduce(found[index])
        return self._best is not before

    def _reduce(self, reduction: Reduction) -> None:
        def shows(kept: Sequence[Any]) -> bool:
            return self._shows(reduction.build(kept), reduction.what)

        fewest(reduction.pieces, shows)

    def _shows(self, body: Body, what: str = "") -> bool:
        """Return whether the fault shows, and keep the smallest body that shows it."""
        key = request_key(self._sent(body))
        if key not in self._known:
            self._known[key] = self._fits(body) and any(
                self._asked(body) for _ in range(self._tries)
            )
            if self._known[key] and what:
                self._report(what)
        return self._known[key]

    def _fits(self, body: Body) -> bool:
        messages = body["messages"]
        ends = bool(messages) and (
            messages[-1].get("role") == self._first["messages"][-1].get("role")
            or messages[-1].get("role") == "user"
        )
        return ends and self._preflight(body) <= self._objections

    def _preflight(self, body: Body) -> set[str]:
        if not body["messages"]:
            return {"no messages"}
        if self._spec.dialect == "chat":
            found: Iterable[Problem] = preflight(body["messages"], self._spec.profile)
        else:
            found = body_problems(self._sent(body), self._spec.dialect, profile_of(self._spec))
        return {problem.code for problem in found}

    def _request(self, body: Body) -> Request:
        own = ("model", "messages", "tools")
        return Request(
            model=body.get("model"),
            messages=tuple(body["messages"]),
            tools=tuple(body.get("tools") or ()),
            sampling={name: value for name, value in body.items() if name not in own},
            dialect=self._spec.dialect,
        )

    def _sent(self, body: Body) -> dict[str, Any]:
        """Write the body in the dialect that is spoken."""
        return self._request(body).body

    def _size(self, body: Body) -> int:
        return len(json.dumps(self._sent(body), ensure_ascii=False))

    def _asked(self, body: Body) -> bool:
        if self._asks >= self._limit:
            raise _Spent
        self._asks += 1
        answer = self._answered(body)
        exchange = _exchange(answer)
        spec = self._spec_of(body)
        response = answer if isinstance(answer, Response) else read_answer(spec, exchange, 0)
        error = answer if isinstance(answer, ApiError) else failure(exchange, response)
        shown = (
            error.kind == getattr(self._predicate, "code", None)
            if error is not None
            else bool(self._predicate(response))
        )
        if shown and (not self._answer.text or self._size(body) <= self._size(self._best)):
            self._best, self._answer = body, exchange
        return shown

    def _answered(self, body: Body) -> Any:
        """Send a request and return its answer.

        An error in sending means that the fault does not show, except for the first request, which
        must be answered.
        """
        try:
            return self._ask(self._request(body))
        except AgentkitError:
            raise
        except Exception as exc:
            if body is self._first:
                raise
            return ApiError(kind="bad_request", message=f"{type(exc).__name__}: {exc}")

    def _report(self, what: str) -> None:
        first, size = self._size(self._first), self._size(self._best)
        if self._progress is not None and size <= 0.9 * self._reported:
            self._progress(f"{self._asks:4} asked, {first:,} → {size:,} characters: fewer {what}")
            self._reported = size

    def _spec_of(self, body: Body) -> Spec:
        request = self._request(body)
        sampling = {name: value for name, value in request.sampling.items() if name != "stream"}
        return replace(
            self._spec,
            tools=request.tools,
            sampling=sampling,
            stream=bool(body.get("stream")),
            chain=False,  # what a request goes on from is among its fields
        )

    def _trajectory(self) -> Trajectory:
        prompt = tuple(Message(wire=message) for message in self._best["messages"])
        answer = replace(self._answer, url=self._answer.url or self._url)
        return apply(
            Trajectory(spec=self._spec_of(self._best), prompt=prompt), Answer(exchange=answer)
        )


def chat_form(request: Request) -> Body:
    """Write a request in its chat form, whatever its dialect; an answer in it has its own items
    beside it.
    """
    messages = request.messages
    if request.known:
        messages = tuple(new_messages(messages, len(messages) - request.known))
    return replace(request, messages=messages, dialect="chat", known=0).body


def _exchange(answer: Any) -> Exchange:
    """Return an answer in the form in which a server sends it."""
    if isinstance(answer, (Exchange, ApiError)):
        return (
            answer
            if isinstance(answer, Exchange)
            else Exchange(status=answer.status, transport_error=answer)
        )
    if isinstance(answer, Response):
        return answer.exchange
    if isinstance(answer, str):
        return Exchange(body=answer)
    data = plain(answer)
    alone = (
        isinstance(data, dict) and "message" in data and "choices" not in data
    )  # a choice, as `testing.says` gives it
    return Exchange(body=json.dumps({"choices": [data]} if alone else data, ensure_ascii=False))


@shown.register(Shrunk)
def shrunk_fragments(shrunk: Shrunk, limits: Limits) -> dict[str, Html]:
    """Draw what was saved, the request, and its answer."""
    title = el("p", el("strong", shrunk.summary()), class_="ak-title")
    answer = shrunk.response or shrunk.trajectory.error
    shown_answer = shown.fragments(answer, limits) if answer else {}
    return {"shrunk": title, **shown.fragments(shrunk.request, limits), **shown_answer}
