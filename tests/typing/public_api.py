"""What a type checker knows of the public functions: mypy reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_type

import plotly.graph_objects as go

import agentkit as ak
from agentkit.agent.batch.rollouts import Rollouts
from agentkit.agent.record.replay import ReplayAgent
from agentkit.analysis.compare.comparison import Comparison
from agentkit.analysis.diff import Diff
from agentkit.analysis.explore.explorer import Explorer
from agentkit.analysis.reparse import Reparsed
from agentkit.analysis.sample_tree import SampleTree
from agentkit.analysis.tokens.prefix import PrefixCheck
from agentkit.analysis.tokens.tokens import Tokens
from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.debugger.pending import Pending
from agentkit.debugger.stopped import Stopped
from agentkit.show.notebook.view import View
from agentkit.trajectory.person.branches import Tree
from agentkit.types.wire import Usage


async def rollouts_of_an_agent(agent: ak.Agent) -> None:
    assert_type(ak.demo(), ak.Agent)
    assert_type(ak.record(agent, "x.jsonl"), ak.Agent)
    assert_type(ak.replay("x.jsonl"), ReplayAgent)
    assert_type(ak.rollout(agent, "go"), ak.Trajectory)
    assert_type(ak.rollouts(agent, ["go"], n=2), Rollouts)
    assert_type(await ak.rollouts_async(agent, ["go"]), Rollouts)
    assert_type(ak.interrupted(), Rollouts | None)
    assert_type(ak.compare({"a": agent, "b": agent}, ["go"]), Comparison)


async def debugger(agent: ak.Agent) -> None:
    dbg = ak.debug(agent, "go", approve=["pay"])
    assert_type(dbg, ak.Debugger)
    assert_type(dbg.step(), ak.Response | ak.ToolResult | Stopped)
    assert_type(await dbg.step_async(), ak.Response | ak.ToolResult | Stopped)
    assert_type(dbg.next(), ak.Turn | Stopped)
    assert_type(dbg.run(), ak.Trajectory)
    assert_type(await dbg.run_async(), ak.Trajectory)
    assert_type(dbg.wait(1.0), ak.Trajectory)
    assert_type(dbg.back().goto(0).say("more").fork().rerun(), ak.Debugger)
    assert_type(dbg.trajectory, ak.Trajectory)
    assert_type(dbg.turn, ak.Turn | None)
    assert_type(dbg.request, ak.Request)
    assert_type(dbg.error, ak.ApiError | None)
    assert_type(dbg.pending, Pending)
    assert_type(dbg.breakpoints, Breakpoints)
    assert_type(dbg.tree, Tree)
    assert_type(dbg.running, bool)


def trajectory(rollout: ak.Trajectory) -> None:
    assert_type(rollout.turns, tuple[ak.Turn, ...])
    assert_type(rollout.pending, tuple[ak.ToolCall, ...])
    assert_type(rollout.problems, tuple[ak.Problem, ...])
    assert_type(rollout.final, str | None)
    assert_type(rollout.messages, list[dict[str, Any]])
    assert_type(rollout.prompt, tuple[ak.Message, ...])
    turn = rollout.turns[0]
    assert_type(turn.request, ak.Request | None)
    assert_type(turn.response, ak.Response)
    assert_type(turn.tool_calls, tuple[ak.ToolCall, ...])
    assert_type(turn.tool_results, tuple[ak.ToolResult, ...])
    assert_type(turn.problems, tuple[ak.Problem, ...])
    assert_type(turn.reasoning, str | None)
    assert_type(turn.elapsed, float | None)


def answer(response: ak.Response, call: ak.ToolCall, result: ak.ToolResult) -> None:
    assert_type(response.content, str | None)
    assert_type(response.reasoning, str | None)
    assert_type(response.tool_calls, tuple[ak.ToolCall, ...])
    assert_type(response.finish_reason, str | None)
    assert_type(response.usage, Usage | None)
    assert_type(response.exchange, ak.Exchange)
    assert_type(response.exchange.chunks, Sequence[ak.Chunk])
    assert_type(call.arguments, dict[str, Any] | None)
    assert_type(call.raw_arguments, str)
    assert_type(call.valid, bool)
    assert_type(result.content, str)
    assert_type(result.trajectory, ak.Trajectory | None)


def reading(body: dict[str, Any], pieces: list[bytes]) -> None:
    assert_type(ak.read_response(body), ak.Response)
    assert_type(ak.read_stream(pieces), ak.Response)
    assert_type(ak.read_error(429, None, b"slow down"), ak.ApiError)
    assert_type(ak.preflight([], "vllm"), tuple[ak.Problem, ...])
    assert_type(ak.parsers.names(), tuple[str, ...])
    assert_type(ak.parsers.get_parser("hermes"), ak.parsers.Parser)
    assert_type(ak.parsers.get_parser("hermes").parse(""), ak.parsers.Parsed)
    assert_type(ak.parsers.get_reasoning_parser("qwen3"), ak.parsers.ReasoningParser)
    assert_type(ak.parsers.detect(""), tuple[str, ...])


def analysis(rollout: ak.Trajectory) -> None:
    assert_type(ak.diff(rollout, rollout), Diff)
    assert_type(ak.explore(rollout), Explorer)
    assert_type(ak.reparse(rollout, parser="hermes"), Reparsed)
    assert_type(ak.sample_tree(rollout), SampleTree)
    assert_type(ak.tokens(rollout), Tokens)
    assert_type(ak.prefix_check(rollout), PrefixCheck)
    assert_type(ak.view(rollout), View)
    assert_type(ak.charts.latency(rollout), go.Figure)
    assert_type(ak.charts.errors(rollout), go.Figure)
    assert_type(ak.charts.context(rollout), go.Figure)
    assert_type(ak.charts.percentiles(rollout), go.Figure)


def files(rollout: ak.Trajectory) -> None:
    assert_type(ak.save(rollout, "x.jsonl"), Path)
    assert_type(ak.cassette.open("x.jsonl"), ak.cassette.Cassette)
    assert_type(ak.cassette.index("x.jsonl"), ak.cassette.Index)
    assert_type(ak.cassette.doctor("x.jsonl"), ak.cassette.Checkup)
    assert_type(ak.export.curl(rollout), ak.export.Export)
    assert_type(ak.export.html(rollout), ak.export.Export)
    assert_type(ak.export.shrink(rollout, "markup_leak"), ak.export.Shrunk)


def stand_ins(agent: ak.Agent, rollout: ak.Trajectory) -> None:
    assert_type(ak.testing.says("hi"), dict[str, Any])
    assert_type(ak.testing.calls("clock"), dict[str, Any])
    assert_type(ak.testing.serve(["hi"]), ak.testing.ReferenceServer)
    assert_type(ak.testing.inject(agent, "tool_error"), ak.Agent)
    assert_type(ak.testing.injected(rollout), list[tuple[int, int | None, str]])
    assert_type(ak.testing.faults(), tuple[ak.testing.Fault, ...])


def tools() -> None:
    def clock(zone: str) -> str:
        return zone

    assert_type(ak.tool(clock), ak.Tool)
    assert_type(ak.tool(name="time")(clock), ak.Tool)
