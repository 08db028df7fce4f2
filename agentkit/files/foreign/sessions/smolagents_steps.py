"""smolagents' steps, as `agent.memory.get_full_steps()` and a `RunResult` have them.

Source: src/smolagents/memory.py of smolagents 1.4 to 1.2x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_of, numbered
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.loose import first, known, mapping, mappings, text, written
from agentkit.files.foreign.traces.moment import lasted, moment
from agentkit.files.foreign.traces.spelling.any_spelling import utterances_in
from agentkit.files.foreign.traces.spelling.utterance import (
    Utterance,
    assistant,
    call,
    custom,
    entry_of,
    is_object,
)
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_ACTION = (
    *("step_number", "timing", "start_time", "end_time", "duration", "model_input_messages"),
    *("agent_memory", "tool_calls", "error", "model_output_message", "model_output"),
    *("code_action", "observations", "action_output", "token_usage", "is_final_answer"),
    *("input_token_count", "output_token_count", "step"),
)
_LOOKED_AT = 9
"""How many entries of a list are looked at for a step."""
_PLAN = ("model_input_messages", "model_output_message", "plan", "timing", "token_usage", "facts")


def _is_step(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    names = value.keys()
    acted = {"model_output", "observations", "tool_calls", "error"} & names
    return (
        ("step_number" in names and bool(acted))
        or ("plan" in names and "model_output_message" in names)
        or (isinstance(value.get("task"), str) and names <= {"task", "task_images"})
        or (isinstance(value.get("system_prompt"), str) and len(value) == 1)
    )


def _runs(source: FileSet) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    values = list(source.values)
    if any(map(_is_step, values[:_LOOKED_AT])):
        yield values, {}
        return
    for value in values:
        listed = value.get("steps") if isinstance(value, Mapping) else value
        beside = dict(value) if isinstance(value, Mapping) else {}
        if isinstance(listed, list) and any(map(_is_step, listed[:_LOOKED_AT])):
            yield listed, {key: item for key, item in beside.items() if key != "steps"}


def _fits(source: FileSet) -> bool:
    return next(_runs(FileSet(source.name, given=source.values[:_LOOKED_AT])), None) is not None


def _read(source: FileSet) -> list[Trajectory]:
    return [*each_of(source, numbered(_runs(source), "run"), lambda run: [_rollout(*run)])]


def _rollout(steps: list[Any], beside: dict[str, Any]) -> Trajectory:
    losses = Losses("smolagents steps")
    entries: list[ChatEntry] = []
    final = False
    for step in steps:
        if not isinstance(step, Mapping):
            losses.note("steps[]")
            continue
        entries += _entries(step, losses)
        final = final or step.get("is_final_answer") is True
    meta = {key: item for key, item in beside.items() if key not in ("messages", "timing")}
    named = (text(_raw(step).get("model")) for step in mappings(steps))
    spec = Spec(model=next(filter(None, named), None))
    return imported(entries, spec, losses, meta, "final" if final else None)


def _raw(step: Mapping[str, Any]) -> dict[str, Any]:
    """Give the server's answer to a step, as far as it is kept."""
    return mapping(mapping(step.get("model_output_message")).get("raw"))


def _entries(step: Mapping[str, Any], losses: Losses) -> list[ChatEntry]:
    if isinstance(step.get("system_prompt"), str):
        return [entry({"role": "system", "content": step["system_prompt"]})]
    if "task" in step:
        losses.beside(step, ("task",), "step")
        return [entry({"role": "user", "content": written(step["task"])})]
    if "plan" in step:
        losses.beside(step, _PLAN, "plan")
        said = assistant(written(step["plan"]), [])
        return [entry_of(Utterance(said, answer=_answer(step)), _source(step), **_times(step))]
    if "step_number" in step:
        losses.beside(step, _ACTION, "step")
        return _action(step, losses)
    losses.beside(step, (), "step")
    return []


def _action(step: Mapping[str, Any], losses: Losses) -> list[ChatEntry]:
    output = mapping(step.get("model_output_message"))
    content = first(step.get("model_output"), output.get("content"))
    if isinstance(content, list):
        said = utterances_in([{"role": "assistant", "content": content}], losses)
        content = said[0].message.get("content") if said else None
    thought = text(output.get("reasoning_content"))
    asked = mappings(step.get("tool_calls"))
    if content is None and not asked and isinstance(step.get("action_output"), str):
        return _last_answer(step)
    made = [_call(one) for one in asked]
    message = assistant(content, made, thought)
    answer = Utterance(message, answer=_answer(step))
    found = [entry_of(answer, _source(step), **_times(step))]
    return [*found, *_outcome(step, asked, losses)]


def _last_answer(step: Mapping[str, Any]) -> list[ChatEntry]:
    """Read the answer that a model was asked for when there were no more steps."""
    answer = Utterance(assistant(step["action_output"], []), answer=_answer(step))
    told = text(mapping(step.get("error")).get("message"))
    before = [] if told is None else [entry({"role": "user", "content": told})]
    return [*before, entry_of(answer, _source(step), **_times(step))]


def _call(value: Mapping[str, Any]) -> dict[str, Any]:
    """Write a call; one whose arguments are code keeps them as the text that they are."""
    function = mapping(value.get("function")) or value
    name, arguments = function.get("name"), function.get("arguments")
    if isinstance(arguments, str) and not is_object(arguments):
        return custom(name, arguments, value.get("id"))
    return call(name, arguments, value.get("id"))


def _outcome(
    step: Mapping[str, Any], asked: list[dict[str, Any]], losses: Losses
) -> Iterator[ChatEntry]:
    """Give what the step brought: one text for all its calls, which is the result of the last."""
    failed = step.get("error")
    error = mapping(failed)
    message = text(error.get("message")) or (failed if isinstance(failed, str) else None)
    output = step.get("action_output")
    seen = first(step.get("observations"), message, None if output is None else written(output))
    if not asked:
        if seen is not None:
            yield entry({"role": "user", "content": written(seen)})
        return
    if len(asked) > 1:
        losses.note("steps[].observations of several calls")
    if seen is None:
        return
    kind = text(error.get("type"))
    named = f"{kind}: {message}" if kind and message else message
    result: dict[str, Any] = {"status": "error", "error": named} if failed else {}
    value = known(value=output)
    last = asked[-1]
    wire = {"role": "tool", "content": written(seen), "tool_call_id": last.get("id")}
    yield entry(wire, **result, **value)


def _times(step: Mapping[str, Any]) -> dict[str, Any]:
    """Give the times of a step, which are those of its answer and its calls together."""
    timing = mapping(step.get("timing")) or step
    started = moment(timing.get("start_time"))
    return {"started": started, "elapsed": lasted(started, moment(timing.get("end_time")))}


def _answer(step: Mapping[str, Any]) -> dict[str, Any]:
    usage = mapping(step.get("token_usage"))
    read = first(usage.get("input_tokens"), step.get("input_token_count"))
    wrote = first(usage.get("output_tokens"), step.get("output_token_count"))
    counts = known(prompt_tokens=read, completion_tokens=wrote)
    raw = _raw(step)
    choice = first(*mappings(raw.get("choices"))) or {}
    return known(
        usage=counts or None,
        model=text(raw.get("model")),
        id=text(raw.get("id")),
        finish_reason=text(choice.get("finish_reason")),
    )


def _source(step: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is kept of a step beside its answer: not the whole history again."""
    beside = ("model_input_messages", "agent_memory")
    return {key: value for key, value in step.items() if key not in beside}


SMOLAGENTS = ForeignFormat("smolagents steps", _fits, _read)
