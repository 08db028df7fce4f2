"""What a scenario asks for, looked for in what came of it: one judge for each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentkit.analysis.check.cell import CheckFinding
from agentkit.analysis.check.scenarios import LONG, ODD, SCENARIOS
from agentkit.analysis.divergence.classes import CLASSES
from agentkit.dialects.messages.preflight import signature_problems
from agentkit.read.body.finish_words import means
from agentkit.types.trajectory import Trajectory, Turn

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


def called(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    return bool(_names(trajectory)), []


def _parallel(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    return len(_names(trajectory)) > 1, []


_CHOICE_HINT = CLASSES["tool_choice_semantics"].hint
UNSIGNED_HINT = (
    "harmless while the history stays with this server; Anthropic refuses it: leave the thinking"
    " out of a history that goes there"
)
_IDS_HINTS = {
    "chat": CLASSES["logprobs"].hint,
    "responses": (
        "vLLM has no return_token_ids in Responses: ask for them in chat completions, or with"
        " enable_response_messages"
    ),
    "messages": "vLLM has no return_token_ids in Messages: ask for them in chat completions",
}
_THOUGHT_HINT = (
    "the choice binds only behind the end of the reasoning, which did not come: switch thinking off"
    " (chat_template_kwargs), or start the server without --reasoning-parser"
)


def _required(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    if _names(trajectory):
        return True, []
    hint = _THOUGHT_HINT if _only_thought(trajectory) else _CHOICE_HINT
    return True, [_wrong("tool_choice 'required' gave no call", hint)]


def _named(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    names = _names(trajectory)
    if names and set(names) == {"add"}:
        return True, []
    got = ", ".join(map(repr, names)) or "no call"
    hint = _THOUGHT_HINT if _only_thought(trajectory) else _CHOICE_HINT
    return True, [_wrong(f"tool_choice names 'add', and the answer has {got}", hint)]


def _only_thought(trajectory: Trajectory) -> bool:
    """Tell whether the first answer is reasoning and nothing else."""
    turn = _first(trajectory)
    return turn is not None and any(p.code == "answer_in_reasoning" for p in turn.problems)


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
    empty = not last.tool_calls and not (last.content or "").strip()
    if empty and not any(p.code == "answer_in_reasoning" for p in last.problems):
        return True, [replace(_wrong("the last answer has no text"), turn=turns[-1].index)]
    return True, []


def _reasoning(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    response = turn.response if turn else None
    if response is None or not response.reasoning_blocks:
        return False, []
    found = [
        CheckFinding(code=p.code, severity="warning", message=p.message, hint=UNSIGNED_HINT)
        for p in signature_problems(response)
    ]
    usage = response.usage
    if usage is not None and usage.reasoning_tokens is None:
        message = "the reasoning's tokens are not counted"
        found.append(CheckFinding(code="usage", severity="info", message=message))
    return True, found


def _cut(trajectory: Trajectory) -> tuple[bool, list[CheckFinding]]:
    turn = _first(trajectory)
    if turn is None:
        return False, []
    response, usage = turn.response, turn.response.usage
    if means(response.finish_reason, "length"):
        return True, []
    used, sent = (usage.output_tokens if usage else None), trajectory.spec.sampling
    limit = sent.get("max_tokens") or sent.get("max_completion_tokens") or _CUT_AT
    if used is None or used < limit:
        return False, []
    if used > limit:
        message = f"max_tokens={limit} gave {used} tokens"
        return True, [_wrong(message, CLASSES["request_ignored"].hint, code="request_ignored")]
    message = f"the answer was cut at {limit} tokens, and ends with {response.finish_reason!r}"
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
        if trajectory.spec.dialect == "responses" and not (turn.response.content or "").strip():
            return False, []  # Responses has them for texts alone
        message = "no log probabilities came, though they were asked for"
        return True, [_absent(message, CLASSES["logprobs"].hint)]
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
    return True, [_absent(text, _IDS_HINTS[trajectory.spec.dialect])] if lost else []


def _absent(message: str, hint: str) -> CheckFinding:
    return CheckFinding(code="logprobs", severity="warning", message=message, hint=hint)


_CUT_AT = next(scenario.max_tokens for scenario in SCENARIOS if scenario.name == "cut")
JUDGES: dict[str, Judge] = {
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
"""By the name of the scenario; the others ask for a call."""
