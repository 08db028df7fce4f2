"""Names that say their value is a secret: of environment variables, headers, query parameters and
fields.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET = re.compile(
    r"secret|passw(?:or)?d|passphrase|credential|token(?!i[sz])|api_?key"
    r"|(?:access|account|auth|admin|private)keys?(?![a-z])|(?<![a-z])keys?(?![a-z])"
    r"|(?<![a-z])(?:o?auth|authorization|cookies?|pass|pat|pwd|sig|signature)[^a-z]*$"
)
_ABOUT = frozenset(
    {
        "algorithm",
        "dir",
        "endpoint",
        "file",
        "header",
        "host",
        "method",
        "mode",
        "name",
        "path",
        "type",
        "uri",
        "url",
    }
)
"""Last words of names that tell something about a secret and not the secret."""


def names_secret(name: str) -> bool:
    """Tell whether what bears this name is a secret, whatever follows its kind: a number, an owner,
    a plural.

    >>> [names_secret(name) for name in ("OPENAI_API_KEY_2", "hfToken")]
    [True, True]
    >>> [names_secret(name) for name in ("TOKENIZERS_PARALLELISM", "TOKEN_TYPE")]
    [False, False]
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if words and words[-1] in _ABOUT:
        return False
    return any(map(_SECRET.search, ("_".join(words), name.lower())))
