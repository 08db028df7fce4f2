"""What came of a scenario, judged: against what it asks for, and against the contract that every
answer has to keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agentkit.analysis.check.battery import unreached
from agentkit.analysis.check.cell import CheckCell, CheckFinding, Verdict
from agentkit.analysis.check.judges import JUDGES, called
from agentkit.analysis.divergence.classes import CLASSES
from agentkit.types.problem import Problem
from agentkit.types.record import clip
from agentkit.types.trajectory import Trajectory, Turn
from agentkit.types.wire import ApiError

_CLASS_OF = {
    "tool_call_in_content": "call_in_text",
    "tool_call_in_reasoning": "call_in_text",
    "markup_leak": "token_leak",
    "name_special_tokens": "token_leak",
    "think_in_content": "reasoning_field",
    "orphan_think_close": "reasoning_field",
    "unclosed_think": "reasoning_field",
    "answer_in_reasoning": "reasoning_field",
    "arguments_invalid_json": "arguments_syntax",
    "arguments_double_encoded": "arguments_encoding",
    "arguments_object": "arguments_encoding",
    "arguments_concatenated": "arguments_syntax",
    "arguments_truncated": "arguments_syntax",
    "name_prefix": "tool_name",
    "name_unknown": "tool_name",
    "token_ids_missing": "logprobs",
}
"""The class of divergence whose hint mends a problem."""
_HINTS = {
    "finish_hides_truncation": CLASSES["truncation"].hint,
    "finish_tool_calls_without_calls": CLASSES["finish_reason"].hint,
    "stream_final_differs": CLASSES["stream_vs_block"].hint,
    "server_error": (
        "look into the server's own log; asked alone (scenarios=[...], concurrency=1) the cell"
        " shows whether its request or another one at the same time did it"
    ),
}
"""What mends a problem that no class of divergence has a hint for."""
_NONE_HINT = (
    "leave the tools out of a request that may not call them; vLLM:"
    " --exclude-tools-when-tool-choice-none"
)
_BROKEN_HINT = (
    "no parser takes a call whose JSON is broken, and the model broke it: constrain the arguments"
    " (strict tools, tool_choice='required'), or sample again"
)
_NOT_OFFERED = frozenset(
    {"tool_choice_unsupported", "unknown_field", "server_feature_off", "endpoint_not_found"}
)
"""Errors with which a server says that it does not offer something."""
_EXPECTED = {
    "cut": {
        "finish_length",
        "arguments_truncated",
        "empty_response",
        "unclosed_think",
        "answer_in_reasoning",
        "finish_tool_calls_without_calls",
    },
    "refused": set(),
}
"""Problems that a scenario brings about by itself."""


_MODELS = frozenset({"name_unknown", "arguments_schema"})
"""Problems that are the model's: told, and no fault of its server."""


def judged(cell: CheckCell) -> CheckCell:
    """Judge a cell by what was answered; one that was not asked stays open."""
    trajectory = cell.trajectory
    if trajectory is None:
        return cell
    if cell.verdict == "absent":
        return replace(cell, findings=(replace(_failed(trajectory)[1], severity="info"),))
    if unreached(trajectory):
        return replace(cell, verdict="open", findings=(_failed(trajectory)[1],))
    if trajectory.error is not None and cell.scenario.name != "refused":
        verdict, failure = _failed(trajectory)
        return replace(cell, verdict=verdict, findings=(failure,))
    shown, found = JUDGES.get(cell.scenario.name, called)(trajectory)
    findings = (*found, *_problems(cell, trajectory))
    return with_findings(replace(cell, verdict="right" if shown else "silent"), findings)


_BY_SEVERITY: dict[str, Verdict] = {"error": "wrong", "warning": "odd"}
_RANK = {"error": 0, "warning": 1, "info": 2}


def with_findings(cell: CheckCell, findings: tuple[CheckFinding, ...]) -> CheckCell:
    """Add findings to a cell, the worst first; its verdict follows from them."""
    found = tuple(sorted((*cell.findings, *findings), key=lambda f: _RANK[f.severity]))
    verdict = cell.verdict
    if verdict in ("right", "odd", "silent", "wrong") and found:
        worst = found[0].severity
        verdict = _BY_SEVERITY.get(worst, verdict)
    return replace(cell, findings=found, verdict=verdict)


def _failed(trajectory: Trajectory) -> tuple[Verdict, CheckFinding]:
    """Tell what a request that failed says of the server."""
    error = trajectory.error or ApiError(kind="bad_response", message="")
    refused = error.kind in _NOT_OFFERED
    turn = len(trajectory.all_turns)
    message = f"{error.status or ''} {error.message}".strip()
    found = CheckFinding(
        code=error.kind,
        severity="warning" if refused or unreached(trajectory) else "error",
        message=clip(message, 300),
        hint=error.hint or _HINTS.get(error.kind, ""),
        turn=turn,
    )
    return ("refused" if refused else "wrong"), found


def _problems(cell: CheckCell, trajectory: Trajectory) -> Iterator[CheckFinding]:
    """Report what is wrong with the answers by the contract alone."""
    expected = _EXPECTED.get(cell.scenario.name, set())
    seen: set[tuple[str, int]] = set()
    for turn in trajectory.all_turns:
        of_text = {id(p) for call in turn.response.recoverable for p in call.problems}
        codes = {problem.code for problem in turn.problems}
        for problem in turn.problems:
            known = problem.code in expected or (problem.code, turn.index) in seen
            if problem.severity != "info" and not known and not _explained(problem, turn, codes):
                seen.add((problem.code, turn.index))
                yield _of_problem(problem, turn, cell, id(problem) in of_text)


def _explained(problem: Problem, turn: Turn, codes: set[str]) -> bool:
    """Tell whether another problem of the same answer says it already, or the answer itself: a
    model that stopped before its limit was not cut.
    """
    if problem.code == "empty_response":
        return "answer_in_reasoning" in codes
    if problem.code != "finish_hides_truncation":
        return False
    usage, limit = turn.response.usage, turn.request
    most = limit.sampling.get("max_tokens") if limit else None
    used = usage.output_tokens if usage else None
    return type(most) is int and used is not None and used < most


def _of_problem(problem: Problem, turn: Turn, cell: CheckCell, of_text: bool) -> CheckFinding:
    """Make a finding of a problem, with what would mend it.

    Args:
        problem: the problem.
        turn: the turn it was found in.
        cell: the cell.
        of_text: whether it lies inside a call that was left in the text, where the model made it.
    """
    class_ = CLASSES.get(_CLASS_OF.get(problem.code, ""))
    hint = _HINTS.get(problem.code) or (class_.hint if class_ else "")
    severity = problem.severity
    if problem.code in _MODELS:
        severity, hint = "info", ""
    elif problem.code == "tool_call_in_content":
        broken = not any(call.valid for call in turn.response.recoverable)
        if broken:
            severity, hint = "info", _BROKEN_HINT
        elif cell.scenario.name == "none":
            hint = _NONE_HINT
    elif of_text:
        severity, hint = "info", ""
    elif problem.code == "answer_in_reasoning":
        severity = "error"  # nothing else came, and a client is left without an answer
    return CheckFinding(
        code=problem.code,
        severity=severity,
        message=problem.message,
        hint=hint,
        turn=turn.index,
    )
