"""Anything as keyed HTML, as one block of HTML, or as plain text: pure functions of what was
recorded, the same at every call.

Importing this module imports every drawing, so that each is registered.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from agentkit.files import gate
from agentkit.servers.redaction.known_secrets import known_secrets
from agentkit.show.html import Html, without_secrets
from agentkit.show.render import debugger, rollouts, shown
from agentkit.show.render.analysis import cassette, checks, comparison, diff, server_check
from agentkit.show.render.analysis import tokens as token_runs
from agentkit.show.render.analysis.trees import sample_tree
from agentkit.show.render.limits import STATIC, TEXT, WHOLE, Limits
from agentkit.show.render.parts.plain_text import plain_text
from agentkit.show.render.rollout import records

DRAWINGS = (
    cassette,
    checks,
    comparison,
    debugger,
    diff,
    records,
    rollouts,
    sample_tree,
    server_check,
    token_runs,
)
"""The modules that register a drawing."""


def _fragments(thing: Any, limits: Limits) -> dict[str, Html]:
    """Draw anything; what draws a tap is imported with the first one, as it takes its time."""
    if "agentkit.tap.watch" in sys.modules:
        import agentkit.show.render.watch  # noqa: F401 - registers its drawings
    return shown.fragments(gate.shown(thing), limits)


def render(thing: Any, limits: Limits = STATIC) -> dict[str, Html]:
    """Draw the thing as fragments under keys, in the order they are read.

    Args:
        thing: any record, a sequence of trajectories or of problems, or anything that is drawn.
        limits: how much is shown at most; `WHOLE` for everything.
    """
    return _fragments(thing, limits)


def html_of(thing: Any, limits: Limits | None = None) -> Html:
    """Draw the thing as one block of HTML; all of it by default."""
    page = shown.page(_fragments(thing, limits or WHOLE))
    return without_secrets(page, known_secrets())


def text_of(thing: Any, limits: Limits | None = None) -> str:
    """Write the thing as plain text, made of the same fragments as its HTML."""
    brief = replace(limits or TEXT, details=False)
    return known_secrets()(plain_text(_fragments(thing, brief).values()))
