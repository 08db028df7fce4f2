"""Groups of Atropos: token ids, masks, scores and messages of the answers to one prompt.

Source: `ScoredDataGroup` in atroposlib/envs/base.py of NousResearch/atropos. A mask holds the
token's id where it is trained on, and -100 elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentkit.files.foreign.datasets.text_turns import (
    answer_entry,
    decoded,
    is_result,
    kept_entry,
    parser_of,
    result_entries,
    tools_in,
    wrapped_tools,
)
from agentkit.files.foreign.datasets.token_turns import token_turns
from agentkit.files.foreign.entries import ChatEntry, Losses, entry, imported
from agentkit.files.foreign.format import ForeignFormat, each_of, flat, numbered, row_in, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_TOKENS = ("tokens", "masks", "advantages", "ref_logprobs", "inference_logprobs", "overrides")
_LOST = ("distill_token_ids", "distill_logprobs", "images")
"""One entry an answer each, by its place; too large for the meta, and for a trainer alone."""


def _fits(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("tokens"), (list, tuple)) and "masks" in row and "scores" in row


def _read(source: FileSet) -> Iterable[Trajectory]:
    return each_of(source, numbered(enumerate(flat(source))), _group)


def _group(placed: tuple[int, Any]) -> list[Trajectory]:
    place, row = placed[0], dict(row_in(placed[1]))
    if type(row["scores"]) in (int, float):  # a single answer, not a group of them
        own = (*_TOKENS, "scores", "messages")
        row = {key: [value] if key in own else value for key, value in row.items()}
    given = (row[key] for key in ("tokens", "messages") if row.get(key))
    count = max((len(one) for one in given if isinstance(one, (list, tuple))), default=0)
    if not count:
        raise ValueError("it holds neither tokens nor messages")
    return [_member(row, place, sample) for sample in range(count)]


def _member(row: Mapping[str, Any], group: int, sample: int) -> Trajectory:
    losses = Losses("Atropos")
    for key in _LOST:
        if row.get(key):
            losses.note(key)
    meta: dict[str, Any] = {"group": group, "sample": sample}
    meta["reward"] = _at(row["scores"], sample)
    for key in _TOKENS:
        value = _at(row.get(key), sample)
        if value is not None:
            meta[key] = value
    read = (*_TOKENS, *_LOST, "scores", "messages")
    meta.update({k: v for k, v in row.items() if k not in read and v not in (None, {}, [])})
    messages = decoded(_at(row.get("messages"), sample))
    all_of = messages if isinstance(messages, (list, tuple)) else ()
    listed = [one for one in all_of if isinstance(one, Mapping)]
    losses.strays(all_of, "messages[]")
    count = sum(one.get("role") == "assistant" for one in listed)
    logprobs = meta.get("inference_logprobs")
    tokens = token_turns(meta.get("tokens"), meta.get("masks"), count, logprobs)
    entries = list(_entries(listed, tokens or (None,) * count))
    if not entries:
        losses.note("messages: the text of the answer is kept as token ids alone")
    texts = [e.message.content for e in entries if e.message.role == "assistant"]
    system = next((e.message.content for e in entries if e.message.role == "system"), "")
    spec = Spec(tools=wrapped_tools(tools_in(system)), parser=parser_of(texts))
    return imported(entries, spec, losses, meta)


def _entries(messages: Any, tokens: Sequence[dict[str, Any] | None]) -> Iterable[ChatEntry]:
    """Read the messages of one answer, each with its tokens where they are known."""
    own = iter(tokens)
    for message in messages:
        role, content = message.get("role"), message.get("content")
        text = content if isinstance(content, str) else ""
        wire = {k: v for k, v in message.items() if k != "reward"}
        if role == "assistant" and text and not message.get("tool_calls"):
            yield answer_entry(text, message, next(own))
        elif role == "assistant":
            yield kept_entry(wire, message, next(own))
        elif "<tool_response>" in text and (role == "tool" or is_result(text)):
            yield from result_entries(text)
        else:
            yield entry(wire)


def _at(value: Any, place: int) -> Any:
    return value[place] if isinstance(value, (list, tuple)) and place < len(value) else None


ATROPOS = ForeignFormat("Atropos", rows_fit(_fits), _read)
