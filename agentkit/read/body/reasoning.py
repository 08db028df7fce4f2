"""Reasoning, wherever a server puts it: a field of its own under several names, a list of entries,
content parts, or think tags in the text; and the signatures that have to go back with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agentkit.types.answer import ReasoningBlock
from agentkit.types.problem import Problem, problem

FIELDS = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "thinking_content",
    "thoughts",
    "thought",
)
"""What a message's own field for reasoning is called, the name that decides first:
`reasoning_content` (DeepSeek, and most after it), `reasoning` (OpenRouter, Groq, Cerebras, Ollama;
vLLM since November 2025), `reasoning_text` (GitHub Copilot), `thinking` (Ollama's own) and names
that gateways gave it.
"""

LISTS = ("reasoning_details", "thinking_blocks", "reasoning_items")
"""Fields that hold a list of entries: OpenRouter's and MiniMax', and LiteLLM's two for what came of
Anthropic's blocks and of OpenAI's Responses items."""

SIGNATURES = (
    "signature",
    "reasoning_signature",
    "thinking_signature",
    "thought_signature",
    "reasoning_opaque",
    "encrypted_content",
    "reasoning_encrypted_content",
    "extra_content",
)
"""Fields of a message that hold nothing to read and have to go back as they came: `extra_content`
is Google's (its `thought_signature`), `reasoning_opaque` GitHub Copilot's."""

_TAGS = {
    **{
        f"<{name}>": f"</{name}>"
        for name in (
            "think",
            "thinking",
            "thought",
            "reasoning",
            "seed:think",
            "mm:think",
            "internal_thoughts",
        )
    },
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|inner_prefix|>": "<|inner_suffix|>",
}
_MARK = re.compile("|".join(re.escape(tag) for pair in _TAGS.items() for tag in pair) + "|`+|~{3,}")
_HINT = re.compile("|".join(re.escape(tag) for pair in _TAGS.items() for tag in pair))
_CLOSERS = frozenset(_TAGS.values())


def field_blocks(
    message: dict[str, Any], pointer: str
) -> tuple[list[ReasoningBlock], list[Problem]]:
    """Read the reasoning a message carries in fields of its own: each text once, though two names
    may carry it or differ in white space.
    """
    blocks: list[ReasoningBlock] = []
    problems: list[Problem] = []
    for name, value in _named_texts(message):
        text = value if isinstance(value, str) else _flatten(value)
        if not isinstance(value, str):
            problems.append(
                problem(
                    "reasoning_not_string",
                    f"{name!r} is not a text",
                    pointer=f"{pointer}/{name}",
                    before=value,
                )
            )
        if text and not any(same_text(text, block.text) for block in blocks):
            raw = None if isinstance(value, str) else value
            blocks.append(ReasoningBlock(source=name, text=text, raw=raw))
    for name in LISTS:
        value = message.get(name)
        if value and isinstance(value, (list, dict)):
            items = value if isinstance(value, list) else [value]
            blocks.extend(detail_block(item, name) for item in items)
    blocks.extend(
        ReasoningBlock(source=name, kind="encrypted", raw=message[name])
        for name in SIGNATURES
        if message.get(name)
    )
    return blocks, problems


def _named_texts(message: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Find the fields that hold reasoning; where there is none, those that LiteLLM moved to
    `provider_specific_fields` because it does not know them.
    """
    found = [(name, message[name]) for name in FIELDS if name in message and _holds(message[name])]
    moved = message.get("provider_specific_fields")
    if not found and isinstance(moved, dict):
        found = [(name, moved[name]) for name in FIELDS if _holds(moved.get(name))]
    yield from found


def _holds(value: Any) -> bool:
    return bool(value) and not isinstance(value, bool)


def same_text(a: str, b: str) -> bool:
    """Return whether two texts are the same but for white space."""
    return a == b or "".join(a.split()) == "".join(b.split())


def detail_block(item: Any, source: str = "reasoning_details") -> ReasoningBlock:
    """Read one entry of a list of reasoning: text, summary or encrypted."""
    if not isinstance(item, dict):
        return ReasoningBlock(source=source, text=item if isinstance(item, str) else "", raw=item)
    kind = str(item.get("type", "")).rpartition(".")[2]
    kind = "encrypted" if "redacted" in kind else kind
    kind = kind if kind in ("summary", "encrypted") else "text"
    names = (kind, "text", "thinking", "summary", "content")
    value = "" if kind == "encrypted" else next((item[k] for k in names if item.get(k)), "")
    return ReasoningBlock(
        source=source,
        kind=kind,
        text=value if isinstance(value, str) else _flatten(value),
        raw=item,
    )


def part_block(part: dict[str, Any]) -> ReasoningBlock:
    """Read a content part that holds reasoning: Mistral's and Anthropic's `thinking`, `reasoning`,
    `redacted_thinking`.
    """
    kind = "encrypted" if "redacted" in str(part.get("type")) else "text"
    value = next((part[k] for k in ("thinking", "reasoning", "text", "summary") if part.get(k)), "")
    return ReasoningBlock(
        source="content:thinking",
        kind=kind,
        text=value if isinstance(value, str) else _flatten(value),
        raw=part,
    )


def joined(blocks: Sequence[ReasoningBlock]) -> str | None:
    """Join the reasoning to one text, each text once: a list of entries repeats the field beside
    it in pieces, and where `reasoning_content` and another field differ, it is the text.
    """
    fields = [block.source for block in blocks if block.source in FIELDS]
    passed = {*(LISTS if fields else ()), *(FIELDS[1:] if FIELDS[0] in fields else ())}
    texts: list[str] = []
    for block in blocks:
        if block.text and block.source not in passed and not _repeats(block, texts):
            texts.append(block.text)
    return "\n\n".join(texts) or None


def _repeats(block: ReasoningBlock, texts: list[str]) -> bool:
    """Return whether a content part repeats what stands in a field. Entries of one list may be
    alike, and both count.
    """
    return block.source == "content:thinking" and any(same_text(block.text, t) for t in texts[:8])


_LABELS = frozenset({"effort", "type", "id", "format", "status", "signature", "index", "role"})


def _flatten(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_flatten(item) for item in value)
    if isinstance(value, dict):
        inner = next((value[k] for k in _TEXT_KEYS if value.get(k)), None)
        if inner is None:
            said = {key: item for key, item in value.items() if key not in _LABELS}
            return json.dumps(value, ensure_ascii=False) if any(said.values()) else ""
        return _flatten(inner)
    return "" if value is None else str(value)


_TEXT_KEYS = (
    "text",
    "thinking",
    "content",
    "summary",
    "value",
    *FIELDS[:2],
    "summary_text",
    "parts",
    *FIELDS[2:],
)


@dataclass(slots=True)
class ThinkText:
    """What think tags make of a text."""

    cuts: list[tuple[int, int]]
    """Regions that are reasoning, tags included."""
    code: list[tuple[int, int]]
    """Regions of code outside them, fenced or inline, in which no tag and no call counts."""
    blocks: list[ReasoningBlock]
    codes: list[str]
    apart: str | None = None
    """The reasoning that came in a field of its own; None where none did."""


def split_think(text: str, apart: str | None = None) -> ThinkText:
    """Find the think blocks of a text and its code regions, in one pass.

    Text before a closing tag that nothing opened is reasoning (the template opened it); an unclosed
    tag makes the rest reasoning.

    Args:
        apart: the reasoning that came in a field of its own, None where none did. Beside it a tag
            is the text's own word, but for whole blocks at the start and for what repeats the
            field. No call counts in a block that stays.
    """
    marked = "`" in text or "~~~" in text
    if not marked and not (("<" in text or "◁" in text or "[" in text) and _HINT.search(text)):
        return ThinkText([], [], [], [], apart)
    found = _tagged(text)
    found.apart = apart
    if apart is None or not found.cuts:
        return found
    if same_text("".join(block.text for block in found.blocks), apart):
        found.blocks.clear()
        return found
    return _leading(text, apart)


def _tagged(text: str) -> ThinkText:
    found = ThinkText([], [], [], [])
    at = 0
    while mark := _MARK.search(text, at):
        token = mark.group()
        if token[0] in "`~":
            at = _skip_code(text, mark, found.code)
        elif token in _CLOSERS:
            at = mark.end()
            _close_orphan(found, text, mark)
        else:
            end, inner_end = _closing(text, mark.end(), token)
            _take(
                found,
                mark.start(),
                end,
                text[mark.end() : inner_end],
                "think_in_content" if end > inner_end else "unclosed_think",
            )
            at = end
    return found


def _leading(text: str, apart: str) -> ThinkText:
    """Take the blocks at the start out of a text and leave its other tags; whole blocks there and
    code are regions in which no call counts.
    """
    found = ThinkText([], [], [], [], apart)
    unclosed: set[str] = set()
    at = start = 0
    while mark := _MARK.search(text, at):
        token, at = mark.group(), mark.end()
        if token[0] in "`~":
            at = _skip_code(text, mark, found.code)
            continue
        if token in _CLOSERS or token in unclosed:
            continue
        end, inner_end = _closing(text, at, token)
        if end <= inner_end:  # nothing closes a later one either
            unclosed.add(token)
            continue
        if text[start : mark.start()].strip():
            found.code.append((mark.start(), end))
        else:
            _take(found, mark.start(), end, text[at:inner_end], "think_in_content")
            start = end
        at = end
    found.blocks = [block for block in found.blocks if not same_text(block.text, apart)]
    return found


def _close_orphan(found: ThinkText, text: str, mark: re.Match[str]) -> None:
    """Close what the template opened, which only the first tag can; behind a closed block it is a
    stray tag and takes no text with it.
    """
    if found.cuts:
        _take(found, mark.start(), mark.end(), "", "orphan_think_close")
    else:
        _take(found, 0, mark.end(), text[: mark.start()], "orphan_think_close")
        found.code.clear()


def _take(found: ThinkText, start: int, end: int, inner: str, code: str) -> None:
    found.cuts.append((start, end))
    found.codes.append(code)
    if inner.strip():
        found.blocks.append(ReasoningBlock(source="content:think_tags", text=inner))


def _closing(text: str, at: int, opener: str) -> tuple[int, int]:
    """Find where the block ends and where its inner text ends; both are the text's end where it is
    never closed.
    """
    closer, depth = _TAGS[opener], 1
    pattern = re.compile(f"{re.escape(opener)}|{re.escape(closer)}")
    for mark in pattern.finditer(text, at):
        depth += 1 if mark.group() == opener else -1
        if depth == 0:
            return mark.end(), mark.start()
    last = text.rfind(closer, at)
    return (last + len(closer), last) if last >= 0 else (len(text), len(text))


def _skip_code(text: str, mark: re.Match[str], code: list[tuple[int, int]]) -> int:
    """Find where the search goes on behind a code region. A fence that is never closed runs to the
    end; a lone backtick, or tildes in the middle of a line, are no code.
    """
    ticks, start = len(mark.group()), mark.start()
    before = start
    while before and text[before - 1] in " \t":
        before -= 1
    fence = ticks >= 3 and text[before - 1 : before] in ("", "\n", "\r")
    if mark.group()[0] == "~" and not fence:
        return mark.end()
    found = _closing_code(mark.group()[0], ticks, fence).search(text, mark.end())
    if not fence and (found is None or (ticks < 3 and "\n" in text[mark.end() : found.start()])):
        return mark.end()
    end = found.end() if found else len(text)
    code.append((start, end))
    return end


@lru_cache(maxsize=64)
def _closing_code(mark: str, ticks: int, fence: bool) -> re.Pattern[str]:
    if mark == "~":
        return re.compile(rf"^[ \t]*~{{{ticks},}}", re.MULTILINE)
    return re.compile(rf"(?<!`)`{{{ticks}{',' if fence else ''}}}(?!`)")


def think_problems(found: ThinkText, pointer: str) -> Iterator[Problem]:
    """Report each way in which think tags were found in the content, once."""
    messages = {
        "think_in_content": "a think block stands in the content; it is read as reasoning",
        "orphan_think_close": (
            "a closing think tag without an opening one: what stands before it is read as reasoning"
        ),
        "unclosed_think": "a think tag is never closed: the rest is read as reasoning",
    }
    for code in dict.fromkeys(found.codes):
        yield problem(code, messages[code], pointer=pointer)


def mask(text: str, regions: list[tuple[int, int]]) -> str:
    """Blank the regions of a text, with every other character left where it was."""
    out, at = [], 0
    for start, end in sorted(regions):
        if start > at:
            out.append(text[at:start])
        out.append(" " * (end - max(start, at)))
        at = max(at, end)
    return "".join([*out, text[at:]])


def cut(text: str, regions: list[tuple[int, int]]) -> str | None:
    """Take the regions out of a text, trimmed where something was taken; None where only white
    space is left.
    """
    if not regions:
        return text
    kept, at = [], 0
    for start, end in sorted(regions):
        kept.append(text[at:start] if start > at else "")
        at = max(at, end)
    return "".join([*kept, text[at:]]).strip() or None
