"""Gemini's own form: requests with `contents`, answers with `candidates`, rows of both, and the
saved histories of Gemini CLI.

Source: the reference of `generateContent` in Google's Gemini API; `Content` of google-genai.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.evals.fields import given, list_in, object_in, objects_in, text_in
from agentkit.files.foreign.format import ForeignFormat, each_entry, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.spelling.genai_spelling import parts_utterances
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_FIRST = 9
_AROUND = (("request", "response"), ("input", "output"), ("request", "body"))
"""Under which names rows keep what was asked, and what was answered."""
_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
_SAMPLING = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop",
    "seed": "seed",
}
_REQUEST = (
    *("contents", "systemInstruction", "tools", "generationConfig", "model", "candidates"),
    *("usageMetadata", "modelVersion", "responseId", "history", "config", "promptFeedback"),
)


def _get(value: Mapping[str, Any], name: str) -> Any:
    """Look a field up as the API names it, or as Google's package for Python does."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return value.get(name, value.get(snake))


def _is_content(value: Any) -> bool:
    parts = object_in(value).get("parts")
    role = object_in(value).get("role")
    named = role in ("user", "model", "function") or role is None
    return named and any(isinstance(one, Mapping) and "type" not in one for one in list_in(parts))


def _contents(value: Any) -> bool:
    return any(map(_is_content, list_in(value)[:_FIRST]))


def _is_answer(value: Any) -> bool:
    listed = objects_in(object_in(value).get("candidates"))
    return any(_is_content(one.get("content")) or "finishReason" in one for one in listed)


def _parts_of(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Find what was asked and what was answered in a row; None where it is of no such form."""
    if _contents(row.get("contents")) or (isinstance(row.get("contents"), str) and _is_answer(row)):
        return row, row if _is_answer(row) else {}
    for asked, answer in _AROUND:
        inner = object_in(row.get(asked))
        if _contents(inner.get("contents")):
            return inner, object_in(row.get(answer))
    if _is_answer(row):
        return {}, row
    if _contents(row.get("history")):
        return {"contents": row["history"]}, {}
    return None


def _fits(source: FileSet) -> bool:
    rows = flat(source)[:_FIRST]
    return _contents(rows) or any(_parts_of(object_in(row)) is not None for row in rows)


def _read(source: FileSet) -> Iterable[Trajectory]:
    rows: Sequence[Any] = flat(source)
    rows = [{"contents": list(rows)}] if _contents(rows) else rows
    return each_entry(source, rows, _rollout)


def _rollout(row: Mapping[str, Any]) -> Trajectory:
    parts = _parts_of(row)
    if parts is None:
        raise ValueError("it holds no contents")
    asked, answer = parts
    losses = Losses("Gemini contents")
    contents = asked.get("contents")
    listed = [{"parts": [{"text": contents}]}] if isinstance(contents, str) else list_in(contents)
    losses.strays(listed, "contents")
    config = object_in(_get(asked, "generationConfig")) or object_in(asked.get("config"))
    orders = _get(asked, "systemInstruction") or _get(config, "systemInstruction")
    entries = [*_system(orders, losses), *_entries(objects_in(listed), losses)]
    if answer:
        entries += _answer(answer, losses)
    sampling = {sent: _get(config, name) for name, sent in _SAMPLING.items()}
    model = text_in(asked.get("model")) or text_in(_get(answer, "modelVersion"))
    spec = Spec(
        model=model.removeprefix("models/") or None,
        tools=tuple(_tools(asked.get("tools") or config.get("tools"))),
        sampling={name: value for name, value in sampling.items() if value is not None},
    )
    own = row is asked or row is answer
    read = (*_REQUEST, "request", "response", "input", "output", "body")
    meta = {} if own else {key: value for key, value in row.items() if key not in read}
    return imported(entries, spec, losses, meta)


def _system(orders: Any, losses: Losses) -> Iterator[ChatEntry]:
    if isinstance(orders, str):
        yield entry({"role": "system", "content": orders})
    elif object_in(orders).get("parts"):
        for said in parts_utterances({"role": "system", "parts": orders["parts"]}, losses):
            yield entry(said.message)


def _entries(contents: Iterable[Mapping[str, Any]], losses: Losses) -> Iterator[ChatEntry]:
    for content in contents:
        role = content.get("role") or "user"
        spoken = "user" if role == "function" else role
        for said in parts_utterances({**content, "role": spoken}, losses):
            if said.role == "assistant":
                yield entry(said.message, answered(said.message, source=dict(content)))
            else:
                yield entry(said.message, **said.result)


def _answer(answer: Mapping[str, Any], losses: Losses) -> Iterator[ChatEntry]:
    """Read an answer: the first of its candidates."""
    listed = objects_in(answer.get("candidates"))
    for _ in listed[1:]:
        losses.note("candidates[] beside the first")
    first = listed[0] if listed else {}
    content = {**object_in(first.get("content")), "role": "model"}
    (said,) = [one for one in parts_utterances(content, losses) if one.role == "assistant"]
    word = text_in(_get(first, "finishReason"))
    finish = _FINISH.get(word, word.lower()) or None
    calls = finish == "stop" and said.message.get("tool_calls")
    made = answered(
        said.message,
        source=dict(answer),
        choice={"finish_reason": "tool_calls" if calls else finish},
        id=_get(answer, "responseId"),
        model=_get(answer, "modelVersion"),
        usage=_usage(object_in(_get(answer, "usageMetadata"))),
    )
    yield entry(said.message, made)


def _usage(told: Mapping[str, Any]) -> dict[str, Any] | None:
    read, wrote = _get(told, "promptTokenCount"), _get(told, "candidatesTokenCount")
    thought, cached = _get(told, "thoughtsTokenCount"), _get(told, "cachedContentTokenCount")
    if type(read) is not int:
        return None
    wrote = (wrote if type(wrote) is int else 0) + (thought if type(thought) is int else 0)
    details = {"reasoning_tokens": thought} if type(thought) is int else None
    kept = {"cached_tokens": cached} if type(cached) is int else None
    return given(
        prompt_tokens=read,
        completion_tokens=wrote,
        total_tokens=_get(told, "totalTokenCount"),
        completion_tokens_details=details,
        prompt_tokens_details=kept,
    )


def _tools(value: Any) -> Iterator[dict[str, Any]]:
    """Write declarations of functions as OpenAI has them, types in small letters."""
    for one in objects_in(value):
        for function in objects_in(_get(one, "functionDeclarations")):
            known = ("name", "description", "parameters")
            schema = {key: function[key] for key in known if function.get(key) is not None}
            raw = _get(function, "parametersJsonSchema")
            if "parameters" not in schema and isinstance(raw, Mapping):
                schema["parameters"] = raw
            yield {"type": "function", "function": _small(schema)}


def _small(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: one.lower() if key == "type" and isinstance(one, str) else _small(one)
            for key, one in value.items()
        }
    return [_small(one) for one in value] if isinstance(value, list) else value


GEMINI = ForeignFormat("Gemini contents", _fits, _read)
