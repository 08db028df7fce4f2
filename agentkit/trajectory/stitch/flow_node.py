"""One request as a place that others may go on from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit.trajectory.stitch.units import RequestUnits, Unit
from agentkit.types.wire import Flow

_CALL_ID = re.compile(r"'id': '([^'\\]{1,200})'")
_CALLING = "Calling tools:"
"""What smolagents puts before calls that it writes into an assistant's text."""
_MENTIONED = re.compile(r"\b(?:call|toolu|chatcmpl-tool)[_-][\w-]{1,200}")
_MOST_MENTIONED = 200
Fingerprint = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class FlowNode:
    """A request, what it said in short, and what became of it."""

    number: int
    rollout: int = -1
    turn: int = 0
    sent: str = ""
    """The request's text as the agent sent it."""
    count: int | None = None
    """How often it was tried before, as a client says that counts; None where it says nothing."""
    fingerprint: Fingerprint = ()
    """All that is asked for besides the history."""
    sender: str = ""
    """The client's name."""
    system: str = ""
    model: str | None = None
    tools: int = 0
    """How many tools were offered."""
    length: int = 0
    """How many units its history had."""
    digest: int = 0
    """Of all units of its history."""
    first_text: str = ""
    """The first text of the user."""
    growing: str | None = None
    """Its last text, where that alone holds all that went before."""
    started: float | None = None
    failed: bool | None = None
    """Whether no answer came to go on from; None while one is awaited."""
    answer: tuple[Unit, ...] = ()
    following: FlowNode | None = field(default=None, repr=False)
    """The request that goes on from its answer."""
    origin: FlowNode | None = field(default=None, repr=False)
    """The request from whose answer this one goes on."""
    retried: bool = False

    @property
    def taken(self) -> bool:
        """Whether a request goes on from its answer that has not failed."""
        return self.following is not None and not self.following.failed


def node_of(flow: Flow, asked: RequestUnits, said: Sequence[Unit], tools: int) -> FlowNode:
    """Make the node of a request.

    Args:
        flow: the request.
        asked: what it says.
        said: its units.
        tools: a number that is the same for the same tools.
    """
    sender = header(flow, "user-agent") or ""
    system, fields = asked.system, asked.fields
    written = json.dumps(fields, sort_keys=True) if fields else ""
    texts = [unit[1] for unit in said if unit[0] == "user"]
    alone = len(said) > 0 and len(texts) == len(said)
    return FlowNode(
        number=flow.number,
        sent=sent_body(flow),
        count=_count(flow),
        fingerprint=(flow.path, sender, asked.model, system, tools, written),
        sender=sender,
        system=system,
        model=asked.model,
        tools=len(asked.tools),
        length=len(said),
        digest=digests(said)[-1],
        first_text=texts[0] if texts else "",
        growing=texts[-1] if alone else None,
        started=flow.started,
    )


def sent_body(flow: Flow) -> str:
    """Give the text of a request as the agent sent it."""
    return flow.body if flow.original_body is None else flow.original_body


def header(flow: Flow, name: str) -> str | None:
    """Look a header of the request up; None where it has none of this name."""
    return next((value for key, value in flow.headers if key == name), None)


def _count(flow: Flow) -> int | None:
    value = header(flow, "x-stainless-retry-count")
    return int(value) if value is not None and value.isdecimal() and len(value) < 9 else None


def digests(said: Sequence[Unit]) -> list[int]:
    """Digest each beginning of a history: of no unit, of the first, of the first two, …."""
    found = [0]
    for unit in said:
        found.append(hash((found[-1], unit)))
    return found


def extended(digest: int, said: Sequence[Unit]) -> int:
    """Digest a history with more units behind it."""
    for unit in said:
        digest = hash((digest, unit))
    return digest


def last_ids(said: Sequence[Unit]) -> Iterator[tuple[int, str]]:
    """Give the ids of calls in a history, from its end, each with the place of its unit; also those
    that an agent wrote into a text.
    """
    for place in range(len(said) - 1, -1, -1):
        unit = said[place]
        if unit[0] in ("call", "result"):
            if unit[1]:
                yield place, unit[1]
        elif unit[0] == "assistant" and _CALLING in unit[1]:
            for found in reversed(_CALL_ID.findall(unit[1])):
                yield place, found


def mentioned_ids(text: str) -> Iterator[str]:
    """Give what looks like the ids of calls in a text, from its end."""
    found = _MENTIONED.findall(text[-100_000:])
    yield from reversed(found[-_MOST_MENTIONED:])
