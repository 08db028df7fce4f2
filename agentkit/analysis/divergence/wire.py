"""How the message is written on the wire: ids, encodings, forms, fields, and what a stream says of
its pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentkit.analysis.divergence.seen import Seen
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.reasoning import FIELDS

_ENCODINGS = {
    "arguments_object": ("the arguments are an object, not text", "breaks"),
    "arguments_double_encoded": ("the arguments are encoded twice", "breaks"),
    "arguments_empty": ("the arguments are an empty text", "breaks"),
    "arguments_null": ("the arguments are null or missing", "breaks"),
    "arguments_null_string": ("the arguments are the text null", "changes"),
    "arguments_key_parameters": ("the arguments stand under parameters", "breaks"),
    "legacy_function_call": ("the call stands in function_call", "breaks"),
    "tool_call_flat": ("the call has no function object", "breaks"),
    "tool_calls_not_list": ("tool_calls is no list", "breaks"),
    "tool_call_null_entry": ("an entry of tool_calls is null", "breaks"),
}
_IDS = {
    "id_missing": "a call has no id",
    "id_empty": "a call's id is empty",
    "id_duplicate": "two calls have the same id",
    "id_not_string": "a call's id is no text",
}
_IDENTITY = {
    "index_missing": "pieces of calls have no index",
    "index_collision": "different calls have the same index",
    "identity_repeated": "id or name is repeated in every piece",
    "id_changed": "the id of a call changes from piece to piece",
}
_THINKING = {
    "answer_in_reasoning": ("the answer stands in the reasoning, with no content", "breaks"),
    "orphan_think_close": (
        "the content holds a closing think tag without an opening one",
        "changes",
    ),
    "unclosed_think": ("a think block is not closed", "breaks"),
    "reasoning_not_string": ("the reasoning is no text", "changes"),
}
_STYLES = (
    (re.compile(r"functions\.[^:]+:\d+"), "functions.NAME:N"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}", re.IGNORECASE), "a uuid"),
    (re.compile(r"\d+"), "a number"),
    (re.compile(r"[a-zA-Z0-9]{9}"), "nine letters and digits"),
)


def id_style(raw: str) -> str:
    """The form of an id without what is random in it.

    >>> [id_style(raw) for raw in ("call_a8Zk", "chatcmpl-tool-9f3e", "functions.add:0", "aB3dE6gH9", "17")]
    ['call_…', 'chatcmpl-tool-…', 'functions.NAME:N', 'nine letters and digits', 'a number']
    """
    known = next((style for pattern, style in _STYLES if pattern.fullmatch(raw)), None)
    if known:
        return known
    prefix = re.match(r"(?:[a-zA-Z]+[-_.:])*", raw)
    return f"{prefix.group()}…" if prefix and prefix.group() else "bare"


def call_id(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Ids of calls: there, unique, and of which form."""
    if not all(any(call.origin == "tool_calls" for call in side.calls) for side in (seen, other)):
        return
    problems = {
        p.code: p for call in seen.calls if call.origin == "tool_calls" for p in call.problems
    }
    for code in sorted(problems.keys() & _IDS.keys()):
        yield Trait(
            code, problems[code].pointer or seen.at("tool_calls"), _IDS[code], severity="breaks"
        )
    if seen.reused:
        yield Trait(
            "reused",
            seen.at("tool_calls/0/id"),
            "an id of an earlier turn is used again",
            severity="changes",
        )
    styles = {
        id_style(call.raw_id): call
        for call in seen.calls
        if isinstance(call.raw_id, str) and call.raw_id
    }
    for style, call in styles.items():
        yield Trait(
            style, seen.at(f"tool_calls/{call.position}/id"), f"ids are {style}", fault=False
        )


def arguments_encoding(seen: Seen, other: Seen) -> Iterator[Trait]:
    """How calls and their arguments are encoded."""
    for call in seen.calls:
        for p in call.problems:
            if p.code in _ENCODINGS:
                told, severity = _ENCODINGS[p.code]
                yield Trait(p.code, p.pointer or seen.at("tool_calls"), told, severity=severity)  # type: ignore[arg-type]
    for p in seen.answer.problems:
        if p.code in _ENCODINGS:
            told, severity = _ENCODINGS[p.code]
            yield Trait(p.code, p.pointer or seen.at("tool_calls"), told, severity=severity)  # type: ignore[arg-type]


def content_form(seen: Seen, other: Seen) -> Iterator[Trait]:
    """The form of a content that says the same on both sides."""
    raw = seen.message.get("content")
    if not seen.message or not other.message or _words(raw) != _words(other.message.get("content")):
        return
    at, mixed = seen.at("content"), seen.streamed or other.streamed
    if isinstance(raw, list):
        yield Trait("list", at, "the content is a list of parts", severity="changes")
    elif raw is None or (raw == "" and mixed):
        yield Trait("none", at, "the content is null or missing", fault=False)
    elif isinstance(raw, str) and not raw.strip():
        told = "the content is white space" if raw else "the content is an empty text"
        yield Trait("empty" if not raw or mixed else "blank", at, told, fault=False)
    elif isinstance(raw, str):
        pad = (raw[: len(raw) - len(raw.lstrip())], raw[len(raw.rstrip()) :])
        told = (
            f"the content begins with {pad[0]!r} and ends with {pad[1]!r}"
            if any(pad)
            else "the content is plain text"
        )
        yield Trait(("text", pad), at, told, fault=False)
    if seen.message.get("tool_calls") == []:
        yield Trait("[]", seen.at("tool_calls"), "tool_calls is an empty list", fault=False)


def _words(content: Any) -> str:
    if isinstance(content, list):
        content = "".join(
            part.get("text", "")
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content.strip() if isinstance(content, str) else ""


def reasoning_field(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Where the reasoning stands, and what went wrong in taking it apart from the answer."""
    for code in sorted(seen.codes & _THINKING.keys()):
        told, severity = _THINKING[code]
        fields = (block.source for block in seen.answer.reasoning_blocks if block.source in FIELDS)
        pointer = seen.at(next(fields, "content") if code == "answer_in_reasoning" else "content")
        yield Trait(code, pointer, told, severity=severity)  # type: ignore[arg-type]
    sources = dict.fromkeys(
        block.source
        for block in seen.answer.reasoning_blocks
        if block.text.strip() or block.kind == "encrypted"
    )
    for source in sources:
        field = source if source in FIELDS or source == "reasoning_details" else "content"
        yield Trait(
            source, seen.at(field), f"reasoning in {source}", fault=source == "content:think_tags"
        )
    hidden = seen.answer.usage.reasoning_tokens if seen.answer.usage else None
    if not sources and other.answer.reasoning:
        told = (
            f"no reasoning is shown, {hidden} tokens of it are counted"
            if hidden
            else "no reasoning"
        )
        yield Trait("none", seen.at("content"), told, fault=False)


def stream_identity(seen: Seen, other: Seen) -> Iterator[Trait]:
    """What the pieces of a stream say of themselves."""
    if not seen.streamed:
        return
    for code in sorted(seen.codes & _IDENTITY.keys()):
        yield Trait(code, seen.at("tool_calls"), _IDENTITY[code])
    for name in ("id", "model"):
        values = {event[name] for event in seen.events if isinstance(event.get(name), str)}
        if len(values) > 1:
            yield Trait(name, f"/{name}", f"{name} changes from piece to piece", severity="changes")
        elif (
            not values
            and any(event.get("choices") for event in seen.events)
            and (not other.streamed or any(e.get(name) for e in other.events))
        ):
            yield Trait(f"no {name}", f"/{name}", f"pieces carry no {name}", severity="cosmetic")


def stream_vs_block(seen: Seen, other: Seen) -> Iterator[Trait]:
    """What a stream and the block answer of the same server read as: word by word where both hold
    the same text, else which parts there are.
    """
    answer, same = seen.answer, _letters(seen) == _letters(other)
    calls = tuple((call.name, call.status == "invalid") for call in seen.calls)
    found = tuple((call.name, call.status == "invalid") for call in answer.recoverable)
    parts = [(answer.content or "").strip(), (answer.reasoning or "").strip()]
    said = [
        (
            f"{len(calls)} calls ({', '.join(name or '?' for name, _ in calls)})"
            if calls
            else "no calls"
        )
    ]
    said += (
        [f"{len(found)} left in the text"]
        if found
        else ["call markup in the text"]
        if "markup_leak" in seen.codes
        else []
    )
    said += [
        name if part else f"no {name}"
        for name, part in zip(("content", "reasoning"), parts, strict=True)
    ]
    key = (calls, found, *(parts if same else map(bool, parts)), answer.finish_reason)
    told = (
        f"the {'stream' if seen.streamed else 'block'} answer has {', '.join(said)}, finish_reason"
        f" {answer.finish_reason!r}"
    )
    broken = bool(found) or "markup_leak" in seen.codes or "answer_in_reasoning" in seen.codes
    yield Trait(
        key, seen.at("tool_calls") if seen.calls else seen.at("content"), told, fault=broken
    )


def _letters(seen: Seen) -> str:
    return re.sub(r"\W+", "", seen.text)
