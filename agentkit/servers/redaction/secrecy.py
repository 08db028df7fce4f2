"""What keeps secrets out of a rollout: whatever a step, a prompt or a person brings is cleaned
before it is committed, so that all that is made of a rollout is alike.

A tool runs with the arguments as the model wrote them. They are on the call in memory, and show
themselves nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import is_
from typing import Any

from agentkit.read.body.finish_words import means
from agentkit.read.plain import plain
from agentkit.servers.redaction.exchange_text import (
    ALMOST,
    LEVELS,
    broken_edits,
    deep_spans,
    edited,
    joined_edits,
    raw_edits,
    raw_texts,
    shown_texts,
    shows_in_deltas,
    with_tokens,
)
from agentkit.servers.redaction.known_secrets import Known, keep
from agentkit.servers.redaction.redactor import REDACTED, cut, texts_within
from agentkit.servers.redaction.withheld import Withheld, revealed, with_arguments
from agentkit.trajectory.loop import read_answer
from agentkit.types.answer import Response, ToolCall
from agentkit.types.request import Spec
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Attempt, Message, ToolResult, Trajectory, Turn
from agentkit.types.wire import ApiError, Exchange

_NUMBERS = frozenset({int, float})
_CUT = 190
"""Characters from which on the text of an error may have been cut."""


class Secrecy(Known):
    """What the rollouts of one agent keep out of their record.

    Args:
        kept: variables of the environment that are left alone; by default those that any agent
            was told to leave.
    """

    def __init__(self, kept: tuple[str, ...] | None = None) -> None:
        super().__init__(kept)
        keep(kept or ())

    def data(self, value: Any) -> Any:
        """Clean plain data; what has no secret in it is the same object as before."""
        try:
            return self._data(value)
        except Exception:  # it nests too deeply, holds itself, or has methods of its own that fail
            clean = all(self._text(text) is text for text in texts_within(value))
            return value if clean else self._data(plain(value))

    def _data(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            pairs = {self._data(name): self._data(item) for name, item in value.items()}
            same = len(pairs) == len(value) and all(
                a is b and pairs[a] is value[b] for a, b in zip(pairs, value, strict=True)
            )
            return value if same else pairs
        if type(value) in (list, tuple):
            if set(map(type, value)) <= _NUMBERS:  # the ids of tokens, a hundred thousand
                return value
            items = [self._data(item) for item in value]
            same = all(a is b for a, b in zip(items, value, strict=True))
            return value if same else type(value)(items)
        return value

    def _text(self, text: str) -> str:
        redact = self.redact
        if "\\u00" in text and (spans := deep_spans(text, redact)):
            return cut(text, spans)
        return redact(text)

    def covered(self, spec: Spec) -> Spec:
        """Clean what rollouts are run with; the fields are sent as they are."""
        withheld, tools = self.withheld(spec.sampling), self.data(spec.tools)
        if not withheld and tools is spec.tools:
            return spec
        return replace(spec, tools=tools, sampling=withheld.shown, withheld=withheld or None)

    def withheld(self, fields: Any) -> Withheld:
        """Divide the fields of a request into what is shown and what is sent."""
        named = Withheld.of_fields(fields)
        return Withheld(self.data(named.shown), fields)

    # what a step brings

    def answer(self, spec: Spec, exchange: Exchange, turn: int) -> Answer:
        """Read an answer, with the secrets taken out of it.

        Args:
            spec: what it is read with.
            exchange: the answer as it came.
            turn: whose answer it is.
        """
        redact = self.redact
        clean = self._surroundings(exchange)
        texts = raw_texts(exchange)
        whole = "".join(texts)
        if redact.finds(whole):
            clean = self._with(clean, raw_edits(whole, redact))
        response = read_answer(spec, clean, turn)
        for level in range(LEVELS + 1):
            if not self._shows(response, clean):
                break
            whole = "".join(raw_texts(clean))
            edits = joined_edits(whole, redact, level) if level < LEVELS else ()
            clean = self._with(clean, edits or [(0, len(whole), REDACTED)][level < LEVELS :])
            response = read_answer(spec, clean, turn)
        if clean.transport_error is not None or _breaks_off(response):
            whole = "".join(raw_texts(clean))
            begun = max(map(redact.unfinished, (whole, *shown_texts(response))))
            if begun >= ALMOST and (edits := broken_edits(whole, redact)):
                clean = self._with(clean, edits)
                response = read_answer(spec, clean, turn)
        if clean.redacted:
            response = with_arguments(response, read_answer(spec, exchange, turn))
        return Answer(exchange=clean, response=response)

    def _surroundings(self, exchange: Exchange) -> Exchange:
        redact = self.redact
        url = redact(exchange.url)
        headers = tuple((name, redact(value)) for name, value in exchange.headers)
        error = self._error(exchange.transport_error)
        retries = tuple(filter(None, map(self._error, exchange.retries)))
        same = (
            url == exchange.url
            and headers == exchange.headers
            and error == exchange.transport_error
            and retries == exchange.retries
        )
        if same:
            return exchange
        return replace(
            exchange,
            url=url,
            headers=headers,
            transport_error=error,
            retries=retries,
            redacted=exchange.redacted or error != exchange.transport_error,
        )

    def _error(self, error: ApiError | None) -> ApiError | None:
        if error is None:
            return None
        names = ("message", "hint", "upstream_message", "code", "param")
        found: dict[str, Any] = {name: self._cut_text(getattr(error, name)) for name in names}
        same = all(found[name] is getattr(error, name) for name in names)
        return error if same else replace(error, **found)

    def _cut_text(self, text: str | None) -> str | None:
        """Clean a text that may have been cut to a length, in the middle of a secret."""
        clean = text and self._text(text)
        if not clean or len(clean) < _CUT:
            return clean
        end = clean[-1:] if clean.endswith("…") else ""
        rest = self.redact.without_rest(clean.removesuffix("…"))
        return clean if rest + end == clean else rest + end

    def _with(self, exchange: Exchange, edits: Iterable[tuple[int, int, str]]) -> Exchange:
        """Make the edits in the raw text."""
        edits = list(edits)
        if not edits:
            return exchange
        edits = with_tokens("".join(raw_texts(exchange)), edits)
        body, *chunks = edited([exchange.body, *(c.text for c in exchange.chunks)], edits)
        return replace(
            exchange,
            body=body,
            chunks=tuple(
                replace(chunk, text=text)
                for chunk, text in zip(exchange.chunks, chunks, strict=True)
            ),
            redacted=True,
        )

    def _shows(self, response: Response, exchange: Exchange) -> bool:
        """Tell whether what was read shows a secret that the raw text has in pieces or escaped."""
        finds = self.redact.finds
        if any(finds(text) for text in shown_texts(response)):
            return any(self.redact.spans(text) for text in shown_texts(response))
        if response.dialect != "chat" and exchange.chunks:
            whole = "".join(raw_texts(exchange))
            if shows_in_deltas(whole, self.redact) and joined_edits(whole, self.redact):
                return True
        return "\\u00" in exchange.body and bool(joined_edits(exchange.body, self.redact))

    def result(self, result: ToolResult) -> ToolResult:
        """Take the secrets out of what a tool brought."""
        changed: dict[str, Any] = {}
        for name in ("content", "error", "traceback", "printed", "full_content"):
            was = getattr(result, name)
            if was and (now := self._text(was)) != was:
                changed[name] = now
        value = self._value(result.value, changed)
        if value is not result.value:
            changed["value"] = value
        if result.trajectory is not None:
            inner = self.changed(result.trajectory, Trajectory())
            if inner is not result.trajectory:
                changed["trajectory"] = inner
        return replace(result, **changed, redacted=True) if changed else result

    def _value(self, value: Any, changed: Mapping[str, Any]) -> Any:
        if value is None:
            return None
        if "content" not in changed and "full_content" not in changed:
            return self.data(value) if isinstance(value, (str, dict, list, tuple)) else value
        if isinstance(value, (bytes, bytearray)):
            return self._text(bytes(value).decode("utf-8", "replace")).encode()
        return self.data(plain(value))

    # what a person or a caller brings

    def started(self, trajectory: Trajectory) -> Trajectory:
        """Clean a trajectory before its first turn."""
        self.renewed()
        prompt = self.messages(trajectory.prompt)
        meta = self.data(trajectory.meta)
        if prompt is trajectory.prompt and meta is trajectory.meta:
            return trajectory
        return replace(trajectory, prompt=prompt, meta=meta)

    def messages(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Clean messages as they are given."""
        found = tuple(self._message(message) for message in messages)
        return messages if all(a is b for a, b in zip(found, messages, strict=True)) else found

    def _message(self, message: Message) -> Message:
        wire = self.data(message.wire)
        content = wire.get("content") if isinstance(wire, dict) else None
        if isinstance(content, list) and self.redact.spans(message.content):
            wire = {**wire, "content": self._parts(content)}
        return message if wire is message.wire else replace(message, wire=wire)

    def clean_list(self, messages: list[Any], start: int = 0) -> None:
        """Clean a caller's list of messages in place, from the one at `start` on."""
        for place, given in enumerate(messages[start:], start):
            wire = plain(given)
            if isinstance(wire, dict):
                message = self._message(Message(wire=wire))
                if message.wire is not wire:
                    messages[place] = message.wire

    def _parts(self, parts: list[Any]) -> list[Any]:
        """Clean texts that are read as one."""
        places = [i for i, part in enumerate(parts) if isinstance(_part_text(part), str)]
        texts = [str(_part_text(parts[i])) for i in places]
        clean = dict(
            zip(places, edited(texts, raw_edits("".join(texts), self.redact)), strict=True)
        )
        return [
            part
            if i not in clean
            else clean[i]
            if isinstance(part, str)
            else {**part, "text": clean[i]}
            for i, part in enumerate(parts)
        ]

    def changed(self, now: Trajectory, was: Trajectory) -> Trajectory:
        """Clean what a person did to a rollout; what it has in common with the one before is not
        looked at again.
        """
        self.renewed()
        known = set(map(id, was.all_turns)) | set(map(id, was.turns))
        prompt = now.prompt if now.prompt is was.prompt else self.messages(now.prompt)
        turns: list[Turn] = []
        for t in now.turns:
            clean_turn = t if id(t) in known else self._turn(now, t, was)
            turns.append(_behind(clean_turn, turns[-1] if turns else None, now.prompt, prompt))
        clean: dict[str, Any] = {
            "turns": now.turns if all(map(is_, turns, now.turns)) else tuple(turns),
            "prompt": prompt,
            "meta": now.meta if now.meta is was.meta else self.data(now.meta),
            "error": now.error if now.error is was.error else self._error(now.error),
        }
        if now.attempts is not was.attempts:
            found = tuple(self._attempt(now, a) for a in now.attempts)
            clean["attempts"] = now.attempts if all(map(is_, found, now.attempts)) else found
        if now.open is not None and now.open is not was.open:
            clean["open"] = self._turn(now, now.open, was)
            sampling = clean["open"].sampling
            if sampling is not None and sampling is not getattr(was.open, "sampling", None):
                withheld = self.withheld(now.open.sampling)
                clean["open"] = replace(clean["open"], sampling=withheld.shown)
                clean["spec"] = replace(now.spec, withheld=withheld.joined(now.spec.withheld))
        if now.parent is not None and now.parent is not was.parent:
            clean["parent"] = replace(now.parent, change=self._text(now.parent.change))
        names = [name for name, value in clean.items() if value is not getattr(now, name)]
        return replace(now, **{name: clean[name] for name in names}) if names else now

    def _turn(self, now: Trajectory, turn: Any, was: Trajectory) -> Any:
        response = turn.response
        known = [t.response for t in was.all_turns]
        clean: dict[str, Any] = {
            "added": self.messages(turn.added),
            "results": tuple(r if r is None else self.result(r) for r in turn.results),
        }
        if response is not None and not any(response is r for r in known):
            clean["response"] = self._response(now, turn, known)
        if all(map(is_, clean["results"], turn.results)):
            clean["results"] = turn.results
        names = [name for name, value in clean.items() if value is not getattr(turn, name)]
        return replace(turn, **{name: clean[name] for name in names}) if names else turn

    def _response(self, now: Trajectory, turn: Any, known: list[Response]) -> Response:
        response: Response = turn.response
        calls = tuple(map(self._call, response.tool_calls))
        same = all(map(is_, calls, response.tool_calls))
        if not any(response.exchange is r.exchange for r in known) and self._suspects(response):
            index = turn.index if isinstance(turn, Turn) else len(now.turns)
            clean = self.answer(now.spec, response.exchange, index)
            if clean.exchange is not response.exchange and clean.response is not None:
                read = clean.response
                by_hand = any(c.sent_arguments is not None or c.adopted is not None for c in calls)
                return replace(read, tool_calls=calls) if by_hand else read
        return response if same else replace(response, tool_calls=calls)

    def _suspects(self, response: Response) -> bool:
        """Tell, quickly, whether an answer that has been read may show a secret."""
        exchange, redact = response.exchange, self.redact
        whole = "".join(raw_texts(exchange))
        if redact.finds(whole) or self._shows(response, exchange):
            return True
        broken = _breaks_off(response)
        if broken and max(map(redact.unfinished, (whole, *shown_texts(response)))) >= ALMOST:
            return True
        return self._surroundings(exchange) is not exchange

    def response(self, response: Response, spec: Spec | None = None) -> Response:
        """Clean an answer that was read elsewhere."""
        if not self._suspects(response):
            return response
        clean = self.answer(spec or Spec(), response.exchange, 0)
        found = clean.response
        return response if found is None or clean.exchange is response.exchange else found

    def error(self, error: ApiError) -> ApiError:
        """Clean an error that was read elsewhere."""
        return self._error(error) or error

    def _attempt(self, now: Trajectory, attempt: Attempt) -> Attempt:
        response = attempt.response or read_answer(now.spec, attempt.exchange, attempt.turn)
        error = self.error(attempt.error)
        if self._suspects(response):
            clean = self.answer(now.spec, attempt.exchange, attempt.turn)
            kept = clean.response if attempt.response is not None else None
            return replace(attempt, error=error, exchange=clean.exchange, response=kept)
        return attempt if error is attempt.error else replace(attempt, error=error)

    def opened(self, trajectory: Trajectory) -> Trajectory:
        """Clean a rollout that was made elsewhere; one without a secret is the same object."""
        return self.changed(trajectory, Trajectory()) if self.renewed() else trajectory

    def _call(self, call: ToolCall) -> ToolCall:
        """Clean the arguments that a person gave a call, and keep them for the tool."""
        arguments, raw = self.data(call.arguments), self._text(call.raw_arguments)
        if arguments is call.arguments and raw == call.raw_arguments:
            return call
        withheld = Withheld(arguments, revealed(call))
        return replace(call, arguments=arguments, raw_arguments=raw, withheld=withheld)


def _breaks_off(response: Response) -> bool:
    """Tell whether an answer ends in the middle, which may be that of a secret."""
    return response.finish_reason is None or means(response.finish_reason, "length")


def _behind(
    turn: Turn, last: Turn | None, given: tuple[Message, ...], prompt: tuple[Message, ...]
) -> Turn:
    """Let a turn come after a clean turn and a clean prompt."""
    before = turn.before
    if before is None:
        return turn
    begun = prompt if before.prompt is given or before.prompt == given else before.prompt
    if before.last is (last or before.last) and begun is before.prompt:
        return turn
    return replace(turn, before=replace(before, last=last or before.last, prompt=begun))


def _part_text(part: Any) -> Any:
    return part.get("text") if isinstance(part, dict) else part
