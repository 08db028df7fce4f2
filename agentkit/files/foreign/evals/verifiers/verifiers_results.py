"""`results.jsonl` of verifiers: a prompt and a completion a row, with its reward; beside it
`metadata.json`, which names the model. Calls are objects, or JSON text of such.

Source: PrimeIntellect-ai/verifiers, verifiers/legacy/utils/save_utils.py and types.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported, put
from agentkit.files.foreign.evals.fields import (
    call_of,
    chat_tools,
    decoded,
    first_given,
    given,
    list_in,
    messages_in,
    number_in,
    object_in,
    objects_in,
    text_in,
    without_nulls,
)
from agentkit.files.foreign.format import ForeignFormat, each_entry, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory

_KNOWN = (
    *(
        "id",
        "example_id",
        "prompt",
        "completion",
        "task",
        "reward",
        "error",
        "answer",
        "info",
        "metrics",
    ),
    *("timing", "generation_ms", "scoring_ms", "total_ms", "is_completed", "is_truncated"),
    *("stop_condition", "tool_defs", "token_usage", "trajectory", "error_chain", "oai_tools"),
    *("long_error_chain", "turns", "trajectory_id", "advantage", "sampling_args", "model"),
)
_OF_IT = ("example_id", "generation_ms", "timing", "is_completed", "stop_condition")
"""What a row holds that is of verifiers, one of them at least."""


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, Mapping)
        and "prompt" in row
        and "completion" in row
        and "reward" in row
        and any(name in row for name in _OF_IT)
    )


def _fits(source: FileSet) -> bool:
    if source.given is None and len(source.members) > 1:
        return bool(_folders(source)) and all(_is_ours(name) for name in source.members)
    return _is_row(first_object(flat(source)))


def _folders(source: FileSet) -> list[str]:
    """Find the folders of a run: results with their metadata beside them."""
    found = [name.removesuffix("results.jsonl") for name in source.members if _ends(name)]
    return [folder for folder in found if f"{folder}metadata.json" in source.members]


def _ends(name: str) -> bool:
    return name.rpartition("/")[2] == "results.jsonl"


def _is_ours(name: str) -> bool:
    return name.rpartition("/")[2] in ("results.jsonl", "metadata.json")


def _read(source: FileSet) -> Iterator[Trajectory]:
    if source.given is not None or len(source.members) == 1:
        yield from _rows(source, source, {})
        return
    by_name = {one.name.partition("/")[2]: one for one in source.apart()}
    for name, file in by_name.items():
        if _ends(name):
            beside = by_name.get(f"{name.removesuffix('results.jsonl')}metadata.json")
            found = _rows(source, file, object_in(beside.first if beside else None))
            yield from (replace(one, file=file.name) for one in found)


def _rows(source: FileSet, file: FileSet, run: Mapping[str, Any]) -> Iterator[Trajectory]:
    return each_entry(source, flat(file), lambda row: _rollout(row, run))


def _rollout(row: Mapping[str, Any], run: Mapping[str, Any]) -> Trajectory:
    if "prompt" not in row and "completion" not in row:
        raise ValueError("it holds neither prompt nor completion")
    losses = Losses("verifiers")
    flat_numbers = {key: row[key] for key in row.keys() - set(_KNOWN) if _is_number(row[key])}
    metrics = without_nulls(object_in(row.get("metrics"))) or dict(sorted(flat_numbers.items()))
    losses.beside(row, (*_KNOWN, *metrics), "row")
    prompt = _messages(row.get("prompt"), "user", losses)
    asked = [
        put(_message(message)) if message.get("role") == "assistant" else entry(_message(message))
        for message in prompt
    ]
    written = _messages(row.get("completion"), "assistant", losses)
    if prompt and list(map(_words, written[: len(prompt)])) == list(map(_words, prompt)):
        written = written[len(prompt) :]  # some environments write the prompt there once more
    steps = objects_in(row.get("trajectory"))
    answers = sum(message.get("role") == "assistant" for message in written)
    if len(steps) != answers:
        for _ in steps:
            losses.note("trajectory[], for they are not the answers")
        steps = []
    rest = iter(steps)
    said = [
        _answer(message, next(rest, {}))
        if message.get("role") == "assistant"
        else entry(_message(message))
        for message in written
    ]
    timing = object_in(row.get("timing"))
    took = number_in(first_given(row.get("generation_ms"), timing.get("generation_ms")))
    meta = given(
        task=first_given(row.get("task"), run.get("env_id")),
        sample=row.get("example_id", row.get("id")),
        reward=row.get("reward"),
        advantage=row.get("advantage"),
        labels=metrics,
        answer=row.get("answer"),
        info=decoded(row.get("info")),
        error=row.get("error"),
        stop_condition=row.get("stop_condition"),
        started=number_in(timing.get("start_time")),
        duration=took / 1000 if took is not None else number_in(timing.get("total")),
        token_usage=row.get("token_usage"),
    )
    model = text_in(row.get("model") or run.get("model")) or None
    tools = chat_tools(row.get("tool_defs") or row.get("oai_tools") or run.get("tools"))
    sampling = dict(object_in(row.get("sampling_args") or run.get("sampling_args")))
    spec = Spec(model=model, tools=tools, sampling=sampling)
    return imported([*asked, *said], spec, losses, meta, _ending(row))


def _is_number(value: Any) -> bool:
    return number_in(value) is not None


def _words(message: Mapping[str, Any]) -> tuple[Any, Any]:
    """What two messages must have alike to be the same."""
    return message.get("role"), message.get("content")


def _ending(row: Mapping[str, Any]) -> StopReason | None:
    if row.get("error"):
        return "error"
    if row.get("is_truncated"):
        return "length"
    if "max_turns" in text_in(row.get("stop_condition")):
        return "max_turns"
    return "final" if row.get("is_completed") else None


def _messages(value: Any, role: str, losses: Losses) -> list[Mapping[str, Any]]:
    """Read messages, or the text that environments without a chat have in their place."""
    found = decoded(value) if isinstance(value, str) and value[:1] == "[" else value
    if isinstance(found, str):
        return [{"role": role, "content": found}]
    return messages_in(list_in(found), losses, "messages")


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    wire = {key: value for key, value in message.items() if value is not None}
    calls = [_call(decoded(call)) for call in list_in(message.get("tool_calls"))]
    wire.pop("tool_calls", None)
    return {**wire, "tool_calls": calls} if calls else wire


def _call(call: Any) -> Any:
    """Write a call in the chat form, from that or from verifiers' own, which is flat."""
    if isinstance(call, Mapping) and "function" not in call and "name" in call:
        return call_of(call["name"], call.get("arguments", {}), call.get("id"))
    return call


def _answer(message: Mapping[str, Any], step: Mapping[str, Any]) -> ChatEntry:
    """Read an answer, with the tokens of its step where the row keeps them."""
    wire = _message(message)
    response, tokens = object_in(step.get("response")), object_in(step.get("tokens"))
    known = {key: value for key, value in step.items() if key not in ("prompt", "completion")}
    ids = list_in(tokens.get("completion_ids"))
    made = answered(
        wire,
        source=given(message=dict(message), step=known),
        choice={
            "finish_reason": object_in(response.get("message")).get("finish_reason"),
            "token_ids": list(ids) or None,
            "logprobs": token_logprobs(ids, list_in(tokens.get("completion_logprobs"))),
        },
        id=response.get("id"),
        model=response.get("model"),
        usage=response.get("usage"),
        prompt_token_ids=list(list_in(tokens.get("prompt_ids"))) or None,
    )
    return entry(wire, made)


def token_logprobs(ids: Any, logprobs: Any) -> dict[str, Any] | None:
    """Write the logprobs of tokens that are known by their ids alone, as vLLM writes them; None
    where they are not one for each.
    """
    if not ids or len(ids) != len(logprobs):
        return None
    pairs = zip(ids, logprobs, strict=True)
    return {"content": [{"token": f"token_id:{one}", "logprob": value} for one, value in pairs]}


VERIFIERS_RESULTS = ForeignFormat("verifiers", _fits, _read)
