"""`ak.export.issue`: a turn as the text of a bug report, in Markdown.

What a model, tool or server sent appears only inside fences that it cannot close.
"""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from agentkit.analysis.check.cell import CheckCell
from agentkit.errors import checked_keywords
from agentkit.show.export.code.literals import json_text
from agentkit.show.export.code.sdk import SDKS
from agentkit.show.export.code.shell import curl
from agentkit.show.export.document import Export
from agentkit.show.export.exported_call import ModelCall, model_call
from agentkit.show.render.render import text_of
from agentkit.trajectory.trouble.points import number_of, turn_points
from agentkit.types.problem import Problem
from agentkit.types.trajectory import ToolResult
from agentkit.types.wire import VERSION, Exchange
from agentkit.types.words import count, visible

_YOURS = "<!-- in your words -->"
_ROOM = 16_000
"""Characters of one part; GitHub takes 65,536 for the whole."""
_SERVER_HEADERS = ("server", "openai-version", "via", "x-request-id", "content-type")
"""Headers of an answer that identify the server."""
_META = ("server", "version", "options", "model")
"""Metadata of a rollout that describe the server."""


@checked_keywords
def issue(source: Any, turn: int | None = None, *, server: str | None = None) -> Export:
    """Write a bug report in GitHub's Markdown: what happened, the request as a command, the raw
    answer, its reading, the versions.

    Keys are removed. A part that is too long for a report is cut, with a note.

    Args:
        source: a turn, a rollout or what holds one (`Debugger`, `AgentResult`), or a cell of
            `ak.check`, which says what was expected, too.
        turn: which turn of the rollout, counting from 0; None: the last model call, failed or not.
        server: the base URL to name in the command in place of the recorded one.

    Raises:
        UsageError: it holds no rollout.
        NotFound: there is no such turn.
    """
    cell = source if isinstance(source, CheckCell) else None
    if cell is not None and turn is None and cell.findings:
        turn = cell.findings[0].turn
    call = model_call(source, turn, server)
    parts = [
        "### What happened",
        *([_found(cell)] if cell is not None else []),
        _happened(call),
        "### What should have happened",
        f"{cell.scenario.about[0].upper()}{cell.scenario.about[1:]}." if cell else _YOURS,
        "### To reproduce",
        "The request as it was sent; `bash` runs it as it stands.",
        _folded("request", str(curl(call)), "bash"),
        "### Raw answer",
        _answer(call.exchange),
        "### Versions",
        fenced("\n".join(_versions(call))),
    ]
    return Export("\n\n".join(parts) + "\n", "issue.md")


def _found(cell: CheckCell) -> str:
    """Write what a check found wrong in one of its cells."""
    said = [f"{f.severity} {f.code}: {visible(f.message)}" for f in cell.findings]
    return f"`{cell.key}` of a check:\n\n{fenced(chr(10).join(said) or cell.verdict)}"


def fenced(body: str, language: str = "") -> str:
    """Write a code block whose fence is longer than any run of backticks in it."""
    longest = max(map(len, re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body.rstrip(chr(10))}\n{fence}"


def _folded(title: str, body: str, language: str = "") -> str:
    """Write a text behind a click; cut it where it is too long for a report."""
    rest = len(body) - _ROOM
    cut = f"\n\n{count(rest, 'more character')} left out of this report.\n" if rest > 0 else "\n"
    summary = f"<summary>{title}, {count(len(body), 'character')}</summary>"
    return f"<details>{summary}\n\n{fenced(body[:_ROOM], language)}\n{cut}\n</details>"


def _happened(call: ModelCall) -> str:
    parts = [f"{call.heading[0].upper()}{call.heading[1:]}."]
    if call.error is not None:
        parts += ["The request failed:", fenced(text_of(call.error))]
    response = call.response
    if response is not None:
        problems = response.all_problems
        parts.append(
            f"{count(number_of(problems), 'problem')} in the answer{':' if problems else '.'}"
        )
        parts += [fenced("\n".join(map(_problem, problems)))] if problems else []
        parts += ["What it was read as:", fenced(text_of(response)[:_ROOM])]
    failed = _failed_tools(call)
    parts += ["What the tools made of it:", fenced("\n".join(failed)[:_ROOM])] if failed else []
    return "\n\n".join(parts)


def _failed_tools(call: ModelCall) -> list[str]:
    turns = call.trajectory.all_turns
    points = turn_points(turns[call.turn]) if call.turn < len(turns) else ()
    return [text_of(p.cause) for p in points if isinstance(p.cause, ToolResult)]


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


def _versions(call: ModelCall) -> list[str]:
    """List what is known of the server, by its headers and the metadata, and of this side."""
    exchange = call.exchange
    raw = exchange.raw if exchange else None
    of_body = {
        name: raw[name]
        for name in ("model", "system_fingerprint")
        if isinstance(raw, dict) and isinstance(raw.get(name), str)
    }
    of_headers = {
        name: value
        for name, value in (exchange.headers if exchange else ())
        if name in _SERVER_HEADERS
    }
    of_meta = {
        name: call.trajectory.meta[name]
        for name in _META
        if isinstance(call.trajectory.meta.get(name), str)
    }
    server = {
        **{f"answer's {n}": v for n, v in of_body.items()},
        **{f"header {n}": v for n, v in of_headers.items()},
        **of_meta,
    }
    package = SDKS[call.trajectory.spec.dialect].package
    mine = {
        "agentkit": VERSION,
        package: _installed(package),
        "python": platform.python_version(),
    }
    profile = {
        "dialect": call.trajectory.spec.dialect,
        "history profile": call.trajectory.spec.profile,
        "parser": call.trajectory.spec.parser or "none",
    }
    return [
        f"{name}: {visible(str(value)).replace(chr(10), ' ')}"
        for name, value in {**server, **profile, **mine}.items()
    ]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
