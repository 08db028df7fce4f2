"""Trajectories of SWE-agent, of its three ages: actions in the text, function calls, and steps that
keep the whole query. The history is the conversation; the steps add what the model wrote, times
and states.

Source: SWE-agent/SWE-agent, sweagent/types.py, agent/agents.py and trajectories/demonstrations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported, put
from agentkit.files.foreign.evals.fields import (
    call_of,
    decoded,
    given,
    list_in,
    messages_in,
    number_in,
    object_in,
    objects_in,
    text_in,
)
from agentkit.files.foreign.format import ForeignFormat, each_row, first_object
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory

_KNOWN = ("environment", "trajectory", "history", "info", "replay_config", "attempts")
_STEP = (*("action", "observation", "response", "state", "thought", "execution_time"),)
_KEPT = ("role", "content", "tool_calls", "name")
_ITEM = (
    *_KEPT,
    *("agent", "thought", "action", "message_type", "tool_call_ids", "is_demo", "tags"),
    *("cache_control", "thinking_blocks", "timestamp"),
)
_ENDS: tuple[tuple[str, StopReason], ...] = (
    ("submitted", "final"),
    ("exit_cost", "max_turns"),
    ("exit_context", "length"),
    ("early_exit", "stopped"),
    ("skipped", "stopped"),
    ("exit", "error"),
)
"""What an `exit_status` that begins so amounts to."""


def _is_run(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    steps, history = value.get("trajectory"), value.get("history")
    if {"action", "observation"} <= first_object(steps).keys():
        return True
    if isinstance(value.get("attempts"), list) and any(map(_is_run, value["attempts"])):
        return True
    return {"agent", "role"} <= first_object(history).keys() and "messages" not in value


def _fits(source: FileSet) -> bool:
    return _is_run(source.first)


def _rollout(run: Mapping[str, Any]) -> Trajectory:
    losses = Losses("SWE-agent")
    losses.beside(run, _KNOWN, "row")
    attempts = objects_in(run.get("attempts"))
    steps = [step for step in objects_in(run.get("trajectory")) if step]
    losses.strays((step or None for step in list_in(run.get("trajectory"))), "trajectory")
    history = messages_in(run.get("history"), losses, "history")
    if not steps and not history and attempts:
        run = attempts[-1]
        return _rollout({**run, "attempts": attempts[:-1]})
    if not steps and not history:
        raise ValueError("it holds no history")
    if attempts:
        losses.note("attempts[] that were not chosen")
    for step in steps:
        losses.beside(step, _STEP if history else (*_STEP, "query"), "trajectory[]")
    for item in history:
        losses.beside(item, _ITEM, "history[]")
    info = object_in(run.get("info"))
    config = object_in(decoded(run.get("replay_config")))
    problem = object_in(config.get("problem_statement"))
    status = text_in(info.get("exit_status"))
    meta = given(
        task=problem.get("id"),
        environment=run.get("environment"),
        exit_status=status,
        submission=info.get("submission"),
        cost=object_in(info.get("model_stats")).get("instance_cost"),
        review=info.get("review"),
        version=info.get("swe_agent_version"),
    )
    asked = history or messages_in(steps[0].get("query"), losses, "query")
    entries = list(_of_history(asked, steps, losses))
    model = object_in(object_in(config.get("agent")).get("model"))
    spec = Spec(
        model=text_in(model.get("name")) or None,
        sampling=given(temperature=model.get("temperature"), top_p=model.get("top_p")),
    )
    ended = next((end for start, end in _ENDS if status.startswith(start)), None)
    return imported(entries, spec, losses, meta, ended)


def _of_history(
    history: list[Mapping[str, Any]], steps: list[Mapping[str, Any]], losses: Losses
) -> Iterator[ChatEntry]:
    """Read the history, each answer with the step it was."""
    own = [item for item in history if item.get("role") == "assistant" and not item.get("is_demo")]
    places = _places(own, steps)
    waiting: list[Any] = []
    step: Mapping[str, Any] = {}
    turn = 0
    for item in history:
        role = item.get("role")
        if role == "assistant" and not item.get("is_demo"):
            step = steps[places[id(item)]] if id(item) in places else {}
            made, waiting = _answer(item, step, turn)
            turn += 1
            yield made
        elif role in ("user", "tool") and waiting and not item.get("is_demo"):
            named = list_in(item.get("tool_call_ids")) or [item.get("tool_call_id")]
            call_id = next((one for one in named if one in waiting), waiting[0])
            waiting.remove(call_id)
            yield _result(call_id, item.get("content"), step)
        else:
            yield put({key: item[key] for key in _KEPT if item.get(key) is not None})
    if waiting and step.get("observation"):
        # what came back of the last action is in its step alone
        yield _result(waiting[0], step["observation"], step)
    end = max(places.values(), default=-1) + 1
    for _ in range(end - len(places)):
        losses.note("trajectory[] that the history does not hold")
    yield from _of_steps(steps[end:], turn)


def _places(answers: list[Mapping[str, Any]], steps: list[Mapping[str, Any]]) -> dict[int, int]:
    """Find the step of each answer, in order: the next one with the same action."""
    by_action: dict[str, deque[int]] = {}
    for place, step in enumerate(steps):
        by_action.setdefault(text_in(step.get("action")).strip(), deque()).append(place)
    found: dict[int, int] = {}
    begin = 0
    for answer in answers:
        free = by_action.get(text_in(answer.get("action")).strip(), deque())
        while free and free[0] < begin:
            free.popleft()
        if free:
            found[id(answer)] = free[0]
            begin = free.popleft() + 1
    return found


def _of_steps(steps: list[Mapping[str, Any]], begin: int) -> Iterator[ChatEntry]:
    """Read steps that no history holds, the first of them as the turn `begin`."""
    for turn, step in enumerate(steps, begin):
        written = step.get("response") or step.get("thought") or ""
        item = {"role": "assistant", "content": written, "action": step.get("action")}
        made, waiting = _answer(item, step, turn)
        yield made
        for call_id in waiting:
            yield _result(call_id, step.get("observation"), step)


def _answer(
    item: Mapping[str, Any], step: Mapping[str, Any], turn: int
) -> tuple[ChatEntry, list[Any]]:
    """Read the answer of a turn, and the ids of its calls. An action that was read from the text
    went to the shell: it is a call of `bash`, SWE-agent's own name for that.
    """
    wire: dict[str, Any] = {"role": "assistant", "content": item.get("content")}
    calls = [dict(call) for call in objects_in(item.get("tool_calls"))]
    action = item.get("action")
    if not calls and isinstance(action, str) and action.strip():
        calls = [call_of("bash", {"command": action.strip("\n")}, f"call_{turn}_0")]
    if calls:
        wire["tool_calls"] = calls
    blocks = objects_in(item.get("thinking_blocks"))
    thought = "".join(text_in(block.get("thinking")) for block in blocks)
    if thought:
        wire["reasoning_content"] = thought
    source = given(history=dict(item), state=decoded(step.get("state")))
    made = entry(wire, answered(wire, source=source))
    return made, [call.get("id") for call in calls]


def _result(call_id: Any, content: Any, step: Mapping[str, Any]) -> ChatEntry:
    wire = {"role": "tool", "tool_call_id": call_id, "content": content or ""}
    observed = step.get("observation")
    value = given(value=observed) if observed != content else {}
    return entry(wire, **value, elapsed=number_in(step.get("execution_time")))


SWE_AGENT = ForeignFormat("SWE-agent", _fits, each_row(_rollout))
