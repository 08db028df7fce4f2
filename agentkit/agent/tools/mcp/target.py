"""Where an MCP server is: a program that is started and speaks over its pipes, or a URL."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentkit.errors import UsageError
from agentkit.servers.redaction.secret_names import is_given
from agentkit.servers.redaction.secret_values import (
    counts,
    environment_secrets,
    header_secrets,
    url_secrets,
)
from agentkit.types.words import type_in_words

_HINT = "give a URL, a command, or the path of a configuration: ak.mcp('uvx mcp-server-time')"
_STARTERS = frozenset(("uvx", "uv", "npx", "bunx", "pipx", "node", "deno", "python", "python3"))
"""Programs that start another one, which says more than they do."""
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:(?=[0-9]*[A-Za-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{16,}"
    r"|[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})(?![A-Za-z0-9])"
)
"""What nobody writes but as a key: a long run of letters and digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTarget:
    """One server. What it is given may be secret, so that its name is all that shows of it."""

    name: str
    """What it is called in messages."""
    command: str = ""
    """The program; "" where it is reached by URL."""
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    old_events: bool = False
    """Whether the URL speaks the transport of 2024, by server-sent events."""

    def secrets(self) -> list[str]:
        """Find what it was given that is secret: in its environment, its headers, its arguments
        and its URL.
        """
        keys = [value for value in self.env.values() if _KEY.search(value) and "/" not in value]
        return [
            *filter(counts, keys),
            *environment_secrets(self.env),
            *header_secrets(self.headers.items(), given=True),
            *_argument_secrets(self.args),
            *url_secrets(self.url, given=True),
        ]


def _argument_secrets(args: Sequence[str]) -> Iterator[str]:
    """Find keys among the arguments of a program: `--token xyz`, `TOKEN=xyz`, a header, a URL."""
    pairs = [arg.partition("=")[::2] for arg in args]
    pairs += [(a, b) for a, b in pairwise(args) if a.startswith("-")]
    yield from (
        value
        for name, value in pairs
        if is_given(name) and counts(value) and not value.startswith("-")
    )
    for arg in args:
        if "://" in arg:
            yield from url_secrets(arg, given=True)
        elif ":" in arg:
            name, _, value = arg.partition(":")
            yield from header_secrets([(name, value)])


def target_of_text(
    text: str | Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    cwd: Any = None,
) -> McpTarget:
    """Read a URL, or a command as one would type it or in its parts.

    Args:
        text: the URL or the command.
        env: variables a program gets beside those that all get.
        headers: what is sent with each request to a URL.
        cwd: the folder a program is started in.

    Raises:
        UsageError: it is neither, or something is given that it cannot use.
    """
    url = isinstance(text, str) and text.strip().lower().startswith(("http://", "https://"))
    if url and (env or cwd is not None):
        raise UsageError(
            "a server at a URL has its own environment", hint="env and cwd are for a command"
        )
    if not url and headers:
        raise UsageError("a command gets no headers", hint="give it its keys as env={...}")
    if isinstance(text, str) and url:
        where = urlsplit(text.strip())
        name = f"{where.netloc.rpartition('@')[2]}{where.path}"
        return McpTarget(name=name, url=text.strip(), headers=_texts(headers, "headers"))
    words = _words(text)
    folder = None if cwd is None else str(Path(cwd))
    given = _texts(env, "env")
    name = _name_of(words)
    return McpTarget(name=name, command=words[0], args=tuple(words[1:]), env=given, cwd=folder)


def _words(text: str | Sequence[str]) -> list[str]:
    try:
        words = shlex.split(text) if isinstance(text, str) else list(text)
    except ValueError as exc:
        raise UsageError(f"the command cannot be read: {exc}", hint=_HINT) from None
    if not words or not words[0] or not all(isinstance(word, str) for word in words):
        raise UsageError("the command is empty, or has parts that are no text", hint=_HINT)
    return words


def _name_of(words: Sequence[str]) -> str:
    """Name a server by its program, or by what that starts."""
    first = Path(words[0]).name
    if re.sub(r"[\d.]+$", "", first.removesuffix(".exe")) not in _STARTERS:
        return first
    others = [] if words[1:2] == ["-c"] else words[1:]
    named = (word for word in others if "://" not in word and not word.startswith("-"))
    found = next((word for word in named if word not in ("run", "x", "exec", "tool")), first)
    return found.rpartition("/")[2] if Path(found).is_absolute() else found


def _texts(given: Mapping[str, str] | None, what: str) -> dict[str, str]:
    """Check variables or headers, which are texts by name."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"{what} is {type_in_words(given)}", hint=f"give {what}={{'NAME': '…'}}")
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(
                f"the value of {name!r} in {what} is {type_in_words(value)}",
                hint="names and values are texts",
            )
    return dict(given)
