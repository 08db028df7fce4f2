"""Why an MCP server is not reached, or a call of it failed: in words, and with what to do."""

from __future__ import annotations

import asyncio
from typing import Any

from agentkit.agent.tools.mcp.target import McpTarget
from agentkit.errors import Unreachable
from agentkit.servers.redaction.known_secrets import known_secrets

CANCELLED = "CancelledError"
"""The reason that is none: somebody has ended it."""
_CONNECTION_CLOSED = -32000
"""What the package says where the connection is gone."""
_INSTALLS = {
    "uvx uv": "pip install uv",
    "npx node npm": "install Node.js, which has npx with it",
    "docker": "install Docker, or give the program that the container runs",
}
_NO_FORM = "what it answers has no form of the protocol"


def unreachable(target: McpTarget, reason: str, written: str) -> Unreachable:
    """Make the error of a server that is not reached.

    Args:
        target: where it is.
        reason: what has gone wrong.
        written: what its program wrote to its standard error meanwhile.
    """
    reason = known_secrets()(reason).partition("\n")[0] or "its connection is closed"
    name = repr(target.name)
    if target.command and reason.startswith("FileNotFoundError"):
        return _not_started(target)
    text = f"the MCP server {name} is not reached: {reason}"
    if _NO_FORM in reason:
        hint = "it breaks the protocol; a newer version of it, or of `mcp`, may not"
    elif any(word in reason for word in ("HTTP 401", "HTTP 403")):
        hint = "it wants a key: ak.mcp(url, headers={'Authorization': 'Bearer …'})"
    elif not target.command:
        hint = "is it running, and is this its URL? Most end in /mcp"
    elif written:
        return Unreachable(f"{text}\n{written}", hint="what it wrote, above, may say why")
    else:
        hint = "run its command in a terminal"
    return Unreachable(text, hint=hint)


def _not_started(target: McpTarget) -> Unreachable:
    start = f"the MCP server {target.name!r} cannot be started: there is no"
    if target.cwd is not None:
        where = f"program {target.command!r}, or no folder {target.cwd!r}"
        return Unreachable(f"{start} {where}", hint="look at both")
    program = target.command.rpartition("/")[2]
    known = (hint for programs, hint in _INSTALLS.items() if program in programs.split())
    hint = next(known, "install it, or give the whole path of the program")
    return Unreachable(f"{start} program {target.command!r}", hint=hint)


def _first(exc: BaseException) -> BaseException:
    """Give what a group of exceptions is about."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return exc


def reason_of(exc: BaseException) -> str:
    """Say in words what went wrong."""
    inner = _first(exc)
    if isinstance(inner, asyncio.CancelledError):
        return CANCELLED
    errors = getattr(inner, "errors", None)
    if type(inner).__name__ == "ValidationError" and callable(errors):
        first = errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{_NO_FORM}: {place}: {first['msg']}"
    return f"{type(inner).__name__}: {inner}".removesuffix(": ")


def code_of(exc: BaseException) -> Any:
    """Give the code of an error of the protocol; None where it is another."""
    return getattr(_first(exc), "code", None)


def is_closed(asked: asyncio.Future[Any]) -> bool:
    """Tell whether a call has failed because there is no connection any more."""
    if asked.cancelled():
        return True
    error = asked.exception()
    return error is not None and code_of(error) == _CONNECTION_CLOSED


def is_lost(exc: BaseException, refusal: str) -> bool:
    """Tell whether a call by URL was refused because the server knows no such session.

    Args:
        exc: what came of it.
        refusal: the status of the answer; 404 by the protocol, in whatever words it reaches a call
            that was in flight beside another, and 400 of some servers.
    """
    worded = "session" in str(exc).lower()
    return refusal.startswith("HTTP 404") or (worded and refusal.startswith("HTTP 400"))
