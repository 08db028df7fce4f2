"""Keys by their look, which nobody has named: they are taken out of exports, and the doctor of
cassettes points at them.

They stay in what is recorded and sent back. A model may write what only looks like a key, as the
example of a documentation, and what it wrote is what the record is for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.servers.redaction.redactor import cut

_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:hf|gsk|nvapi|xai|pat|github_pat|gh[opsur])[_-][A-Za-z0-9_-]{20,}"
    r"|(?:[sr]k|pk|whsec)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"
    r"|gl(?:pat|dt|rt|ptt|cbt|ft|soat|agent|oas)-[\w-]{16,}|npm_[A-Za-z0-9]{36}"
    r"|pypi-[\w-]{20,}|dckr_pat_[\w-]{20,}|dop_v1_[0-9a-f]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{20,}|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{35}"
    r"|ya29\.[\w-]{20,}|fw_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}"
    r"|tgp_v1_[\w-]{20,}|csk-[A-Za-z0-9]{20,}|lsv2_(?:pt|sk)_[\w-]{20,})"
    r"|(?i:(?<=bearer ))[\w.~+/=-]{20,}"
    r"|(?<=://)[^\s/:@\"'\\]*:[^\s/@\"'\\]+(?=@)"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,20000}"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
"""Keys by their look: those of well-known services, bearer tokens, private keys, and user and
password in a URL.
"""
_SK = re.compile(r"(?<![A-Za-z0-9])sk-[\w-]{16,}")
"""A key if there is a digit in it. To look for that within the pattern would read the rest of a
long word again at each `sk-` in it.
"""
_DIGIT = re.compile(r"\d")
_JWT = re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{10,}(\.eyJ[\w-]{10,}\.[\w-]{6,})?")
"""A JSON web token if it has its second part; a word that has none is passed over as a whole,
whatever begins in it.
"""


def outgoing(environment: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """Make a function that cleans a text which leaves the process: of the secrets servers were
    given, of the environment's, and of what looks like a key.

    >>> outgoing({"HF_TOKEN": "opensesame1"})("it is opensesame1, or sk-proj-0123456789abcdef")
    'it is [redacted], or [redacted]'
    """
    redact = known_secrets(environment)

    def clean(text: str) -> str:
        # Both are found in the text as it is: to take one out first would cut a key that holds it,
        # and leave the rest. A password that no URL can hold is only seen as one when the first
        # pass has taken out what is around it.
        once = cut(text, [*redact.spans(text), *_shaped(text)])
        return cut(once, _shaped(once))

    return clean


def _shaped(text: str) -> Iterator[tuple[int, int]]:
    yield from (found.span() for found in _SHAPES.finditer(text))
    yield from (found.span() for found in _SK.finditer(text) if _DIGIT.search(found[0]))
    yield from (found.span() for found in jwts(text))


def jwts(text: str) -> Iterator[re.Match[str]]:
    """Find JSON web tokens, in time that is linear in the length of the text."""
    return (found for found in _JWT.finditer(text) if found[1])
