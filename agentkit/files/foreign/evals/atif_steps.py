"""ATIF, the agent trajectory interchange format of Harbor and Terminal-Bench, up to 1.8: one file,
or a folder in which a trajectory goes on in another file and names those of its sub-agents.

Source: harbor-framework/harbor, rfcs/0001-trajectory-format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import (
    ChatEntry,
    Losses,
    answered,
    entry,
    imported,
    put,
    result_status_in,
    stop_reason_in,
)
from agentkit.files.foreign.evals.fields import (
    call_of,
    chat_tools,
    count_in,
    given,
    list_in,
    number_in,
    object_in,
    objects_in,
    text_in,
    unix_in,
    without_nulls,
)
from agentkit.files.foreign.evals.verifiers.verifiers_results import token_logprobs
from agentkit.files.foreign.format import ForeignFormat, costs_itself, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.traces.spelling.utterance import custom
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_KNOWN = (
    *("schema_version", "session_id", "trajectory_id", "agent", "steps", "notes", "final_metrics"),
    *("continued_trajectory_ref", "extra", "subagent_trajectories"),
)
_STEP = (
    *("step_id", "timestamp", "source", "model_name", "reasoning_effort", "message"),
    *("reasoning_content", "tool_calls", "observation", "metrics", "is_copied_context"),
    *("llm_call_count", "extra"),
)
_JUDGED = ("task", "sample", "labels")
"""Where a document has no place of its own for what a rollout is of, and how it was judged."""
_MARK = b'"ATIF-v'
Document = Mapping[str, Any]


def _is_document(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("steps"), list):
        return False
    steps = objects_in(value["steps"])
    named = text_in(value.get("schema_version")).startswith("ATIF")
    return named or bool(steps and {"step_id", "source"} <= steps[0].keys())


def _fits(source: FileSet) -> bool:
    if source.given is not None or len(source.members) == 1:
        return _is_document(first_object(flat(source)))
    names = [name for name in source.members if name.rpartition("/")[2] == "trajectory.json"]
    try:
        return bool(names) and _MARK in source.members[names[0]]()
    except Exception:  # a folder may change while it is read
        return False


def _read(source: FileSet) -> Iterator[Trajectory]:
    if source.given is not None or len(source.members) == 1:
        files = {f"entry {place}": value for place, value in enumerate(flat(source))}
    else:
        files = {
            name: value
            for name in source.members
            if name.endswith(".json") and _is_document(value := _member(source, name))
        }
    reading = AtifReading(files)
    for name in reading.roots:
        with costs_itself(source.bad, name):
            reward = _reward(source, name)
            found = reading.rollout(name)
            file = name if name in source.members and len(source.members) > 1 else None
            yield replace(found, meta={**reward, **found.meta}, file=file)


def _member(source: FileSet, name: str) -> Any:
    found: list[Any] = [None]
    with costs_itself(source.bad, name):
        found.append(source.member(name))
    return found[-1]


def _reward(source: FileSet, name: str) -> dict[str, Any]:
    """Read what Harbor wrote of the trial that a trajectory is of."""
    folder = name.rpartition("/")[0]
    for place in (folder, folder.rpartition("/")[0]):
        beside = f"{place}/result.json".removeprefix("/")
        if beside in source.members and source.given is None:
            trial = object_in(_member(source, beside))
            rewards = object_in(object_in(trial.get("verifier_result")).get("rewards"))
            return given(
                task=trial.get("task_name"),
                reward=rewards.get("reward"),
                labels=without_nulls(rewards),
            )
    return {}


class AtifReading:
    """The reading of trajectories that name each other."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self.files = files
        """The documents by the names of their files."""
        going_on = "continued_trajectory_ref"
        self._next = {name: self._named(one, going_on) for name, one in files.items()}
        inner = set(self._next.values())
        for one in files.values():
            for step in objects_in(object_in(one).get("steps")):
                for ref in _refs(step):
                    inner.add(self._named(ref, "trajectory_path"))
        self.roots = [name for name in files if name not in inner]
        """The files that no other goes on in or names as a sub-agent's."""

    def _named(self, value: Any, key: str) -> str | None:
        """Find the file that a reference names, by the end of its path."""
        wanted = text_in(object_in(value).get(key)).rpartition("/")[2]
        ends = (name for name in self.files if name.rpartition("/")[2] == wanted)
        return next(ends, None) if wanted else None

    def rollout(self, name: str) -> Trajectory:
        """Read the trajectory of a file with those that it goes on in."""
        document = self.files[name]
        if not _is_document(document):
            raise TypeError("it is no trajectory")
        parts = [document]
        seen = {name}
        following = self._next[name]
        while following is not None and following not in seen:
            seen.add(following)
            parts.append(self.files[following])
            following = self._next[following]
        return self._of(parts, frozenset(seen))

    def _of(self, parts: list[Document], seen: frozenset[str]) -> Trajectory:
        document, losses = parts[0], Losses("ATIF")
        entries: list[ChatEntry] = []
        for part in parts:
            losses.beside(part, _KNOWN, "trajectory")
            read = list(self._entries(part, losses, seen))
            if entries and read and not read[0].is_answer:  # its history begins anew
                read[0] = replace(read[0], kept=0)
            entries += read
        agent = object_in(document.get("agent"))
        steps = objects_in(document.get("steps"))
        efforts = [step["reasoning_effort"] for step in steps if step.get("reasoning_effort")]
        times = [unix_in(step.get("timestamp")) for step in steps if step.get("timestamp")]
        last = parts[-1]
        extra = object_in(document.get("extra"))
        meta = given(
            session=document.get("session_id"),
            trajectory=document.get("trajectory_id"),
            agent=given(name=agent.get("name"), version=agent.get("version")),
            notes=document.get("notes"),
            final_metrics=last.get("final_metrics"),
            continued=last.get("continued_trajectory_ref"),
            started=times[0] if times else None,
            extra=document.get("extra"),
            reward=number_in(extra.get("reward")),
            **{key: extra[key] for key in _JUDGED if key in extra},
        )
        models = [text_in(step.get("model_name")) for step in steps if step.get("model_name")]
        spec = Spec(
            model=text_in(agent.get("model_name")) or next(iter(models), None) or None,
            tools=chat_tools(agent.get("tool_definitions")),
            sampling={
                **object_in(extra.get("sampling")),
                **given(reasoning_effort=next(iter(efforts), None)),
            },
        )
        return imported(entries, spec, losses, meta, stop_reason_in(extra.get("stop_reason")))

    def _entries(
        self, document: Document, losses: Losses, seen: frozenset[str]
    ) -> Iterator[ChatEntry]:
        for step in objects_in(document.get("steps")):
            losses.beside(step, _STEP, "steps[]")
            if (count_in(step.get("llm_call_count")) or 0) > 1:
                losses.note("steps[] of several model calls")
            source = step.get("source")
            content = _content(step.get("message"), losses)
            calls = objects_in(step.get("tool_calls"))
            if source == "agent":
                yield _answer(step, content, calls)
            elif source in ("user", "system"):
                yield put({"role": source, "content": content})
            else:
                losses.note("steps[] without a source")
                continue
            results = objects_in(object_in(step.get("observation")).get("results"))
            named = any(result.get("source_call_id") for result in results)
            if results and not named and len(results) < len(calls):
                # one screen for several commands, as Terminus writes it: it is what the last gave
                losses.note("observation.results[] of several calls, kept at the last")
                for call in calls[: -len(results)]:
                    yield entry(_empty(call))
                behind = calls[-len(results) :]
                results = [
                    {**result, "source_call_id": call.get("tool_call_id")}
                    for result, call in zip(results, behind, strict=True)
                ]
            for result in results:
                yield self._result(result, bool(calls), document, losses, seen)

    def _result(
        self,
        result: Mapping[str, Any],
        called: bool,
        document: Document,
        losses: Losses,
        seen: frozenset[str],
    ) -> ChatEntry:
        content = _content(result.get("content"), losses)
        inner = [
            self._inner(ref, document, seen)
            for ref in objects_in(result.get("subagent_trajectory_ref"))
        ]
        found = [one for one in inner if one is not None]
        for _ in range(len(inner) - min(len(found), 1) if called else len(inner)):
            losses.note("observation.results[].subagent_trajectory_ref")
        if not called:  # what came back of an action that is no call
            return entry({"role": "user", "content": content})
        wire = {"role": "tool", "content": content}
        if result.get("source_call_id") is not None:
            wire["tool_call_id"] = result["source_call_id"]
        return entry(wire, trajectory=found[0] if found else None, **_outcome(result))

    def _inner(
        self, ref: Mapping[str, Any], document: Document, seen: frozenset[str]
    ) -> Trajectory | None:
        """Read a sub-agent's trajectory: one in the same file by its id, or a file of its own."""
        inside = objects_in(document.get("subagent_trajectories"))
        for key in ("trajectory_id", "session_id"):
            wanted = text_in(ref.get(key))
            mark = f"{key} {wanted}"
            for one in inside:
                if wanted and one.get(key) == wanted and mark not in seen:
                    return self._of([one], seen | {mark})
        file = self._named(ref, "trajectory_path")
        if file is None or file in seen or not _is_document(self.files[file]):
            return None
        return self._of([self.files[file]], seen | {file})


def _empty(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call.get("tool_call_id"), "content": ""}


def _refs(step: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for result in objects_in(object_in(step.get("observation")).get("results")):
        yield from objects_in(result.get("subagent_trajectory_ref"))


def _answer(step: Mapping[str, Any], content: Any, calls: list[Mapping[str, Any]]) -> ChatEntry:
    """Read a step of the agent; one that was copied, or that no model gave, is history alone."""
    wire: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        wire["tool_calls"] = [_call(call) for call in calls]
    if text_in(step.get("reasoning_content")):
        wire["reasoning_content"] = step["reasoning_content"]
    if step.get("is_copied_context") or step.get("llm_call_count") == 0:
        return put(wire)
    metrics = object_in(step.get("metrics"))
    ids = list_in(metrics.get("completion_token_ids"))
    extra = object_in(step.get("extra"))
    known = {key: value for key, value in step.items() if key not in ("observation", "message")}
    made = answered(
        wire,
        source=known,
        choice={
            "finish_reason": text_in(extra.get("finish_reason")) or None,
            "token_ids": list(ids) or None,
            "logprobs": token_logprobs(ids, list_in(metrics.get("logprobs"))),
        },
        elapsed=number_in(extra.get("elapsed")),
        model=step.get("model_name"),
        usage=_usage(metrics),
        prompt_token_ids=list(list_in(metrics.get("prompt_token_ids"))) or None,
    )
    return entry(wire, made)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Read a call: what its `extra` says is what a model wrote where that was no object."""
    name, own = call.get("function_name"), call.get("tool_call_id")
    given, extra = call.get("arguments", {}), object_in(call.get("extra"))
    text = object_in(given).get("input")
    if extra.get("type") == "custom" and isinstance(text, str):
        return custom(name, text, own)
    return call_of(name, extra.get("raw_arguments", given), own)


def _outcome(result: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a result's `extra` says of how the call came out, in agentkit's own words."""
    extra = object_in(result.get("extra"))
    status = result_status_in(extra.get("status"))
    error = text_in(extra.get("error")) if status is not None else ""
    return given(status=status, error=error, elapsed=number_in(extra.get("elapsed")))


def _usage(metrics: Mapping[str, Any]) -> dict[str, Any] | None:
    counts = ("prompt_tokens", "completion_tokens")
    found: dict[str, Any] = {key: metrics[key] for key in counts if metrics.get(key) is not None}
    if metrics.get("cached_tokens") is not None:
        found["prompt_tokens_details"] = {"cached_tokens": metrics["cached_tokens"]}
    return found or None


def _content(value: Any, losses: Losses) -> str:
    """Read a text, or the texts of parts; an image lies in a file beside."""
    if not isinstance(value, list):
        return text_in(value)
    for part in value:
        if object_in(part).get("type") != "text":
            losses.note("a content part that is no text")
    return "\n".join(text_in(part.get("text")) for part in objects_in(value) if "text" in part)


ATIF = ForeignFormat("ATIF", _fits, _read)
