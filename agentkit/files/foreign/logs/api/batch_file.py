"""Files of batches: requests and answers by `custom_id`, of OpenAI and of Anthropic.

Sources: the guides to the Batch API of OpenAI and to Message Batches of Anthropic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import Losses
from agentkit.files.foreign.format import ForeignFormat, each_of, first_object, flat
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.logs.capture_log import captured_trajectories
from agentkit.files.foreign.logs.chat_log import conversation
from agentkit.files.foreign.logs.raw_answer import exchange_of, rollout_of_exchange
from agentkit.types.trajectory import Trajectory
from agentkit.types.words import in_line

_HTTP_OK = 200
_HEAD = 2_000
"""How far into a file of a folder it is looked for what makes it one of a batch, in bytes."""
_PARTS = ("body", "params", "response", "result", "error")


def _is_row(row: Mapping[str, Any]) -> bool:
    return "custom_id" in row and any(isinstance(row.get(key), Mapping) for key in _PARTS)


def _fits(source: FileSet) -> bool:
    """Tell a file of a batch, or a folder of nothing else: requests, answers and errors."""
    if source.given is None and len(source.members) > 1:
        begun = (read()[:_HEAD] for read in source.members.values())
        named = all(b'"custom_id"' in text for text in begun)
        return named and all(_is_row(first_object(flat(one))) for one in source.apart())
    return _is_row(first_object(flat(source)))


def _rows(source: FileSet) -> Iterator[Any]:
    if source.given is not None or len(source.members) == 1:
        yield from flat(source)
        return
    for one in source.apart():
        yield from flat(one)
        source.bad.extend(f"{in_line(one.name)}: {sentence}" for sentence in one.bad)


def _read(source: FileSet) -> Iterable[Trajectory]:
    asked: dict[str, Mapping[str, Any]] = {}
    answered: dict[str, Mapping[str, Any]] = {}
    names: dict[str, None] = {}
    for place, row in enumerate(_rows(source)):
        if not isinstance(row, Mapping) or "custom_id" not in row:
            source.bad.append(f"entry {place} has no custom_id")
            continue
        names[str(row["custom_id"])] = None
        is_request = "body" in row or "params" in row
        (asked if is_request else answered)[str(row["custom_id"])] = row

    def read(name: str) -> Iterable[Trajectory]:
        one = _rollout(asked.get(name), answered.get(name))
        report = Losses("a batch").report
        yield replace(one, meta={**one.meta, "sample": name, "import": report})

    return each_of(source, ((repr(name), name) for name in names), read)


def _rollout(asked: Mapping[str, Any] | None, answered: Mapping[str, Any] | None) -> Trajectory:
    status, body = _answer(answered) if answered is not None else (None, None)
    if asked is None:
        return replace(rollout_of_exchange(exchange_of(body, status)), meta={})
    request = asked.get("body", asked.get("params"))
    path = asked.get("url") or ("/v1/messages" if "params" in asked else None)
    if answered is None:
        read = conversation({"request": request, "path": path}, "the request")
        if read is None:
            raise ValueError("its request asks no model for an answer")
        return replace(read, meta={})
    row = {"request": request, "path": path, "body": body, "status": status}
    (one,) = captured_trajectories([row])
    return replace(one, meta={})


def _answer(row: Mapping[str, Any]) -> tuple[int | None, Any]:
    response, result = row.get("response"), row.get("result")
    if isinstance(response, Mapping):
        status = response.get("status_code")
        return (status if type(status) is int else None), response.get("body")
    if isinstance(result, Mapping) and isinstance(result.get("message"), Mapping):
        return _HTTP_OK, result["message"]
    if isinstance(result, Mapping):
        return None, result.get("error") or {"error": {"message": str(result.get("type"))}}
    return None, {"error": row.get("error")}


BATCH = ForeignFormat("a batch", _fits, _read)
