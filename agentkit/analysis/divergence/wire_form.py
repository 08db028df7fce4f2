"""How the message is written on the wire: ids, encodings, forms, fields, and what the pieces of a
stream say about themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agentkit.analysis.divergence.answer_view import THOUGHTS, AnswerView
from agentkit.analysis.divergence.classes import Impact
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.reasoning import FIELDS

_ENCODINGS: dict[str, tuple[str, Impact]] = {
    "arguments_object": ("the arguments are an object, not text", "breaks"),
    "arguments_double_encoded": ("the arguments are encoded twice", "breaks"),
    "arguments_empty": ("the arguments are an empty text", "breaks"),
    "arguments_null": ("the arguments are null or missing", "breaks"),
    "arguments_null_string": ("the arguments are the text null", "changes"),
    "arguments_key_parameters": ("the arguments are under parameters", "breaks"),
    "legacy_function_call": ("the call is in function_call", "breaks"),
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
_THINKING: dict[str, tuple[str, Impact]] = {
    "answer_in_reasoning": ("the answer is in the reasoning, with no content", "breaks"),
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
    """Name the form of an id without what is random in it.

    >>> [id_style(raw) for raw in ("call_a8Zk", "chatcmpl-tool-9f3e", "functions.add:0")]
    ['call_…', 'chatcmpl-tool-…', 'functions.NAME:N']
    >>> [id_style(raw) for raw in ("aB3dE6gH9", "17")]
    ['nine letters and digits', 'a number']
    """
    known = next((style for pattern, style in _STYLES if pattern.fullmatch(raw)), None)
    if known:
        return known
    prefix = re.match(r"(?:[a-zA-Z]+[-_.:])*", raw)
    return f"{prefix.group()}…" if prefix and prefix.group() else "bare"


def call_id(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare the ids of calls: whether they are there, unique, and of which form."""
    listed = [call for call in view.listed_calls if call.origin != "function_call"]
    if not listed or not any(call.origin != "function_call" for call in other.listed_calls):
        return
    problems = {p.code: p for call in listed for p in call.problems}
    for code in sorted(problems.keys() & _IDS.keys()):
        at = problems[code].pointer or view.at("tool_calls")
        yield Trait(code, at, _IDS[code], severity="breaks")
    if view.reused:
        cause = "an id of an earlier turn is used again"
        yield Trait("reused", view.at("tool_calls/0/id"), cause, severity="changes")
    styles: dict[str, int] = {}
    for call in view.calls if view.dialect == other.dialect else ():  # each has its own style
        if isinstance(call.raw_id, str) and call.raw_id:
            styles[id_style(call.raw_id)] = call.position
    for style, position in styles.items():
        yield Trait(style, view.at(f"tool_calls/{position}/id"), f"ids are {style}", fault=False)


def arguments_encoding(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare how calls and their arguments are encoded."""
    of_calls = [p for call in view.calls for p in call.problems]
    for p in (*of_calls, *view.answer.problems):
        if p.code in _ENCODINGS:
            cause, severity = _ENCODINGS[p.code]
            yield Trait(p.code, p.pointer or view.at("tool_calls"), cause, severity=severity)


def content_form(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare the form of a content that has the same text on both sides."""
    raw, theirs = _raw_content(view), _raw_content(other)
    if not all(side.message or side.codec for side in (view, other)) or _words(raw) != _words(
        theirs
    ):
        return
    at, mixed = view.at("content"), view.streamed or other.streamed
    mixed = mixed or view.dialect != other.dialect
    if isinstance(raw, list):
        yield Trait("list", at, "the content is a list of parts", severity="changes")
    elif raw is None or (raw == "" and mixed):  # a stream has no way to send null
        yield Trait("none", at, "the content is null or missing", fault=False)
    elif isinstance(raw, str) and not raw.strip():
        cause = "the content is white space" if raw else "the content is an empty text"
        yield Trait("empty" if not raw or mixed else "blank", at, cause, fault=False)
    elif isinstance(raw, str):
        pad = (raw[: len(raw) - len(raw.lstrip())], raw[len(raw.rstrip()) :])
        cause = "the content is plain text"
        if any(pad):
            cause = f"the content begins with {pad[0]!r} and ends with {pad[1]!r}"
        yield Trait(("text", pad), at, cause, fault=False)
    if view.message.get("tool_calls") == []:
        yield Trait("[]", view.at("tool_calls"), "tool_calls is an empty list", fault=False)


def _raw_content(view: AnswerView) -> Any:
    """Return the content as it was sent; in a dialect its texts joined."""
    return view.message.get("content") if view.codec is None else view.answer.wire_content


def _words(content: Any) -> str:
    """Join the text of a content, whatever its form, without the space around it."""
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        content = "".join(text for text in texts if isinstance(text, str))
    return content.strip() if isinstance(content, str) else ""


def reasoning_field(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare which field holds the reasoning, and find what went wrong in separating it from the
    answer.
    """
    blocks = view.answer.reasoning_blocks
    for code in sorted(view.codes & _THINKING.keys()):
        cause, severity = _THINKING[code]
        field = "content"
        if code == "answer_in_reasoning":
            field = next((block.source for block in blocks if block.source in FIELDS), field)
        yield Trait(code, view.at(field), cause, severity=severity)
    filled = [block for block in blocks if block.text.strip() or block.kind == "encrypted"]
    sources = dict.fromkeys(block.source for block in filled)
    for source in sources:
        field = source if source in FIELDS or source == "reasoning_details" else "content"
        field = "reasoning" if source.startswith(f"{view.dialect}:") else field
        fault = source == "content:think_tags"
        # each dialect has a place of its own
        own = view.dialect != other.dialect and source != "content:think_tags"
        key = "own place" if own else source
        yield Trait(key, view.at(field), f"reasoning in {source}", fault=fault)
    unthought = view.dialect == other.dialect and _thought(other) and not _thought(view)
    if not sources and (other.answer.reasoning or unthought):
        hidden = view.answer.usage.reasoning_tokens if view.answer.usage else None
        cause = "no reasoning"
        if hidden:
            cause = f"no reasoning is shown, {hidden} tokens of it are counted"
        yield Trait("none", view.at("content"), cause, fault=False)


def _thought(view: AnswerView) -> bool:
    """Tell whether an answer of a dialect says that there was reasoning, shown or not."""
    items = (item for item in view.answer.items if isinstance(item, dict))
    return any(item.get("type") in THOUGHTS for item in items)


def stream_identity(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find pieces of a stream that do not name what they belong to as OpenAI's do."""
    if not view.streamed:
        return
    for code in sorted(view.codes & _IDENTITY.keys()):
        yield Trait(code, view.at("tool_calls"), _IDENTITY[code])
    for odd in view.oddities:
        if odd.of == "identity":
            severity: Impact = "cosmetic" if odd.small else "changes"
            at = f"{view.envelope.pointer}{odd.pointer}"
            yield Trait(odd.name, at, odd.text, severity=severity)
    if view.codec is None:
        yield from _pieces_identity(view, other)


def _pieces_identity(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find chunks of a chat completion without id or model, or with several."""
    has_choices = any(event.get("choices") for event in view.events)
    for name in ("id", "model"):
        values = {event[name] for event in view.events if isinstance(event.get(name), str)}
        if len(values) > 1:
            yield Trait(name, f"/{name}", f"{name} changes from piece to piece", severity="changes")
        elif not values and has_choices:
            named_there = any(event.get(name) for event in other.events)
            if named_there or not other.streamed:
                cause = f"pieces carry no {name}"
                yield Trait(f"no {name}", f"/{name}", cause, severity="cosmetic")


def stream_and_end(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find a stream whose pieces do not give what its own end says."""
    if not view.streamed:
        return
    told = [odd for odd in view.oddities if odd.of != "cut"]
    for odd in told:
        if odd.of == "stream":
            yield Trait(odd.name, f"{view.envelope.pointer}{odd.pointer}", odd.text)
    differs = [p for p in view.answer.problems if p.code == "stream_final_differs"]
    if differs and not told:
        yield Trait("final", differs[0].pointer, differs[0].message)


def stream_vs_block(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare what a stream and the block answer of the same server are read as: word by word where
    both have the same text, else which parts there are.
    """
    yield from stream_and_end(view, other)
    # after other words before, other words are no fault of the form
    same = view.history == other.history and _letters(view) == _letters(other)
    answer = view.answer
    calls = tuple((call.name, call.status == "invalid") for call in view.calls)
    found = tuple((call.name, call.status == "invalid") for call in answer.recoverable)
    parts = ((answer.content or "").strip(), (answer.reasoning or "").strip())
    key = (calls, found, *(parts if same else map(bool, parts)))
    cause = (
        f"the {'stream' if view.streamed else 'block'} answer has {', '.join(_parts(view, parts))},"
        f" finish_reason {answer.finish_reason!r}"
    )
    broken = bool(found) or not view.codes.isdisjoint(("markup_leak", "answer_in_reasoning"))
    at = view.at("tool_calls") if view.calls else view.at("content")
    yield Trait(key, at, cause, fault=broken)


def _parts(view: AnswerView, parts: tuple[str, str]) -> Iterator[str]:
    """Describe the parts of an answer, a phrase each."""
    names = ", ".join(call.name or "?" for call in view.calls)
    yield f"{len(view.calls)} calls ({names})" if view.calls else "no calls"
    if view.answer.recoverable:
        yield f"{len(view.answer.recoverable)} left in the text"
    elif "markup_leak" in view.codes:
        yield "call markup in the text"
    for name, part in zip(("content", "reasoning"), parts, strict=True):
        yield name if part else f"no {name}"


def _letters(view: AnswerView) -> str:
    """Reduce everything the model wrote to its letters and digits."""
    return re.sub(r"\W+", "", view.text)
