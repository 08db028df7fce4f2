"""Faults as the client's side sees them, for `inject`: those of the catalogue, and a few that no
server can cause or that begin before an answer does.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from agentkit.testing.faults.catalogue import faults
from agentkit.testing.faults.fault import Fault, named
from agentkit.testing.faults.spoken import spoken
from agentkit.testing.faults.stream_faults import unfinished
from agentkit.testing.faults.wire_faults import reset
from agentkit.testing.server.loopback import Reply
from agentkit.testing.server.question import Question

TOOL_FAULTS = {
    "tool_error": "the tool raises an exception",
    "tool_timeout": "the tool runs out of time",
    "tool_slow": "the tool takes longer",
    "tool_garbage": "the tool gives text that is not what it should be",
}
"""Faults of tools, and what they do."""


def _late(reply: Reply, question: Question) -> Reply:
    return replace(reply, delay=reply.delay + question.seconds)


def _early(chunks: list[Any], question: Question) -> list[Any]:
    """End a stream in order, but before its time."""
    going = unfinished(chunks, question)
    return going[: max(1, int(len(going) * (0.2 + 0.6 * question.share("end"))))]


_CLIENT_FAULTS = (
    Fault(name="slow", says="the answer takes longer", reply=_late),
    named(
        "connection_failed",
        "nobody listens",
        failure=ConnectionRefusedError(111, "Connection refused"),
    ),
    named(
        "connection_reset",
        "the connection breaks before the answer",
        failure=ConnectionResetError("Connection reset by peer"),
    ),
    Fault(
        name="stream_truncated",
        says="the connection breaks inside the answer",
        codes=("connection_reset",),
        reply=reset,
    ),
    named("stream_no_finish", "a stream ends early, in good order", only="stream", chunks=_early),
)
"""Where the catalogue has a fault of the same name, this one takes its place."""


@cache
def answer_faults() -> dict[str, Fault]:
    """List every fault that can be put into the answer of a model, by its name."""
    own = [spoken(fault) for fault in _CLIENT_FAULTS]
    return {fault.name: fault for fault in (*faults(), *own)}
