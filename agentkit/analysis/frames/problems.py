"""`ak.problems_df`: a row per thing that went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.analysis.frames.frame import (
    COUNT,
    IDENTITY,
    MAYBE_COUNT,
    TEXT,
    identity,
    rollout_frame,
)
from agentkit.analysis.frames.index_frames import troubled
from agentkit.errors import checked_keywords
from agentkit.trajectory.trouble.points import problem_points
from agentkit.types.problem import Problem, excerpt
from agentkit.types.trajectory import ToolResult, Trajectory

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    **IDENTITY,
    "turn": COUNT,
    "server": TEXT,
    "dialect": TEXT,
    "source": TEXT,
    "call": MAYBE_COUNT,
    "tool": TEXT,
    "severity": TEXT,
    "code": TEXT,
    "message": TEXT,
    "pointer": TEXT,
    "before": TEXT,
    "after": TEXT,
}


@checked_keywords
def problems_df(x: Any) -> pd.DataFrame:
    """List the problems of rollouts in a `pandas.DataFrame`, a row for each problem, failed request
    and failed tool result, by turn.

    Columns:
        rollout, side, sample, prompt, turn, server: as in `turns_df`. dialect: of the answer; of
            what has none, the one that was spoken.
        source: where it went wrong: sent (what the caller gave, which a server would refuse, as
            `ak.preflight` finds it), request (it failed, or was tried again), answer, call, found
            (a call found in the text), tool (its result), file (what it has lost of the rollout).
        call: position of the call it concerns; `<NA>` for none. tool: the name called.
        severity: info, warning, error. A request that was tried again with success is a warning.
        code: a problem code; for a tool the status of its result (error, timeout, unknown_tool, …).
            message: what is wrong.
        pointer: JSON pointer into the raw answer, of `sent` into the messages, "" for none. before,
            after: what was sent and what it was read as, where it was changed.

    Args:
        x: one rollout or many, as for `turns_df`. Of an index, only rollouts with a problem are
            read.

    Raises:
        UsageError: it contains no rollout.
    """
    return rollout_frame(COLUMNS, _rows, x, troubled(x))


def _rows(index: int, trajectory: Trajectory) -> Iterator[tuple[Any, ...]]:
    who, spoken = identity(index, trajectory), trajectory.spec.dialect
    came = {turn.index: turn.response.dialect for turn in trajectory.all_turns}
    for p in problem_points(trajectory):
        dialect = spoken if p.source in ("sent", "request") else came.get(p.turn, spoken)
        place = (p.turn, p.server, dialect, p.source, p.call, p.tool, p.severity, p.code)
        yield (*who, *place, *_words(p.cause))


def _words(cause: Any) -> tuple[str | None, ...]:
    """Give the message, the pointer, and what was there before and after."""
    match cause:
        case Problem():
            return cause.message, cause.pointer, _text(cause.before), _text(cause.after)
        case ToolResult():
            return cause.error or excerpt(cause.content), "", None, None
        case _:
            return cause.message, "", None, None


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(excerpt(value))
