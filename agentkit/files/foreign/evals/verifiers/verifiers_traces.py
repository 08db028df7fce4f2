"""`traces.jsonl` of verifiers 1, which prime-rl writes for each step too: an episode a line with
its traces, each a graph of messages with their tokens. A branch of the graph is a rollout.

Source: PrimeIntellect-ai/verifiers, verifiers/v1/trace.py, graph.py, episode.py; prime-rl,
src/prime_rl/monitors/file.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported, put
from agentkit.files.foreign.evals.fields import (
    call_of,
    chat_tools,
    count_in,
    first_given,
    given,
    list_in,
    number_in,
    object_in,
    objects_in,
    seconds_between,
    text_in,
)
from agentkit.files.foreign.evals.verifiers.verifiers_results import token_logprobs
from agentkit.files.foreign.format import ForeignFormat, costs_itself, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.read.failure.error import read_error
from agentkit.types.request import Spec
from agentkit.types.trajectory import Attempt, StopReason, Trajectory
from agentkit.types.wire import Exchange

_SUMS = ("is_timeout", "num_input_tokens", "num_output_tokens", "num_total_tokens", "usage")
"""What is derived from the rest."""
_EPISODE = ("id", "env", "task", "group", "run", "ok", "errors", "traces", *_SUMS)
_TRACE = (
    *("version", "id", "verifiers", "task", "agent", "tools", "nodes", "calls", "rewards"),
    *("metrics", "info", "is_completed", "ok", "stop_condition", "errors", "timing", *_SUMS),
)
_TASK = (
    *("prompt", "system_prompt", "answer", "image", "workdir", "agent_user", "skills", "timeout"),
    *("network_allow", "network_block", "artifacts", "artifact_max_bytes", "resources"),
)
"""What of a task's data is said elsewhere, or is of the machine it ran on."""
_ENDS: dict[str, StopReason] = {
    "max_turns": "max_turns",
    "max_input_tokens": "length",
    "max_output_tokens": "length",
    "max_total_tokens": "length",
    "context_length": "length",
    "error": "error",
}
"""What a `stop_condition` amounts to."""


def _is_trace(value: Any) -> bool:
    nodes = objects_in(object_in(value).get("nodes"))
    return any(isinstance(node.get("message"), Mapping) for node in nodes[:9])


def _is_episode(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("traces"), list):
        return False
    return any(map(_is_trace, value["traces"])) or {"env", "task", "errors"} <= value.keys()


def _fits(source: FileSet) -> bool:
    first = first_object(flat(source))
    return _is_episode(first) or _is_trace(first)


def _read(source: FileSet) -> Iterator[Trajectory]:
    for place, row in enumerate(flat(source)):
        episode = object_in(row)
        traces = list_in(episode["traces"]) if _is_episode(row) else [row]
        if not traces:
            errors = [text_in(one.get("message")) for one in objects_in(episode.get("errors"))]
            source.bad.append(f"entry {place} is an episode without a trace: {', '.join(errors)}")
        for trace in traces:
            with costs_itself(source.bad, f"entry {place}"):
                if not _is_trace(trace):
                    raise ValueError("it holds no nodes with messages")
                yield from _rollouts(trace, episode if trace is not row else {})


def _rollouts(trace: Mapping[str, Any], episode: Mapping[str, Any]) -> Iterator[Trajectory]:
    nodes = _nodes(trace)
    calls = objects_in(trace.get("calls"))
    of_node = {count_in(call.get("node")): call for call in calls if not call.get("error")}
    failures = _failures(calls)
    paths = _branches(nodes)
    for place, path in enumerate(paths):
        losses = Losses("verifiers traces")
        losses.beside(trace, _TRACE, "trace")
        losses.beside(episode, _EPISODE, "episode")
        entries = list(_entries(path, nodes, of_node, losses))
        meta = _meta(trace, episode)
        if len(paths) > 1:
            meta["branch"] = place
        own = [of_node[number] for number in path if number in of_node]
        first = own[0] if own else {}
        config = object_in(object_in(trace.get("agent")).get("config"))
        spec = Spec(
            model=text_in(first.get("model") or config.get("model")) or None,
            tools=chat_tools(nodes[path[0]].get("tools") or trace.get("tools")),
            sampling=given(**object_in(first.get("sampling"))),
        )
        found = imported(entries, spec, losses, meta, _ending(trace))
        failed: Failures = {number: failures.pop(number) for number in path if number in failures}
        last = place == len(paths) - 1
        yield _with_attempts(found, path, nodes, failed, failures.pop(None, []) if last else [])


def _nodes(trace: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Read the nodes. Where none says whether a model gave it, an assistant's was given by one."""
    nodes = [object_in(node) for node in list_in(trace["nodes"])]
    unmarked = not any("sampled" in node for node in nodes)
    return [{"sampled": unmarked, **node} for node in nodes]


def _branches(nodes: list[Mapping[str, Any]]) -> list[list[int]]:
    """Find the paths of the graph, from each node that has none behind it back to its root."""
    behind = {count_in(node.get("parent")) for node in nodes}
    found: list[list[int]] = []
    for leaf in range(len(nodes)):
        if leaf in behind or not nodes[leaf].get("message"):
            continue
        path: list[int] = []
        place: int | None = leaf
        while place is not None and place < len(nodes):
            path.append(place)
            above = count_in(nodes[place].get("parent"))
            place = above if above is None or above < place else None  # a node is behind its parent
        found.append(path[::-1])
    return found


def _entries(
    path: list[int],
    nodes: list[Mapping[str, Any]],
    calls: Mapping[int | None, Mapping[str, Any]],
    losses: Losses,
) -> Iterator[ChatEntry]:
    before: list[Any] = []
    for place in path:
        node = nodes[place]
        wire = _wire(object_in(node.get("message")), losses)
        ids = list(list_in(node.get("token_ids")))
        if wire is None:
            pass
        elif wire["role"] != "assistant":
            yield entry(wire)
        elif not node["sampled"]:
            yield put(wire)
        else:
            yield _answer(wire, node, before, calls.get(place, {}), losses)
        before += ids


def _answer(
    wire: dict[str, Any],
    node: Mapping[str, Any],
    before: list[Any],
    call: Mapping[str, Any],
    losses: Losses,
) -> ChatEntry:
    """Read an answer: its tokens are those that the mask says were sampled, behind all before."""
    ids, mask = list(list_in(node.get("token_ids"))), list_in(node.get("mask"))
    first = next((place for place, one in enumerate(mask) if one), len(ids))
    sampled = [one for one, chosen in zip(ids, mask, strict=False) if chosen]
    if sampled != ids[first:]:
        losses.note("nodes[].mask, where it is not the end of an answer")
    time = object_in(call.get("time"))
    started = number_in(time.get("start")) or None
    made = answered(
        wire,
        source={key: node[key] for key in node if key not in ("token_ids", "logprobs")},
        choice={
            "finish_reason": call.get("finish_reason"),
            "token_ids": sampled or None,
            "logprobs": token_logprobs(sampled, list_in(node.get("logprobs"))),
        },
        model=call.get("model"),
        usage=_usage(call.get("usage")),
        prompt_token_ids=[*before, *ids[:first]] or None if sampled else None,
        started=started,
        elapsed=seconds_between(started, time.get("end")),
    )
    return entry(wire, made)


def _wire(message: Mapping[str, Any], losses: Losses) -> dict[str, Any] | None:
    if not text_in(message.get("role")):
        losses.note("nodes[].message that is no message")
        return None
    wire = {key: value for key, value in message.items() if value is not None}
    if wire.pop("provider_state", None):
        losses.note("nodes[].message.provider_state")
    calls = [
        call_of(call.get("name"), call.get("arguments", {}), call.get("id"))
        for call in objects_in(wire.pop("tool_calls", None))
    ]
    return {**wire, "tool_calls": calls} if calls else wire


def _usage(value: Any) -> dict[str, Any] | None:
    """Read token counts. The prompt's are without what the cache read."""
    usage = object_in(value)
    read, written = count_in(usage.get("prompt_tokens")), count_in(usage.get("completion_tokens"))
    if read is None or written is None:
        return None
    cached = count_in(usage.get("cached_input_tokens"))
    found: dict[str, Any] = {"prompt_tokens": read + (cached or 0), "completion_tokens": written}
    if cached is not None:
        found["prompt_tokens_details"] = {"cached_tokens": cached}
    thought = count_in(usage.get("reasoning_tokens"))
    return found if thought is None else {**found, "reasoning_tokens": thought}


def _meta(trace: Mapping[str, Any], episode: Mapping[str, Any]) -> dict[str, Any]:
    rewards = {name: object_in(one) for name, one in object_in(trace.get("rewards")).items()}
    scores = {name: number_in(one.get("score")) for name, one in rewards.items()}
    weights = {name: number_in(one.get("weight", 1.0)) or 0.0 for name, one in rewards.items()}
    known = [score * weights[name] for name, score in scores.items() if score is not None]
    task = object_in(trace.get("task"))
    data, timing = object_in(task.get("data")), object_in(trace.get("timing"))
    run = object_in(episode.get("run"))
    work = object_in(run.get("work"))
    span = object_in(timing.get("agent"))
    return given(
        task=first_given(task.get("key"), data.get("name"), data.get("idx"), task.get("type")),
        sample=trace.get("id"),
        episode=episode.get("id"),
        group=object_in(episode.get("group")).get("id"),
        env=object_in(episode.get("env")).get("id"),
        step=work.get("step"),
        split=work.get("type"),
        policy=work.get("policy"),
        agent=object_in(trace.get("agent")).get("name"),
        reward=sum(known) if known else None,
        labels={name: score for name, score in scores.items() if score is not None},
        metrics=trace.get("metrics"),
        info=trace.get("info"),
        answer=data.get("answer"),
        data=given(**{key: one for key, one in data.items() if key not in _TASK}),
        stop_condition=trace.get("stop_condition"),
        error=[dict(one) for one in objects_in(trace.get("errors"))],
        started=number_in(timing.get("start")),
        duration=seconds_between(span.get("start"), span.get("end") or None),
    )


def _ending(trace: Mapping[str, Any]) -> StopReason | None:
    named = _ENDS.get(text_in(trace.get("stop_condition")))
    if named is not None:
        return named
    if trace.get("is_completed"):
        return "final" if trace.get("ok", True) else "error"
    return None


Failures = dict[int | None, list[Attempt]]


def _failures(calls: list[Mapping[str, Any]]) -> Failures:
    """Read the model calls that failed, by the node that the next one gave; None: no next one."""
    found: Failures = {}
    waiting: list[Attempt] = []
    for call in calls:
        error = object_in(call.get("error"))
        if not error:
            found.setdefault(count_in(call.get("node")), []).extend(waiting)
            waiting = []
            continue
        time = object_in(call.get("time"))
        why = read_error(count_in(error.get("status_code")), (), text_in(error.get("message")))
        started = number_in(time.get("start")) or None
        took = seconds_between(started, time.get("end"))
        exchange = Exchange(transport_error=why, started=started, elapsed=took)
        waiting.append(Attempt(turn=0, error=why, exchange=exchange))
    if waiting:
        found[None] = waiting
    return found


def _with_attempts(
    rollout: Trajectory,
    path: list[int],
    nodes: list[Mapping[str, Any]],
    failed: Failures,
    last: list[Attempt],
) -> Trajectory:
    """Add the requests that failed, each at the turn it was made for."""
    attempts: list[Attempt] = []
    turn = 0
    for place in path:
        attempts += (replace(one, turn=turn) for one in failed.get(place, ()))
        answer = object_in(nodes[place].get("message")).get("role") == "assistant"
        turn += answer and bool(nodes[place]["sampled"])
    attempts += (replace(one, turn=len(rollout.turns)) for one in last)
    return replace(rollout, attempts=tuple(attempts)) if attempts else rollout


VERIFIERS_TRACES = ForeignFormat("verifiers traces", _fits, _read)
