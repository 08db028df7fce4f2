"""A turn as the text of a bug report, in Markdown. What a model, tool or server said stands only
inside fences it cannot close.
"""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from agentkit.show.export.asked import Asked, asked
from agentkit.show.export.code.literals import json_text
from agentkit.show.export.code.shell import curl
from agentkit.show.export.text import Export
from agentkit.show.render.limits import TEXT
from agentkit.show.render.rollout.text import text
from agentkit.types.problem import Problem
from agentkit.types.version import VERSION
from agentkit.types.wire import Exchange
from agentkit.types.words import count, visible

_ROOM = 16_000
"""Characters of one part; GitHub takes 65,536 for the whole."""
_TOLD = ("server", "openai-version", "via", "x-request-id", "content-type")
"""Answer headers that say which server it was."""
_META = ("server", "version", "options", "model")


def issue(source: Any, turn: int | None = None, *, server: str | None = None) -> Export:
    """The text of a bug report (GitHub's Markdown): what happened, the request as a command, the
    raw answer, its reading, the versions.

    Keys are taken out. A part that is too long for a report is cut, and says so.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`).
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.
        server: the base URL to name in the command in place of the recorded one.

    Raises:
        UsageError: it holds no rollout.
        NotFound: there is no such turn.
    """
    call = asked(source, turn, server)
    parts = [
        "### What happened",
        _happened(call),
        "### What should have happened",
        "<!-- in your words -->",
        "### To reproduce",
        "The request as it was sent; `bash` runs it as it stands.",
        _folded("request", str(curl(call)), "bash"),
        "### Raw answer",
        _answer(call.exchange),
        "### Versions",
        fenced("\n".join(_versions(call))),
    ]
    return Export("\n\n".join(parts) + "\n", "issue.md")


def fenced(body: str, language: str = "") -> str:
    """The text as a code block whose fence is longer than any run of backticks in it."""
    longest = max(map(len, re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body.rstrip(chr(10))}\n{fence}"


def _folded(title: str, body: str, language: str = "") -> str:
    """The text behind a click; cut where it is too long for a report."""
    rest = len(body) - _ROOM
    cut = f"\n\n{count(rest, 'more character')} left out of this report.\n" if rest > 0 else "\n"
    return (
        f"<details><summary>{title},"
        f" {count(len(body), 'character')}</summary>\n\n{fenced(body[:_ROOM], language)}\n{cut}\n</details>"
    )


def _happened(call: Asked) -> str:
    said = [f"{call.heading[0].upper()}{call.heading[1:]}."]
    if call.error is not None:
        said += ["The request failed:", fenced(text(call.error, TEXT))]
    response = call.response
    if response is not None:
        problems = response.all_problems
        said.append(f"{count(len(problems), 'problem')} in the answer{':' if problems else '.'}")
        said += [fenced("\n".join(map(_problem, problems)))] if problems else []
        said += ["What it was read as:", fenced(text(response, TEXT)[:_ROOM])]
    return "\n\n".join(said)


def _problem(problem: Problem) -> str:
    return visible(
        f"{problem.severity} {problem.code}{f' at {problem.pointer}' if problem.pointer else ''}:"
        f" {problem.message}".replace("\n", " ")
    )


def _answer(exchange: Exchange | None) -> str:
    if exchange is None or not exchange.text:
        return "None came."
    raw = exchange.raw
    body = visible(raw) if isinstance(raw, str) else json_text(raw)
    streamed = f", streamed in {count(len(exchange.chunks), 'chunk')}" if exchange.chunks else ""
    status = f"HTTP {exchange.status}" if exchange.status else "answer"
    return _folded(f"{status}{streamed}", body, "" if isinstance(raw, str) else "json")


def _versions(call: Asked) -> list[str]:
    """What is known of the server, by its own headers and the caller's notes, and of this side."""
    exchange = call.exchange
    raw = exchange.raw if exchange else None
    of_body = {
        name: raw[name]
        for name in ("model", "system_fingerprint")
        if isinstance(raw, dict) and isinstance(raw.get(name), str)
    }
    of_headers = {
        name: value for name, value in (exchange.headers if exchange else ()) if name in _TOLD
    }
    of_meta = {
        name: call.trajectory.meta[name]
        for name in _META
        if isinstance(call.trajectory.meta.get(name), str)
    }
    told = {
        **{f"answer's {n}": v for n, v in of_body.items()},
        **{f"header {n}": v for n, v in of_headers.items()},
        **of_meta,
    }
    mine = {
        "agentkit": VERSION,
        "openai": _installed("openai"),
        "python": platform.python_version(),
    }
    profile = {
        "history profile": call.trajectory.spec.profile,
        "parser": call.trajectory.spec.parser or "none",
    }
    return [
        f"{name}: {visible(str(value)).replace(chr(10), ' ')}"
        for name, value in {**told, **profile, **mine}.items()
    ]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
