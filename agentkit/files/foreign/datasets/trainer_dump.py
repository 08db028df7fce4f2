"""What trainers write of their rollouts: verl's generations and slime's samples, a row each.

Sources: `_dump_generations` in verl/trainer/ppo/ray_trainer.py of volcengine/verl
(`trainer.rollout_data_dir`); `Sample` in slime/utils/types.py of THUDM/slime
(`--save-debug-rollout-data`, whose file holds `{"rollout_id", "samples"}`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import (
    answer_entry,
    entries_of_turn,
    parser_of,
    tools_in,
    turns_of_prompt,
    went_on,
    wrapped_tools,
)
from agentkit.files.foreign.datasets.token_turns import token_turns
from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import (
    ForeignFormat,
    each_row,
    first_object,
    flat,
    rows_fit,
)
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory

_ENDS: dict[str, StopReason] = {"truncated": "length", "aborted": "stopped", "failed": "error"}
_SAMPLE = ("prompt", "tokens", "response", "reward", "status", "label", "metadata")
_TRAINED = ("loss_mask", "rollout_log_probs")
_LOST = (
    *("multimodal_inputs", "multimodal_train_inputs", "rollout_routed_experts"),
    *("teacher_log_probs", "mopd_teacher_log_probs"),
)


def _is_generation(row: Mapping[str, Any]) -> bool:
    texts = isinstance(row.get("input"), str) and isinstance(row.get("output"), str)
    return texts and "score" in row and "step" in row


def _generation(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("verl generations")
    given, begun, named = _prompt(row["input"])
    entries = [*given, *_went_on(begun + row["output"], named=named)]
    meta = {"reward": row["score"], "step": row["step"], "output_length": len(row["output"])}
    meta.update({k: v for k, v in row.items() if k not in ("input", "output", "score", "step")})
    if "gts" in meta:
        meta["target"] = meta.pop("gts")
    return imported(entries, _spec(entries), losses, meta)


def _is_sample(row: Mapping[str, Any]) -> bool:
    return {"prompt", "tokens", "response", "response_length"} <= row.keys()


def _is_dump(row: Mapping[str, Any]) -> bool:
    if _is_sample(row):
        return True
    return _is_sample(first_object(row.get("samples")))


def _dump(source: FileSet) -> Iterable[Trajectory]:
    rows: list[Any] = []
    for row in flat(source):
        inside = row.get("samples") if isinstance(row, Mapping) else None
        if isinstance(inside, (list, tuple)):
            step = {"step": row["rollout_id"]} if "rollout_id" in row else {}
            rows += [{**one, **step} if isinstance(one, Mapping) else one for one in inside]
        else:
            rows.append(row)
    return each_row(_sample)(FileSet(name=source.name, given=rows, bad=source.bad))


def _sample(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("slime samples")
    for key in _LOST:
        if row.get(key):
            losses.note(key)
    told = row.get("metadata") if isinstance(row.get("metadata"), Mapping) else {}
    prompt = row["prompt"]
    given, begun, named = _prompt(prompt) if isinstance(prompt, str) else ([], "", False)
    given = given or _messages(prompt, losses)
    spec = _spec(given, wrapped_tools((told or {}).get("tools") or []))
    ran = _went_on(begun + str(row["response"]), row, named=named)
    reward = row.get("reward")  # several, where no key of them is the reward by itself
    judged = {"labels": dict(reward)} if isinstance(reward, Mapping) else {"reward": reward}
    meta: dict[str, Any] = {**judged, "target": row.get("label")}
    meta.update({"group": row.get("group_index"), "sample": row.get("index")})
    read = (*_SAMPLE, *_TRAINED, *_LOST, "group_index", "index")
    meta.update({key: value for key, value in row.items() if key not in read})
    meta.update({key: row[key] for key in ("loss_mask", "metadata") if row.get(key)})
    kept = {key: value for key, value in meta.items() if value not in (None, {}, [])}
    entries = [*given, *ran]
    spec = Spec(tools=spec.tools, parser=_spec(entries).parser)
    return imported(entries, spec, losses, kept, _ENDS.get(str(row.get("status"))))


def _messages(prompt: Any, losses: Losses) -> list[ChatEntry]:
    """Read a prompt that is a list of messages, or that is not there."""
    if prompt is not None and not isinstance(prompt, (list, tuple)):
        raise ValueError("its prompt is neither text nor messages")
    losses.strays(prompt or (), "prompt")
    return [entry(one) for one in prompt or () if isinstance(one, Mapping)]


def _prompt(text: str) -> tuple[list[ChatEntry], str, bool]:
    """Read a rendered prompt: its turns where it can be divided, else one text.

    Returns:
        Its messages, what the template wrote of the answer (`<think>`), and whether lines name the
        roles in it.
    """
    turns, named = turns_of_prompt(text)
    begun = turns.pop()[1] if turns and turns[-1][0] == "assistant" else ""
    if not turns:
        return [entry({"role": "user", "content": text})], "", False
    return [one for role, said in turns for one in entries_of_turn(role, said)], begun, named


def _went_on(text: str, row: Mapping[str, Any] | None = None, *, named: bool) -> list[ChatEntry]:
    """Read what followed the prompt, each answer with its tokens where they can be divided."""
    turns = went_on(text, named=named)
    tokens = _tokens(row, sum(role == "assistant" for role, _ in turns)) if row else None
    place, found = 0, list[ChatEntry]()
    for role, said in turns:
        if role == "assistant":
            found.append(answer_entry(said, said, tokens[place] if tokens else None))
            place += 1
        else:
            found += entries_of_turn(role, said)
    return found


def _tokens(row: Mapping[str, Any], count: int) -> list[dict[str, Any]] | None:
    ids, length = row["tokens"], row["response_length"]
    if not isinstance(ids, list) or type(length) is not int or not 0 < length <= len(ids):
        return None
    before = len(ids) - length
    mask = row.get("loss_mask") or [1] * length
    logprobs = row.get("rollout_log_probs")
    known = [0.0] * before + list(logprobs) if isinstance(logprobs, (list, tuple)) else None
    return token_turns(ids, [0] * before + list(mask), count, known)


def _spec(entries: list[ChatEntry], tools: tuple[dict[str, Any], ...] = ()) -> Spec:
    said = [one.message for one in entries]
    system = next((message.content for message in said if message.role == "system"), "")
    texts = [message.content for message in said if message.role == "assistant"]
    return Spec(tools=tools or wrapped_tools(tools_in(system)), parser=parser_of(texts))


VERL = ForeignFormat("verl generations", rows_fit(_is_generation), each_row(_generation))
SLIME = ForeignFormat("slime samples", rows_fit(_is_dump), _dump)
