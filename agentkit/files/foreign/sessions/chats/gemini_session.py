"""Sessions of Gemini CLI: a file with the whole conversation, or lines that add to it, change what
it says of itself, and take it back.

Source: google-gemini/gemini-cli, packages/core/src/services/chatRecordingService.ts and
chatRecordingTypes.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.evals.fields import given, list_in, object_in, objects_in, text_in
from agentkit.files.foreign.format import ForeignFormat, each_entry, first_object, flat, row_in
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.moment import moment
from agentkit.files.foreign.traces.spelling.genai_spelling import parts_utterances
from agentkit.files.foreign.traces.spelling.utterance import assistant, call, tool
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_SESSION = (
    *("sessionId", "projectHash", "startTime", "lastUpdated", "messages", "summary", "kind"),
    *("directories", "activeExtensionName"),
)
_SPOKEN = ("user", "gemini", "info", "error", "warning")
_STATUS = {"error": "error", "cancelled": "cancelled"}


def _is_session(value: Any) -> bool:
    """Tell a session, or the first line of one."""
    row = object_in(value)
    if not isinstance(row.get("sessionId"), str) or "type" in row:
        return False
    said = objects_in(row.get("messages"))[:9]
    known = "projectHash" in row or "startTime" in row
    return known and ("messages" not in row or any(one.get("type") in _SPOKEN for one in said))


def _fits(source: FileSet) -> bool:
    rows = flat(source)
    first = first_object(rows)
    if not _is_session(first):
        return False
    lines = (object_in(row).get("type") in _SPOKEN for row in rows[:50])
    return "messages" in first or any(lines)


def _read(source: FileSet) -> Iterable[Trajectory]:
    return each_entry(source, _sessions(source), _rollout, "session")


def _sessions(source: FileSet) -> Iterator[dict[str, Any]]:
    """Give the sessions of a file, each put together of its lines."""
    session: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for place, value in enumerate(flat(source)):
        try:
            row = dict(row_in(value))
        except (TypeError, ValueError) as exc:
            source.bad.append(f"line {place + 1} cannot be read: {exc}")
            continue
        if _is_session(row):
            if session:
                yield {**session, "messages": [*session["messages"], *messages.values()]}
            session = {**row, "messages": list(list_in(row.get("messages")))}
            messages = {}
        elif isinstance(row.get("$set"), Mapping):
            session.update({key: row["$set"][key] for key in row["$set"] if key != "messages"})
        elif isinstance(row.get("$rewindTo"), str):
            while row["$rewindTo"] in messages:
                messages.popitem()
        elif row.get("type") in _SPOKEN:
            messages[text_in(row.get("id")) or f"line {place}"] = row  # a later one takes its place
        else:
            source.bad.append(f"line {place + 1} is no message")
    if session:
        yield {**session, "messages": [*session["messages"], *messages.values()]}


def _rollout(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("Gemini CLI session")
    losses.beside(row, _SESSION, "session")
    losses.strays(row["messages"], "messages")
    entries: list[ChatEntry] = []
    model = ""
    for message in objects_in(row["messages"]):
        kind = message.get("type")
        if kind == "user":
            entries += _asked(message, losses)
        elif kind == "gemini":
            model = model or text_in(message.get("model"))
            entries += _answer(message, losses)
        else:
            losses.note(f"messages[] of type {kind}")
    meta = given(
        session=row.get("sessionId"),
        title=row.get("summary"),
        project=row.get("projectHash"),
        started=moment(row.get("startTime")),
        kind=row.get("kind"),
    )
    return imported(entries, Spec(model=model or None), losses, meta)


def _asked(message: Mapping[str, Any], losses: Losses) -> list[ChatEntry]:
    parts = _parts(message.get("content"))
    said = parts_utterances({"role": "user", "parts": parts}, losses)
    return [entry(one.message, **one.result) for one in said]


def _parts(content: Any) -> list[Any]:
    """Give the parts of a content: a text, a part, or a list of both."""
    listed = content if isinstance(content, (list, tuple)) else [content]
    return [{"text": one} if isinstance(one, str) else one for one in listed if one]


def _answer(message: Mapping[str, Any], losses: Losses) -> Iterator[ChatEntry]:
    """Read an answer, and what came of its calls."""
    (said,) = parts_utterances({"role": "model", "parts": _parts(message.get("content"))}, losses)
    thoughts = [
        "\n".join(filter(None, (text_in(one.get("subject")), text_in(one.get("description")))))
        for one in objects_in(message.get("thoughts"))
    ]
    listed = objects_in(message.get("toolCalls"))
    calls = [call(one.get("name"), one.get("args"), one.get("id")) for one in listed]
    inside = said.message.get("reasoning")
    thought = "\n".join(filter(None, [*thoughts, inside]))
    calls = calls or said.message.get("tool_calls", [])
    wire = assistant(said.message.get("content"), calls, thought)
    usage = usage_of(object_in(message.get("tokens")))
    model = text_in(message.get("model")) or None
    made = answered(wire, source=dict(message), id=message.get("id"), model=model, usage=usage)
    yield entry(wire, made)
    for one in listed:
        yield from _result(one, losses)


def usage_of(tokens: Mapping[str, Any]) -> dict[str, Any] | None:
    """Write the counts of Gemini CLI under OpenAI's names; None where there are none."""
    read, wrote, thought = (tokens.get(name) for name in ("input", "output", "thoughts"))
    if type(read) is not int or type(wrote) is not int:
        return None
    found: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": wrote}
    if type(thought) is int:
        found["completion_tokens"] = wrote + thought
        found["completion_tokens_details"] = {"reasoning_tokens": thought}
    if type(tokens.get("cached")) is int:
        found["prompt_tokens_details"] = {"cached_tokens": tokens["cached"]}
    if type(tokens.get("total")) is int:
        found["total_tokens"] = tokens["total"]
    return found


def _result(made: Mapping[str, Any], losses: Losses) -> Iterator[ChatEntry]:
    """Read what came of a call: one text, as the model got it."""
    listed = made.get("result")
    if listed is None:
        return
    texts, failed = [], ""
    for part in _parts(listed):
        inner = object_in(object_in(part).get("functionResponse"))
        response = object_in(inner.get("response"))
        failed = failed or text_in(response.get("error"))
        if inner:
            alone = list(response) in (["output"], ["error"])
            told = next(iter(response.values())) if alone else inner.get("response")
            texts.append(tool(told, None)["content"])
        elif isinstance(object_in(part).get("text"), str):
            texts.append(part["text"])
        else:
            losses.note("a result's part that is no text")
    status = _STATUS.get(text_in(made.get("status")), "error" if failed else "ok")
    beside: dict[str, Any]
    beside = {"status": status, **({"error": failed} if failed else {})} if status != "ok" else {}
    yield entry(tool("\n".join(texts), made.get("id"), made.get("name")), **beside)


GEMINI_CLI = ForeignFormat("a Gemini CLI session", _fits, _read)
