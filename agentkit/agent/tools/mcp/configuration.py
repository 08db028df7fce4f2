"""A configuration of MCP servers, as Claude, VS Code, Cursor and others keep it: `mcpServers`, or
`servers`, by name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.agent.tools.mcp.target import McpTarget, target_of_text
from agentkit.errors import NoFile, UsageError

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')
_VARIABLE = re.compile(r"\$\{(?:(env|input):)?([A-Za-z_][\w.-]*)(?::-([^}]*))?\}")
_KNOWN_FORMS = "it holds servers by name under `mcpServers` or `servers`"


def configured(path: Any) -> list[McpTarget]:
    """Read the servers of a configuration file.

    Raises:
        NoFile: there is no such file.
        UsageError: it is no configuration.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise NoFile(
            f"there is no file {str(path)!r}",
            hint="give the path of a configuration, or a command such as 'uvx mcp-server-time'",
            filename=path,
        ) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(
            f"{str(path)!r} cannot be read: {exc}", hint="give the path of a JSON file"
        ) from None
    plain = _LAST_COMMA.sub(_kept, _COMMENT.sub(_kept, text))
    try:
        data = json.loads(plain)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{str(path)!r} is no JSON: {exc}", hint=_KNOWN_FORMS) from None
    return servers_in(data, file.resolve().parent)


def _kept(found: re.Match[str]) -> str:
    return found[1] or " "


def servers_in(data: Any, folder: Path) -> list[McpTarget]:
    """Read the servers of a configuration.

    Args:
        data: what it holds.
        folder: where it lies; `${workspaceFolder}` is that, without a `.vscode` at its end.

    Raises:
        UsageError: there are none, or one of them cannot be used.
    """
    inner = data.get("mcp") if isinstance(data, Mapping) else None  # settings of VS Code
    holders = [holder for holder in (data, inner) if isinstance(holder, Mapping)]
    named = (holder.get(key) for holder in holders for key in ("mcpServers", "servers"))
    listed = next((servers for servers in named if isinstance(servers, Mapping)), None)
    if listed is None:
        raise UsageError("the configuration names no servers", hint=_KNOWN_FORMS)
    root = folder.parent if folder.name in (".vscode", ".cursor") else folder
    places = {"workspaceFolder": str(root), "userHome": str(Path.home())}
    found = [
        _target(str(name), entry, places)
        for name, entry in listed.items()
        if not (isinstance(entry, Mapping) and entry.get("disabled") is True)
    ]
    if not found:
        raise UsageError("the configuration has no server that is not disabled", hint=_KNOWN_FORMS)
    return found


def _target(name: str, entry: Any, places: Mapping[str, str]) -> McpTarget:
    if not isinstance(entry, Mapping):
        raise UsageError(f"the server {name!r} is no object", hint=_KNOWN_FORMS)
    given = _filled(dict(entry), name, places)
    url, command = given.get("url") or given.get("serverUrl"), given.get("command")
    args = given.get("args") or []
    if isinstance(url, str) and not command:
        made = target_of_text(url, headers=given.get("headers"))
        return _named(made, name, old_events=given.get("type") == "sse")
    if not isinstance(command, str) or not isinstance(args, list):
        raise UsageError(
            f"the server {name!r} has neither a `command` with `args` nor a `url`",
            hint='write {"command": "uvx", "args": ["mcp-server-time"]} or {"url": "http://…/mcp"}',
        )
    words = [command, *map(str, args)]
    env = {key: _text(value) for key, value in (given.get("env") or {}).items()}
    return _named(target_of_text(words, env=env, cwd=given.get("cwd")), name)


def _named(made: McpTarget, name: str, *, old_events: bool = False) -> McpTarget:
    return McpTarget(
        name=name,
        command=made.command,
        args=made.args,
        env=made.env,
        cwd=made.cwd,
        url=made.url,
        headers=made.headers,
        old_events=old_events,
    )


def _text(value: Any) -> str:
    """Write a variable, which some give as a number or a truth value."""
    return value if isinstance(value, str) else json.dumps(value)


def _filled(value: Any, name: str, places: Mapping[str, str]) -> Any:
    """Put in what the texts only name: `${VAR}`, `${VAR:-else}`, `${env:VAR}`, a folder."""
    if isinstance(value, dict):
        return {key: _filled(item, name, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, name, places) for item in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        kind, wanted, otherwise = match.groups()
        if kind is None and wanted in places:
            return places[wanted]
        if kind == "input":
            raise UsageError(
                f"the server {name!r} asks for an input, {wanted!r}, which only an editor can",
                hint=f"write ${{env:NAME}} in its place, or give {wanted!r} itself",
            )
        if wanted in os.environ:
            return os.environ[wanted]
        if otherwise is None:
            raise UsageError(
                f"the server {name!r} wants the variable {wanted!r}, which is not set",
                hint=f"set it: import os; os.environ[{wanted!r}] = '…'",
            )
        return otherwise

    return _VARIABLE.sub(fill, value)
