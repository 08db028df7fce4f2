"""The Markdown that models write, read by markdown-it: CommonMark with tables and strikethrough.

What would hide a character that somebody wrote is left out: entities, references and raw HTML stay
as they are, an escape keeps its backslash, and a tag with what is in it (`<think>`, `<tool_call>`)
is one literal text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from typing import Any

_CALL_TAG = r"[\w:|]*(?:think|tool|call|function|invoke|param)[\w:|]*"
_OPENED = re.compile(
    rf"</?({_CALL_TAG})(?:[ =][^<>]*)?>|<\|[^|<>]{{1,60}}\|>|\[/?(?:TOOL|INST|THINK|CALL)[A-Z_]*\]"
    r"|</?([A-Za-z][\w.-]*)(?: [^<>]*)?>(?:.*>)?[ \t]*$",
    re.MULTILINE,
)
"""A line that is a tag of a model, or of HTML with nothing beside it."""
_CALLS = re.compile(rf"<({_CALL_TAG})(?:[ =][^<>\n]*)?>")
_COLUMNS = 12
"""Columns from which on the cells of a table are counted."""
_CELLS = 10_000
"""Cells of a table that is drawn."""
_CLOSER = re.compile(r"</([A-Za-z_][\w:.-]*)>")


@cache
def parser() -> Any:
    """Make the one parser."""
    from markdown_it import MarkdownIt

    made: Any = MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    made.enable(["table", "strikethrough"])
    made.disable(["reference", "html_block", "html_inline", "autolink", "entity", "text_join"])
    made.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    made.block.ruler.before(
        "fence", "literal", _literal_lines, {"alt": ["paragraph", "blockquote", "list"]}
    )
    made.inline.ruler.before("link", "literal", _literal_words)
    made.normalizeLink = made.normalizeLinkText = str  # addresses are words, as they are written
    made.validateLink = _any
    return made


def _table(state: Any, start: int, end: int, silent: bool) -> bool:
    """Take a table, unless it has so many cells that nobody could read it; each short line would be
    filled up with empty ones.
    """
    from markdown_it.rules_block.table import table

    if start + 1 < end:
        ruled = state.src[state.bMarks[start + 1] : state.eMarks[start + 1]]
        columns = ruled.count("|")
        if columns > _COLUMNS and not ruled.strip("|-: \t"):
            last = start
            while last < end and not state.isEmpty(last):
                last += 1
            if columns * (last - start) > _CELLS:
                return False
    return bool(table(state, start, end, silent))


def _any(_: str) -> bool:
    return True


def _literal_lines(state: Any, start: int, end: int, silent: bool) -> bool:
    """Take a line that begins with a tag, up to the line that closes it, else to an empty one."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.src[begin : begin + 1] not in ("<", "[") or state.is_code_block(start):
        return False
    found = _OPENED.match(state.src, begin, state.eMarks[start])
    if found is None:
        return False
    if silent:
        return True
    last = _last_line(state, found, begin, start, end)
    state.line = last + 1
    token = state.push("literal", "", 0)
    token.map = [start, state.line]
    token.content = state.getLines(start, state.line, state.blkIndent, False)
    return True


def _last_line(state: Any, found: re.Match[str], begin: int, start: int, end: int) -> int:
    closers = (
        _closers(state).get(found[1] or found[2] or "", ()) if state.src[begin + 1] != "/" else ()
    )
    place = bisect_left(closers, found.end())
    if place < len(closers):
        line = bisect_left(state.eMarks, closers[place], start)
        if line < end:
            return line
    line = start
    while line + 1 < end and not state.isEmpty(line + 1):
        line += 1
    return line


def _closers(state: Any) -> dict[str, list[int]]:
    """Find where each tag is closed, once for a text."""
    if "closers" not in state.env:
        known: dict[str, list[int]] = {}
        for match in _CLOSER.finditer(state.src):
            known.setdefault(match[1], []).append(match.start())
        state.env["closers"] = known
    found: dict[str, list[int]] = state.env["closers"]
    return found


def _literal_words(state: Any, silent: bool) -> bool:
    """Take a call or a thought within a line, with its tags."""
    if state.src[state.pos] != "<":
        return False
    found = _CALLS.match(state.src, state.pos)
    if found is None:
        return False
    closer = f"</{found[1]}>"
    last = state.src.rfind(closer)
    if last < found.end():
        return False
    end = state.src.find(closer, found.end()) + len(closer)
    if not silent:
        token = state.push("code_inline", "code", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True
