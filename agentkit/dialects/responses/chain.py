"""Requests that name the answer before them and hold only what is new (Responses:
`previous_response_id`).

What came before is then known to the server alone. Where it knows something else than the record
says (an answer written by hand, a call that a person changed, another branch), or named no id, the
whole history is sent instead.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NamedTuple

from agentkit.errors import UsageError
from agentkit.types.request import Spec
from agentkit.types.sequences.slots import count_filled
from agentkit.types.trajectory import OpenTurn, Trajectory, Turn
from agentkit.types.wire import ApiError

_LOST = re.compile(r"response with id .{1,200} not found", re.IGNORECASE | re.DOTALL)
_KEPT_NOTHING = (
    "the server did not keep the answer before it; ak.Agent(..., chain=False) sends the whole"
    " history with each request"
)
UNCHAINED = "leave out `store`, or chain=True: a chain goes on from answers that the server keeps"


class Link(NamedTuple):
    """What a request goes on from."""

    id: str
    """The id of the answer before it."""
    new: int
    """How many messages, from the last, the server has not seen."""


def link_of(
    trajectory: Trajectory, last: Turn | None, asked: Turn | OpenTurn | None
) -> Link | None:
    """Find the answer that a request goes on from by its id; None where the whole history is sent.

    Args:
        trajectory: the rollout.
        last: the turn before the request; None at the start.
        asked: the turn that the request is for.
    """
    if last is None or (asked is not None and asked.kept is not None):
        return None
    if trajectory.parent is not None and last.index < trajectory.parent.turn:
        return None
    response = last.response
    touched = response.exchange.by_hand or response.exchange.injected is not None
    if touched or response.dialect != "responses" or not response.id:
        return None
    for call in response.tool_calls:
        changed = call.sent_arguments is not None or call.adopted is not None
        if changed or call.id_synthetic or not call.origin.startswith("responses:"):
            return None
    added = len(asked.added) if asked is not None else 0
    return Link(response.id, count_filled(last.results) + added)


def next_link(trajectory: Trajectory) -> Link | None:
    """Find the answer that the next request goes on from by its id."""
    if not trajectory.spec.chain:
        return None
    last = trajectory.turns[-1] if trajectory.turns else None
    return link_of(trajectory, last, trajectory.open)


def chained(fields: dict[str, Any], link: Link | None) -> dict[str, Any]:
    """Add what a request of a chain has to its other fields: the server must keep its answer."""
    named = {} if link is None else {"previous_response_id": link.id}
    return {"store": True, **fields, **named}


def check_store(spec: Spec, sampling: Any = None) -> None:
    """Check that the server may keep the answers of a chain.

    Raises:
        UsageError: it may not.
    """
    asked = {**spec.sampling, **(sampling or {})}
    asked.update(asked.get("extra_body") or {})
    if spec.chain and asked.get("store") is False:
        raise UsageError("`store` is false, and a chain is asked for", hint=UNCHAINED)


def with_chain_hint(error: ApiError, spec: Spec) -> ApiError:
    """Say how to go on where the server of a chain did not keep the answer before a request: vLLM
    takes `store` and keeps nothing, unless it was told to when it started.
    """
    if not spec.chain or error.status not in (400, 404) or not _LOST.search(error.message):
        return error
    return replace(error, hint=_KEPT_NOTHING)
