"""What came of a scenario, judged: against what it asks for, and against the contract that every
answer has to keep.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from agentkit.analysis.check.cell import CheckCell, CheckFinding, Verdict
from agentkit.analysis.check.scenarios import LONG, ODD
from agentkit.analysis.divergence.classes import CLASSES
from agentkit.read.body.finish_words import means
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
    "name_prefix": "tool_name",
    "name_unknown": "tool_name",
    "finish_hides_truncation": "truncation",
    "token_ids_missing": "logprobs",
}
"""The class of divergence whose hint mends a problem."""
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
    if trajectory.error is not None and cell.scenario.name != "refused":
        verdict, failure = _failed(trajectory, trajectory.error)
        return replace(cell, verdict=verdict, findings=(failure,))
    shown, found = _JUDGES.get(cell.scenario.name, _called)(trajectory)
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


def _failed(trajectory: Trajectory, error: ApiError) -> tuple[Verdict, CheckFinding]:
    """Tell what a request that failed says of the server."""
    refused = error.kind in _NOT_OFFERED
    turn = len(trajectory.all_turns)
    message = f"{error.status or ''} {error.message}".strip()
    found = CheckFinding(
        code=error.kind,
        severity="warning" if refused else "error",
        message=clip(message, 300),
        hint=error.hint,
        turn=turn,
    )
    return ("refused" if refused else "wrong"), found


def _problems(cell: CheckCell, trajectory: Trajectory) -> Iterator[CheckFinding]:
    """Report what is wrong with the answers by the contract alone."""
    expected = _EXPECTED.get(cell.scenario.name, set())
    seen: set[tuple[str, int]] = set()
    for turn in trajectory.all_turns:
        for problem in turn.problems:
            known = problem.code in expected or (problem.code, turn.index) in seen
            if problem.severity != "info" and not known:
                seen.add((problem.code, turn.index))
                yield _of_problem(problem, turn.index)


def _of_problem(problem: Problem, turn: int) -> CheckFinding:
    class_ = CLASSES.get(_CLASS_OF.get(problem.code, ""))
    return CheckFinding(
        code=problem.code,
        severity="info" if problem.code in _MODELS else problem.severity,
        message=problem.message,
        hint=class_.hint if class_ else "",
        turn=turn,
    )


Judge = Callable[[Trajectory], tuple[bool, list[CheckFinding]]]
"""Tells whether the answer shows what the scenario is about, and what is wrong about it."""


def _wrong(message: str, hint: str = "", *, code: str = "expected") -> CheckFinding:
    return CheckFinding(code=code, severity="error", message=message, hint=hint)


def _first(trajectory: Trajectory) -> Turn | None:
    return next(iter(trajectory.all_turns), None)


def _names(trajectory: Trajectory) -> list[str]:
    turn = _first(trajectory)
    return [call.name for call in turn.tool_calls] if turn else []


def _arguments(trajectory: Trajectory) -> dict[str, Any] | None:
    turn = _first(trajectory)
    found = (call.arguments for call in turn.tool_calls) if turn else iter(())
    return next((arguments for arguments in found if arguments is not None), None)


def _called(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    return bool(_names(trajectory)), []


def _parallel(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    return len(_names(trajectory)) > 1, []


_CHOICE_HINT = CLASSES["tool_choice_semantics"].hint


def _required(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    if _names(trajectory):
        return True, []
    return True, [_wrong("tool_choice 'required' gave no call", _CHOICE_HINT)]


def _named(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    names = _names(trajectory)
    if names and set(names) == {"add"}:
        return True, []
    got = ", ".join(map(repr, names)) or "no call"
    return True, [_wrong(f"tool_choice names 'add', and the answer has {got}", _CHOICE_HINT)]


def _none(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    names = _names(trajectory)
    if not names:
        return True, []
    return True, [_wrong(f"tool_choice 'none' gave a call of {names[0]!r}", _CHOICE_HINT)]


def _bare(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    calls = turn.tool_calls if turn else ()
    wrong = [call for call in calls if call.name == "current_time" and call.arguments is None]
    hint = CLASSES["arguments_encoding"].hint
    found = [_wrong(f"arguments {wrong[0].raw_arguments!r} are no object", hint)] if wrong else []
    return bool(calls), found


def _nested(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    arguments = _arguments(trajectory)
    if arguments is None:
        return False, []
    texts = [name for name in ("customer", "items") if isinstance(arguments.get(name), str)]
    hint = CLASSES["arguments_encoding"].hint
    found = [_wrong(f"{name!r} came as a text of JSON, not as its type", hint) for name in texts]
    return True, found


def _odd(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    return _text(trajectory, ODD)


def _long(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    return _text(trajectory, LONG)


def _text(trajectory: Trajectory, wanted: str) -> tuple[bool, list[CheckFinding]]:
    """Compare a text that was to be copied: a text that is only escaped, or decoded, in another way
    is the server's fault; any other may be the model's.
    """
    arguments = _arguments(trajectory) or {}
    text = arguments.get("text")
    if not isinstance(text, str):
        return False, []
    if text.strip() == wanted:
        return True, []
    hint = CLASSES["arguments_encoding"].hint
    if text.strip() in _misread(wanted):
        return True, [_wrong(f"the text arrived escaped or decoded wrongly: {text[:80]!r}", hint)]
    return False, []


def _misread(text: str) -> set[str]:
    """List what a text becomes where it is escaped once more, or decoded as Latin-1."""
    twice = json.dumps(text)[1:-1]
    return {
        twice,
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.encode().decode("latin-1"),
        text.encode("ascii", "ignore").decode(),
        text.encode("ascii", "replace").decode(),
    }


def _history(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turns = trajectory.all_turns
    if len(turns) < 2:
        return False, []
    last = turns[-1].response
    if not last.tool_calls and not (last.content or "").strip():
        return True, [replace(_wrong("the last answer has no text"), turn=turns[-1].index)]
    return True, []


def _reasoning(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    response = turn.response if turn else None
    if response is None or not response.reasoning_blocks:
        return False, []
    usage = response.usage
    if usage is not None and usage.reasoning_tokens is None:
        message = "the reasoning's tokens are not counted"
        return True, [CheckFinding(code="usage", severity="info", message=message)]
    return True, []


def _cut(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    if turn is None:
        return False, []
    response, usage = turn.response, turn.response.usage
    if means(response.finish_reason, "length"):
        return True, []
    whole = usage is not None and (usage.output_tokens or 0) < 16
    if whole:
        return False, []
    message = f"the answer was cut at 16 tokens, and ends with {response.finish_reason!r}"
    return True, [_wrong(message, CLASSES["truncation"].hint)]


def _refused(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    error = trajectory.error
    if error is None:
        return True, [_odd_error("a negative token limit was accepted")]
    if error.status is not None and error.status < 400:
        return True, [_odd_error("the refusal came inside an answer with status 200")]
    if error.status is not None and error.status >= 500:
        return True, [_odd_error(f"a fault of the request was answered with {error.status}")]
    if not error.message.strip():
        return True, [_odd_error("the refusal gives no reason")]
    return True, []


def _odd_error(message: str) -> CheckFinding:
    hint = CLASSES["error_shape"].hint
    return CheckFinding(code="error_shape", severity="warning", message=message, hint=hint)


def _logprobs(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    if turn is None:
        return False, []
    if not turn.response.logprobs:
        return True, [_absent("no log probabilities came, though they were asked for")]
    return True, []


def _token_ids(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    if turn is None:
        return False, []
    lost = [
        what
        for what, ids in (
            ("prompt", turn.response.prompt_token_ids),
            ("answer", turn.response.token_ids),
        )
        if not len(ids)
    ]
    text = f"no token ids of {' and '.join(lost)} came, though they were asked for"
    return True, [_absent(text)] if lost else []


def _absent(message: str) -> CheckFinding:
    hint = CLASSES["logprobs"].hint
    return CheckFinding(code="logprobs", severity="warning", message=message, hint=hint)


_JUDGES: dict[str, Judge] = {
    "parallel calls": _parallel,
    "required": _required,
    "named": _named,
    "none": _none,
    "no arguments": _bare,
    "nested arguments": _nested,
    "unicode and quotes": _odd,
    "long argument": _long,
    "several turns": _history,
    "reasoning": _reasoning,
    "cut": _cut,
    "refused": _refused,
    "logprobs": _logprobs,
    "token ids": _token_ids,
}
