"""Reasoning, wherever a server puts it: its own field under two names, `reasoning_details`, content
parts, or think tags in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentkit.types.answer import ReasoningBlock
from agentkit.types.problem import Problem, problem

FIELDS = ("reasoning", "reasoning_content")
"""vLLM renamed `reasoning_content` (DeepSeek's name) to `reasoning` (OpenRouter's) in November
2025.
"""

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
_MARK = re.compile("|".join(re.escape(tag) for pair in _TAGS.items() for tag in pair) + "|`+")
_HINT = re.compile("|".join(re.escape(tag) for pair in _TAGS.items() for tag in pair))
_CLOSERS = frozenset(_TAGS.values())


def field_blocks(
    message: dict[str, Any], pointer: str
) -> tuple[list[ReasoningBlock], list[Problem]]:
    """Read the reasoning a message carries in fields of its own, each text once."""
    blocks: list[ReasoningBlock] = []
    problems: list[Problem] = []
    for name in FIELDS:
        value = message.get(name)
        if not value:
            continue
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
        if text and text not in [block.text for block in blocks]:
            blocks.append(
                ReasoningBlock(
                    source=name, text=text, raw=None if isinstance(value, str) else value
                )
            )
    details = message.get("reasoning_details")
    if isinstance(details, (list, dict)):
        items = details if isinstance(details, list) else [details]
        blocks.extend(detail_block(item) for item in items)
    return blocks, problems


def detail_block(item: Any) -> ReasoningBlock:
    """Read one entry of OpenRouter's `reasoning_details`: text, summary or encrypted."""
    if not isinstance(item, dict):
        return ReasoningBlock(
            source="reasoning_details", text=item if isinstance(item, str) else "", raw=item
        )
    kind = str(item.get("type", "")).rpartition(".")[2]
    kind = kind if kind in ("summary", "encrypted") else "text"
    value = (
        ""
        if kind == "encrypted"
        else next((item[k] for k in (kind, "text", "summary", "content") if item.get(k)), "")
    )
    return ReasoningBlock(
        source="reasoning_details",
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


def joined(blocks: list[ReasoningBlock]) -> str | None:
    """Join the reasoning to one text: a field's own text once, though `reasoning_details` may
    repeat it in pieces.
    """
    has_field = any(block.source in FIELDS for block in blocks)
    texts = [
        block.text
        for block in blocks
        if block.text and not (has_field and block.source == "reasoning_details")
    ]
    return "\n\n".join(texts) or None


def _flatten(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_flatten(item) for item in value)
    if isinstance(value, dict):
        inner = next(
            (value[k] for k in ("text", "thinking", "content", "summary", "value") if value.get(k)),
            None,
        )
        if inner is None:
            return json.dumps(value, ensure_ascii=False) if any(value.values()) else ""
        return _flatten(inner)
    return "" if value is None else str(value)


@dataclass(slots=True)
class ThinkText:
    """What think tags make of a text."""

    cuts: list[tuple[int, int]]
    """Regions that are reasoning, tags included."""
    code: list[tuple[int, int]]
    """Regions of code outside them, fenced or inline, in which no tag and no call counts."""
    blocks: list[ReasoningBlock]
    codes: list[str]


def split_think(text: str) -> ThinkText:
    """Find the think blocks of a text and its code regions, in one pass.

    Text before a closing tag that nothing opened is reasoning (the template opened it); an unclosed
    tag makes the rest reasoning.
    """
    found = ThinkText([], [], [], [])
    if "`" not in text and not _HINT.search(text):
        return found
    at = 0
    while mark := _MARK.search(text, at):
        token = mark.group()
        if token[0] == "`":
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
    end; a lone backtick is no code.
    """
    ticks, start = len(mark.group()), mark.start()
    fence = ticks >= 3 and not text[text.rfind("\n", 0, start) + 1 : start].strip()
    closing = re.compile(rf"(?<!`)`{{{ticks}{',' if fence else ''}}}(?!`)")
    found = closing.search(text, mark.end())
    if not fence and (found is None or (ticks < 3 and "\n" in text[mark.end() : found.start()])):
        return mark.end()
    end = found.end() if found else len(text)
    code.append((start, end))
    return end


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
