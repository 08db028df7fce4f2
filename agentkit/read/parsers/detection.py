"""What format a text could be in: a cheap test for call markup, and the formats that read calls
from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentkit.errors import checked_keywords
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.call_parser import Format, Parser
from agentkit.read.parsers.formats.call_formats import CANONICAL
from agentkit.read.parsers.output import Parsed
from agentkit.types.answer import Policy

MOST = 200_000
"""Characters that are looked at."""
_SAME = frozenset(("granite4", "ernie45", "step3p5", "step5", "ling3"))
"""Formats that read calls as one before them does."""


def _distinctive() -> Iterator[str]:
    for form in CANONICAL.values():
        for marker in (*form.markers, *form.calls):
            if len(marker) > 3 and not marker.startswith("```") and "DSML" not in marker:
                yield marker


_MARKERS = tuple(sorted(set(_distinctive())))
_DSML = "</? ?[|｜]{1,2} ?DSML ?[|｜]{1,2}"
"""One pattern for all forms of its bars."""
_TAGS = re.compile(
    "|".join([*(re.escape(marker) for marker in _MARKERS if marker[0] == "<"), _DSML])
)
_WORDS = tuple(marker for marker in _MARKERS if marker[0] != "<")
BARE = {
    "llama3_json": re.compile(r'\{\s*+"(?:name|type|function|parameters|arguments)"'),
    "xlam": re.compile(r'\[\s*+\{\s*+"(?:name|arguments)"'),
    "pythonic": re.compile(r"\A\s*+\[\s*+[A-Za-z_][\w.\-]*+\("),
    "llama4_pythonic": re.compile(r"<\|python_start\|>|\A\s*+\[\s*+[A-Za-z_][\w.\-]*+\("),
}
"""What has to be in a text for a format whose markers are ordinary text."""


@checked_keywords
def has_call_markup(text: str) -> bool:
    """Return whether the text holds a marker of any known call format; bare JSON, code fences and
    Python are not markup.
    """
    tagged = "<" in text and _TAGS.search(text) is not None
    return tagged or any(word in text for word in _WORDS)


@checked_keywords
def detect(text: str) -> tuple[str, ...]:
    """List the names of the formats the text could be in, best first; empty where none reads a call
    in it.

    Better is: more calls that can run, fewer broken ones, less text left beside them. Only the
        first 200,000 characters are looked at.
    """
    found = candidates(text)
    usable = [name for name, parsed in found if _rank(parsed)[0] < 0]
    return tuple(usable or (name for name, _ in found))


def candidates(
    text: str,
    tools: KnownTools | None = None,
    policy: Policy = "normalize",
    *,
    distinct: bool = False,
) -> list[tuple[str, Parsed]]:
    """List the formats that read calls, broken ones too, in the first 200,000 characters, with what
    they read; best first.

    Args:
        text: what the model wrote.
        tools: the tools it may call.
        policy: which calls may run.
        distinct: of formats that read the same, one.
    """
    text = text[:MOST]
    found = []
    for order, (name, form) in enumerate(CANONICAL.items()):
        if (distinct and name in _SAME) or not _possible(name, form, text):
            continue
        parsed = Parser(name, form).parse(text, tools, policy)
        if parsed.tool_calls:
            found.append(((*_rank(parsed), name in BARE, order), name, parsed))
    return [(name, parsed) for _, name, parsed in sorted(found, key=lambda entry: entry[0])]


def _possible(name: str, form: Format, text: str) -> bool:
    if name in BARE:
        return BARE[name].search(text) is not None
    markers = form.markers if form.only_inside else (*form.markers, *form.marked_calls)
    return any(marker in text for marker in markers)


def _rank(parsed: Parsed) -> tuple[int, int, int]:
    valid = sum(call.valid for call in parsed.tool_calls)
    return -valid, len(parsed.tool_calls) - valid, len((parsed.content or "").strip())
