"""What came of a call: the line of its result, and behind clicks what happened in the tool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from agentkit.read.tool_output import MCP, images_of
from agentkit.show.html import HOLE, Child, Html, el, element, shape, without_keys
from agentkit.show.render import shown
from agentkit.show.render.content.images import image_of
from agentkit.show.render.limits import Limits
from agentkit.show.render.parts.block import (
    code,
    data,
    excerpt,
    facts,
    fold,
    sentence,
    short,
    status,
    whole,
)
from agentkit.show.render.parts.rows import line, sign, sub
from agentkit.show.render.parts.words import outcome_of
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.words import count, seconds

_QUIET = ("ok", "edited", "skipped", "cancelled")
"""Results that are no failure of a tool."""
_WORDS = {
    "error": "the tool failed",
    "timeout": "no answer in time",
    "cancelled": "cancelled",
    "invalid_call": "not run: the call is invalid",
    "unknown_tool": "not run: there is no such tool",
    "skipped": "skipped",
    "edited": "written by hand",
}
"""What a status means, where a result is not simply there."""
_RAISED_BY = ("error", "timeout")
"""Results whose error is an exception of the tool."""
_WRAPPED = 120
"""Characters that the text for the model has around an error."""
_MOST_IMAGES = 4
"""Images of one result that are drawn."""
_SHORT = 200
"""Characters of a text in a line of plain text."""
_FAULT = element("strong", class_="ak-fault")
_WAITED = 0.1
"""Seconds of waiting for a thread that are worth a word."""
_PLAIN, _TIMED = (shape(line("←", HOLE, *side, sign("ok"))) for side in ((), (HOLE,)))
"""The line of a result with which nothing is wrong."""
_FRAME = re.compile(r'  File "(.*)", line (\d+)(?:, in (.*))?')


class Came(NamedTuple):
    """What came of a call, as lines of its box."""

    tone: str
    """`bad` where the tool failed."""
    lines: tuple[Child, ...]


def came(
    result: ToolResult | None, missing: str, limits: Limits, at: str, name: str | None = None
) -> Came:
    """Draw what came of a call.

    Args:
        result: what came; None where nothing has.
        missing: the word where nothing has come yet.
        limits: how much of it is shown.
        at: where it is, as Python.
        name: that of the call above it, which is not repeated.
    """
    if result is None:
        return Came("", (line("←", status(missing)),))
    tone = "" if result.status in _QUIET else "bad"
    if _is_plain(result, name):
        seen, elapsed = data(result.content, limits, f"{at}.content"), seconds(result.elapsed)
        return Came("", (_TIMED(seen, elapsed) if elapsed else _PLAIN(seen),))
    side = seconds(result.elapsed) or None, sign(result.status)
    images = _images(result)
    more = result.error or result.full_content is not None or _has_inside(result) or images
    inside = (*images, *_behind(result, limits, at), *_inside(result, limits, at)) if more else ()
    behind = sub(*inside) if more else None
    told = line("←", _outcome(result, limits, at, name), *side, tone=tone)
    return Came(tone, (told, behind))


def _is_plain(result: ToolResult, name: str | None) -> bool:
    """Tell whether a result is what the tool returned, and nothing more is known of it."""
    odd = result.error or result.full_content is not None or result.injected
    return (
        result.status == "ok"
        and result.name == name
        and not odd
        and (result.queued or 0) < _WAITED
        and result.conversion != MCP
        and not _has_inside(result)
    )


def _images(result: ToolResult) -> list[Html]:
    """Draw the first images of an MCP server's result."""
    if result.conversion != MCP:
        return []
    drawn = map(image_of, images_of(result.value)[:_MOST_IMAGES])
    return [image for image in drawn if image is not None]


def _outcome(result: ToolResult, limits: Limits, at: str, name: str | None) -> Child:
    """Write the result as the model sees it; of a failure its type and message first."""
    other = [code(result.name), " "] if result.name != name else None
    known = facts(
        f"waited {seconds(result.queued)} for a thread"
        if (result.queued or 0) >= _WAITED
        else None,
        f"{result.injected} was put in on purpose" if result.injected else None,
    )
    if result.status == "ok" and other is None and known is None:
        return data(result.content, limits, f"{at}.content")
    if result.status == "ok":
        return [other, data(result.content, limits, f"{at}.content"), " ", known]
    if result.status in _QUIET:
        fault: Child = facts(_WORDS[result.status])
    else:
        fault = _fault(result)
    seen = None if _is_repeated(result) else data(result.content, limits, f"{at}.content")
    return [other, fault, " ", seen, " ", known]


def _fault(result: ToolResult) -> Child:
    """Write what went wrong: the exception, or why the call was not run."""
    kind, message = _parted(result)
    if result.status not in _RAISED_BY:
        kind, message = "", result.error or ""
    if not kind:
        why = _FAULT(_WORDS.get(result.status, "failed"))
        return [why, " ", _message(message)] if message else why
    return [_FAULT(code(kind), ":"), " ", _message(message)] if message else _FAULT(code(kind))


def _message(text: str) -> Html:
    return sentence(short(text))


def _parted(result: ToolResult) -> tuple[str, str]:
    """Part an error into its type and its message."""
    kind, _, message = (result.error or "").partition(": ")
    return kind, message


def _is_repeated(result: ToolResult) -> bool:
    """Tell whether what the model sees of a failure says no more than its error."""
    error = result.error or ""
    told = (_parted(result)[1] or error).rstrip(".")
    return bool(told) and told in result.content and len(result.content) < len(error) + _WRAPPED


def _behind(result: ToolResult, limits: Limits, at: str) -> Iterator[Html]:
    if _is_repeated(result) and limits.details:
        seen = whole(result.content, limits, f"{at}.content")
        yield fold("what the model sees", seen)
    if result.full_content is not None and limits.details:
        text = whole(result.full_content, limits, f"{at}.full_content")
        yield fold("the whole result; the model sees the preview above", text)


def _has_inside(result: ToolResult) -> bool:
    return bool(result.printed or result.traceback or result.trajectory)


def _inside(result: ToolResult, limits: Limits, at: str) -> Iterator[Html]:
    """Draw what happened in the tool: where it raised, what it printed, the rollout of a sub-agent.
    Each is behind a click.
    """
    if trace := result.traceback:
        yield fold(["traceback ", facts(_place(trace))], _trace(trace, limits, f"{at}.traceback"))
    if printed := result.printed:
        lines = count(len(printed.rstrip("\n").split("\n")), "line")
        text = (
            whole(printed, limits, f"{at}.printed")
            if limits.details
            else excerpt(printed.strip(), _SHORT)
        )
        yield fold(["printed ", facts(lines)], text)
    if result.trajectory:
        yield _sub_agent(result.trajectory, limits)


def _place(trace: str) -> Html | None:
    """Name the file and line that raised."""
    frames = [m for text in trace.splitlines() if (m := _FRAME.fullmatch(text))]
    return code(f"{_file(frames[-1][1])}:{frames[-1][2]}") if frames else None


def _file(path: str) -> str:
    return re.split(r"[\\/]", path)[-1] or path


def _trace(trace: str, limits: Limits, at: str) -> Html:
    """Draw a traceback, the line that raised marked in it."""
    lines = trace.rstrip().splitlines()
    last = max((i for i, text in enumerate(lines) if _FRAME.fullmatch(text)), default=-1)
    if not limits.details:
        return excerpt(lines[max(last, 0)].strip(), _SHORT)
    if len(trace) > limits.text or last < 0:
        return whole(trace, limits, at)
    shown = [(i - last, text) for i, text in enumerate(lines) if i or text != _BEGINS]
    return _PRE([[_trace_line(after, text), "\n"] for after, text in shown])


_PRE = element("pre", class_="ak-data ak-trace ak-wide")
_BEGINS = "Traceback (most recent call last):"
_RAISED = element("span", class_="ak-bad")


def _trace_line(after: int, text: str) -> Child:
    """Draw a line of a traceback, so many lines after the last frame."""
    if frame := _FRAME.fullmatch(text):
        return [_file(frame[1]), ":", frame[2], " in ", frame[3] or "?"]
    if after == 1:
        return _RAISED("▸ ", text.strip())
    if after > 1 and not text.startswith(" "):
        return _RAISED(text)
    return ["  ", text.strip()] if text.startswith("    ") else text


def _sub_agent(trajectory: Trajectory, limits: Limits) -> Html:
    """Draw the rollout that ran in a tool. Its rows have no keys: those are of the rollout that the
    page shows.
    """
    room = replace(limits, size=limits.size // 4, head=10, tail=20)
    parts = shown.grouped(
        {k: v for k, v in shown.fragments(trajectory, room).items() if k not in ("head", "about")}
    )
    calls = sum(len(turn.tool_calls) for turn in trajectory.turns)
    ended = outcome_of(trajectory)
    known = facts(
        count(len(trajectory.turns), "turn"),
        count(calls, "call"),
        el("span", ended.icon, " ", ended.words, class_=f"ak-status ak-{ended.tone}"),
    )
    inside = el("div", [without_keys(part) for part in parts], class_="ak-nested")
    return fold(["rollout of a sub-agent ", known], inside)
