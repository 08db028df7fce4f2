"""What a side of a comparison can be, and the rollouts of it: agents are run, everything else was
there already.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.record.replay import ReplayAgent
from agentkit.errors import UsageError
from agentkit.files.foreign.capture_log import captured_trajectories, is_capture
from agentkit.files.foreign.chat_log import trajectories_in, trajectory_of
from agentkit.files.held import trajectories_of
from agentkit.files.store import is_ours, load_all, read_json_lines
from agentkit.read.plain import plain
from agentkit.trajectory.loop import apply
from agentkit.types.answer import Response
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Spec, Trajectory, Turn
from agentkit.types.wire import Chunk, Exchange

_EVENTS = ("data:", "event:", ":")
_HINT = (
    "a side is an agent, trajectories, raw answers, or the path of a cassette, a capture or a chat"
    " JSONL"
)


def is_live(side: Any) -> bool:
    """Whether a side has still to be run."""
    return isinstance(side, Agent) and not isinstance(side, ReplayAgent)


def stored(side: Any, tools: Any = None) -> tuple[Trajectory, ...]:
    """The rollouts of a side that is there already.

    Args:
        side: trajectories or what holds them; a path; a raw answer (a body, a status with a body,
            an `Exchange`, a `Response`, an SDK object), a
            captured exchange, a list of messages, or a list of any of these.
        tools: schemas of the tools, for raw answers that come without their request.

    Raises:
        UsageError: it is none of these, or holds nothing.
        FileNotFoundError: there is no such file.
    """
    if isinstance(side, ReplayAgent):
        return tuple(side.recorded)
    if isinstance(side, str) and side.startswith(("http://", "https://")):
        raise UsageError(
            f"{side!r} is a URL, and no side",
            hint="ask it with an agent: ak.Agent('model-name', server=url)",
        )
    if isinstance(side, os.PathLike) or (
        isinstance(side, str) and not side.lstrip().startswith(("{", "[", "<", *_EVENTS))
    ):
        return _from_file(Path(side))
    if isinstance(side, tuple) and len(side) == 2 and type(side[0]) is int:
        return (_of_mapping({"status": side[0], "body": side[1]}, tools),)
    if isinstance(side, (list, tuple)) and side and not _is_conversation(side):
        return _of_list(side, tools)
    return (
        (_single(side, tools),)
        if not hasattr(side, "trajectories")
        else tuple(trajectories_of(side))
    )


def _is_conversation(values: Any) -> bool:
    return all(
        isinstance(value, Mapping) and isinstance(value.get("role"), str) for value in values
    )


def _of_list(side: Any, tools: Any) -> tuple[Trajectory, ...]:
    rows = [value for value in side if isinstance(value, Mapping)]
    if len(rows) == len(side) and is_capture(rows):
        return tuple(captured_trajectories(rows))
    return tuple(trajectory for value in side for trajectory in stored(value, tools))


def _from_file(path: Path) -> tuple[Trajectory, ...]:
    if is_ours(path):
        return tuple(load_all(path))
    values = read_json_lines(path)
    found = captured_trajectories(values) if is_capture(values) else trajectories_in(values)
    if not found:
        raise UsageError(f"{path.name!r} holds no rollout", hint=_HINT)
    return tuple(found)


def _single(side: Any, tools: Any) -> Trajectory:
    if isinstance(side, Trajectory):
        return side
    if isinstance(side, (list, tuple)):
        return trajectory_of(list(side), tools)
    if isinstance(side, Turn):
        return _answered(side.response.exchange, tools)
    held = getattr(side, "trajectory", None)
    if isinstance(held, Trajectory):
        return held
    if isinstance(side, Mapping):
        return _of_mapping(side, tools)
    exchange = (
        side
        if isinstance(side, Exchange)
        else side.exchange
        if isinstance(side, Response)
        else None
    )
    if exchange is None and isinstance(side, (str, bytes)):
        text = side if isinstance(side, str) else side.decode(errors="replace")
        exchange = (
            Exchange(chunks=(Chunk(at=0.0, text=text),))
            if text.lstrip().startswith(_EVENTS)
            else Exchange(body=text)
        )
    if exchange is None and (hasattr(side, "choices") or hasattr(side, "model_dump")):
        return _of_mapping(plain(side), tools)
    if exchange is None:
        raise UsageError(f"a {type(side).__name__} is no side of a comparison", hint=_HINT)
    return _answered(exchange, tools)


def _of_mapping(side: Mapping[str, Any], tools: Any) -> Trajectory:
    """A captured exchange, with or without its request; a conversation; or a body."""
    if "messages" in side and "choices" not in side:
        return trajectories_in([dict(side)])[0]
    if "request" in side or (("body" in side or "chunks" in side) and "choices" not in side):
        request = side.get("request")
        asked: dict[str, Any] = dict(request) if isinstance(request, Mapping) else {}
        asked.setdefault("messages", [])
        if tools and "tools" not in asked:
            asked = {**asked, "tools": plain(tools)}
        return captured_trajectories(
            [
                {
                    **side,
                    "request": asked,
                    "path": "/v1/chat/completions",
                    "case": str(side.get("case", "")),
                }
            ]
        )[0]
    return _answered(Exchange(body=json.dumps(plain(dict(side)))), tools)


def _answered(exchange: Exchange, tools: Any) -> Trajectory:
    schemas = tuple(
        tool if isinstance(tool, dict) else plain(getattr(tool, "schema", tool))
        for tool in tools or ()
    )
    return apply(Trajectory(spec=Spec(tools=schemas)), Answer(exchange=exchange))


def streaming(agent: Agent, stream: bool) -> Agent:
    """The same agent, its answers asked for in pieces or in one."""
    twin = agent.wrapped(lambda perform, trajectory, sample: perform)
    twin.spec = replace(agent.spec, stream=stream)
    return twin
