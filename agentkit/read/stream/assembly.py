"""The chunks of a stream put together: the body a server would have sent in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from agentkit.dialects.delta import Delta, TextPiece
from agentkit.read.body.finish_words import broken_kind, means
from agentkit.read.body.foreign import ForeignPiece, foreign_piece
from agentkit.read.body.message import nested_answer
from agentkit.read.stream.pieces.call_pieces import CallPieces
from agentkit.read.stream.pieces.reasoning_pieces import REASONING_NAMES, ReasoningPieces
from agentkit.read.stream.pieces.text_pieces import whole_text
from agentkit.read.stream.pieces.token_pieces import TokenPieces, is_bare
from agentkit.types.problem import Problem, problem

_TELLING: tuple[Callable[[str | None], object], ...] = (
    broken_kind,
    lambda word: means(word, "length"),
    lambda word: means(word, "tool_calls"),
)
"""What a finish reason has to tell to be taken before others, the first before all."""


_HEAD = (*("id", "model", "created", "system_fingerprint", "prompt_token_ids", "usage", "object"),)
_TEXTS: tuple[Literal["content", "refusal"], ...] = ("content", "refusal")
_BESIDE_TEXT = ("logprobs", "native_finish_reason", "content_filter_results")
_NOTHING: tuple[Any, ...] = (None, "", [])
"""What a delta holds of what it does not add to."""


class Assembly:
    """One answer in the making."""

    def __init__(self) -> None:
        self.chunks = 0
        self.problems: dict[str, Problem] = {}
        self._head: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._parts: list[Any] = []
        self._reasoning = ReasoningPieces()
        self._calls = CallPieces(self._note)
        self._message: dict[str, Any] | None = None
        self._finishes: list[Any] = []
        self._ending: dict[str, Any] = {}
        """What else the choice says about its end, as sent last."""
        self._tokens = TokenPieces()
        self.others: set[int] = set()
        """Indices of the choices beside the first, which are not read."""

    def add(self, chunk: dict[str, Any]) -> list[Delta]:
        """Take one chunk, and return what it added."""
        self.chunks += 1
        if "choices" not in chunk:
            chunk = self._opened(chunk)
        for key in _HEAD:
            if (value := chunk.get(key)) is not None:
                self._head[key] = value
        groq = chunk.get("x_groq")
        if isinstance(groq, dict) and isinstance(groq.get("usage"), dict):
            self._head.setdefault("usage", groq["usage"])
        choices = chunk.get("choices")
        piece = None if choices else foreign_piece(chunk)
        if piece is not None:
            return list(self._foreign(piece))
        self._tokens.add_beside(chunk)
        listed = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        deltas: list[Delta] = []
        for choice in listed:
            if (index := choice.get("index", 0)) in (0, None):
                deltas.extend(self._choice(choice))
            elif type(index) is int:
                self.others.add(index)
        return deltas

    def piece_of(self, chunk: dict[str, Any]) -> TextPiece | None:
        """Tell which text a chunk that was taken added to; None where it did more than that."""
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(delta, dict):
            return None
        if choice.get("index", 0) not in (0, None) or choice.get("finish_reason") is not None:
            return None
        if any(map(choice.get, _BESIDE_TEXT)) or "x_groq" in chunk:
            return None
        if not all(map(is_bare, (chunk, choice, delta))):
            return None
        given = [(name, v) for name, v in delta.items() if v not in _NOTHING and name != "role"]
        name, value = given[0] if len(given) == 1 else ("", None)
        if name == "tool_calls" and isinstance(value, list) and len(value) == 1:
            return self._calls.piece_of(value[0])
        texts = self._texts if name in _TEXTS else self._reasoning.texts
        if not isinstance(value, str) or name not in texts:
            return None
        return TextPiece(name, value, texts[name].append)

    def _opened(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Take a chunk out of the envelope it may come in."""
        key, inner = nested_answer(chunk)
        if key is None:
            return chunk
        self._note("nested_envelope", f"each chunk stands inside {key!r}")
        outer = key.partition("/")[0]
        around = {name: value for name, value in chunk.items() if name != outer}
        return self._opened({**around, **inner})

    def _foreign(self, piece: ForeignPiece) -> Iterator[Delta]:
        """Keep the text of another API's event, and name the API."""
        self._note(
            "foreign_dialect",
            f"the answer is {piece.dialect}, not chat completion chunks; point the base URL at the"
            " server's /v1/chat/completions",
        )
        if piece.finish is not None:
            self._finishes.append(piece.finish)
        if piece.whole:
            self._texts["content"] = [piece.text]
            return
        if piece.text:
            self._texts.setdefault("content", []).append(piece.text)
            yield Delta(kind="content", text=piece.text)
        if piece.reasoning:
            self._texts.setdefault("reasoning", []).append(piece.reasoning)
            yield Delta(kind="reasoning", text=piece.reasoning)

    def _choice(self, choice: dict[str, Any]) -> list[Delta]:
        if choice.get("finish_reason") is not None:
            self._finishes.append(choice["finish_reason"])
        for key in ("native_finish_reason", "content_filter_results"):
            if choice.get(key) and (choice.get("finish_reason") or key not in self._ending):
                self._ending[key] = choice[key]
        self._tokens.add(choice)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            return self._delta(delta)
        if isinstance(choice.get("message"), dict):
            self._message = choice["message"]
        elif isinstance(choice.get("text"), str):
            self._note(
                "foreign_dialect",
                "the stream is a text completion, not a chat completion; use /v1/chat/completions",
            )
        return []

    def _delta(self, delta: dict[str, Any]) -> list[Delta]:
        found: list[Delta] = []
        if not REASONING_NAMES.isdisjoint(delta):
            found += [Delta(kind="reasoning", text=text) for text in self._reasoning.add(delta)]
        for kind in _TEXTS:
            if (value := delta.get(kind)) is not None:
                found += self._text(kind, value)
        entries = delta.get("tool_calls")
        for entry in (
            [entries] if isinstance(entries, dict) else entries if isinstance(entries, list) else ()
        ):
            if isinstance(entry, dict):
                found += self._calls.add(entry)
        if isinstance(delta.get("function_call"), dict):
            found += self._calls.add_legacy(delta["function_call"])
        return found

    def _text(self, kind: Literal["content", "refusal"], value: Any) -> list[Delta]:
        if isinstance(value, str):
            self._texts.setdefault(kind, []).append(value)
            return [Delta(kind=kind, text=value)] if value else []
        if isinstance(value, list) and kind == "content":
            self._parts.extend(value)
        elif isinstance(value, (dict, list)):
            self._texts.setdefault(kind, []).append(_text_of(value))
        return []

    def _note(self, code: str, message: str) -> None:
        if code not in self.problems:
            self.problems[code] = problem(code, message)

    @property
    def finish_reason(self) -> Any:
        """The server's word; where it sends several, the most telling one."""
        if len(self._finishes) > 1:
            words = [f.get("type") if isinstance(f, dict) else f for f in self._finishes]
            texts = [word if isinstance(word, str) else None for word in words]
            for tells in _TELLING:
                found = next((i for i, word in enumerate(texts) if tells(word)), None)
                if found is not None:
                    return self._finishes[found]
        return next(
            (finish for finish in self._finishes if finish != ""),
            self._finishes[0] if self._finishes else None,
        )

    def _once(self, name: str, pieces: list[str]) -> str | None:
        """Join a text's pieces, and tell where it was sent again; None where it is empty."""
        whole, again = whole_text(pieces)
        if again:
            self._note(
                "stream_cumulative",
                f"the stream sends the text of {name!r} from its start again; it is read once",
            )
        return whole or None

    def body(self) -> dict[str, Any]:
        """Put the answer together as one body."""
        message = dict(self._message or {})
        message.setdefault("role", "assistant")
        for name, pieces in self._texts.items():
            message[name] = self._once(name, pieces)
        if self._parts:
            text = (
                [{"type": "text", "text": message["content"]}]
                if isinstance(message.get("content"), str)
                else []
            )
            message["content"] = _merged_parts([*text, *self._parts])
        message.setdefault("content", None)
        message.update(self._reasoning.wire())
        for name, pieces in self._reasoning.texts.items():
            message[name] = self._once(name, pieces)
        message.update(self._calls.wire())
        choice: dict[str, Any] = {
            "index": 0,
            "message": message,
            "finish_reason": self.finish_reason,
            **self._ending,
        }
        choice.update(self._tokens.wire())
        head = {**self._head, **self._tokens.head()}
        return {**head, "object": "chat.completion", "choices": [choice]}


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_text_of(item) for item in value)
    if isinstance(value, dict):
        return _text_of(
            next((value[k] for k in ("text", "thinking", "content", "summary") if k in value), "")
        )
    return value if isinstance(value, str) else ""


def _merged_parts(parts: list[Any]) -> list[Any]:
    """Join content parts of one kind that follow each other, as the block answer has them."""
    merged: list[Any] = []
    for part in parts:
        joined = _joined(merged[-1], part) if merged else None
        if joined is None:
            merged.append(part)
        else:
            merged[-1] = joined
    return merged


def _joined(last: Any, part: Any) -> dict[str, Any] | None:
    """Join two parts of one kind; None where they are not."""
    if (
        not isinstance(last, dict)
        or not isinstance(part, dict)
        or last.get("type") != part.get("type")
    ):
        return None
    for key in ("text", "thinking"):
        a, b = last.get(key), part.get(key)
        if isinstance(a, str) and isinstance(b, str):
            return {**last, key: a + b}
        if isinstance(a, list) and isinstance(b, list):
            return {**last, key: _merged_parts([*a, *b])}
    return None
