"""`ak.mcp`: the tools of MCP servers, as tools of an agent."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, overload

from agentkit.agent.event_loop import on_loop
from agentkit.agent.tools.call_output import CallOutput
from agentkit.agent.tools.console import console
from agentkit.agent.tools.mcp.configuration import configured, servers_in
from agentkit.agent.tools.mcp.connection import Connection
from agentkit.agent.tools.mcp.target import McpTarget, target_of_text
from agentkit.agent.tools.mcp.tool_content import output_of
from agentkit.agent.tools.mcp.tool_names import sent_name
from agentkit.agent.tools.mcp.unreachable import reason_of
from agentkit.agent.tools.tool import Tool
from agentkit.errors import NotFound, Unreachable, UsageError, checked_keywords, suggest
from agentkit.servers.redaction.known_secrets import remember
from agentkit.types.record import clip
from agentkit.types.sequences.place import at_place
from agentkit.types.words import type_in_words

log = logging.getLogger("agentkit")

_SECONDS = 120.0


@checked_keywords
def mcp(
    server: Any,
    *,
    env: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    cwd: Any = None,
    timeout: float = _SECONDS,
    images: bool = True,
) -> McpTools:
    """Open sessions with MCP servers, and give their tools: `ak.Agent(..., tools=[*ak.mcp(url)])`.

    Each session has a thread of its own, so that its tools work in a cell, in async code and in
    many rollouts at once. It is closed by `close()`, at the end of a `with`, when no agent has its
    tools any more, and at the end of the process. Only what is given here is ever started.

    Args:
        server: a URL (streamable HTTP); a command, as text or as the list of its parts; or the path
            of a configuration of Claude, VS Code or Cursor (`mcpServers` or `servers`), or what it
            holds, which gives the tools of all its servers.
        env: variables for a command, beside `PATH`, `HOME` and the like, which all get. Keys among
            them never reach a record.
        headers: what is sent with each request to a URL, such as `{"Authorization": "Bearer …"}`.
        cwd: the folder a command is started in.
        timeout: seconds a server may take to start, and to answer a call.
        images: whether the model gets the images of results, where its server takes them from
            tools; False for a model that reads none, which gets their type and size.

    Raises:
        UsageError: what is given is no server, or the package `mcp` is not installed.
        NoFile: there is no such configuration.
        Unreachable: a server does not start, or is not there.
    """
    if not (isinstance(timeout, (int, float)) and timeout > 0):
        raise UsageError(f"a server cannot have {timeout!r} seconds", hint="give a number above 0")
    targets = _targets(server, env, headers, cwd)
    try:
        import mcp  # noqa: F401 - here, since it takes a second that is not the server's
    except ModuleNotFoundError:
        raise UsageError(
            "the package `mcp` is not installed", hint="pip install 'agentkit-notebook[mcp]'"
        ) from None
    if on_loop():
        raise UsageError(
            "an async tool cannot wait for an MCP server here", hint="call ak.mcp before"
        )
    remember(secret for target in targets for secret in target.secrets())
    return McpTools(targets, float(timeout), images=bool(images))


def _targets(server: Any, env: Any, headers: Any, cwd: Any) -> list[McpTarget]:
    path = _configuration(server)
    if path is None and not isinstance(server, Mapping):
        if not isinstance(server, (str, list, tuple)):
            raise UsageError(
                f"an MCP server is not {type_in_words(server)}",
                hint="give a URL, a command, or the path of a configuration",
            )
        return [target_of_text(server, env=env, headers=headers, cwd=cwd)]
    if env or headers or cwd is not None:
        raise UsageError(
            "a configuration has its own variables and headers",
            hint="write them into it, beside the server that gets them",
        )
    if path is not None:
        return configured(path)
    alone = "command" in server or "url" in server
    return servers_in({"servers": {"server": server}} if alone else server, Path.cwd())


def _configuration(server: Any) -> Any:
    """Give the path of a configuration; None where it is something else."""
    if isinstance(server, Path):
        return server
    named = isinstance(server, str) and server.strip().lower().endswith((".json", ".jsonc"))
    if named and "://" not in server and (" " not in server or Path(server).exists()):
        return server
    return None


class McpServer:
    """One server: its session, and its tools as they are now."""

    def __init__(self, target: McpTarget, seconds: float, images: bool) -> None:
        self.name, self.images = target.name, images
        self.listed: tuple[Any, ...] = ()
        self.changes: list[str] = []
        """What has come to the list of tools, and what has gone, each time it changed."""
        me = weakref.ref(self)

        def changed(tools: tuple[Any, ...]) -> None:
            alive = me()
            if alive is not None:
                alive.renew(tools)

        self.connection = Connection(target, seconds, changed)
        self._close = weakref.finalize(self, self.connection.close)
        self._close.atexit = False  # the sessions are left together then

    def renew(self, tools: tuple[Any, ...]) -> None:
        """Take the list of tools, and tell how it differs from the one before."""
        before, now = ({tool.name: tool for tool in some} for some in (self.listed, tools))
        was_listed, self.listed = bool(self.listed), tools
        come, gone = now.keys() - before.keys(), before.keys() - now.keys()
        other = {n for n in now.keys() & before.keys() if now[n] != before[n]}
        signs = (("+", come), ("-", gone), ("~", other))
        told = [f"{sign} {clip(name)}" for sign, names in signs for name in sorted(names)]
        if was_listed and told:
            change = ", ".join(told)
            self.changes.append(change)
            log.warning(
                "MCP server %r has other tools now: %s; agents made from now on have them",
                clip(self.name),
                change,
            )

    async def call(self, name: str, arguments: dict[str, Any]) -> CallOutput:
        """Call a tool on the session's own thread; whatever goes wrong is an error of the call."""
        size = self.connection.errors_size()
        try:
            asked = self.connection.submit(self.connection.call(name, arguments))
            output = output_of(await asyncio.wrap_future(asked), images=self.images)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            output = CallOutput(error="the session with the MCP server was closed")
        except TimeoutError as exc:
            output = CallOutput(error=str(exc), timed_out=True)
        except Unreachable as exc:
            error = exc.message.partition("\n")[0]  # what the server wrote is shown as printed
            output = CallOutput(error=f"{type(exc).__name__}: {error}", hint=exc.hint)
        except Exception as exc:  # what the server refuses, or answers in no form that is known
            output = CallOutput(error=reason_of(exc))
        if output.error is not None:
            self._tell(name, output, size)
        return output

    def _tell(self, name: str, output: CallOutput, size: int) -> None:
        """Show with an error what the server wrote meanwhile, and whether its tools are others."""
        heard = console.get()
        if heard is not None:
            heard.take(self.connection.errors_since(size))
        if self.changes and all(tool.name != name for tool in self.listed):
            output.hint = "the server has other tools by now; make the agent with them: ak.mcp(…)"


class McpCall:
    """The function of a tool: a call of the server's own name for it."""

    def __init__(self, server: McpServer, name: str, sent: str) -> None:
        self.server, self.name = server, name
        self.__name__ = self.__qualname__ = sent
        self.__module__ = f"mcp:{server.name}"

    async def __call__(self, /, **arguments: Any) -> Any:
        output = await self.server.call(self.name, arguments)
        if console.get() is not None:  # a rollout takes it as it is
            return output
        if output.error is not None:
            raise UsageError(f"the tool {self.name!r} failed: {output.error}", hint=output.hint)
        return output.content if output.value is None else output.value

    def __deepcopy__(self, memo: Any) -> McpCall:
        return self

    def __reduce__(self) -> NoReturn:
        _refuse_pickle(self.server.name)


def _refuse_pickle(name: str) -> NoReturn:
    raise UsageError(
        f"the session with the MCP server {name!r} cannot be pickled",
        hint="call ak.mcp(…) in the process that uses it; rollouts and records pickle without it",
    )


@checked_keywords
class McpTools(Sequence[Tool]):
    """The tools of one or several MCP servers, as the servers have them now.

    It is a sequence of tools, for `ak.Agent(..., tools=[*tools])`; `tools["name"]` gives one. An
    agent keeps the tools that it was made with.
    """

    def __init__(self, targets: Sequence[McpTarget], seconds: float, *, images: bool) -> None:
        self._servers = [McpServer(target, seconds, images) for target in targets]
        self._sent: dict[tuple[int, str], str] = {}
        self._made: dict[str, tuple[Any, Tool]] = {}
        self._lock = threading.Lock()
        try:
            asked = [s.connection.submit(s.connection.connect()) for s in self._servers]
            for one in asked:
                one.result()
        except BaseException:
            self.close()
            raise

    def _tools(self) -> list[Tool]:
        """Give the tools there are now. A tool keeps its name, and stays the same object while the
        server describes it alike.
        """
        with self._lock:
            there = [(i, tool) for i, s in enumerate(self._servers) for tool in s.listed]
            new = [(i, tool.name) for i, tool in there if (i, tool.name) not in self._sent]
            for place in sorted(new, key=lambda place: sent_name(place[1], ()) != place[1]):
                self._sent[place] = sent_name(place[1], set(self._sent.values()))
            return [self._tool(i, tool) for i, tool in there]

    def _tool(self, index: int, described: Any) -> Tool:
        sent = self._sent[index, described.name]
        was, made = self._made.get(sent, (None, None))
        if made is None or was != described:
            function = McpCall(self._servers[index], described.name, sent)
            text = described.description or described.title or ""
            made = Tool(
                function, name=sent, description=text, parameters=dict(described.input_schema)
            )
            self._made[sent] = described, made
        return made

    @overload
    def __getitem__(self, key: int | str) -> Tool: ...
    @overload
    def __getitem__(self, key: slice) -> list[Tool]: ...
    def __getitem__(self, key: int | str | slice) -> Tool | list[Tool]:
        tools = self._tools()
        if not isinstance(key, str):
            return at_place(tools, key, "tool", "the servers have no tools")
        for tool in tools:
            call = tool.function
            if key in (tool.name, getattr(call, "name", None)):
                return tool
        names = [tool.name for tool in tools]
        raise NotFound(
            f"no tool is named {key!r}", hint=suggest(key, names, f"there are: {', '.join(names)}")
        )

    def __len__(self) -> int:
        return len(self._tools())

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools())

    @property
    def changes(self) -> dict[str, tuple[str, ...]]:
        """By server, how its list of tools has changed since it was opened: `+ new, - gone`."""
        return {server.name: tuple(server.changes) for server in self._servers if server.changes}

    @property
    def stderr(self) -> dict[str, str]:
        """By server, the end of what its program wrote to its standard error; without keys."""
        return {server.name: server.connection.errors_since() for server in self._servers}

    def restart(self) -> None:
        """Leave the sessions and begin others: a program is started anew. Agents go on with them.

        Raises:
            Unreachable: a server does not start, or is not there.
        """
        for asked in [s.connection.submit(s.connection.restart()) for s in self._servers]:
            asked.result()

    def close(self) -> None:
        """Leave the sessions, and end the programs that were started for them."""
        for server in self._servers:
            server.connection.close()
        for server in self._servers:
            server.connection.join()

    def __enter__(self) -> McpTools:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        _refuse_pickle(", ".join(server.name for server in self._servers))

    def __repr__(self) -> str:
        tools = self._tools()
        listed = ", ".join(tool.name for tool in tools)
        changed = ", ".join(f"{name} changed" for name in self.changes)
        servers = ", ".join(clip(server.name) for server in self._servers)
        return f"<McpTools of {servers}: {listed or 'none'}{f' ({changed})' if changed else ''}>"
