"""Which profile helps with a refusal, by its words: the one that sends a history as this kind of
server takes it.
"""

from __future__ import annotations

import re

_WANTED = "the server wants its reasoning back"
_BY_WORDS: dict[str, tuple[tuple[str, tuple[str, ...], str], ...]] = {
    "unknown_field": (
        (
            r"messages\b[^\n]{0,80}reasoning[^\n]{0,80}extra inputs",
            ("mistral", "openai"),
            "the server takes no reasoning in a message",
        ),
        (
            r"assistant\.reasoning_content|role:assistant[^\n]{0,120}reasoning_content",
            ("cerebras", "groq"),
            "the server takes reasoning as `reasoning` and refuses `reasoning_content`",
        ),
        (
            r"messages?\b[^\n]{0,60}(reasoning|thinking)|reasoning_(content|details)",
            ("openai",),
            "the server takes no reasoning in a message",
        ),
        (r"extra_content|thought_signature", ("openai",), "the server takes no signatures"),
    ),
    "history_reasoning_missing": (
        (r"thought_?signature", ("gemini",), "each first call must keep its signature"),
        (r"thinking mode|passed back|missing .?reasoning_content", ("deepseek",), _WANTED),
        (r"", ("kimi", "deepseek"), _WANTED),
    ),
    "history_id_format": (
        (r"length of 9|a-z, A-Z, 0-9|alphanumeric", ("mistral",), "ids are of nine characters"),
        (r"too long|maximum length|40", ("openai",), "ids have 40 characters at most"),
        (r"functions\.", ("kimi",), "ids are of the form functions.name:index"),
    ),
    "history_bad_name": (
        (r"pattern|a-zA-Z|must be a-z", ("openai",), "names are made of letters, digits, _ and -"),
    ),
}


def profile_hint(kind: str, words: str) -> str:
    """Name the profile that helps with a refusal of this kind; "" where none is known.

    >>> profile_hint("unknown_field", "Unknown parameter: 'messages[1].reasoning_content'")
    "the server takes no reasoning in a message: choose profile='openai'"
    """
    for pattern, names, why in _BY_WORDS.get(kind, ()):
        if re.search(pattern, words, re.IGNORECASE):
            chosen = " or ".join(f"profile={name!r}" for name in names)
            return f"{why}: choose {chosen}"
    return ""


def profiles_named() -> frozenset[str]:
    """Collect the profiles that hints name, all of which there must be."""
    return frozenset(
        name for rules in _BY_WORDS.values() for _, names, _ in rules for name in names
    )
