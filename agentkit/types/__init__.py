"""The records: frozen values that everything else reads and writes."""

from agentkit.types.answer import UNUSABLE, CallStatus, Policy, ReasoningBlock, Response, ToolCall
from agentkit.types.problem import SEVERITIES, Problem, Severity, excerpt, problem
from agentkit.types.record import Record, clip, late, record
from agentkit.types.rollout import (
    Attempt,
    Before,
    Message,
    OpenTurn,
    Parent,
    ResultStatus,
    Spec,
    StopReason,
    ToolResult,
    Trajectory,
    Turn,
)
from agentkit.types.wire import ApiError, Chunk, Exchange, Request, TokenIds, TokenLogprob, Usage

__all__ = [
    "SEVERITIES",
    "UNUSABLE",
    "ApiError",
    "Attempt",
    "Before",
    "CallStatus",
    "Chunk",
    "Exchange",
    "Message",
    "OpenTurn",
    "Parent",
    "Policy",
    "Problem",
    "ReasoningBlock",
    "Record",
    "Request",
    "Response",
    "ResultStatus",
    "Severity",
    "Spec",
    "StopReason",
    "TokenIds",
    "TokenLogprob",
    "ToolCall",
    "ToolResult",
    "Trajectory",
    "Turn",
    "Usage",
    "clip",
    "excerpt",
    "late",
    "problem",
    "record",
]
