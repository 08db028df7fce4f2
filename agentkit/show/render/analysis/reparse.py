"""A rollout read again: what that changes, then the conversation as it is read now."""

from __future__ import annotations

from agentkit.analysis.reparse import Change, Reparsed
from agentkit.show.html import Html, el
from agentkit.show.render import shown
from agentkit.show.render.limits import Limits
from agentkit.types.record import clip


@shown.register(Reparsed)
def reparsed_fragments(reparsed: Reparsed, limits: Limits) -> dict[str, Html]:
    """The changes, then the conversation."""
    rows = [el("li", *_change(change)) for change in reparsed.changes]
    told = f": {len(rows)} changes" if rows else ": nothing changes"
    head = el("p", el("strong", "read again"), told, class_="ak-title")
    changes = el("div", head, el("ul", *rows)) if rows else head
    return {"changes": changes, **shown.fragments(reparsed.trajectory, limits)}


def _change(change: Change) -> tuple[str | Html, ...]:
    before, after = el("code", clip(change.before, 200)), el("code", clip(change.after, 200))
    return f"turn {change.turn}, {change.what}: ", before, " → ", after
