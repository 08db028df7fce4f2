"""What a server's parsers made of the model's text: calls left in it, broken arguments, other
names, tokens that do not belong there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentkit.analysis.alignment import align_calls, plain_name
from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.classes import Impact
from agentkit.analysis.divergence.traits import Trait
from agentkit.read.body.finish_words import means
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
    r"<\|(?:im_start|im_end|im_sep|eot_id|eom_id|endoftext|start_header_id|end_header_id|channel"
    r"|message|start|end|call|constrain|return|python_tag|tool▁\w+|end_of_text|begin_of_text"
    r"|assistant|user|system)\|>"
    r"|<｜[^<>｜]{1,40}｜>|</s>|<s>|\[/?INST\]|<(?:pad|eos|bos|unk|end_of_turn|start_of_turn)>"
    r"|\[/?(?:TOOL_CALLS|ARGS|TOOL_RESULTS|AVAILABLE_TOOLS)\]|<0x[0-9A-F]{2}>"
    r"|[\u0120\u010a\u2581](?=\w)"  # marks of byte-level and sentencepiece vocabularies
)


def call_in_text(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find a call that the server left in the text, whole or broken."""
    left = view.answer.recoverable
    ran = [call for call in view.calls if call not in view.listed_calls]
    for call in (*left, *ran):
        what = f"the call of {call.name}" if call.name else "a call without a name"
        cause = f"{what} is in the content"
        yield Trait(("content", plain_name(call.name)), view.at("content"), cause)
    if not left and not ran:
        yield from _markup(view)


def _markup(view: AnswerView) -> Iterator[Trait]:
    """Find markup of calls where no call could be read from it."""
    if "tool_call_in_reasoning" in view.codes:
        severity: Impact | None = "changes" if view.calls else None
        cause = "call markup is in the reasoning"
        yield Trait("reasoning", view.at("reasoning"), cause, severity=severity)
    leaked = not view.calls and "markup_leak" in view.codes
    if "tool_call_in_content" in view.codes or (
        leaked and call_markup_in(view.answer.content) is not None
    ):
        yield Trait("content", view.at("content"), "call markup is in the content")


def arguments_syntax(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find arguments that are no JSON as they were sent; those cut at the token limit are a
    truncation.
    """
    cut = means(view.answer.finish_reason, "length")
    for call in view.calls:
        for p in call.problems:
            if p.code in _SYNTAX or (p.code == "arguments_truncated" and not cut):
                key = (p.code, plain_name(call.name))
                at = _place(view, p.pointer, call.position)
                yield Trait(key, at, f"{call.name}: {p.message}")


def _place(view: AnswerView, pointer: str, position: int) -> str:
    """Point to a call's arguments. A problem inside their text points on into it, where the raw
    answer has nothing.
    """
    whole = view.at(f"tool_calls/{position}/function/arguments")
    return whole if not pointer or pointer.startswith(whole) else pointer


def tool_name(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find names that are no name of a tool as they were sent, or that the other side spells in
    another way.
    """
    for call in view.calls:
        at = view.at(f"tool_calls/{call.position}/function/name")
        for p in call.problems:
            if p.code in _NAMES:
                cause = f"the name {call.raw_name!r}: {p.code}"
                yield Trait((p.code, plain_name(call.name)), at, cause)
    if not view.calls or not other.calls:
        return
    for pair in align_calls(view.calls, other.calls, view.tools):
        left, right = pair.left, pair.right
        if left and right and str(left.raw_name) != str(right.raw_name):
            at, raw = view.at(f"tool_calls/{left.position}/function/name"), left.raw_name
            fault = _is_unknown(view, raw)
            yield Trait(("spelled", str(raw)), at, f"the name is {raw!r}", fault=fault)


def _is_unknown(view: AnswerView, name: object) -> bool:
    return view.tools is not None and bool(view.tools) and name not in view.tools


def token_leak(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find special tokens of the chat template in content, reasoning or arguments."""
    texts = [("content", view.answer.content), ("reasoning", view.answer.reasoning)]
    texts += [
        (f"tool_calls/{call.position}/function/arguments", call.raw_arguments)
        for call in view.calls
    ]
    for place, text in texts:
        found = _SPECIAL.search(text or "")
        if found:
            key = (place.split("/")[0], found.group())
            cause = f"{found.group()} in the {place.rpartition('/')[2]}"
            yield Trait(key, view.at(place), cause)
    if "markup_leak" in view.codes and not _SPECIAL.search(view.answer.content or ""):
        yield Trait(("content", "markup"), view.at("content"), "markup in the content")
