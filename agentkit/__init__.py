"""The debugger for tool-calling LLM agents that lives in a notebook: step a rollout cell by cell,
and see exactly what the server sent.

    import agentkit as ak

    dbg = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    dbg.step()                       # one model call, or one tool call
    dbg.run()                        # to the end
    dbg.trajectory.turns[0].raw      # the raw answer, beside what it was read as

Names are imported when they are first used, so that `import agentkit` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentkit.types.wire import VERSION

if TYPE_CHECKING:
    from agentkit import cassette, charts, export, parsers, testing
    from agentkit.agent.agent import Agent
    from agentkit.agent.batch.run import interrupted, rollout, rollouts, rollouts_async
    from agentkit.agent.batch.stream import rollouts_iter
    from agentkit.agent.hermes.agent_loop import AgentLoop, AgentResult, ToolError
    from agentkit.agent.record.replay import record, replay
    from agentkit.agent.tools.mcp.server_tools import mcp
    from agentkit.agent.tools.pool import resize_tool_pool
    from agentkit.agent.tools.tool import Tool, tool
    from agentkit.analysis.check.check import check
    from agentkit.analysis.compare.compare import compare
    from agentkit.analysis.diff import diff
    from agentkit.analysis.explore.explorer import explore
    from agentkit.analysis.frames.messages import messages_df
    from agentkit.analysis.frames.problems import problems_df
    from agentkit.analysis.frames.tool_calls import tool_calls_df
    from agentkit.analysis.frames.turns import turns_df
    from agentkit.analysis.reparse import reparse
    from agentkit.analysis.sample_tree import sample_tree
    from agentkit.analysis.tokens.prefix import prefix_check
    from agentkit.analysis.tokens.tokens import tokens
    from agentkit.analysis.tokens.tokens_frame import tokens_df
    from agentkit.debugger.break_on import break_on
    from agentkit.debugger.debugger import Debugger
    from agentkit.debugger.session import debug
    from agentkit.errors import AgentkitError
    from agentkit.files.gate import read_error, read_response, read_stream
    from agentkit.files.index.file_index import index
    from agentkit.files.store import load, save
    from agentkit.servers.server import Server
    from agentkit.show.notebook.view import view
    from agentkit.tap.watch import watch
    from agentkit.testing.demo import demo
    from agentkit.trajectory.trouble.preflight import preflight
    from agentkit.types.answer import Response, ToolCall
    from agentkit.types.problem import Problem
    from agentkit.types.request import Request
    from agentkit.types.trajectory import Message, ToolResult, Trajectory, Turn
    from agentkit.types.wire import ApiError, Chunk, Exchange

__version__ = VERSION

_HOMES = {
    "agentkit.agent.agent": "Agent",
    "agentkit.agent.batch.run": "interrupted rollout rollouts rollouts_async",
    "agentkit.agent.batch.stream": "rollouts_iter",
    "agentkit.agent.hermes.agent_loop": "AgentLoop AgentResult ToolError",
    "agentkit.agent.record.replay": "record replay",
    "agentkit.agent.tools.mcp.server_tools": "mcp",
    "agentkit.agent.tools.pool": "resize_tool_pool",
    "agentkit.agent.tools.tool": "Tool tool",
    "agentkit.analysis.compare.compare": "compare",
    "agentkit.analysis.diff": "diff",
    "agentkit.analysis.explore.explorer": "explore",
    "agentkit.analysis.frames.tool_calls": "tool_calls_df",
    "agentkit.analysis.frames.messages": "messages_df",
    "agentkit.analysis.frames.problems": "problems_df",
    "agentkit.analysis.tokens.tokens_frame": "tokens_df",
    "agentkit.analysis.frames.turns": "turns_df",
    "agentkit.analysis.reparse": "reparse",
    "agentkit.analysis.sample_tree": "sample_tree",
    "agentkit.analysis.check.check": "check",
    "agentkit.analysis.tokens.prefix": "prefix_check",
    "agentkit.analysis.tokens.tokens": "tokens",
    "agentkit.debugger.debugger": "Debugger",
    "agentkit.debugger.session": "debug",
    "agentkit.errors": "AgentkitError",
    "agentkit.files.store": "load save",
    "agentkit.files.index.file_index": "index",
    "agentkit.files.gate": "read_error read_response read_stream",
    "agentkit.servers.server": "Server",
    "agentkit.show.notebook.view": "view",
    "agentkit.tap.watch": "watch",
    "agentkit.testing.demo": "demo",
    "agentkit.debugger.break_on": "break_on",
    "agentkit.trajectory.trouble.preflight": "preflight",
    "agentkit.types.answer": "Response ToolCall",
    "agentkit.types.problem": "Problem",
    "agentkit.types.trajectory": "Message ToolResult Trajectory Turn",
    "agentkit.types.request": "Request",
    "agentkit.types.wire": "ApiError Chunk Exchange",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = ("cassette", "charts", "export", "parsers", "testing")

__all__ = [
    "Agent",
    "AgentLoop",
    "AgentResult",
    "AgentkitError",
    "ApiError",
    "Chunk",
    "Debugger",
    "Exchange",
    "Message",
    "Problem",
    "Request",
    "Response",
    "Server",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolResult",
    "Trajectory",
    "Turn",
    "break_on",
    "cassette",
    "charts",
    "check",
    "compare",
    "debug",
    "demo",
    "diff",
    "explore",
    "export",
    "index",
    "interrupted",
    "load",
    "mcp",
    "messages_df",
    "parsers",
    "prefix_check",
    "preflight",
    "problems_df",
    "read_error",
    "read_response",
    "read_stream",
    "record",
    "reparse",
    "replay",
    "resize_tool_pool",
    "rollout",
    "rollouts",
    "rollouts_async",
    "rollouts_iter",
    "sample_tree",
    "save",
    "testing",
    "tokens",
    "tokens_df",
    "tool",
    "tool_calls_df",
    "turns_df",
    "view",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"agentkit.{name}")
    if name not in _HOME:
        raise _unknown(name)
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def _unknown(name: str) -> AttributeError:
    """Make the error of a name that is not there; machinery asks for many that begin with _."""
    if name.startswith("_"):
        return AttributeError(f"module 'agentkit' has no attribute {name!r}")
    from agentkit.errors import UnknownName, suggest

    hint = suggest(name, __all__, show=lambda known: f"ak.{known}")
    return UnknownName(f"module 'agentkit' has no attribute {name!r}", hint=hint)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
