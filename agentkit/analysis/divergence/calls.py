"""What a server's parsers made of the model's text: calls left in it, broken arguments, other
names, tokens that should not be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentkit.analysis.alignment import align_calls, plain_name
from agentkit.analysis.divergence.seen import Seen
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.finish import means
from agentkit.read.calls.text_calls import call_markup_in

_SYNTAX = frozenset(
    f"arguments_{code}"
    for code in (
        "invalid_json",
        "python_literal",
        "control_chars",
        "trailing_comma",
        "code_fence",
        "comments",
        "concatenated",
        "leading_data",
        "trailing_data",
        "bad_escape",
        "nonfinite",
        "duplicated",
        "not_object",
        "lone_surrogate",
        "duplicate_keys",
    )
)
_NAMES = (
    "name_missing",
    "name_unknown",
    "name_prefix",
    "name_whitespace",
    "name_special_tokens",
    "wrapper_tool_call",
)
_SPECIAL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|eot_id|eom_id|endoftext|start_header_id|end_header_id|channel|message|start|end|call|constrain|return|python_tag"
    r"|tool▁\w+|end_of_text|begin_of_text|assistant|user|system)\|>|<｜[^<>｜]{1,40}｜>|</s>|<s>|\[/?INST\]|<(?:pad|eos|bos|unk|end_of_turn|start_of_turn)>"
    r"|\[/?(?:TOOL_CALLS|ARGS|TOOL_RESULTS|AVAILABLE_TOOLS)\]|<0x[0-9A-F]{2}>|[\u0120\u010a\u2581](?=\w)"
)


def call_in_text(seen: Seen, other: Seen) -> Iterator[Trait]:
    """A call that the server left in the text, whole or broken."""
    listed = seen.answer.recoverable
    ran = [call for call in seen.calls if call.origin not in ("tool_calls", "function_call")]
    for call in (*listed, *ran):
        name = call.name or "a call"
        yield Trait(
            ("content", plain_name(call.name)),
            seen.at("content"),
            f"the call of {name} stands in the content",
        )
    if not listed and not ran:
        yield from _markup(seen)


def _markup(seen: Seen) -> Iterator[Trait]:
    reasoning = "tool_call_in_reasoning" in seen.codes
    content = "tool_call_in_content" in seen.codes or (
        not seen.calls
        and "markup_leak" in seen.codes
        and call_markup_in(seen.answer.content) is not None
    )
    if reasoning:
        yield Trait(
            "reasoning",
            seen.at("reasoning"),
            "call markup stands in the reasoning",
            severity="changes" if seen.calls else None,
        )
    if content:
        yield Trait("content", seen.at("content"), "call markup stands in the content")


def arguments_syntax(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Arguments that are no JSON as they stand; what was cut at the token limit is a truncation."""
    cut = means(seen.answer.finish_reason, "length")
    for call in seen.calls:
        for p in call.problems:
            if p.code in _SYNTAX or (p.code == "arguments_truncated" and not cut):
                yield Trait(
                    (p.code, plain_name(call.name)),
                    _place(seen, p.pointer, call.position),
                    f"{call.name}: {p.message}",
                )


def _place(seen: Seen, pointer: str, position: int) -> str:
    """The pointer of a call's arguments; problems inside of a text point on into it, where the raw
    answer has nothing.
    """
    whole = seen.at(f"tool_calls/{position}/function/arguments")
    return whole if not pointer or pointer.startswith(whole) else pointer


def tool_name(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Names that are no name of a tool as they stand, or are written otherwise than on the other
    side.
    """
    for call in seen.calls:
        at = seen.at(f"tool_calls/{call.position}/function/name")
        for code in (p.code for p in call.problems if p.code in _NAMES):
            yield Trait((code, plain_name(call.name)), at, f"the name {call.raw_name!r}: {code}")
    if seen.calls and other.calls:
        for pair in align_calls(seen.calls, other.calls, seen.tools):
            if (
                pair.left
                and pair.right
                and str(pair.left.raw_name) != str(pair.right.raw_name)
                and pair.kind != "missing"
            ):
                at, raw = (
                    seen.at(f"tool_calls/{pair.left.position}/function/name"),
                    pair.left.raw_name,
                )
                yield Trait(
                    ("spelled", str(raw)), at, f"the name is {raw!r}", fault=_odd(seen, raw)
                )


def _odd(seen: Seen, name: object) -> bool:
    return seen.tools is not None and bool(seen.tools) and name not in seen.tools


def token_leak(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Special tokens of the chat template in content, reasoning or arguments."""
    texts = [("content", seen.answer.content), ("reasoning", seen.answer.reasoning)]
    texts += [
        (f"tool_calls/{call.position}/function/arguments", call.raw_arguments)
        for call in seen.calls
    ]
    for place, text in texts:
        found = _SPECIAL.search(text or "")
        if found:
            yield Trait(
                (place.split("/")[0], found.group()),
                seen.at(place),
                f"{found.group()} in the {place.rpartition('/')[2]}",
            )
    if "markup_leak" in seen.codes and not _SPECIAL.search(seen.answer.content or ""):
        yield Trait(("content", "markup"), seen.at("content"), "markup in the content")
