"""Requests that went to a base URL with a version too many, or without one."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.tap.upstreams import Watched
from agentkit.types.wire import Flow

_ENDS = ("/messages", "/chat/completions", "/responses")


def wrong_base(flow: Flow, servers: Sequence[Watched]) -> tuple[str, str] | None:
    """Say what is wrong with the base URL that an agent was given, and what the right one is; None
    where nothing is, or the server knows the path.

    Args:
        flow: a request with its answer.
        servers: what is watched.
    """
    path = flow.path.partition("?")[0]
    end = next((end for end in _ENDS if path.endswith(end)), None)
    if end is None or flow.exchange is None or flow.exchange.status != 404:
        return None
    tails = {one.tail for one in servers if one.tail}
    before = path.removesuffix(end)
    twice = next((tail for tail in tails if before == tail * 2), None)
    if twice is None and (before or not tails):
        return None
    words = f"has {twice} twice" if twice else f"has no {min(tails)}"
    right = "w.env['ANTHROPIC_BASE_URL']" if end == "/messages" else "w.env['OPENAI_BASE_URL']"
    is_bare = end == "/messages"
    which = "without the version" if is_bare else "with the version"
    labelled = "w.url_for(label, dialect='messages')" if is_bare else "w.url_for(label)"
    return (
        f"flow {flow.number}: the server knows no {path}, which {words}",
        f"the base URL for this package is {right}, {which}; under a label {labelled}",
    )
