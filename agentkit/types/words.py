"""Texts and numbers in words: what every text that a person reads is made with."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

_HIDDEN_RANGES = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, without tab and line feed
    "\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c"  # separators and bidi controls
    "\ud800-\udfff\ufff9-\ufffb\ufffe\uffff"  # lone surrogates, interlinear marks, non-characters
    # what Unicode calls Default_Ignorable: drawn as nothing at all; U+FE0E and U+FE0F stay, they
    # only choose how an emoji looks
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f"
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufff8"
)
_HIDDEN_FAR = "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_ANY_HIDDEN = f"[{_HIDDEN_RANGES}{_HIDDEN_FAR}]"
HIDDEN = re.compile(
    f"{_ANY_HIDDEN}{_ANY_HIDDEN}*(?:(?<=\x1b)\\[[0-9;]*m)?"
)  # written so that a search leaps to the first of them
"""Characters that do not show themselves; a terminal's colour sequence as a whole."""
DOUBTFUL = re.compile(f"[{_HIDDEN_RANGES}\U0001bca0-\U0010ffff]")
"""All of these and, as one range is looked up sooner than three, emoji too: a text of any language
without them needs no closer look.
"""

SHOWN = bytes(range(0x20, 0x7F)) + b"\t\n"
"""The ASCII characters that show themselves."""


def visible(text: str) -> str:
    r"""Write out every character that does not show itself, as `\x1b` or `\u202e`; the result can
    always be encoded.
    """
    return (
        text if is_only(SHOWN, text) or not DOUBTFUL.search(text) else HIDDEN.sub(written_out, text)
    )


def shared(text: str) -> str:
    """Return one text for all that are equal: a parser makes names anew for each answer, and all
    that are kept would hold their own. What is long is hardly a name, and comes back as it is.
    """
    return _shared(text) if len(text) <= _NAME else text


_NAME = 80


@lru_cache(maxsize=4096)
def _shared(text: str) -> str:
    return text


def forms_of(text: str) -> tuple[str, ...]:
    """List the ways in which a text is written in code points: `é` is one, or an `e` and a mark."""
    if text.isascii():
        return (text,)
    forms = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((text, *forms)))


def in_line(text: str) -> str:
    r"""Write a text on one line, as a log has it: what does not show itself written out, and line
    feeds and tabs as `\n` and `\t`.
    """
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def file_line(name: str, sentence: str) -> str:
    """Write a sentence about a file in one line, behind its name where it does not hold it, or the
    last part of it.

    >>> file_line("runs/a.md", "entry 3 is cut"), file_line("runs/a.md", "'a.md' is a text")
    ('runs/a.md: entry 3 is cut', "'runs/a.md' is a text")
    """
    whole, last = repr(name), repr(name.rpartition("/")[2])
    if whole not in sentence and f"{whole[:-1]}/" not in sentence:  # nor a member of it
        named = last in sentence
        sentence = sentence.replace(last, whole, 1) if named else f"{name}: {sentence}"
    return in_line(sentence)


def is_only(characters: bytes, text: str) -> bool:
    """Tell whether the text surely holds none but these ASCII characters: one cheap look that
    nearly every text passes.
    """
    return text.isascii() and not text.encode().translate(None, characters)


def written_out(match: re.Match[str]) -> str:
    return "".join(ch if " " <= ch <= "~" else ascii(ch)[1:-1] for ch in match.group())


def count(number: int, thing: str) -> str:
    """Write the number with its thing, in the plural where there is not just one.

    >>> count(1, "turn"), count(1200, "turn"), count(2, "failed try")
    ('1 turn', '1,200 turns', '2 failed tries')
    """
    return f"{number:,} {thing if number == 1 else plural(thing)}"


@cache
def plural(thing: str) -> str:
    return f"{thing[:-1]}ies" if thing.endswith("ry") else f"{thing}s"


_AN = re.compile(
    # a run of capitals is spelled, by the sound of its first letter; U is said as "you"
    r"[AEFHILMNORSX](?:[A-Z0-9]|$)|[AEIOaeio](?!ne(?![a-z])|nce)"
    r"|[Uu](?![a-z]?[aeiouy]|[A-Z]|rl|tf)|nd(?=array)|hour|hono"
)


@cache
def with_article(noun: str) -> str:
    """Write a noun behind the article that it is spoken with.

    >>> [with_article(noun) for noun in ("int", "str", "Agent", "URL", "HTTPError", "user")]
    ['an int', 'a str', 'an Agent', 'a URL', 'an HTTPError', 'a user']
    """
    return f"{'an' if _AN.match(noun) else 'a'} {noun}"


def type_in_words(value: object) -> str:
    """Name the type of what was given in the place of something else, as `an int`."""
    return with_article(type(value).__name__)


def seconds(elapsed: float | None) -> str:
    """Write a recorded time as a person reads it, `12 ms`, `0.42 s`, `3 min 20 s`; "" where none
    was recorded.

    >>> [seconds(s) for s in (0.0004, 0.012, 0.42, 12.3456, 200)]
    ['<1 ms', '12 ms', '0.42 s', '12.3 s', '3 min 20 s']
    """
    if elapsed is None or not 0 <= elapsed < 1e9:
        return ""
    if elapsed < 0.0995:
        return f"{elapsed * 1000:.0f} ms" if elapsed >= 0.0005 or not elapsed else "<1 ms"
    if elapsed < 119.5:
        return f"{elapsed:.2f} s" if elapsed < 9.995 else f"{elapsed:.1f} s"
    minutes, rest = divmod(round(elapsed), 60)
    return f"{minutes:,} min {rest} s"
