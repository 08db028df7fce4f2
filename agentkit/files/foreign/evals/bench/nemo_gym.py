"""Rollouts of NeMo Gym: what was asked of Responses, the items that came of it, and the reward.

Source: NVIDIA-NeMo/Gym, `BaseVerifyResponse` of nemo_gym/base_resources_server.py and the rollouts
that `ng_collect_rollouts` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.dialects.native_request import chat_form
from agentkit.files.foreign.entries import Losses, entry, imported, put
from agentkit.files.foreign.evals.fields import given, list_in, object_in, text_in
from agentkit.files.foreign.format import ForeignFormat, each_row, rows_fit
from agentkit.types.request import Spec
from agentkit.types.trajectory import StopReason, Trajectory

_ASKED = "responses_create_params"
_SAMPLING = ("temperature", "top_p", "max_tokens", "tool_choice", "parallel_tool_calls")
_READ = (_ASKED, "response", "reward", "_ng_task_index", "_ng_rollout_index")


def _fits(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get(_ASKED), Mapping) and isinstance(row.get("response"), Mapping)


def _read(row: Mapping[str, Any]) -> Trajectory:
    losses = Losses("NeMo Gym")
    asked, answered = dict(object_in(row.get(_ASKED))), object_in(row.get("response"))
    form = chat_form(asked, "responses")
    items = answered.get("output")
    if not isinstance(items, list):
        raise ValueError("its response has no output")
    items = _last_state(items, losses)
    losses.strays((item or None for item in items), "response.output")
    items = [dict(item) for item in items if isinstance(item, Mapping) and item]
    said = chat_form({"input": items}, "responses")["messages"]
    told = text_in(asked.get("instructions"))
    system = [{"role": "system", "content": told}] if told else []
    before = [*system, *form["messages"]]
    entries = [*(put(one) for one in before), *(entry(one) for one in said)]
    meta = {
        **{key: value for key, value in row.items() if key not in _READ and value is not None},
        **given(
            group=row.get("_ng_task_index"),
            sample=row.get("_ng_rollout_index"),
            reward=row.get("reward"),
            usage=answered.get("usage"),  # of all its turns together
            response=answered.get("id"),
        ),
    }
    spec = Spec(
        model=text_in(answered.get("model")) or text_in(asked.get("model")) or None,
        tools=tuple(tool for tool in list_in(form.get("tools")) if isinstance(tool, dict)),
        dialect="responses",
        sampling={key: form[key] for key in _SAMPLING if form.get(key) is not None},
    )
    reason = object_in(answered.get("incomplete_details")).get("reason")
    ended: StopReason | None = "length" if reason == "max_output_tokens" else None
    return imported(entries, spec, losses, meta, ended)


def _last_state(items: list[Any], losses: Losses) -> list[Any]:
    """Read an output that is the history after each step, as Aviary's agent writes transitions:
    the last one holds the others.
    """
    if not items or not all(isinstance(one, list) for one in items):
        return items
    last: list[Any] = items[-1]
    for one in items[:-1]:
        if last[: len(one)] != one:
            losses.note("response.output[] that is no beginning of the last one")
    return last


NEMO_GYM = ForeignFormat("NeMo Gym", rows_fit(_fits), each_row(_read))
