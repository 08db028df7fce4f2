"""The one redactor: it knows secrets, finds them in every form in which they are repeated, and cuts
them out in one pass.

A secret is looked for as it is, and as JSON, a URL, HTML and base64 write it. Which values are
secrets at all is decided in `agentkit.servers.redaction.secret_values`.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from agentkit.errors import UsageError
from agentkit.servers.redaction.secret_values import counts

REDACTED = "[redacted]"

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]")
"""What no writing escapes."""
_RUN = re.compile(r"[A-Za-z0-9_.~-]+")
_LINES = re.compile(r"\r\n|\r|\n")
_PART = 24
"""Characters of a line in a secret of several lines, as a private key is, from which on it is one
alone.
"""
_HALF = re.compile(r"\\u?[0-9A-Fa-f]{0,3}\Z")
"""The beginning of an escape in JSON, at the end of a text."""
_NOT_IN_A_NUMBER = r"(?<!\d)(?<!\d\.)", r"(?!\d|\.\d)"
"""What stands around a secret of digits alone."""
_CUT_SHORT = 6
"""Characters of a secret that count as one where the text breaks off behind them."""

T = TypeVar("T")
_Node = dict[str, Any]

goes_along: ContextVar[bool] = ContextVar("goes_along", default=False)
"""Whether secrets go along in a pickle that is made now: for a process of ours, or on purpose."""


class Secret(Generic[T]):
    """Something that shows itself only when asked: neither its repr, nor the repr of what holds it,
    gives it away.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        # in a closure, so that nothing that prints attributes prints it
        self._value: Callable[[], T] = lambda: value

    def reveal(self) -> T:
        """Return it itself."""
        return self._value()

    def __reduce__(self) -> tuple[Any, ...]:
        if not goes_along.get():
            raise UsageError("a secret goes into no pickle", hint="read it where it is used")
        return Secret, (self.reveal(),)

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"


class Redactor:
    """Takes secrets out of text, in the forms in which they are repeated.

    >>> Redactor(["sk-012345"])("bad key: sk-012345")
    'bad key: [redacted]'
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(filter(counts, secrets))
        self._needles: tuple[str, ...] | None = None
        self._pattern: re.Pattern[str] | None = None
        self._plain: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def __reduce__(self) -> tuple[Any, ...]:
        return Redactor, ()  # no secret goes into a pickle

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __call__(self, text: str) -> str:
        if not self.finds(text):
            return text
        return cut(text, self.spans(text))

    def finds(self, text: str) -> bool:
        """Tell, quickly, whether a secret may be in the text; where not, none is."""
        needles = self._needles
        if needles is None:
            needles = self._prepare()
        for needle in needles:  # noqa: SIM110 - quicker than a generator, and asked for every text
            if needle in text:
                return True
        return False

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Find the start and end of each secret in the text, in order; those that overlap are
        given as one.
        """
        if not self.finds(text) or self._pattern is None:
            return []
        found: list[tuple[int, int]] = []
        match = self._pattern.search(text)
        while match is not None:
            start, end = _whole_escape(text, match.start()), match.end()
            if found and start < found[-1][1]:
                found[-1] = found[-1][0], max(end, found[-1][1])
            else:
                found.append((start, end))
            # one that begins within this one, and ends behind it, is cut with it
            match = self._pattern.search(text, match.start() + 1)
        return found

    def unfinished(self, text: str) -> int:
        """Count the characters at the end of the text that may be the beginning of a secret, which
        goes on in the next piece.
        """
        if self._needles is None:
            self._prepare()
        return max((_overlap(text, form) for form in self._plain), default=0)

    def without_rest(self, text: str) -> str:
        """Take out the beginning of a secret at the end of a text that breaks off there."""
        count = self.unfinished(text)
        return text[: len(text) - count] + REDACTED if count >= _CUT_SHORT else text

    def with_secrets(self, secrets: Iterable[str]) -> Redactor:
        """Make one that knows these secrets too."""
        more = frozenset(filter(counts, secrets))
        return self if more <= self._secrets else Redactor(self._secrets | more)

    def joined(self, other: Redactor) -> Redactor:
        """Make one that knows the secrets of both."""
        return self if other._secrets <= self._secrets else Redactor(self._secrets | other._secrets)

    def _prepare(self) -> tuple[str, ...]:
        forms = {part for secret in self._secrets for part in _parts(secret)}
        written = [_tokens(form) for form in forms]
        encoded = [form for secret in self._secrets for form in _base64_forms(secret)]
        written += [[_BASE64.get(c, c) for c in form] for form in encoded]
        self._pattern = re.compile(_alternatives(written)) if forms else None
        self._plain = tuple({text for form in forms for text in _quick_forms(form)})
        self._needles = tuple({_needle(form) for form in (*forms, *encoded)})
        return self._needles


class Untouched(Redactor):
    """What takes nothing out, whatever it is told of."""

    def with_secrets(self, secrets: Iterable[str]) -> Redactor:
        return self


AS_IT_CAME: Redactor = Untouched()
"""For who keeps a text as it came, because another takes the secrets out of it."""


def cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace each span, and spans that overlap as one."""
    parts: list[str] = []
    end = 0
    for start, stop in sorted(spans):
        if start >= end:
            parts += [text[end:start], mark(text, start, stop)]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def mark(text: str, start: int, stop: int) -> str:
    """Choose what stands in a span's place; a number in JSON becomes a text."""
    before, behind = text[:start].rstrip()[-1:], text[stop : stop + 1]
    bare = text[start:stop].isdigit() and before in (":", ",", "[") and behind in "]},\r\n \t"
    return f'"{REDACTED}"' if bare and behind else REDACTED


def _parts(secret: str) -> Iterator[str]:
    """Give what is looked for of a secret: all of it, and each long line."""
    yield secret
    lines = _LINES.split(secret)
    if len(lines) > 1:
        yield from (line for line in map(str.strip, lines) if len(line) >= _PART and counts(line))


def _base64_forms(secret: str) -> Iterator[str]:
    """Give what base64 makes of a secret, alone and within a longer text, as `user:password` is: at
    each of the three places it may begin at, without what its neighbours decide.
    """
    data = secret.encode(errors="surrogatepass")
    for front, skipped in ((0, 0), (1, 2), (2, 3)):
        size = (front + len(data)) // 3 * 4
        form = base64.b64encode(b"\0" * front + data).decode()[skipped:size]
        if len(form) >= 10:
            yield form


_BASE64 = {"+": r"(?:[+\-]|%2[bB]|\\u002[bB])", "/": r"(?:\\?[/_]|%2[fF])"}
"""The two letters that base64 has another writing for in URLs."""


def _quick_forms(form: str) -> tuple[str, ...]:
    """Write a form in the ways whose beginning is looked for at the end of a piece."""
    escaped = form.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    slashed = form.replace("/", "\\/")
    return form, escaped, slashed, html.escape(form), quote(form, safe="")


def _needle(form: str) -> str:
    """Find the longest piece of a form that is the same in every writing; it is a sieve."""
    return max(_RUN.findall(form), key=len, default="")


def _written(char: str, *, first: bool) -> str:
    """Write the pattern of a character as JSON, URLs and HTML may write it, at any depth."""
    if _PLAIN.match(char):
        return re.escape(char)
    slashes = "" if first else r"\\{0,15}"
    units = "".join(rf"\\{{1,16}}u{_any_case(f'{unit:04x}')}" for unit in _utf16(char))
    percent = "".join(
        rf"%(?:25){{0,3}}{_any_case(f'{byte:02x}')}" for byte in char.encode(errors="surrogatepass")
    )
    entities = [
        rf"&(?:amp;)?#0{{0,4}}{ord(char)};",
        rf"&(?:amp;)?#[xX]0{{0,4}}{_any_case(f'{ord(char):x}')};",
    ]
    named = html.escape(char)
    if named.startswith("&") and named.endswith(";") and len(named) > 1:
        entities.append(named.replace("&", "&(?:amp;)?"))
    short = {"\n": r"\\{1,16}n", "\r": r"\\{1,16}r", "\t": r"\\{1,16}t", " ": r"\+"}.get(char)
    own = r"\\{1,16}" if char == "\\" else slashes + re.escape(char)
    return "(?:" + "|".join([own, units, percent, *entities, *([short] if short else [])]) + ")"


def _utf16(char: str) -> list[int]:
    data = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def _any_case(hexadecimal: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in hexadecimal)


def _tokens(form: str) -> list[str]:
    """Write the pattern of a form, character by character."""
    tokens = [_written(char, first=not index) for index, char in enumerate(form)]
    if form.isdigit():
        tokens[0] = _NOT_IN_A_NUMBER[0] + tokens[0]
        tokens[-1] += _NOT_IN_A_NUMBER[1]
    return tokens


def _alternatives(written: Iterable[list[str]]) -> str:
    """Make one pattern of all, in which what forms share at their beginning is there once, and the
    longest is tried first.
    """
    root: _Node = {}
    for tokens in written:
        node = root
        for token in tokens:
            node = node.setdefault(token, {})
        node[""] = {}
    return _branches(root)


def _branches(node: _Node) -> str:
    found: list[str] = []
    for token, after in node.items():
        if not token:
            continue
        text = token
        while len(after) == 1 and "" not in after:
            ((following, after),) = after.items()
            text += following
        found.append(text + _branches(after))
    if not found:
        return ""
    ends = "" in node
    return f"(?:{'|'.join(found)})" + ("?" if ends else "") if ends or len(found) > 1 else found[0]


def _whole_escape(text: str, start: int) -> int:
    r"""Move the start of a span in front of an escape that it begins within, so that what is left
    of it is no half escape.

    In JSON `\nvapi-…` is a line break and a word; to cut from the `n` on would leave a backslash.
    """
    half = _HALF.search(text, max(0, start - 6), start)
    if half is None:
        return start
    at = half.start()
    slashes = at
    while slashes and text[slashes - 1] == "\\":
        slashes -= 1
    odd = (at - slashes) % 2 == 0
    within = start - at == 1 or text[at + 1] == "u"
    return at if odd and within else start


def _overlap(text: str, form: str) -> int:
    start = max(0, len(text) - len(form) + 1)
    while (start := text.find(form[0], start)) >= 0:
        if form.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0


def texts_within(value: Any) -> Iterator[str]:
    """Walk through all texts of plain data, however deep, and once through what holds itself. It is
    not asked for its own methods, which may fail.
    """
    todo, seen = [value], set()
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, (dict, list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            if isinstance(item, dict):
                todo += [*dict.keys(item), *dict.values(item)]
            else:
                todo += list.__iter__(item) if isinstance(item, list) else tuple.__iter__(item)
