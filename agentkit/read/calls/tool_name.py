"""The name in a call, as the tools know it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from agentkit.read.calls.known_tools import KnownTools
from agentkit.types.problem import Problem, problem

_SPECIAL_TOKEN = re.compile(
    r"<[|｜][^<>]{0,80}[|｜]>|</?[A-Za-z_:]+[^<>]{0,60}>|\[/?[A-Z][A-Z_]+\]"
)


_PREFIXES = re.compile(r"(?:functions?|tools?|default_api)[.:/]", re.IGNORECASE)
"""Namespaces that are the formats' own (OpenAI's, Gemini's); any other dotted name is whole."""


_LONG, _MANY = 200, 200
"""Characters of a name, and tools, beyond which none is looked for by likeness: that takes time."""
_INDEX_SUFFIX = re.compile(r":\d+\Z")
_RUN_TOGETHER = re.compile(r"functions?[.:_]?(?P<name>.+?)[:_.]?\d{0,4}\Z", re.IGNORECASE)
"""Kimi K2's `functions.NAME:0` without its marks, as `functionsNAME0`."""


def read_name(raw: Any, tools: KnownTools, pointer: str = "") -> tuple[str, tuple[Problem, ...]]:
    """Read the name to dispatch by, "" where there is none, and what was taken off it or is wrong
    with it.

    Args:
        raw: the name as the model wrote it.
        tools: the tools that are known.
        pointer: JSON pointer of the name in the raw answer.
    """
    if not isinstance(raw, str) or not raw.strip():
        return "", (problem("name_missing", "the call has no name", pointer=pointer, before=raw),)
    if raw in tools:
        return raw, ()
    name, problems = raw, []
    for code, message, clean in (
        ("name_special_tokens", "special tokens stand in the name", _without_tokens),
        ("name_whitespace", "white space stands around the name", str.strip),
        ("name_prefix", "a prefix stands before the name", lambda n: _without_prefix(n, tools)),
    ):
        cleaned = clean(name)
        if cleaned != name and cleaned.strip():
            problems.append(problem(code, message, pointer=pointer, before=raw, after=cleaned))
            name = cleaned
        if name in tools:
            break
    if tools and name not in tools:
        known = ", ".join(sorted(tools)) or "none"
        near = meant_tool(name, tools)
        meant = f"did you mean {near!r}? " if near else ""
        problems.append(
            problem(
                "name_unknown",
                f"no tool is named {name!r}; {meant}there are: {known}"[:300],
                pointer=pointer,
                before=raw,
            )
        )
    return name, tuple(problems)


def meant_tool(name: str, known: Iterable[str]) -> str | None:
    """Find the tool that a name most likely means: another case or style of the same letters, with
    signs around it, a namespace before it, written twice, or a slip; None where none is near.
    """
    if len(name) > _LONG:
        return None
    by_letters = {_letters(one): one for one in known}
    written = _letters(name)
    half = written[: len(written) // 2]
    bare = _letters(re.split(r"[.:/]", name.strip())[-1])
    for letters in (written, half if half * 2 == written else "", bare):
        if letters in by_letters:
            return by_letters[letters]
    if len(by_letters) > _MANY:
        return None
    near = get_close_matches(written, by_letters, 1, cutoff=0.8)
    return by_letters[near[0]] if near else None


def _letters(name: str) -> str:
    """Take the letters and digits of a name, in lower case."""
    return "".join(filter(str.isalnum, name)).casefold()


def _without_tokens(name: str) -> str:
    """Take a name out of the special tokens around it: what follows one behind it is the token's
    own, as in `get_weather<|channel|>json`.
    """
    return next((part for part in _SPECIAL_TOKEN.split(name) if part.strip()), name)


def _without_prefix(name: str, tools: KnownTools) -> str:
    """Take the namespace off a name, where a known tool, or a known namespace, makes it certain."""
    bare = _INDEX_SUFFIX.sub("", name)
    longest = max(map(len, tools), default=0)
    for end in range(max(1, len(bare) - longest), len(bare)):
        if bare[end - 1] in ".:/" and bare[end:] in tools:
            return bare[end:]
    if bare in tools:
        return bare
    together = _RUN_TOGETHER.match(name[:200]) if tools else None
    if together and together["name"] in tools:
        return together["name"]
    prefix = _PREFIXES.match(bare)
    return bare[prefix.end() :] if prefix and not tools and bare[prefix.end() :] else name
