"""Rows of a prompt and its completion, as text or as messages: TRL's data sets, and what TRL and
ms-swift log of their rollouts (`log_completions`), a row each or a step in columns.

Sources: docs/source/dataset_formats.md and trl/trainer/grpo_trainer.py of huggingface/trl;
swift/rlhf_trainers/grpo_trainer.py of modelscope/ms-swift.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentkit.files.foreign.datasets.text_turns import (
    parser_of,
    rendered_answers,
    rendered_prompt,
    wrapped_tools,
)
from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported, put
from agentkit.files.foreign.format import ForeignFormat, each_row, flat, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import type_in_words

_ROW = ("prompt", "completion", "tools", "advantage", "advantages")
_COUNTS = ("step", "gen_step", "epoch", "id", "index", "reward")
"""Numbers of a logged row that no reward function gave."""


def _fits(row: Mapping[str, Any]) -> bool:
    sides = (row.get("prompt"), row.get("completion"))
    return all(isinstance(side, (str, list, tuple)) and side for side in sides)


def _read(source: FileSet) -> Iterable[Trajectory]:
    rows = [one for row in flat(source) for one in _in_rows(row)]
    return each_row(_rollout)(FileSet(name=source.name, given=rows, bad=source.bad))


def _in_rows(row: Any) -> Iterator[Any]:
    """Divide a step that is written in columns, each a list as long as that of its prompts."""
    prompts = row.get("prompt") if isinstance(row, Mapping) else None
    if not isinstance(prompts, (list, tuple)) or not prompts or not isinstance(prompts[0], str):
        yield row
        return
    count = len(prompts)
    for place in range(count):
        yield {
            key: value[place] if isinstance(value, (list, tuple)) and len(value) == count else value
            for key, value in row.items()
        }


def _rollout(row: Mapping[str, Any]) -> Trajectory:
    if "prompt" not in row or "completion" not in row:
        raise ValueError("it holds no prompt with its completion")
    losses = Losses("prompts and completions")
    asked = [
        put(one.message.wire) if one.is_answer else one
        for one in spoken_in(row["prompt"], "user", losses)
    ]
    said = spoken_in(row["completion"], "assistant", losses)
    meta = {key: value for key, value in row.items() if key not in _ROW}
    advantage = row.get("advantage", row.get("advantages"))
    if advantage is not None:
        meta = {**_scored(meta), "advantage": advantage}
    return imported([*asked, *said], spec_of(row, said), losses, meta)


def _scored(meta: dict[str, Any]) -> dict[str, Any]:
    """Read the numbers of a logged row as labels, one for each reward function; where there is one
    function, what it gave is the reward.
    """
    scores = {
        key: value
        for key, value in meta.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and key not in _COUNTS
    }
    rest = {key: value for key, value in meta.items() if key not in scores}
    if not scores:
        return rest
    only = {"reward": next(iter(scores.values()))} if len(scores) == 1 else {}
    return {**only, **rest, "labels": scores}


def spoken_in(value: Any, role: str, losses: Losses) -> list[ChatEntry]:
    """Read one side of a row: messages, one message, or text.

    Args:
        value: the side.
        role: whose text it is: the user's or the assistant's.
        losses: where what is no message is counted.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, str):
        return rendered_answers(value) if role == "assistant" else rendered_prompt(value)
    listed = [value] if isinstance(value, Mapping) else value
    if not isinstance(listed, (list, tuple)):
        raise TypeError(f"what the {role} says is {type_in_words(value)}")
    messages = [one for one in listed if isinstance(one, Mapping) and "role" in one]
    for _ in range(len(listed) - len(messages)):
        losses.note("messages[] that is no message")
    return [entry(message) for message in messages]


def spec_of(row: Mapping[str, Any], said: Iterable[ChatEntry], model: Any = None) -> Spec:
    """Read what a row was asked with: its tools, and which parser its answers need."""
    texts = [one.message.content or "" for one in said if one.is_answer]
    return Spec(
        model=model if isinstance(model, str) else None,
        tools=wrapped_tools(row.get("tools") or []),
        parser=parser_of(texts),
    )


COMPLETIONS = ForeignFormat("prompts and completions", rows_fit(_fits), _read)
